# A part of every generated module: names that are not defined here are defined in the others.


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
            known = f"there is: {', '.join(table)}" if table else "there are none"
            raise KeyError(f"{what}: unknown name {name!r}{_suggestion(name, table)}; {known}")
    for name in table:
        if name not in value and not partial:
            raise KeyError(f"{what}: {name!r} is missing")
    return {name: value[name] for name in table if name in value}


def _bare(arrays):
    return next(iter(arrays.values())) if len(arrays) == 1 else arrays


def _shown(what, name, table):
    """How messages call one of several arrays."""
    return what if len(table) == 1 else f"{what}[{name!r}]"


_FLOATS = f"{', '.join(FLOATS[:-1])} or {FLOATS[-1]}"  # for messages


def _floating(dtype):
    """A dtype by any of its names."""
    try:
        found = None if dtype is None else _named_dtype(dtype)
    except TypeError:
        found = None
    if str(found) not in FLOATS:
        raise TypeError(f"dtype should be {_FLOATS}, and is {dtype if found is None else found}")
    return found


def _common_dtype(arrays):
    """The dtype of all parameters. None where there are none."""
    common = None
    for name, array in arrays.items():
        dtype = _dtype(array)
        if common is not None and dtype == common:  # the usual case, and quicker than its name
            continue
        if str(dtype) not in FLOATS:
            raise TypeError(f"params[{name!r}] should be {_FLOATS}, and is {dtype}")
        if common is not None:
            raise TypeError(f"params[{name!r}] is {dtype}, and the parameters before it are {common}")
        common = dtype
    return common


def _float_dtype(arrays):
    """The dtype of a call without parameters."""
    for array in arrays.values():
        dtype = _dtype(array) if hasattr(array, "dtype") else None
        if str(dtype) in FLOATS:
            return dtype
    return np.dtype("float32")


def _check_rank(what, array, leads, axes):
    if len(_dims(array)) != len(leads) + len(axes):
        raise ValueError(f"{what}: expected [{', '.join([*leads, *axes])}], got {_dims(array)}")


def _check_shape(what, array, leads, labels, sizes):
    """Compare a shape with the axes that it should have, as far as both are known."""
    found, expected = _dims(array), (*(number for _, number in leads), *sizes)
    known = all(not isinstance(b, int) or a is None or a == b for a, b in zip(found, expected))
    if len(found) != len(expected) or not known:
        shown = [f"{lead}={number}" if isinstance(number, int) else lead for lead, number in leads]
        shown += [label if label == str(size) else f"{label}={size}" for label, size in zip(labels, sizes)]
        raise ValueError(f"{what}: expected [{', '.join(shown)}], got {found}")


def _check_parameters(arrays, sizes):
    for name, shape in _parameter_axes(sizes).items():
        if None not in shape and _dims(arrays[name]) != shape:
            _check_shape(f"params[{name!r}]", arrays[name], [], SPEC["parameters"][name]["axes"], shape)


def _check_whole(what, value):
    """Whole numbers have 32 bits. Those that are not on the host are not waited for."""
    if hasattr(value, "dtype") and not isinstance(value, np.ndarray):
        return
    host = np.asarray(value)
    if host.size and not (np.can_cast(host.dtype, np.int32) or -(2**31) <= host.min() <= host.max() < 2**31):
        raise ValueError(f"{what} should have 32 bits, and has numbers from {host.min()} to {host.max()}")
