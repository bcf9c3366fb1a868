# A part of every generated TensorFlow module: names that are not defined here are defined in the others.


class _KerasCell:
    """The cell as Keras 3 knows cells: keras.layers.RNN(KerasCell(128)), StackedRNNCells, Bidirectional.

    KerasCell(128) or KerasCell(units=128) gives the open sizes, in the order of SPEC["sizes"]; those of inputs may be
    left out. The weights are those of KerasLayer, which computes the same faster and takes several inputs. `seed`: of
    the initial values, which are as the description says, and of masks, which are new at every step of a training call.
    """

    def __init__(self, *sizes, seed=None, **named):
        super().__init__(sizes, named, seed)

    @property
    def state_size(self):
        axes = _state_axes(self._known("state_size", _STATE_NEEDS))
        found = [_step_size(axes[name]) for name in _KERAS_STATES]
        return found[0] if len(found) == 1 and isinstance(found[0], int) else found

    @property
    def output_size(self):
        axes = _output_axes(self._known("output_size", _OUTPUT_NEEDS))
        return _bare({name: _step_size(axes[name]) for name in SPEC["outputs"]})

    def get_initial_state(self, batch_size=None):
        """The states before the first step: zeros, or what the description says."""
        return [self._leaving(state) for state in self._initial(batch_size)]

    def build(self, input_shape):
        self._make_weights(_features("x", _by_input("x", input_shape), True))

    def call(self, inputs, states, training=False):
        """One step: inputs [batch, ...], a list of states. Returns (output, next states)."""
        if training and any(about["per"] == "sequence" for about in SPEC["masks"].values()):
            raise ValueError("KerasCell draws new masks at every step; masks for whole sequences need KerasLayer")
        x = {n: self._entering(t, SPEC["inputs"][n]["dtype"]) for n, t in _by_input("x", inputs).items()}
        before = dict(zip(_KERAS_STATES, states))
        state = {n: self._entering(before[n], about["dtype"]) for n, about in SPEC["states"].items()}
        found, after = step(self.parameters(), x, state or None, **self._draws(training))
        outputs = {name: self._leaving(output) for name, output in _outputs_by_name(found).items()}
        after = _states_by_name(after)
        return _bare(outputs), [tf.cast(after[name], before[name].dtype) for name in _KERAS_STATES]


def _step_size(shape):
    return shape[0] if len(shape) == 1 else tuple(shape)
