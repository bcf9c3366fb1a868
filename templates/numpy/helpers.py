# A part of every generated NumPy module: names that are not defined here are defined in the others.


def _past(lengths, steps, rank):
    """bool [T, B, 1, ...]: the steps that are past each row's length, in line with arrays of `rank` features."""
    return (np.arange(steps)[:, None] >= lengths).reshape(steps, -1, *(1,) * rank)


def _past_steps(lengths, steps, rank):
    """For every step, the rows [B, 1, ...] that are past their length; None where there are none."""
    if lengths is None or not len(lengths):
        return [None] * steps
    first = max(0, min(int(lengths.min()), steps))
    return [None] * first + list(_past(lengths, steps, rank)[first:])


def _zero_past(sequence, lengths):
    """A copy of a sequence that is zero past each row's length."""
    copy = np.array(sequence)
    np.copyto(copy, np.zeros((), copy.dtype), where=_past(lengths, len(copy), copy.ndim - 2))
    return copy


def _rows(sequence, steps):
    """The elements of a sequence that may be absent."""
    return [None] * steps if sequence is None else sequence


def _laid(matrix, steps, rows):
    """A matrix, or a stack of them, for products of so many rows at so many steps.

    BLAS multiplies by what lies in memory in the order in which it reads, and takes up to twice as long for what lies
    across; that soon pays for a copy. For a single row it makes no difference.
    """
    if rows < 2 or steps < 16:
        return matrix
    found = np.empty(matrix.shape, matrix.dtype)
    for start in range(0, matrix.shape[-1], 32):  # a cache has room for as many columns
        found[..., start : start + 32] = matrix[..., start : start + 32]
    return found


