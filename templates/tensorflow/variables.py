# A part of every generated TensorFlow module: names that are not defined here are defined in the others.


def _named_sizes(what, sizes, named, others=()):
    """The sizes that a constructor was given, in the order of SPEC["sizes"] (None: left out) or by name."""
    if len(sizes) > len(SPEC["sizes"]):
        raise TypeError(f"{what} takes the sizes {', '.join(SPEC['sizes']) or 'of nothing'}, and not {sizes}")
    given = {size: number for size, number in zip(SPEC["sizes"], sizes) if number is not None}
    for size, number in named.items():
        if size not in SPEC["sizes"]:
            raise TypeError(f"{what}: unknown size {size!r}{_suggestion(size, [*SPEC['sizes'], *others])}")
        if size in given:
            raise TypeError(f"{what}: the size {size!r} is given twice")
        given[size] = number
    for size, number in given.items():
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < 0:
            raise TypeError(f"{what}: the size {size!r} should be a whole number, and is {number!r}")
    return {size: int(number) for size, number in given.items()}


# The open sizes that inputs tell.
_INPUT_SIZES = {size for about in SPEC["inputs"].values() for size in about["shape"] if size in SPEC["sizes"]}


def _known_sizes(what, wanted, sizes, needed):
    """The open sizes as a tuple, if those that are needed are known."""
    missing = [size for size in needed if size not in sizes]
    if missing:
        ending, them = ("", "it") if len(missing) == 1 else ("s", "them")
        built = ", or build(input_shape) before" if _INPUT_SIZES.issuperset(missing) else ""
        named = ", ".join(map(repr, missing))
        raise ValueError(f"{wanted} needs the size{ending} {named}: give {them} to {what}{built}")
    return tuple(sizes.get(size) for size in SPEC["sizes"])


def _sizes_so_far(what, wanted, sizes, needed):
    """The open sizes as a tuple, where those that inputs will tell may be dimensions that are not known."""
    _known_sizes(what, wanted, sizes, [size for size in needed if size not in _INPUT_SIZES])
    return tuple(sizes.get(size, tf.Dimension(None)) for size in SPEC["sizes"])


def _input_sizes(features):
    """The open sizes that inputs tell, from the sizes of each input's features."""
    found = {}
    for name, about in SPEC["inputs"].items():
        for size, number in zip(about["shape"], features[name]):
            if size in SPEC["sizes"] and number is not None:
                found.setdefault(size, number)
    return found


def _learn_sizes(what, sizes, features):
    """Enter the open sizes that were not given, from the sizes of each input's features (None: not known)."""
    for size, number in _input_sizes(features).items():
        sizes.setdefault(size, number)
    for size in SPEC["sizes"]:
        if size not in sizes:
            raise ValueError(f"{what}: the size {size!r} is not known; give it to {what}")


def _initial_states(parameters, sizes, rows, dtype):
    """The states before the first step by name: zeros, or what the description says. `parameters()` gives weights."""
    arrays = parameters() if _STATE_HAS_WEIGHTS else {}
    packed = _PACK["initial"](arrays, sizes, dtype)
    given = {f"state:{name}": None for name in SPEC["states"]}
    found = _RUN["initial"](packed, sizes, None, rows, dtype, given, None)
    return {name: found[f"state:{name}"] for name in SPEC["states"]}


def _outputs_by_name(outputs):
    """What a call gives for its outputs, by name; without what is exposed."""
    several = len(SPEC["outputs"]) + len(SPEC["exposed"]) > 1
    return {name: outputs[name] if several else outputs for name in SPEC["outputs"]}


def _states_by_name(states):
    return {name: states if len(SPEC["states"]) == 1 else states[name] for name in SPEC["states"]}


# --- variables are parameters, or the arrays of a layout --------------------------------------------------------------


def _variable_name(name):
    """The name of a parameter as graphs have names: `q[0].x` is q.0.x."""
    return name.replace("[", ".").replace("]", "")


def _variable_arrays(layout, initial):
    """(value, whether it is trained) of every variable by name, from initial parameters."""
    if layout is None:
        return {name: (array, SPEC["parameters"][name]["trained"]) for name, array in initial.items()}
    trees = _LAYOUTS[layout]["arrays"](_layout_sizes(initial))
    trained = {
        name: any(SPEC["parameters"][leaf]["trained"] for leaf in _leaves(tree)) for name, (_, tree) in trees.items()
    }
    return {name: (array, trained[name]) for name, array in to_layout(layout, initial).items()}


def _variable_parameters(layout, variables, sizes):
    """The parameters as tensors, from variables by name; `sizes` are the open ones."""
    tensors = {name: tf.convert_to_tensor(variable) for name, variable in variables.items()}
    if layout is None:
        return {name: tensors[name] for name in SPEC["parameters"]}
    found = {}
    shapes = _parameter_axes(tuple(sizes.get(size) for size in SPEC["sizes"]))
    known = _layout_sizes({name: _Plain(shape) for name, shape in shapes.items()})
    for name, (_, tree) in _LAYOUTS[layout]["arrays"](known).items():
        _take_apart(tree, tensors[name], found, tf)
    return {name: found[name] for name in SPEC["parameters"]}


_Plain = collections.namedtuple("_Plain", ("shape",))


def _leaves(tree):
    """The parameters in an arrangement."""
    kind, rest = tree[0], tree[1:]
    if kind == "leaf":
        return [rest[0]]
    if kind == "unused":
        return []
    items = rest[1] if kind == "cat" else [rest[0]]
    return [leaf for item in items for leaf in _leaves(item)]
