# A part of every generated TensorFlow module: names that are not defined here are defined in the others.


def __getattr__(name):
    """KerasCell and KerasLayer are made when they are asked for: until then Keras is not needed. (From Python 3.7.)"""
    if _STATES_WAIT and name in ("Cell", "KerasCell"):
        raise AttributeError(
            f"{SPEC['name']} has no {name}: a state begins with what the inputs or another layer make of it, and "
            "whoever steps a cell wants to know states before there are inputs; `forward` and `KerasLayer` run it"
        )
    if name == "Cell":
        raise AttributeError(f"{SPEC['name']} has no Cell: it is a network, which runs whole sequences by forward")
    if name not in _KERAS_PARTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if _KERAS_PARTS[name] is None:
        raise AttributeError(f"{SPEC['name']} has no {name}: {SPEC['no_step']}")
    try:
        import keras
    except ImportError as error:
        raise ImportError(f"{name} needs Keras 3: pip install keras") from error
    problem = _keras_problem(keras)
    if problem:
        raise ImportError(f"{name} {problem}")
    return _make_keras_class(keras, name)


def _keras_problem(keras):
    """Why this Keras cannot be used, or nothing."""
    version = getattr(keras, "__version__", "0")
    if int(version.partition(".")[0]) < 3:
        return f"needs Keras 3, and this is {version}: pip install --upgrade keras"
    backend = keras.config.backend()
    if backend != "tensorflow":
        return (
            f"needs Keras with the backend tensorflow, and it runs with {backend}: set the environment variable "
            "KERAS_BACKEND=tensorflow before Keras is imported"
        )
    return ""


def _make_keras_class(keras, name):
    """One of the classes, known to Keras under a name that stays: saved models find it again."""
    called = _KERAS_CLASS + ("Cell" if name == "KerasCell" else "")
    methods = {"__module__": __name__, "__qualname__": name, "__doc__": _KERAS_PARTS[name].__doc__}
    made = type(called, (_KERAS_PARTS[name], _KerasWeights, keras.layers.Layer), methods)
    globals()[name] = made
    return keras.saving.register_keras_serializable(_KERAS_PACKAGE, f"{_KERAS_TITLE}.{name}")(made)


_KERAS_PARTS = {"KerasLayer": _KerasLayer, "KerasCell": globals().get("_KerasCell")}

# Where Keras is in use already, keras.saving should know the classes as soon as this module is imported.
if hasattr(sys.modules.get("keras"), "saving") and not _keras_problem(sys.modules["keras"]):
    for _name, _part in _KERAS_PARTS.items():
        if _part is not None:
            _make_keras_class(sys.modules["keras"], _name)
