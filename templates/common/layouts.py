# A part of every generated module: names that are not defined here are defined in the others.


def from_layout(name, arrays):
    """Parameters from another library's arrays, which are copied. Row shards are put together."""
    layout = _layout(name)
    arrays = _joined(arrays, layout)
    if layout["untold"]:
        untold = " and ".join(map(repr, layout["untold"]))
        raise ValueError(f"{name}: arrays with such shapes do not tell {untold}, so compile for given sizes")
    sizes = layout["sizes"](arrays)
    found = {}
    for foreign, (shape, tree) in layout["arrays"](sizes).items():
        if arrays[foreign].shape != shape:
            raise ValueError(
                f"{name}: the array {foreign!r} should have the shape {shape}, and has {arrays[foreign].shape}"
            )
        if arrays[foreign].dtype.kind not in "fV":  # V: bfloat16, which NumPy has from another library
            raise TypeError(f"{name}: the array {foreign!r} should hold floats, and is {arrays[foreign].dtype}")
        _take_apart(tree, arrays[foreign], found, np)
    return {parameter: _owned(found[parameter]) for parameter in SPEC["parameters"]}


def _owned(array):
    """A copy in this machine's order of bytes, which alone the programs take."""
    return np.array(array, array.dtype if array.dtype.isnative else array.dtype.newbyteorder("="), order="C")


def to_layout(name, params):
    """Another library's arrays from parameters: importing them gives the parameters back."""
    packed = _Packed(params.arrays if isinstance(params, _Packed) else params, np.asarray)
    trees, left = _layout(name)["arrays"](_layout_sizes(packed.arrays)), dict(packed.arrays)

    def leaf(parameter):  # the first array that holds a parameter gets it all, others get zeros
        return left.pop(parameter) if parameter in left else np.zeros_like(packed.arrays[parameter])

    return {foreign: np.array(_put_together(tree, leaf, packed.dtype, True)) for foreign, (_, tree) in trees.items()}


def grads_to_layout(name, params, grads):
    """Gradients of another library's arrays from those of the parameters; zero for parameters that are not trained."""
    packed = _Packed(params.arrays if isinstance(params, _Packed) else params, np.asarray)
    _check_gradients(grads, packed.arrays)
    found = {n: np.asarray(grads[n]) if n in grads else np.zeros_like(a) for n, a in packed.arrays.items()}
    trees = _layout(name)["arrays"](_layout_sizes(packed.arrays))
    return {n: np.array(_put_together(tree, found.__getitem__, packed.dtype, False)) for n, (_, tree) in trees.items()}


def _check_gradients(grads, params):
    """Raise KeyError and ValueError where they are not those of all parameters that are trained."""
    for name in grads:
        if name not in params:
            raise KeyError(f"grads: unknown name {name!r}{_suggestion(name, params)}")
    for name, about in SPEC["parameters"].items():
        if about["trained"] and name not in grads:
            raise KeyError(f"grads: {name!r} is missing")
        if name in grads and np.shape(grads[name]) != params[name].shape:
            raise ValueError(f"grads[{name!r}]: expected {params[name].shape}, got {np.shape(grads[name])}")


def _layout(name):
    if name not in _LAYOUTS:
        known = ", ".join(_LAYOUTS) or "none"
        raise KeyError(f"{SPEC['name']} has no layout {name!r}{_suggestion(name, _LAYOUTS)}; it has: {known}")
    if _LAYOUTS[name]["missing"]:
        raise ValueError(f"the layout {name!r} does not fit {SPEC['name']}: {', '.join(_LAYOUTS[name]['missing'])}")
    return _LAYOUTS[name]


def _joined(arrays, layout):
    """The arrays of a layout, with row shards put together."""
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    found = {}
    for name, ending in layout["shards"].items():
        if name in arrays:
            found[name] = arrays.pop(name)
            continue
        shards = []
        if ending:
            joint = "" if ending[0] in "_-." else "/"  # "part_{}" is a scope of its own, "_{}" an ending
            for number in range(len(arrays)):
                part = name + joint + ending.replace("{}", str(number))
                if part not in arrays:
                    break
                shards.append(arrays.pop(part))
        if not shards:
            raise KeyError(f"the layout needs the array {name!r}{_suggestion(name, arrays)}")
        found[name] = np.concatenate(shards)
    if arrays:
        raise KeyError(
            f"the layout knows no array {next(iter(arrays))!r}{_suggestion(next(iter(arrays)), layout['shards'])}"
        )
    return found


def _tree_shape(tree):
    kind, *rest = tree
    if kind == "leaf" or kind == "unused":
        return rest[1] if kind == "leaf" else rest[0]
    if kind == "cat":
        axis, items = rest
        shapes = [list(_tree_shape(item)) for item in items]
        shapes[0][axis] = sum(shape[axis] for shape in shapes)
        return tuple(shapes[0])
    if kind == "transposed":
        inner = _tree_shape(rest[0])
        return tuple(inner[axis] for axis in rest[1])
    return rest[1] if kind == "reshaped" else _tree_shape(rest[0])


def _take_apart(tree, array, found, m):
    """Give every parameter in an arrangement its part; a parameter that stands twice gets the sum.

    `m` has `transpose` and `reshape` for the array: NumPy, or a library of tensors.
    """
    kind, *rest = tree
    if kind == "leaf":
        found[rest[0]] = found[rest[0]] + array if rest[0] in found else array
    elif kind == "cat":
        before, stop = (slice(None),) * (rest[0] % len(array.shape)), 0
        for item in rest[1]:
            start, stop = stop, stop + _tree_shape(item)[rest[0]]
            _take_apart(item, array[(*before, slice(start, stop))], found, m)
    elif kind == "transposed":
        _take_apart(rest[0], m.transpose(array, np.argsort(rest[1])), found, m)
    elif kind == "reshaped":
        _take_apart(rest[0], m.reshape(array, rest[2]), found, m)
    elif kind == "affine":
        item, scale, offset = rest
        number = getattr(array.dtype, "type", float)
        _take_apart(item, (array - number(offset)) / number(scale), found, m)


def _put_together(tree, leaf, dtype, export):
    """The foreign array of an arrangement; without `export` its gradient."""
    kind, *rest = tree
    if kind == "leaf":
        return leaf(rest[0])
    if kind == "unused":
        return np.full(rest[0], rest[1] if export else 0.0, dtype)
    if kind == "cat":
        return np.concatenate([_put_together(item, leaf, dtype, export) for item in rest[1]], rest[0])
    inner = _put_together(rest[0], leaf, dtype, export)
    if kind == "transposed":
        return np.transpose(inner, rest[1])
    if kind == "reshaped":
        return inner.reshape(rest[1])
    return (
        inner * inner.dtype.type(rest[1]) + inner.dtype.type(rest[2]) if export else inner / inner.dtype.type(rest[1])
    )
