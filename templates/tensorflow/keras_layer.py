# A part of every generated TensorFlow module: names that are not defined here are defined in the others.


class _KerasLayer:
    """A recurrent layer of Keras 3 that runs whole sequences: KerasLayer(128, return_sequences=True).

    KerasLayer(128) or KerasLayer(units=128) gives the open sizes, in the order of SPEC["sizes"]; those of inputs may be
    left out. Several inputs go in as a dict by name, or as a list in the order of SPEC["inputs"]; several outputs come
    out as a dict. The other arguments are those of keras.layers.RNN, and mean the same; for a network
    `return_sequences` is true unless it is given. `custom_gradient`: train with the derivatives that rnnc has worked
    out, instead of TensorFlow's own. `seed`: of the initial values, which are as the description says, and of random
    masks. Calls take `initial_state`, `mask` and `training`; a state that is None begins as the description says.
    """

    _arguments = (
        "return_sequences",
        "return_state",
        "go_backwards",
        "stateful",
        "unroll",
        "zero_output_for_mask",
        "custom_gradient",
        "seed",
    )

    def __init__(
        self,
        *sizes,
        return_sequences=None,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        zero_output_for_mask=False,
        custom_gradient=False,
        seed=None,
        **named,
    ):
        super().__init__(sizes, named, seed)
        if stateful and _STATES_WAIT:
            raise ValueError(
                f"stateful=True: {SPEC['name']} begins states with what the inputs or another layer make of them, at "
                "every call; `initial_state` and `return_state` hand states on"
            )
        self.return_sequences = SPEC["kind"] == "network" if return_sequences is None else return_sequences
        self.return_state, self.go_backwards, self.stateful = return_state, go_backwards, stateful
        self.unroll, self.zero_output_for_mask, self.custom_gradient = unroll, zero_output_for_mask, custom_gradient
        self.supports_masking = True

    def build(self, sequences_shape, initial_state_shape=None):
        shapes = _by_input("sequences", sequences_shape)
        self._make_weights(_features("sequences", shapes, False))
        if self.stateful:
            rows = _leads_of(shapes)[0]
            if rows is None:
                raise ValueError(f"stateful=True needs a batch size that is fixed, and the input is {sequences_shape}")
            self._make_states(rows)

    # --- the call -----------------------------------------------------------------------------------------------------

    def call(self, sequences, initial_state=None, mask=None, training=False):
        """Run whole sequences. Returns what `return_sequences` and `return_state` ask for."""
        tensors = _by_input("sequences", sequences)
        _features("sequences", {name: tensor.shape for name, tensor in tensors.items()}, False)
        x = {name: self._entering(tensor, SPEC["inputs"][name]["dtype"]) for name, tensor in tensors.items()}
        mask, lengths = _step_mask(mask, x), None
        if self.go_backwards:
            x, mask = _backwards(x, SPEC["inputs"]), mask if mask is None else tf.reverse(mask, [1])
        if mask is not None:
            x, lengths = _valid_first(x, mask)
        outputs, after = forward(
            self.parameters(),
            x,
            self._states_before(initial_state, x),
            lengths,
            driver="static" if self.unroll else "dynamic",
            custom_gradient=bool(self.custom_gradient and training),
            **self._draws(training),
        )
        outputs, after = _outputs_by_name(outputs), _states_by_name(after)
        for name, about in SPEC["outputs"].items():
            if about["sequence"]:
                outputs[name] = self._wanted(outputs[name], mask)
            outputs[name] = self._leaving(outputs[name])
        if self.stateful:
            for variable, name in zip(self.states, _KERAS_STATES):
                variable.assign(after[name])
        return self._result(outputs, [self._leaving(after[name]) for name in _KERAS_STATES])

    def _states_before(self, given, x):
        """The states to start from by name, or None for the description's own."""
        if given is None and not self.stateful:
            return None
        if self.stateful:
            rows, expected = _leads_of({name: tensor.shape for name, tensor in x.items()})[0], self._held.rows
            if rows is not None and rows != expected:
                raise ValueError(f"a stateful layer keeps its batch size: {expected} rows, and here are {rows}")
        given = self.states if given is None else given
        if not hasattr(given, "items"):
            given = list(given) if isinstance(given, (list, tuple)) else [given]
            if len(given) != len(_KERAS_STATES):
                raise ValueError(f"initial_state should be {', '.join(_KERAS_STATES)}, and has {len(given)} parts")
            given = dict(zip(_KERAS_STATES, given))
        given = _by_name("initial_state", given, SPEC["states"])
        return {
            name: None if state is None else self._entering(state, SPEC["states"][name]["dtype"])
            for name, state in given.items()
        } or None

    def _wanted(self, output, mask):
        """Of an output's steps, computed in front, those that are asked for."""
        if mask is None:
            return output if self.return_sequences else output[:, -1]
        return _at_all_steps(output, mask, self.return_sequences, self.zero_output_for_mask)

    def _result(self, outputs, states):
        """Outputs by name and a list of states, in the form in which a call gives them."""
        return (_bare(outputs), *states) if self.return_state else _bare(outputs)

    # --- shapes and masks of results ----------------------------------------------------------------------------------

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        return self._shaped(sequences_shape, lambda shape, dtype: shape)

    def compute_output_spec(self, sequences, initial_state=None, mask=None, training=False):
        import keras

        shapes = {name: tensor.shape for name, tensor in _by_input("sequences", sequences).items()}
        return self._shaped(
            shapes if len(shapes) > 1 else _bare(shapes),
            lambda shape, dtype: keras.KerasTensor(shape, dtype=self._outside(dtype)),
        )

    def _shaped(self, sequences_shape, leaf):
        """What a call gives, each tensor as leaf(shape, dtype)."""
        shapes = _by_input("sequences", sequences_shape)
        sizes = dict(self._held.given)
        _learn_sizes(type(self).__qualname__, sizes, _features("sequences", shapes, False))
        sizes = tuple(sizes[name] for name in SPEC["sizes"])
        rows, steps = _leads_of(shapes)
        outputs, axes = {}, _output_axes(sizes)
        for name, about in SPEC["outputs"].items():
            leads = (rows, steps) if about["sequence"] and self.return_sequences else (rows,)
            outputs[name] = leaf((*leads, *axes[name]), about["dtype"])
        axes = _state_axes(sizes)
        return self._result(outputs, [leaf((rows, *axes[n]), SPEC["states"][n]["dtype"]) for n in _KERAS_STATES])

    def compute_mask(self, sequences, mask=None):
        """The mask for sequences among the results."""
        mask = _one_mask(mask) if self.return_sequences else None
        outputs = {name: mask if about["sequence"] else None for name, about in SPEC["outputs"].items()}
        return self._result(outputs, [None for _ in _KERAS_STATES])

    # --- states between calls -----------------------------------------------------------------------------------------

    @property
    def states(self):
        """The variables that hold the states between calls; None if the layer is not stateful."""
        return None if self._held.states is None else self._held.states.list

    def _make_states(self, rows):
        import keras

        self._held.rows = rows
        self._held.states = self._kept_states = tf.Module(name="states")  # no weights, but a part of a SavedModel
        self._held.states.list = [
            keras.Variable(state, trainable=False, dtype=self._outside(_kind(state)), autocast=False, name="rnn_state")
            for state in self._initial(rows)
        ]

    def reset_state(self):
        """Start again from the initial states."""
        if self.states is not None:
            for variable, state in zip(self.states, self._initial(self._held.rows)):
                variable.assign(state)

    reset_states = reset_state
