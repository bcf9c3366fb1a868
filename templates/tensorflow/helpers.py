# A part of every generated TensorFlow module: names that are not defined here are defined in the others.


def _within(lengths, steps, rank):
    """bool [steps, B, 1, ...]: the steps before each row's end, in line with tensors of `rank` features."""
    valid = tf.range(steps)[:, tf.newaxis] < lengths
    return valid[(Ellipsis,) + (tf.newaxis,) * rank]


def _chosen(rows, yes, no):
    """One or the other by a condition on the leading axes."""
    return tf.where_v2(rows[(Ellipsis,) + (tf.newaxis,) * (yes.shape.ndims - rows.shape.ndims)], yes, no)


def _steps(loop, name, body, steps, lengths, reverse, small, xs, carries, befores, ys):
    """Run `body` for every step. Returns final states, states before each step where asked for, stacked results.

    xs: sequences [T, ...] or None; carries: (initial value, shape, whether it has rows); befores: which carries, and
    which of the results is what the carry becomes, or None; ys: (dtype, shape, whether it has rows); small: whether a
    step does so little that a dynamic loop runs several each time around.
    """
    # What the carry becomes at every step is known already, but for rows past their length.
    later = {i: y for i, y in befores if y is not None and lengths is None}
    now = [i for i, _ in befores if i not in later]

    def visit(step, elements, states):
        valid = None if lengths is None else step < lengths
        after, made, named = body(valid, *(elements + states))
        if valid is not None:
            after = [_chosen(valid, a, b) if c[2] else a for a, b, c in zip(after, states, carries)]
            made = [_chosen(valid, y, tf.zeros_like(y)) if about[2] else y for y, about in zip(made, ys)]
        return after, [states[i] for i in now] + made, named

    kept = [(carries[i][0].dtype, carries[i][1], False) for i in now]
    stacks = kept + [(dtype, shape, False) for dtype, shape, _ in ys]
    finals, stacked = loop(name, visit, steps, reverse, small, xs, carries, stacks)
    found, made = dict(zip(now, stacked)), stacked[len(now) :]
    for i, y in later.items():
        found[i] = _delayed(made[y], carries[i][0], steps, reverse)
    return finals, [found[i] for i, _ in befores], made


def _delayed(sequence, init, steps, reverse):
    """What was there before each step, from what is there after it."""
    if reverse:
        return tf.concat([sequence, [init]], 0)[1:]
    return tf.concat([[init], sequence], 0)[:steps]


