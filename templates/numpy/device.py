# A part of every generated NumPy module: names that are not defined here are defined in the others.


LENGTHS = np.intp
FLOATS = ("float32", "float64")
_borrowed, _on_host, _copied, _named_dtype = np.asarray, np.asarray, np.array, np.dtype


def _entered(array, given, program):
    """An array without gaps; for training one of the call's own, which the tape may keep."""
    copy = program == "train" and np.may_share_memory(array, given)
    return np.array(array, order="C") if copy else np.ascontiguousarray(array)


def _written():
    """What says when arrays are there that were just made: they are."""


def _prepared(program, parameters, sizes, dtype):
    """What the loops of a program use."""
    key = _PACK[program], sizes, dtype
    if key not in parameters.prepared:
        parameters.prepared[key] = _PACK[program](parameters.arrays, sizes, dtype)
    return parameters.prepared[key]


def _execute(program, prepared, sizes, steps, rows, dtype, given):
    """The results of a program."""
    with np.errstate(all="ignore"):  # infinities and NaN are values like others
        return _RUN[program](prepared, sizes, steps, rows, dtype, given)