def _product(weight, out, steps):
    """How `out = x @ weight` is computed at so many steps: a function, and what it takes for `weight` and `out`.

    OpenBLAS multiplies small matrices as they lie, by one thread; of larger ones it copies the operands first, which
    takes few rows as long as the product itself. So what is not much larger is done in parts of some columns each. With
    several threads the whole is as fast unless it is that small, or has few rows.
    """
    rows, columns = out.shape
    parts = 1
    while out.size * len(weight) > parts * 10**6:
        parts *= 2
    most = 64 if _THREADS == 1 or (_THREADS == 2 and rows <= 16) else 4
    if rows < 2 or steps < 16 or not 1 < parts <= most or columns % parts or columns // parts < 32:
        return np.dot, weight if weight.flags.c_contiguous else _laid(weight, steps, rows), out
    stack = np.empty((parts, len(weight), columns // parts), weight.dtype)
    for part, matrix in enumerate(np.split(weight, parts, axis=1)):
        stack[part] = matrix
    return np.matmul, stack, out.reshape(rows, parts, -1).transpose(1, 0, 2)


_THREADS = next(  # of OpenBLAS
    (
        int(number)
        for number in map(os.environ.get, ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"))
        if number and number.isdigit()
    ),
    os.cpu_count(),
)


def _numbers(sequence):
    """The elements of a sequence of numbers, as arrays that can be written to."""
    return [sequence[step, ...] for step in range(len(sequence))]


def _pick_last(sequence, lengths, out):
    """The last valid step of every row; a row without any keeps what is in `out`."""
    if lengths is None:
        if len(sequence):
            np.copyto(out, sequence[-1])
        return
    rows = np.flatnonzero(lengths > 0)
    out[rows] = sequence[lengths[rows] - 1, rows]


def _pick_first(sequence, lengths, out):
    """The first step of every row; a row without any keeps what is in `out`."""
    if not len(sequence):
        return
    if lengths is None:
        np.copyto(out, sequence[0])
    else:
        rows = np.flatnonzero(lengths > 0)
        out[rows] = sequence[0, rows]


def _place_last(value, lengths, out):
    """Put a value at the last valid step of every row that has one."""
    if lengths is None:
        out[-1:] = value
    else:
        rows = np.flatnonzero(lengths > 0)
        out[lengths[rows] - 1, rows] = value[rows]


def _place_first(value, lengths, out):
    """Put a value at the first step of every row that has one."""
    if lengths is None:
        out[:1] = value
    else:
        rows = np.flatnonzero(lengths > 0)
        out[0, rows] = value[rows]


def _reverse_time(sequence, lengths, out):
    """Reverse every row within its length; what is past it stays where it is."""
    if lengths is None:
        np.copyto(out, sequence[::-1])
        return
    steps = np.arange(len(sequence))[:, None]
    source = np.where(steps < lengths, lengths - 1 - steps, steps)
    out[...] = sequence[source, np.arange(len(lengths))]


def _scan_affine(a, b, state, out):
    """s = a * s + b at every step."""
    for factor, term, after in zip(a, b, out):
        np.multiply(factor, state, out=after)
        np.add(after, term, out=after)
        state = after


def _scan_maxplus(a, b, state, out):
    """s = max(s + a, b) at every step."""
    for term, least, after in zip(a, b, out):
        np.add(state, term, out=after)
        np.maximum(after, least, out=after)
        state = after


def _check_index(index, rows, what):
    """An index that is not there is an error."""
    if index.size and (index.min() < 0 or index.max() >= rows):
        row = index.min() if index.min() < 0 else index.max()
        raise IndexError(f"{what}: there is no row {row} in a table of {rows}, which has rows 0 to {rows - 1}")


def _take(table, index, out, what):
    """Rows of a table. `what` is its name, or that of the equation that reads it."""
    _check_index(index, len(table), what)
    np.take(table, index, axis=0, out=out, mode="clip")


def _add_rows(table, index, rows):
    """Sums of rows by index, again where an index comes again."""
    _check_index(index, len(table), "lookup")
    table.fill(0)
    np.add.at(table, index, rows)


def _windows(image, first, kernel, stride, dilation):
    """The windows of a convolution over the axes from `first` on, as a view: [*first, *out, *kernel, *channels]."""
    spatial = range(first, first + len(kernel))
    shape, strides = image.shape, image.strides
    reach = [(k - 1) * d for k, d in zip(kernel, dilation)]
    out = tuple((shape[axis] - r - 1) // s + 1 for axis, r, s in zip(spatial, reach, stride))
    rest = first + len(kernel)
    return np.lib.stride_tricks.as_strided(
        image,
        shape[:first] + out + tuple(kernel) + shape[rest:],
        strides[:first]
        + tuple(strides[axis] * s for axis, s in zip(spatial, stride))
        + tuple(strides[axis] * d for axis, d in zip(spatial, dilation))
        + strides[rest:],
        writeable=False,
    )


def _erf(x, out):
    """The error function, by W. J. Cody's rational approximations (Math. Comp. 1969): full float64 precision."""
    x = np.asarray(x, np.float64)
    y = np.abs(x)
    small, middle = np.minimum(y, 0.5), np.clip(y, 0.46875, 4.0)
    large = np.clip(y, 4.0, 30.0)
    near = small * _ratio(small * small, _ERF_NEAR)
    half = 1 - np.exp(-middle * middle) * _ratio(middle, _ERF_MIDDLE)
    inverse = 1 / (large * large)
    tail = (0.56418958354775628695 - inverse * _ratio(inverse, _ERF_FAR)) / large
    far = 1 - np.exp(-large * large) * tail
    np.copyto(out, np.copysign(np.where(y <= 0.46875, near, np.where(y <= 4.0, half, far)), x), casting="same_kind")
    np.copyto(out, np.nan, where=np.isnan(x))


def _ratio(x, coefficients):
    """A quotient of two polynomials, highest power first."""
    above, below = coefficients
    return np.polyval(above, x) / np.polyval(below, x)


_ERF_NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
_ERF_MIDDLE = (
    (
        2.15311535474403846e-8,
        5.64188496988670089e-1,
        8.88314979438837594,
        6.61191906371416295e1,
        2.98635138197400131e2,
        8.81952221241769090e2,
        1.71204761263407058e3,
        2.05107837782607147e3,
        1.23033935479799725e3,
    ),
    (
        1.0,
        1.57449261107098347e1,
        1.17693950891312499e2,
        5.37181101862009858e2,
        1.62138957456669019e3,
        3.29079923573345963e3,
        4.36261909014324716e3,
        3.43936767414372164e3,
        1.23033935480374942e3,
    ),
)
_ERF_FAR = (
    (
        1.63153871373020978e-2,
        3.05326634961232344e-1,
        3.60344899949804439e-1,
        1.25781726111229246e-1,
        1.60837851487422766e-2,
        6.58749161529837803e-4,
    ),
    (
        1.0,
        2.56852019228982242,
        1.87295284992346725,
        5.27905102951428412e-1,
        6.05183413124413191e-2,
        2.33520497626869185e-3,
    ),
)