def _stretches(loop, name, body, steps, size, lengths, reverse, xs, carries, befores, ys):
    """Like `_steps`, over stretches of `size` steps, the last one perhaps shorter.

    xs: (sequence, whether the body sees its steps); ys: as above, and whether they have the steps of the stretch.
    """
    count = -(-steps // size)

    def visit(stretch, elements, states):
        start = stretch * size
        here = _smaller(size, steps - start)
        inner = iter(elements)
        seen = [x[start : start + here] if timed and x is not None else next(inner) for x, timed in xs]
        left = None if lengths is None else tf.clip_by_value(lengths - start, 0, here)
        after, made, named = body(left, here, *(seen + states))
        if left is not None:
            after = [_chosen(left > 0, a, b) if c[2] else a for a, b, c in zip(after, states, carries)]
            made = [_cleared(y, left, here, about) for y, about in zip(made, ys)]
        return after, [states[i] for i, _ in befores] + made, named

    per_stretch = [x if not timed else None for x, timed in xs if not (timed and x is not None)]
    kept = [(carries[i][0].dtype, carries[i][1], False) for i, _ in befores]
    stacks = kept + [(dtype, shape, joined) for dtype, shape, _, joined in ys]
    finals, stacked = loop(name, visit, count, reverse, False, per_stretch, carries, stacks)
    for tensor, (_, shape, joined) in zip(stacked, stacks):
        if joined:
            _shaped(tensor, [steps] + shape)
    return finals, stacked[: len(befores)], stacked[len(befores) :]


def _smaller(a, b):
    return min(a, b) if isinstance(b, int) else tf.minimum(a, b)


def _cleared(y, left, steps, about):
    """What a stretch gives, zero past each row's length."""
    _, shape, batched, joined = about
    if not batched:
        return y
    valid = _within(left, steps, len(shape) - 1) if joined else left > 0
    return tf.where_v2(valid, y, tf.zeros_like(y)) if joined else _chosen(valid, y, tf.zeros_like(y))


def _apart(matrix):
    """A matrix (or its bias) with zero columns behind it, where its rows would start a multiple of 2 KB apart.

    Such rows compete for the same places of a processor's cache: products take up to twice as long. oneDNN copies
    what it multiplies into an order of its own, and is better off with fewer columns.
    """
    columns, size = matrix.shape.as_list()[-1], matrix.dtype.size
    if columns is None or columns * size % 2048 or _has_onednn():
        return matrix
    return tf.pad(matrix, [[0, 0]] * (matrix.shape.ndims - 1) + [[0, 128 // size]])


def _has_onednn():
    """Whether TensorFlow multiplies by oneDNN on this machine, as far as one can tell: since 2.9 it does by default
    where processors have instructions for neural networks. It decides about speed alone."""
    said = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "")
    if said:
        return said.lower() not in ("0", "false")
    version = tf.VERSION
    if [int(part) for part in version.split(".")[:2]] < [2, 9]:
        return False
    try:
        with open("/proc/cpuinfo") as file:
            flags = next((line for line in file if line.startswith("flags")), "").split()
    except OSError:
        return False
    return not {"avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile"}.isdisjoint(flags)


def _ready(weight, bias=None):
    """What products with a weight take: itself apart, a bias or None, and how many columns it has.

    With a bias, TensorFlow makes one operation of a product, which hands no small one over to other threads. Where
    there is none, it gets zeros, which TensorFlow does not see, or it would drop them. oneDNN is better off without,
    above all where another sum follows.
    """
    apart = _apart(weight)
    if bias is not None:
        bias = _apart(bias)
    elif weight.shape.ndims == 2 and not tf.executing_eagerly() and not _has_onednn():
        first = tf.reduce_sum(apart[:1], 0)  # there may be no row
        bias = tf.stop_gradient(tf.minimum(tf.abs(first), 0))
    return apart, bias, weight.shape.as_list()[-1]


def _times_apart(x, ready, transpose_a=False):
    """The product with what `_ready` made of a weight, and all its columns."""
    apart, bias, _ = ready
    product = tf.matmul(x, apart, transpose_a=transpose_a)
    return product if bias is None else tf.nn.bias_add(product, bias)


def _times(x, ready, transpose_a=False):
    """The product with what `_ready` made of a weight."""
    product = _times_apart(x, ready, transpose_a)
    return product if ready[2] == ready[0].shape.as_list()[-1] else product[..., : ready[2]]


def _unmerged(x, leads):
    """The rows of a matrix as several axes again."""
    columns = x.shape.as_list()[-1]
    return tf.reshape(x, leads + [-1 if columns is None else columns])


def _parts(x, sizes, axis):
    """The parts of an axis, without the columns behind them that only set rows apart."""
    columns = x.shape.as_list()[axis]
    rest = 0 if columns is None else columns - sum(sizes)
    if rest:
        return tf.split(x, sizes + [rest], axis)[:-1]
    return tf.split(x, sizes, axis)


def _summed(x, y, transpose_a=False):
    """The product of two matrices, over all steps."""
    apart = _apart(y)
    product = tf.matmul(x, apart, transpose_a=transpose_a)
    return product if apart is y else product[:, : y.shape.as_list()[-1]]


def _scan_affine(loop, steps, a, b, state, shape, reverse):
    """s = a * s + b at every step, in the shape of one step."""

    def body(valid, factor, term, state):
        state = factor * state + term
        return [state], [state], {}

    return _scan(loop, "scan_affine", body, steps, a, b, state, shape, reverse)


def _scan_maxplus(loop, steps, a, b, state, shape, reverse):
    """s = max(s + a, b) at every step, in the shape of one step."""

    def body(valid, term, least, state):
        state = tf.maximum(state + term, least)
        return [state], [state], {}

    return _scan(loop, "scan_maxplus", body, steps, a, b, state, shape, reverse)


def _scan(loop, name, body, steps, a, b, state, shape, reverse):
    carries, ys = [(state, shape, False)], [(a.dtype, shape, False)]
    return _steps(loop, name, body, steps, None, reverse, True, [a, b], carries, [], ys)[2][0]


def _final(sequence, init, lengths, steps, reverse):
    """The last computed step of every row, the first one of a reverse sequence; `init` for a row without any."""
    extended = tf.concat([sequence, [init]], 0) if reverse else tf.concat([[init], sequence], 0)
    if lengths is None:
        return extended[0 if reverse else steps]
    where = tf.where_v2(lengths > 0, tf.zeros_like(lengths), steps) if reverse else lengths
    return tf.gather_nd(extended, tf.stack([where, tf.range(tf.shape(lengths)[0])], 1))


def _place(value, lengths, steps, first):
    """Put a value at the last (or first) valid step of every row that has one, zeros everywhere else."""
    step = tf.range(steps)[:, tf.newaxis]
    ends = steps if lengths is None else lengths
    there = (tf.equal(step, 0) & (ends > 0)) if first else tf.equal(step, ends - 1)
    return _chosen(there, value[tf.newaxis], tf.zeros_like(value[tf.newaxis]))


def _place_at(value, index, steps):
    """Put a value at one step, zeros everywhere else."""
    there = tf.equal(tf.range(steps), index if index >= 0 else index + steps)
    return _chosen(there, value[tf.newaxis], tf.zeros_like(value[tf.newaxis]))


def _power(base, exponent):
    """base ** exponent; where the exponent is 0, so is the derivative by the base, also at base 0."""
    flat, positive = tf.equal(exponent, 0), base > 0
    one = tf.ones_like(base)
    at_zero = tf.where_v2(positive, tf.exp(exponent * tf.math.log(tf.where_v2(positive, base, one))), one)
    return tf.where_v2(flat, at_zero, tf.pow(tf.where_v2(flat, one, base), tf.where_v2(flat, one, exponent)))


def _whole_quotient(a, b):
    """a // b of whole numbers, 0 where b is 0 (which TensorFlow refuses)."""
    none = tf.equal(b, 0)
    return tf.where_v2(none, 0, a // tf.where_v2(none, 1, b))


def _whole_rest(a, b):
    """a % b of whole numbers, 0 where b is 0."""
    return a % tf.where_v2(tf.equal(b, 0), 1, b)


def _clip(x, low, high):
    """x within limits; on a limit the derivative is 1, outside 0."""
    return tf.minimum(tf.maximum(x, low), high)


def _clip_through(x, low, high):
    """x within limits, with the derivative 1 everywhere."""
    finite = tf.where_v2(tf.math.is_finite(x), x, tf.zeros_like(x))
    return tf.stop_gradient(_clip(x, low, high)) + (finite - tf.stop_gradient(finite))


def _product(x, axis, keep):
    """The product along an axis, in halves: every derivative is exact, also where factors are zero."""
    count = x.shape.as_list()[axis]
    before = (slice(None),) * axis
    while count > 1:
        half = count // 2
        pairs = x[before + (slice(0, half),)] * x[before + (slice(half, 2 * half),)]
        x = tf.concat([pairs, x[before + (slice(2 * half, count),)]], axis) if count % 2 else pairs
        count -= half
    return x if keep else tf.squeeze(x, [axis])


def _offsets(kernel):
    """The places within a kernel, in the order of their rows."""
    return np.ndindex(*kernel)


def _patches(x, start, count, kernel, stride, dilation, pads):
    """The windows of a convolution: [*leads, *spatial, *rest] -> [*leads, *count, *kernel, *rest]."""
    rest = x.shape.ndims - start - len(kernel)
    padded = tf.pad(x, [[0, 0]] * start + pads + [[0, 0]] * rest)
    parts = []
    for offset in _offsets(kernel):
        index = [slice(o * d, o * d + (n - 1) * s + 1, s) for o, d, s, n in zip(offset, dilation, stride, count)]
        parts.append(padded[(slice(None),) * start + tuple(index)])
    stacked = tf.stack(parts, start + len(kernel))
    return tf.reshape(stacked, _leads(x, start) + count + kernel + x.shape.as_list()[start + len(kernel) :])


def _unpatches(d, start, count, kernel, stride, dilation, pads, sizes):
    """The transpose of `_patches`: sums of windows in their places."""
    spatial = len(kernel)
    rest = d.shape.as_list()[start + 2 * spatial :]
    flat = tf.reshape(d, _leads(d, start) + count + [int(np.prod(kernel))] + rest)
    total = []
    for part, offset in zip(tf.unstack(flat, axis=start + spatial), _offsets(kernel)):
        for i, (o, n, s) in enumerate(zip(offset, count, stride)):
            axis, whole = start + i, pads[i][0] + sizes[i] + pads[i][1]
            part = _spread(part, axis, n, s)
            first, length = o * dilation[i], (n - 1) * s + 1
            widths = [[0, 0]] * part.shape.ndims
            widths[axis] = [first, whole - first - length]
            part = tf.pad(part, widths)
        total.append(part)
    inner = tuple(slice(before, before + size) for (before, _), size in zip(pads, sizes))
    return tf.add_n(total)[(slice(None),) * start + inner]


def _spread(x, axis, count, stride):
    """stride - 1 zeros between the elements along an axis."""
    if stride == 1:
        return x
    apart = tf.pad(
        tf.expand_dims(x, axis + 1), [[0, stride - 1] if i == axis + 1 else [0, 0] for i in range(x.shape.ndims + 1)]
    )
    shape = _leads(x, axis) + [count * stride] + x.shape.as_list()[axis + 1 :]
    return tf.reshape(apart, shape)[(slice(None),) * axis + (slice(0, (count - 1) * stride + 1),)]


def _leads(x, count):
    """The sizes of the first axes, each known or a tensor."""
    known = x.shape.as_list()[:count]
    return [tf.shape(x)[axis] if size is None else size for axis, size in enumerate(known)]
