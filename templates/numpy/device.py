# A part of every generated NumPy module: names that are not defined here are defined in the others.


LENGTHS = np.intp
FLOATS = ("float32", "float64")
_borrowed, _on_host, _copied, _named_dtype = np.asarray, np.asarray, np.array, np.dtype


def _entered(array, given, program):
    """An array without gaps; for training one of the call's own, which the tape may keep."""
    copy = program == "train" and np.may_share_memory(array, given)
    return np.array(array, order="C") if copy else np.ascontiguousarray(array)


def _prepare(program, arrays, sizes, dtype):
    """What the loops of a program use."""
    return _PACK[program](arrays, sizes, dtype)


def _execute(program, prepared, sizes, steps, rows, dtype, given):
    """The results of a program."""
    with np.errstate(all="ignore"):  # infinities and NaN are values like others
        return _RUN[program](prepared, sizes, steps, rows, dtype, given)
