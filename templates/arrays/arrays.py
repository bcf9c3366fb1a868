# A part of modules for libraries of arrays; `xp` becomes the name of the library. Other names are defined elsewhere.


def _dims(array):
    return array.shape


def _dtype(array):
    return array.dtype


def _array(what, value, kind, dtype):
    """An array of the wanted kind; numbers that are no arrays yet are converted."""
    try:
        array = _borrowed(value)
    except ValueError as error:  # lists of unequal lengths
        raise ValueError(f"{what}: {error}") from None
    if kind == "int":
        if array.dtype.kind not in "iu":
            raise TypeError(f"{what} should be integers, and is {array.dtype}")
        _check_whole(what, value)
        return array.astype(np.int32)
    if not hasattr(value, "dtype") and array.dtype.kind in "fiu":
        return array.astype(dtype)
    if array.dtype != dtype:
        raise TypeError(f"{what} should be {dtype} like the parameters, and is {array.dtype}")
    return array


def _count(places):
    """How many steps or rows there are, as the first array tells; None where none has them."""
    return places[0][0].shape[places[0][1]] if places else None


def _is_whole(number):
    try:
        number.__index__()
    except (AttributeError, TypeError):  # of an array that is no number
        return False
    return True


def _swapped(array):
    return array.swapaxes(0, 1)


def _zeros(shape, dtype):
    return xp.zeros(shape, dtype)


def _mask(value, dtype):
    return xp.ascontiguousarray(value, dtype)


def _lengths(value, steps, rows):
    """Checked lengths [batch]; None where every step is valid."""
    lengths = _on_host(value)
    if lengths.size and lengths.dtype.kind not in "iu":
        raise TypeError(f"lengths should be integers, and are {lengths.dtype}")
    if lengths.shape != (rows,):
        raise ValueError(f"lengths: expected [batch={rows}], got {lengths.shape}")
    if rows and (lengths.min() < 0 or lengths.max() > steps):
        raise ValueError(f"lengths should be from 0 to {steps}, and are from {lengths.min()} to {lengths.max()}")
    if not rows or lengths.min() == steps:
        return None
    return xp.asarray(lengths.astype(LENGTHS))
