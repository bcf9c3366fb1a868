# A part of every generated TensorFlow module: names that are not defined here are defined in the others.


def _known(shape):
    """A shape as far as it is known while a graph is built."""
    return tf.TensorShape([size if isinstance(size, int) else None for size in shape])


def _shaped(tensor, shape):
    """The tensor itself, which the graph then knows the shape of."""
    tensor.set_shape(_known(shape))
    return tensor


def _dynamic(*loop):
    """The driver of loops that makes one or two `tf.while_loop`s of each, whose size does not depend on the steps."""
    return _looped(_unstacked, lambda x, step: x.read(step), True, *loop)


def _sliced(*loop):
    """The same, without a copy of the sequences that are read."""
    return _looped(_itself, _row, True, *loop)


def _sliced_in_time(*loop):
    """The same for loops that keep most of what they compute, as backward loops do."""
    return _looped(_itself, _row, False, *loop)


def _itself(x, count):
    return x


def _row(x, step):
    return x[step]


def _unstacked(x, count):
    return tf.TensorArray(x.dtype, count, element_shape=x.shape[1:]).unstack(x)


def _is_compiled():
    """Whether the graph that is being built is one for XLA (`jit_compile`), as far as one can tell.

    TensorFlow says so in a method that is not public; without it the answer is no. It decides about speed alone.
    """
    graph = None if tf.executing_eagerly() else tf.get_default_graph()
    while graph is not None:
        context = getattr(graph, "_get_control_flow_context", lambda: None)()
        if getattr(context, "IsXLAContext", lambda: False)():
            return True
        graph = getattr(graph, "outer_graph", None)
    return False


def _first(x, reverse):
    """The element of a sequence that a loop reads first; zeros where it has none."""
    some = x[-1:] if reverse else x[:1]
    return tf.pad(some, [[0, 1]] + [[0, 0]] * (x.shape.ndims - 1))[0]


def _looped(enter, read, early, name, visit, count, reverse, small, xs, carries, stacks):
    """`tf.while_loop`s over all steps. `enter`: what is made of a sequence before; `read`: what a step takes of that.

    With `early`, each step under XLA reads for the next one: XLA does not vectorize what it computes from several parts
    of an element that it reads in the same step. Without XLA, a first loop runs four small steps each time around
    (eight are no faster), which costs TensorFlow as much as some operations do, and a second one those that are left.
    """
    if isinstance(count, int) and count == 0:  # XLA compiles steps that never run, too
        return _static(name, visit, count, reverse, small, xs, carries, stacks)
    compiled = _is_compiled()
    ahead = early and compiled
    with tf.name_scope(name):
        elements = [x if x is None else enter(x, count) for x in xs]
        held = [_first(x, reverse) for x in xs if x is not None] if ahead else []  # a loop holds no None
        arrays = [
            tf.TensorArray(dtype, count, element_shape=None if joined else _known(shape), infer_shape=not joined)
            for dtype, shape, joined in stacks
        ]

        def taken(step):
            return [read(x, step) for x in elements if x is not None]

        def advance(visited, states, arrays, held):
            step = count - 1 - visited if reverse else visited
            states = [_shaped(state, shape) for state, (_, shape, _) in zip(states, carries)]
            found = iter(held if ahead else taken(step))
            after, made, _ = visit(step, [x if x is None else next(found) for x in xs], states)
            after = [_shaped(state, shape) for state, (_, shape, _) in zip(after, carries)]
            if ahead:
                held = taken(tf.maximum(step - 1, 0) if reverse else tf.minimum(step + 1, count - 1))
            return visited + 1, after, [array.write(step, y) for array, y in zip(arrays, made)], held

        reached = (tf.constant(0), [_shaped(init, shape) for init, shape, _ in carries], arrays, held)
        for size in (4, 1) if small and not compiled else (1,):
            reached = _around(advance, size, count, reached, carries)
        _, finals, arrays, _ = reached
        stacked = [
            array.concat() if joined else _stacked(array, dtype, [count] + shape)
            for array, (dtype, shape, joined) in zip(arrays, stacks)
        ]
        return [_shaped(final, shape) for final, (_, shape, _) in zip(finals, carries)], stacked


def _around(advance, size, count, start, carries):
    """One `tf.while_loop` that runs `size` steps each time around, as long as so many are left."""

    def several(*reached):
        for _ in range(size):
            reached = advance(*reached)
        return reached

    _, _, arrays, held = start
    end = count if size == 1 else count - size + 1
    return tf.while_loop(
        lambda visited, states, arrays, held: visited < end,
        several,
        start,
        shape_invariants=(
            tf.TensorShape([]),
            [_known(shape) for _, shape, _ in carries],
            [tf.TensorShape(None) for _ in arrays],
            [x.shape for x in held],
        ),
        maximum_iterations=count,
        return_same_structure=True,
    )


def _stacked(array, dtype, shape):
    """A sequence of all elements of an array. One of no elements does not know of what size they would be."""
    if _known(shape[1:]).is_fully_defined() or isinstance(shape[0], int):
        return _shaped(array.stack(), shape)
    return _shaped(tf.cond(shape[0] > 0, array.stack, lambda: tf.zeros(shape, dtype)), shape)


def _static(name, visit, count, reverse, small, xs, carries, stacks):
    """The driver of loops that writes every step out: `NAME/step_3/c_new` is a tensor of the graph."""
    if not isinstance(count, int):
        raise ValueError('driver="static" needs a number of steps that is known while the graph is built')
    with tf.name_scope(name):
        elements = [[None] * count if x is None else tf.unstack(x, count) for x in xs]
        states, found = [init for init, _, _ in carries], [None] * count
        for step in range(count)[:: -1 if reverse else 1]:
            with tf.name_scope("step_%d" % step):
                states, found[step], named = visit(step, [x[step] for x in elements], states)
                for key, value in named.items():
                    tf.identity(value, name=key)
        stacked = []
        for i, (dtype, shape, joined) in enumerate(stacks):
            parts = [made[i] for made in found]
            empty = tf.zeros([0] + shape, dtype)
            stacked.append((tf.concat(parts, 0) if joined else tf.stack(parts)) if parts else empty)
        return states, stacked
