# A part of every generated TensorFlow module: names that are not defined here are defined in the others.


def __getattr__(name):
    """Why there are no objects here. (From Python 3.7.)"""
    if name in ("Cell", "KerasCell", "KerasLayer"):
        raise AttributeError(
            f"{SPEC['name']} has no {name}: a state begins with what the inputs or another layer make of it, and Keras "
            "and tf.nn want to know states before there are inputs; `forward` runs it, in a layer of your own too"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
