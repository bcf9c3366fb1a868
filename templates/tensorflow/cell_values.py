# A part of every generated TensorFlow module of a cell: names that are not defined here are defined in the others.


def _initializers(layout, seed, sizes, dtype):
    """(shape, initializer, whether it is trained) of every variable by name; None is the initializer of the scope.

    With a seed the values are those of init_params, and constants of the graph. Without one they are drawn when the
    graph runs, which makes small graphs, and the same values after the same tf.set_random_seed.
    """
    if seed is not None:
        initial = init_params(seed=seed, dtype=dtype, **{name: sizes[name] for name in _PARAMETER_SIZES})
        found = _variable_arrays(layout, initial)
        return {name: (array.shape, _values(array), trained) for name, (array, trained) in found.items()}
    shapes = _parameter_axes(tuple(sizes.get(size) for size in SPEC["sizes"]))
    trees = {name: ("leaf", name, shape) for name, shape in shapes.items()}
    if layout is not None:
        known = _layout_sizes({name: _Plain(shape) for name, shape in shapes.items()})
        trees = {name: tree for name, (_, tree) in _LAYOUTS[layout]["arrays"](known).items()}
    found, placed = {}, set()
    by_scope = tf.get_variable_scope().initializer is not None
    for name, tree in trees.items():
        leaves = _leaves(tree)
        own = set(leaves) - placed  # the first array that holds a parameter gets it all, others get zeros
        placed |= own
        plain = own and all(SPEC["parameters"][leaf]["init"] == ("glorot_uniform",) for leaf in own)
        initializer = None if plain and by_scope else _drawing(tree, own, shapes)
        found[name] = _tree_shape(tree), initializer, any(SPEC["parameters"][leaf]["trained"] for leaf in leaves)
    return found


def _values(array):
    """The initializer of a variable with these values, or of a part of it, where a partitioner cuts it."""

    def initializer(shape, dtype=None, partition_info=None):
        starts = [0] * array.ndim if partition_info is None else partition_info.var_offset
        return tf.constant(array[tuple(slice(start, start + n) for start, n in zip(starts, shape))], dtype)

    return initializer


def _drawing(tree, own, shapes):
    """The initializer of a variable whose parameters are drawn as the description says; those that are not its own are
    zero."""

    def initializer(shape, dtype=None, partition_info=None):
        left = set(own)

        def leaf(name):
            if name not in left:
                return tf.zeros(shapes[name], dtype)
            left.discard(name)
            return _drawn(SPEC["parameters"][name], shapes[name], dtype)

        whole = _arranged(tree, leaf, dtype)
        return whole if partition_info is None else tf.slice(whole, partition_info.var_offset, shape)

    return initializer


def _arranged(tree, leaf, dtype):
    """The array of an arrangement as a tensor: what _put_together does for NumPy."""
    kind, *rest = tree
    if kind == "leaf":
        return leaf(rest[0])
    if kind == "unused":
        return tf.fill(rest[0], tf.constant(rest[1], dtype))
    if kind == "cat":
        return tf.concat([_arranged(item, leaf, dtype) for item in rest[1]], rest[0])
    inner = _arranged(rest[0], leaf, dtype)
    if kind == "transposed":
        return tf.transpose(inner, rest[1])
    return tf.reshape(inner, rest[1]) if kind == "reshaped" else inner * rest[1] + rest[2]


def _drawn(about, shape, dtype):
    """One parameter as a tensor: what _initial does in NumPy."""
    kind, *numbers = about["init"]
    if kind == "zeros":
        return tf.zeros(shape, dtype)
    if kind == "ones":
        return tf.ones(shape, dtype)
    if kind == "constant":
        return tf.fill(shape, tf.constant(numbers[0], dtype))
    if kind == "values":
        return tf.constant(np.array(numbers, np.float64).reshape(shape), dtype)
    if kind == "uniform":
        return tf.random.uniform(shape, *numbers, dtype=dtype)
    if kind == "exponential_uniform":
        return tf.exp(tf.random.uniform(shape, *numbers, dtype=dtype))
    if kind == "normal":
        return tf.random.normal(shape, *numbers, dtype=dtype)
    if kind == "truncated_normal":
        return tf.random.truncated_normal(shape, *numbers, dtype=dtype)
    if kind in ("identity", "orthogonal"):
        places, rows, columns = _matrices(shape, about["fan_in_axes"])
        if kind == "identity":
            return tf.reshape(numbers[0] * tf.eye(rows, columns, [places], dtype), shape)
        q, r = tf.qr(tf.random.normal([places, max(rows, columns), min(rows, columns)], dtype=dtype))
        diagonal = tf.matrix_diag_part(r)
        signs = tf.where(diagonal < 0, -tf.ones_like(diagonal), tf.ones_like(diagonal))
        q = q * tf.expand_dims(signs, 1)
        return tf.reshape(numbers[0] * (q if rows >= columns else tf.matrix_transpose(q)), shape)
    scale = _scale(about, shape)
    if kind.endswith("_uniform"):
        limit = np.sqrt(3.0 * scale)
        return tf.random.uniform(shape, -limit, limit, dtype)
    return tf.random.truncated_normal(shape, 0.0, np.sqrt(scale) / 0.87962566103423978, dtype)
