# A part of every generated TensorFlow module of a cell: names that are not defined here are defined in the others.


def _legacy(name, otherwise):
    """A class of tf.nn.rnn_cell: current TensorFlow has it with the package tf-keras and TF_USE_LEGACY_KERAS=1 only."""
    try:
        return getattr(tf.nn.rnn_cell, name)
    except (AttributeError, ImportError):
        return otherwise


LSTMStateTuple = _legacy("LSTMStateTuple", collections.namedtuple("LSTMStateTuple", ("c", "h")))


class Cell(_legacy("RNNCell", tf.Module)):
    """The cell as tf.nn knows cells: for dynamic_rnn, static_rnn, bidirectional_dynamic_rnn, MultiRNNCell and wrappers.

    Cell(128) or Cell(units=128) gives the open sizes, in the order of SPEC["sizes"]; those of inputs may be left out.
    The variables are those of the layout "tf", where the description has one: with the names and shapes of the cell
    of TensorFlow that it stands for. `name` replaces its scope. `reuse` is that of tf.variable_scope. `dtype`: of
    the variables, by default that of the first inputs. `trainable`: whether variables are trained. `seed`: the initial
    values are those of init_params(seed=seed); without it they are drawn as the description says, after
    tf.set_random_seed the same in every run, and glorot_uniform gives way to the initializer of a scope. `training`:
    draw masks, new ones at every step.
    """

    def __init__(self, *sizes, name=None, reuse=None, dtype=None, trainable=True, seed=None, training=False, **named):
        super().__init__(name=name)
        self._cell_held = _Held()  # what checkpoints need not look into
        self._cell_held.sizes, self._cell_held.packed = _named_sizes("Cell", sizes, named), []
        if training and any(about["per"] == "sequence" for about in SPEC["masks"].values()):
            raise ValueError("Cell draws new masks at every step; masks for whole sequences need forward()")
        self._cell_name, self._cell_reuse = name or _CELL_SCOPE, reuse
        self._cell_seed, self._cell_training = seed, training
        self._cell_dtype = None if dtype is None else _floating(tf.as_dtype(dtype).as_numpy_dtype)
        self._cell_trainable = bool(trainable)
        self._cell_variables = None

    # --- sizes and states ---------------------------------------------------------------------------------------------

    @property
    def state_size(self):
        """The sizes of states; those that only inputs tell are not known before the first step.

        Drivers ask for them before that, where the initial state is given, too, and need no more then.
        """
        axes = _state_axes(_sizes_so_far("Cell", "state_size", self._cell_held.sizes, _STATE_NEEDS))
        return _nested(_CELL_STATES, {name: _as_size(shape) for name, shape in axes.items()})

    @property
    def output_size(self):
        axes = _output_axes(_known_sizes("Cell", "output_size", self._cell_held.sizes, _OUTPUT_NEEDS))
        return _bare_tuple([_as_size(axes[name]) for name in SPEC["outputs"]])

    def zero_state(self, batch_size, dtype):
        """The state before the first step: zeros, or what the description says."""
        return self._first_state("zero_state", self._cell_held.sizes, batch_size, dtype)

    def _first_state(self, wanted, sizes, batch_size, dtype):
        with tf.name_scope("zero_state"):
            sizes = _known_sizes("Cell", wanted, sizes, _INITIAL_NEEDS)
            if _STATE_HAS_WEIGHTS and self._cell_variables is None:
                raise ValueError(f"{wanted}: weights of the cell tell the state: call build(input_shape) before")
            found = _initial_states(self.parameters, sizes, batch_size, tf.as_dtype(dtype))
            return _nested(_CELL_STATES, found)

    def get_initial_state(self, inputs=None, batch_size=None, dtype=None):
        """The state before the first step; `inputs`, of one step or [batch, time, ...], tell what is not given."""
        sizes, own = self._cell_held.sizes, self._cell_dtype or np.dtype("float32")
        if inputs is not None:
            tensors = [tf.convert_to_tensor(x) for x in _inputs_in_order(inputs)]
            sizes = dict(_input_sizes(_input_features([x.shape for x in tensors], sequences=True)), **sizes)
            own = next((x.dtype for x in tensors if x.dtype.is_floating), own)
            rows = [x for x, about in zip(tensors, SPEC["inputs"].values()) if about["batch"]]
            batch_size = tf.shape(rows[0])[0] if batch_size is None and rows else batch_size
        if batch_size is None:
            raise ValueError("get_initial_state needs batch_size, or inputs that tell it")
        return self._first_state("get_initial_state", sizes, batch_size, own if dtype is None else dtype)

    # --- variables ----------------------------------------------------------------------------------------------------

    def build(self, input_shape):
        """Make the variables, in the present variable scope, for an input [batch, ...] (or a list of shapes)."""
        self._build(
            [input_shape] if len(SPEC["inputs"]) == 1 else input_shape, self._cell_dtype or np.dtype("float32"), None
        )

    def _build(self, input_shapes, dtype, scope):
        _learn_sizes("Cell", self._cell_held.sizes, _input_features(input_shapes))
        dtype, variables = _floating(dtype), {}
        reuse = {} if self._cell_reuse is None else {"reuse": self._cell_reuse}
        here = scope if scope is not None or self._cell_reuse is None else self._cell_name
        if not self._cell_name and here is None:
            here = tf.get_variable_scope()  # the variables of the cells inside have scopes of their own
        # What a custom getter makes of variables is read outside of loops, too.
        with tf.control_dependencies(None), tf.variable_scope(here, self._cell_name, **reuse):
            made = _initializers(_CELL_LAYOUT, self._cell_seed, self._cell_held.sizes, dtype)
            for name, (shape, initializer, trained) in made.items():
                plain = _CELL_LAYOUT is None
                variables[name] = tf.get_variable(
                    _variable_name(name.replace(".", "/")) if plain else _CELL_NUMBERED.get(name, name)[_CELL_CUT:],
                    shape,
                    tf.as_dtype(dtype),
                    initializer,
                    trainable=trained and self._cell_trainable,
                )
        self._cell_variables, self._cell_dtype = variables, dtype
        self.built = True

    def parameters(self):
        """The parameters as tensors by name, as `forward` takes them."""
        return _variable_parameters(_CELL_LAYOUT, self._cell_variables, self._cell_held.sizes)

    def _packed(self):
        """The packed parameters, of what the variables hold now: they are read at every call, as the cells of tf.nn do.

        Where reading makes nothing new, what there is was read outside of loops, and is packed there, once: the
        variables of TensorFlow 1, and all those that drivers of tf.nn have made, who read them once for all steps. What
        is new may be of other values, under another tape, or of another replica than what was read before.
        """
        if tf.executing_eagerly():
            return pack(self.parameters())
        graph = tf.get_default_graph()
        before = graph.version
        parts = [part for one in self._cell_variables.values() for part in _variable_parts(one)]
        read = [tf.convert_to_tensor(part) for part in parts]
        origin = read[0].graph if read else graph
        if graph.version != before or any(tensor.graph is not origin for tensor in read):
            return pack(self.parameters())
        for known, packed in self._cell_held.packed:
            if len(known) == len(read) and all(one is other for one, other in zip(known, read)):
                return packed
        with origin.as_default(), tf.control_dependencies(None), tf.name_scope("weights"):
            self._cell_held.packed.append((read, pack(self.parameters())))
        return self._cell_held.packed[-1][1]

    @property
    def variables(self):
        """The variables of tf.get_variable, of one in parts (by a partitioner) its parts; without what a custom getter
        has made of some."""
        found = [one for one in (self._cell_variables or {}).values() if not isinstance(one, tf.Tensor)]
        return [part for variable in found for part in _variable_parts(variable)]

    @property
    def trainable_variables(self):
        return [variable for variable in self.variables if variable.trainable]

    @property
    def non_trainable_variables(self):
        return [variable for variable in self.variables if not variable.trainable]

    weights = variables
    trainable_weights = trainable_variables
    non_trainable_weights = non_trainable_variables

    # --- one step -----------------------------------------------------------------------------------------------------

    @_as_it_is
    def __call__(self, inputs, state, scope=None):
        """One step: inputs [batch, ...]. Returns (output, next state)."""
        tensors = _step_inputs(inputs)
        if self._cell_variables is None:
            floats = [x for x in tensors + list(_flat(_CELL_STATES, state).values()) if x.dtype.is_floating]
            given = self._cell_dtype or (_dtype(floats[0]) if floats else np.dtype("float32"))
            self._build([x.shape for x in tensors], given, scope)
        how = {}
        if self._cell_training and SPEC["masks"]:
            how = {"training": True, "seed": tf.random.uniform([], maxval=2**62, dtype=tf.int64)}
        x = _bare(dict(zip(SPEC["inputs"], tensors)))
        states = _flat(_CELL_STATES, state)
        outputs, after = step(self._packed(), x, _bare(states) if states else None, **how)
        outputs, after = _outputs_by_name(outputs), _states_by_name(after)
        return _bare_tuple(list(outputs.values())), _nested(_CELL_STATES, after)

    def call(self, inputs, state):
        """The same, by the name that RNN of TensorFlow 1's Keras calls."""
        return self(inputs, state)


