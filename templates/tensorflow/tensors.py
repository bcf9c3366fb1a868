# A part of every generated TensorFlow module: names that are not defined here are defined in the others.

FLOATS = ("float32", "float64")
_named_dtype = np.dtype
_PLAIN = (np.ndarray, np.generic, list, tuple, bool, int, float)  # what is no tensor, variable or the like


def _borrowed(value):
    """A parameter as a tensor; of a variable, the value that it has then."""
    return tf.convert_to_tensor(value)


def _dims(tensor):
    """The sizes of all axes, None where one is not known while a graph is built."""
    if isinstance(tensor, np.ndarray):
        return tensor.shape
    if tensor.shape.ndims is None:
        raise ValueError(f"{tensor.name}: the number of axes should be known while the graph is built")
    return tuple(tensor.shape.as_list())


def _dtype(tensor):
    dtype = tensor.dtype
    return np.dtype(dtype.as_numpy_dtype) if isinstance(dtype, tf.DType) else np.dtype(dtype)


def _array(what, value, kind, dtype):
    """A tensor of the wanted kind; numbers that are no arrays yet are converted."""
    if hasattr(value, "to_tensor") and hasattr(value, "row_lengths"):
        raise TypeError(f"{what} is ragged: give {what}.to_tensor(), and lengths={what}.row_lengths()")
    if isinstance(value, _PLAIN):
        array = np.asarray(value)
        plain = not hasattr(value, "dtype") and array.dtype.kind in "fiu" and kind == "float"
        tensor = tf.constant(array.astype(dtype) if plain else array)
    else:
        tensor = tf.convert_to_tensor(value)
    if kind == "int":
        if not tensor.dtype.is_integer:
            raise TypeError(f"{what} should be integers, and is {tensor.dtype.name}")
        if isinstance(value, _PLAIN):
            _check_whole(what, value)
        return tf.cast(tensor, tf.int32)
    if _dtype(tensor) != dtype:
        raise TypeError(f"{what} should be {dtype} like the parameters, and is {tensor.dtype.name}")
    return tensor


def _count(places):
    """How many steps or rows there are: a number where some tensor tells, else a tensor. None where none has them."""
    if not places:
        return None
    for tensor, axis in places:
        if _dims(tensor)[axis] is not None:
            return _dims(tensor)[axis]
    tensor, axis = places[0]
    return tf.shape(tensor)[axis]


def _entered(tensor, given, program):
    return tensor


def _is_whole(number):
    if isinstance(number, (tf.Tensor, tf.Variable)):
        return number.dtype.is_integer and number.shape.ndims in (0, None)
    try:
        number.__index__()
    except (AttributeError, TypeError):  # of an array that is no number
        return False
    return True


def _swapped(tensor):
    return tf.transpose(tensor, [1, 0] + list(range(2, len(_dims(tensor)))))


def _zeros(shape, dtype):
    return tf.zeros(shape, tf.as_dtype(dtype))


def _mask(value, dtype):
    return tf.cast(value, tf.as_dtype(dtype))


def _lengths(value, steps, rows):
    """int32 [batch]; numbers that are known already are checked."""
    if isinstance(value, _PLAIN):
        value = np.asarray(value)
        if value.size and value.dtype.kind not in "iu":
            raise TypeError(f"lengths should be integers, and are {value.dtype}")
        if value.size and (value.min() < 0 or (isinstance(steps, int) and value.max() > steps)):
            raise ValueError(f"lengths should be from 0 to {steps}, and are from {value.min()} to {value.max()}")
        value = value.astype(np.int32)
    lengths = tf.convert_to_tensor(value)
    if not lengths.dtype.is_integer:
        raise TypeError(f"lengths should be integers, and are {lengths.dtype.name}")
    _check_shape("lengths", lengths, [("batch", rows)], (), ())
    return tf.cast(lengths, tf.int32)
