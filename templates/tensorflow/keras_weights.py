# A part of every generated TensorFlow module: names that are not defined here are defined in the others.

_KERAS_OPTIONS = ("name", "dtype", "trainable", "autocast", "activity_regularizer")  # of every layer of Keras


class _KerasWeights:
    """What Keras' cell and layer share: open sizes, weights, dtypes.

    The weights are the arrays of the layout "keras", where the description has one, in the order of the layer of Keras
    that it stands for; else the parameters, in the order of SPEC["parameters"].
    """

    _arguments = ("seed",)  # what the constructor takes besides sizes and Keras' own arguments

    def __init__(self, sizes, named, seed):
        super().__init__(**{name: named.pop(name) for name in _KERAS_OPTIONS if name in named})
        what = type(self).__qualname__
        self._held = _Held()  # Keras need not look into it
        self._held.given = _named_sizes(what, sizes, named, (*self._arguments, *_KERAS_OPTIONS))
        self._held.sizes, self._held.weights, self._held.states = dict(self._held.given), {}, None
        self.seed = seed
        if SPEC["masks"]:
            import keras

            self.seed_generator = keras.random.SeedGenerator(seed)

    def get_config(self):
        own = {name: getattr(self, name) for name in self._arguments}
        return dict(super().get_config(), sizes=self._held.given, **own)

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        sizes = dict(config.pop("sizes", {}))
        return cls(*[sizes.pop(name, None) for name in SPEC["sizes"]], **dict(sizes, **config))

    # --- weights ------------------------------------------------------------------------------------------------------

    def _make_weights(self, features):
        """Make the weights, for inputs whose features have these sizes."""
        _learn_sizes(type(self).__qualname__, self._held.sizes, features)
        seed = random.randint(1, 10**9) if self.seed is None else self.seed
        sizes = {name: self._held.sizes[name] for name in _PARAMETER_SIZES}
        initial = init_params(seed=seed, dtype=self._dtype.as_numpy_dtype, **sizes)
        for name, (array, trained) in _variable_arrays(_KERAS_LAYOUT, initial).items():
            short = _variable_name(name) if _KERAS_LAYOUT is None else name[_KERAS_CUT:]
            self._held.weights[name] = self.add_weight(
                name=short.replace("/", "."),
                shape=array.shape,
                initializer=_constant(array),
                trainable=trained,
                autocast=False,
            )
        self._kept_weights = tf.Module(name="weights")  # Keras knows them already; a checkpoint of TensorFlow does so
        self._kept_weights.by_name = dict(self._held.weights)

    def parameters(self):
        """The parameters as tensors by name, as `forward` takes them."""
        tensors = {name: tf.cast(weight, self._dtype) for name, weight in self._held.weights.items()}
        return _variable_parameters(_KERAS_LAYOUT, tensors, self._held.sizes)

    # --- dtypes -------------------------------------------------------------------------------------------------------

    @property
    def _dtype(self):
        """What is computed with: float64 for weights in float64, else float32."""
        return tf.float64 if self.variable_dtype == "float64" else tf.float32

    def _entering(self, tensor, kind):
        """A tensor as the programs take it."""
        return tf.cast(tensor, tf.int32 if kind == "int" else self._dtype)

    def _leaving(self, tensor):
        """A tensor as Keras expects it."""
        return tf.cast(tensor, self.compute_dtype) if tensor.dtype.is_floating else tensor

    def _outside(self, kind):
        """The name of the dtype in which Keras has floats or integers."""
        return self.compute_dtype if kind == "float" else {"int": "int32"}.get(kind, kind)

    # --- the rest -----------------------------------------------------------------------------------------------------

    def _known(self, wanted, needed):
        return _known_sizes(type(self).__qualname__, wanted, self._held.sizes, needed)

    def _initial(self, rows):
        """The initial states, in Keras' order."""
        if _STATE_HAS_WEIGHTS and not self._held.weights:
            raise ValueError("initial states: weights tell them: call build(input_shape) before")
        found = _initial_states(self.parameters, self._known("an initial state", _INITIAL_NEEDS), rows, self._dtype)
        return [found[name] for name in _KERAS_STATES]

    def _draws(self, training):
        """The arguments of a call that draws masks."""
        if not training or not SPEC["masks"]:
            return {}
        words = tf.cast(tf.convert_to_tensor(self.seed_generator.next()), tf.int64)
        return {"training": True, "seed": tf.bitwise.bitwise_or(tf.bitwise.left_shift(words[0], 32), words[1])}


class _Held:
    """Attributes that Keras and checkpoints do not track."""


def _constant(array):
    return lambda shape, dtype=None: tf.constant(array, dtype)


def _by_input(what, value):
    """Tensors or shapes by input: one by itself, several as a dict by name or as a list in the order of SPEC."""
    if hasattr(value, "items") or len(SPEC["inputs"]) == 1:
        return _by_name(what, value, SPEC["inputs"])
    if not isinstance(value, (list, tuple)) or len(value) != len(SPEC["inputs"]):
        raise ValueError(f"{what} should be a dict or a list of {', '.join(SPEC['inputs'])}, and is {value!r}")
    return dict(zip(SPEC["inputs"], value))


def _features(what, shapes, single):
    """The sizes of the features of every input, from complete shapes by name. `single`: of one step."""
    found = {}
    for name, about in SPEC["inputs"].items():
        leads = ["batch"] if single or not about["sequence"] else ["batch", "time"]
        shape = tuple(shapes[name])
        if len(shape) != len(leads) + len(about["axes"]):
            shown = ", ".join([*leads, *about["axes"]])
            raise ValueError(f"{_shown(what, name, SPEC['inputs'])}: expected [{shown}], got {shape}")
        found[name] = shape[len(leads) :]
    return found