def _step_inputs(inputs):
    """The inputs of a step as tensors. One without features may have an axis of size 1, since tf.nn's drivers and the
    cells of TensorFlow 1 know no input [batch]."""
    tensors = [tf.convert_to_tensor(x) for x in _inputs_in_order(inputs)]
    return [
        tf.squeeze(x, 1) if not about["shape"] and x.shape.ndims == 2 and x.shape.as_list()[1] == 1 else x
        for about, x in zip(SPEC["inputs"].values(), tensors)
    ]


def _inputs_in_order(inputs):
    """The inputs of a step: one, or several as a tuple or by their names."""
    if hasattr(inputs, "items"):
        return list(_by_name("inputs", inputs, SPEC["inputs"]).values())
    if len(SPEC["inputs"]) == 1:
        return [inputs]
    if not isinstance(inputs, (tuple, list)) or len(inputs) != len(SPEC["inputs"]):
        got = len(inputs) if isinstance(inputs, (tuple, list)) else type(inputs).__name__
        raise TypeError(f"inputs: expected a tuple of {', '.join(SPEC['inputs'])}, got {got}")
    return inputs


def _input_features(shapes, sequences=False):
    """The sizes of the features of each input by name, from the shapes of one step, or of `sequences`, too; none of a
    shape of unknown rank."""
    found = {}
    for (name, about), shape in zip(SPEC["inputs"].items(), map(tf.TensorShape, shapes)):
        features, rows = len(about["shape"]), ["batch"] if about["batch"] else []
        known = [[*rows, *about["axes"]]]
        if sequences and about["sequence"]:
            known.append([*rows, "time", *about["axes"]])
        if not features and about["batch"]:  # as drivers have it
            known += [[*axes, "1"] for axes in known]
        if shape.ndims is not None and shape.ndims not in map(len, known):
            shown = " or ".join(f"[{', '.join(axes)}]" for axes in known)
            raise ValueError(f"{_shown('x', name, SPEC['inputs'])}: expected {shown}, got {tuple(shape.as_list())}")
        found[name] = [] if shape.ndims is None else shape.as_list()[shape.ndims - features :]
    return found


def _variable_parts(variable):
    """The parts of a variable that a partitioner has cut, or it alone."""
    return list(variable) if hasattr(variable, "as_tensor") else [variable]


def _nested(tree, found):
    """States by name in the structure that tf.nn gives them."""
    if isinstance(tree, str):
        return found[tree]
    items = [_nested(item, found) for item in tree]
    ends = tuple(item.rpartition(".")[2] if isinstance(item, str) else "" for item in tree)
    return LSTMStateTuple(*items) if ends == ("c", "h") else tuple(items)


def _flat(tree, state):
    """States by name from that structure."""
    if isinstance(tree, str):
        return {tree: tf.convert_to_tensor(state)}
    if len(state) != len(tree):
        raise ValueError(f"the state should be {tree}, and has {len(state)} parts")
    found = {}
    for item, part in zip(tree, state):
        found.update(_flat(item, part))
    return found


def _as_size(shape):
    return shape[0] if len(shape) == 1 and isinstance(shape[0], int) else tf.TensorShape(shape)


def _bare_tuple(items):
    return items[0] if len(items) == 1 else tuple(items)
