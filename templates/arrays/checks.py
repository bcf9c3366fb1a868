# A part of modules for libraries of arrays; names that are not defined here are defined elsewhere.


def _suggestion(name, known):
    """A name that is nearly right, as the end of a message."""
    import difflib

    near = difflib.get_close_matches(str(name), [str(other) for other in known], 1, 0.5)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _by_name(what, value, table, partial=False):
    """Arrays by name, in the order of `table`; a bare array where there is one name."""
    if not hasattr(value, "items"):
        if len(table) != 1:
            raise TypeError(
                f"{what}: expected a dict with {', '.join(table) or 'nothing in it'}, got {type(value).__name__}"
            )
        return {next(iter(table)): value}
    for name in value:
        if name not in table:
            raise KeyError(f"{what}: unknown name {name!r}{_suggestion(name, table)}; there is: {', '.join(table)}")
    for name in table:
        if name not in value and not partial:
            raise KeyError(f"{what}: {name!r} is missing")
    return {name: value[name] for name in table if name in value}


def _bare(arrays):
    return next(iter(arrays.values())) if len(arrays) == 1 else arrays


def _common_dtype(arrays):
    """The dtype of all parameters: float32 or float64. None where there are none."""
    common = None
    for name, array in arrays.items():
        if array.dtype not in (np.dtype("float32"), np.dtype("float64")):
            raise TypeError(f"params[{name!r}] should be float32 or float64, and is {array.dtype}")
        if common is not None and array.dtype != common:
            raise TypeError(f"params[{name!r}] is {array.dtype}, and the parameters before it are {common}")
        common = array.dtype
    return common


def _float_dtype(what, arrays):
    """The dtype of a call without parameters."""
    for array in arrays.values():
        dtype = getattr(array, "dtype", np.dtype("float64"))
        if dtype in (np.dtype("float32"), np.dtype("float64")):
            return dtype
    return np.dtype("float32")


def _array(what, value, kind, dtype):
    """An array of the wanted kind; numbers that are no arrays yet are converted."""
    try:
        array = _as_array(value)
    except ValueError as error:  # lists of unequal lengths
        raise ValueError(f"{what}: {error}") from None
    if kind == "int":
        if array.dtype.kind not in "iu":
            raise TypeError(f"{what} should be integers, and is {array.dtype}")
        return array.astype(np.int32)
    if not hasattr(value, "dtype") and array.dtype.kind in "fiu":
        return array.astype(dtype)
    if array.dtype != dtype:
        raise TypeError(f"{what} should be {dtype} like the parameters, and is {array.dtype}")
    return array


def _check_rank(what, array, leads, axes):
    if array.ndim != len(leads) + len(axes):
        raise ValueError(f"{what}: expected [{', '.join([*leads, *axes])}], got {array.shape}")


def _check_shape(what, array, leads, labels, sizes):
    """Compare a shape with the axes that it should have."""
    if array.shape != (*(number for _, number in leads), *sizes):
        shown = [f"{lead}={number}" for lead, number in leads]
        shown += [label if label == str(size) else f"{label}={size}" for label, size in zip(labels, sizes)]
        raise ValueError(f"{what}: expected [{', '.join(shown)}], got {array.shape}")


def _check_parameters(arrays, sizes):
    for name, shape in _parameter_axes(sizes).items():
        if None not in shape and arrays[name].shape != shape:
            _check_shape(f"params[{name!r}]", arrays[name], [], SPEC["parameters"][name]["axes"], shape)


def _shapes(arrays):
    return {name: array.shape for name, array in arrays.items()}
