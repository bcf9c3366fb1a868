"""Operations on named axes: reductions, slices, concatenation, new axes, merging and splitting."""

from __future__ import annotations

from itertools import combinations, permutations

from rnnc.ir.program import Axis, Value
from rnnc.ir.size import Size, product
from rnnc.semantics.shapes.lower import Lowering, operation
from rnnc.semantics.shapes.nodes import Graph, Node, Rule, ShapeError, known
from rnnc.semantics.shapes.rules.elementwise import given
from rnnc.semantics.shapes.rules.hints import instead, name_it
from rnnc.semantics.shapes.shaped import Shape, Shaped, show

MOST_IN_ORDER = 6  # axes that are tried in all orders


def find_axis(graph: Graph, shape: Shape, label: str) -> int:
    """The place of the axis of that label. Raises E304 where there is none, or more than one."""
    label = graph.resolve(Shaped(label, Size.of(0))).label if label.startswith("?") else label
    places = [i for i, a in enumerate(shape) if a.label == label]
    if len(places) == 1:
        return places[0]
    if places:
        raise ShapeError(
            "E305",
            f"two axes of {show(shape)} are called `{label}`",
            f"give one of them a label of its own: `other: {label}`",
            about=label,
        )
    raise ShapeError("E304", f"there is no axis `{label}` in {show(shape)}", instead(shape, label), about=label)


def argument(graph: Graph, node: Node, i: int = 0) -> Shape:
    """The axes of an argument."""
    return graph.resolve_all(known(node.args[i]))


def axis_of(graph: Graph, node: Node) -> int:
    """The place of the axis that a call names, or of the only one."""
    return _named_or_only(graph, argument(graph, node), node.attrs["axis"])


def _named_or_only(graph: Graph, shape: Shape, label: str | None) -> int:
    if label is not None:
        return find_axis(graph, shape, label)
    if len(shape) != 1:
        raise ShapeError("E306", f"which axis of {show(shape)}?", name_it(shape))
    return 0


# --- reductions; operations along one axis ---


def _reduced(graph: Graph, node: Node) -> list[int]:
    shape = argument(graph, node)
    labels: tuple[str | None, ...] = node.attrs["axes"]
    return [_named_or_only(graph, shape, label) for label in labels] if labels else list(range(len(shape)))


def _reduce_shape(graph: Graph, node: Node) -> Shape | None:
    if not node.attrs["axes"]:
        return ()  # whatever the operand's axes are
    if node.args[0].shape is None:
        return () if node.attrs["axes"] == (None,) else None  # of the only axis, whatever that is
    gone = _reduced(graph, node)
    return tuple(a for i, a in enumerate(argument(graph, node)) if i not in gone)


def _reduce(lowering: Lowering, node: Node) -> Value:
    axes = tuple(sorted(_reduced(lowering.graph, node)))
    if not axes:
        return lowering[node.args[0]]
    return lowering.op(node.attrs["ir"], lowering[node.args[0]], axes=axes, keep=False)


def _same_shape(graph: Graph, node: Node) -> Shape:
    axis_of(graph, node)
    return argument(graph, node)


def _along(lowering: Lowering, node: Node) -> Value:
    axis = axis_of(lowering.graph, node)
    return lowering.op(node.attrs["ir"], lowering[node.args[0]], axis=axis, **node.attrs["options"])


# --- slices ---


def _bounds(graph: Graph, node: Node) -> tuple[int, Size, Size]:
    shape = argument(graph, node)
    place = find_axis(graph, shape, node.attrs["axis"])
    size = shape[place].size
    ends: list[Size] = []
    for end, default in ((node.attrs["lo"], Size.of(0)), (node.attrs["hi"], size)):
        end = default if end is None else graph.resolve_size(end)
        constant = end.constant
        ends.append(size + end if constant is not None and constant < 0 else end)
    lo, hi = ends
    limits = [("start", lo), ("end", hi), ("length", hi - lo)]
    for what, value in limits:
        if value.constant is not None and value.constant < (1 if what == "length" else 0):
            fix = None
            if node.attrs["drop"]:
                message = f"there is no place {node.attrs['lo']} of `{shape[place].label}`, which has {size} places"
                raise ShapeError(
                    "E307", message, f"places are counted from 0 to {size - 1}, or from the end, from -1 on"
                )
            if what == "length" and value.constant == 0:
                fix = "an axis has at least one place; where this one may be empty, leave it out: `… if n > 1 else …`"
            raise ShapeError("E307", f"the {what} of this slice of `{shape[place].label}` would be {value}", fix)
    over = (hi - size).constant
    if over is not None and over > 0:
        what = f"place {lo} is" if node.attrs["drop"] else f"this slice ends at {hi},"
        raise ShapeError("E307", f"{what} past the end of `{shape[place].label}`, which has {size} places")
    return place, lo, hi


def _slice_shape(graph: Graph, node: Node) -> Shape:
    place, lo, hi = _bounds(graph, node)
    shape = list(argument(graph, node))
    if node.attrs["drop"]:
        del shape[place]
    elif hi - lo != shape[place].size:
        old = shape[place]
        shape[place] = Shaped(old.label if old.strong else str(hi - lo), hi - lo, old.strong)
    return tuple(shape)


def _slice(lowering: Lowering, node: Node) -> Value:
    place, lo, hi = _bounds(lowering.graph, node)
    value = lowering.op("slice", lowering[node.args[0]], axis=place, start=lo, stop=hi)
    if node.attrs["drop"]:
        value = lowering.op("reshape", value, axes=lowering.axes(lowering.shape(node)))
    return value


# --- new, merged and split axes ---


def _expand_shape(graph: Graph, node: Node) -> Shape:
    axis: Shaped = node.attrs["axis"]
    shape = argument(graph, node)
    if axis.label in [a.label for a in shape]:
        raise ShapeError("E305", f"{show(shape)} has an axis `{axis.label}` already")
    return (axis, *shape)


def _expand_backward(graph: Graph, node: Node) -> bool:
    (arg,), axis = node.args, node.attrs["axis"]
    if node.shape is None or arg.shape is not None or not graph.receptive(arg):
        return False
    rest = tuple(a for a in graph.resolve_all(node.shape) if a.label != axis.label)
    return len(rest) == len(node.shape) - 1 and graph.settle(arg, rest)


def _expand(lowering: Lowering, node: Node) -> Value:
    shape = lowering.shape(node)
    axes = lowering.axes(shape)
    one = (Axis(axes[0].label, Size.of(1)), *axes[1:])
    value = lowering.op("reshape", lowering[node.args[0]], axes=one)
    return value if axes[0].size == Size.of(1) else lowering.op("broadcast", value, axes=axes)


def _merge_places(graph: Graph, node: Node) -> list[int]:
    shape, labels = argument(graph, node), node.attrs["axes"]
    if labels is None and not shape:
        raise ShapeError("E214", "one number has no axes to merge", "expand(v, name) gives it one")
    return list(range(len(shape))) if labels is None else [find_axis(graph, shape, label) for label in labels]


def _merge_shape(graph: Graph, node: Node) -> Shape:
    shape = argument(graph, node)
    places = _merge_places(graph, node)
    name: str | None = node.attrs.get("name")
    if len(shape) == 1 and name is None:
        return shape
    size = product(tuple(shape[p].size for p in places))
    rest = [a for i, a in enumerate(shape) if i not in places]
    made = Shaped(str(size), size) if name is None else Shaped(name, size, strong=True)
    rest.insert(sum(1 for i in range(min(places)) if i not in places), made)
    return tuple(rest)


def _merge(lowering: Lowering, node: Node) -> Value:
    shape = lowering.shape(node.args[0])
    places = _merge_places(lowering.graph, node)
    rest = [i for i in range(len(shape)) if i not in places]
    at = sum(1 for i in range(min(places)) if i not in places)
    order = tuple(rest[:at] + places + rest[at:])
    value = lowering[node.args[0]]
    if order != tuple(range(len(shape))):
        value = lowering.op("transpose", value, perm=order)
    return lowering.op("reshape", value, axes=lowering.axes(lowering.shape(node)))


def _split_shape(graph: Graph, node: Node) -> Shape:
    shape = argument(graph, node)
    place = axis_of(graph, node)
    parts: Shape = node.attrs["parts"]
    size = product(tuple(graph.resolve(p).size for p in parts))
    missing = (size - shape[place].size).constant
    if missing is None:
        raise ShapeError(
            "E207",
            f"{show(parts)} fills `{shape[place].label}` for some sizes only, so they must be given",
            f"-D {min((size - shape[place].size).symbols)}=…, or make the sizes of the parts the parameters",
        )
    if missing:
        raise ShapeError(
            "E308", f"{show(parts)} holds {size} numbers but `{shape[place].label}` has {shape[place].size}"
        )
    return shape[:place] + parts + shape[place + 1 :]


def _reshape(lowering: Lowering, node: Node) -> Value:
    return lowering.op("reshape", lowering[node.args[0]], axes=lowering.axes(lowering.shape(node)))


def _transpose_order(graph: Graph, node: Node) -> list[int]:
    shape = argument(graph, node)
    labels: tuple[str, ...] | None = node.attrs["axes"]
    if labels is None:
        if len(shape) != 2:
            fix = "transpose(A, [b, a])"
            if len(shape) == 1:
                fix = "a vector is not turned: `outer(a, b)` is the product of every pair, `A @ b` and `a @ A` sum"
            raise ShapeError("E306", f"in which order shall the axes of {show(shape)} stand?", fix)
        return [1, 0]
    order = [find_axis(graph, shape, label) for label in labels]
    if sorted(order) != list(range(len(shape))):
        raise ShapeError("E306", f"the order must name each axis of {show(shape)} once")
    return order


def _transpose_shape(graph: Graph, node: Node) -> Shape:
    shape = argument(graph, node)
    return tuple(shape[i] for i in _transpose_order(graph, node))


def _transpose(lowering: Lowering, node: Node) -> Value:
    return lowering.op("transpose", lowering[node.args[0]], perm=tuple(_transpose_order(lowering.graph, node)))


# --- repetition, padding, renaming ---


def _resized(graph: Graph, node: Node, size: Size) -> Shape:
    place = axis_of(graph, node)
    shape = list(argument(graph, node))
    old = shape[place]
    shape[place] = Shaped(old.label if old.strong else str(size), size, old.strong)
    return tuple(shape)


def _repeat_shape(graph: Graph, node: Node) -> Shape:
    return _resized(graph, node, argument(graph, node)[axis_of(graph, node)].size * node.attrs["times"])


def _repeat(lowering: Lowering, node: Node) -> Value:
    """Each element (`each`) or the whole axis several times: a new axis behind or before it, then both as one."""
    place = axis_of(lowering.graph, node)
    axes = list(lowering.axes(lowering.shape(node.args[0])))
    at = place + 1 if node.attrs["each"] else place
    one = [*axes[:at], Axis("times", Size.of(1)), *axes[at:]]
    many = [*axes[:at], Axis("times", node.attrs["times"]), *axes[at:]]
    value = lowering.op("reshape", lowering[node.args[0]], axes=tuple(one))
    value = lowering.op("broadcast", value, axes=tuple(many))
    return lowering.op("reshape", value, axes=lowering.axes(lowering.shape(node)))


def _pad_shape(graph: Graph, node: Node) -> Shape:
    size = argument(graph, node)[axis_of(graph, node)].size
    return _resized(graph, node, size + node.attrs["before"] + node.attrs["after"])


def _pad(lowering: Lowering, node: Node) -> Value:
    axis = axis_of(lowering.graph, node)
    before, after = node.attrs["before"], node.attrs["after"]
    return lowering.op("pad", lowering[node.args[0]], axis=axis, before=before, after=after)


def _all_named(graph: Graph, shape: Shape, wanted: Shape) -> str:
    """The call with the axes that were left out, where sizes tell which these are."""
    fits = [
        places
        for places in combinations(range(len(shape)), len(wanted))
        if all(graph.compatible(Shaped(b.label, shape[i].size), b) for i, b in zip(places, wanted, strict=True))
    ]
    if not fits:
        return "name them all" if len(wanted) < len(shape) else "name each once"
    new = dict(zip(fits[0], wanted, strict=True))
    labels = ", ".join(f"{new.get(i, a).label}: {a.size}" for i, a in enumerate(shape))
    return f"name them all{':' if len(fits) == 1 else ', such as'} `relabel(…, {labels})`"


def _in_order(graph: Graph, shape: Shape, wanted: Shape) -> str | None:
    """The call with the same names in the order of the axes, where sizes tell which that is."""
    orders = permutations(wanted) if len(shape) <= MOST_IN_ORDER else ()
    fits = [
        o for o in orders if all(graph.compatible(Shaped(b.label, a.size), b) for a, b in zip(shape, o, strict=True))
    ]
    labels = ", ".join(f"{b.label}: {b.size}" for b in fits[0]) if len(fits) == 1 else ""
    return f"axes are named in their order: `relabel(…, {labels})`" if labels else None


def _relabel_shape(graph: Graph, node: Node) -> Shape:
    wanted: Shape = node.attrs["wanted"]
    if node.args[0].shape is None:
        return wanted  # whatever the operand's axes are called
    shape = argument(graph, node)
    if len(wanted) != len(shape):
        raise ShapeError(
            "E308",
            f"`relabel` names all axes, in order: {show(shape)} has {len(shape)}, {show(wanted)} names {len(wanted)}",
            _all_named(graph, shape, wanted),
        )
    # Two axes of one bare size are as in `param A[n, n]`, and two words of a function may stand for one name outside.
    called = [(axis.label, word) for axis, word in zip(wanted, node.attrs["words"], strict=True) if axis.strong]
    twice = next((label for label, word in called if called.count((label, word)) > 1), None)
    if twice is not None:
        raise ShapeError(
            "E305", f"`relabel` would call two axes of {show(shape)} `{twice}`", "give each a name of its own"
        )
    if any(
        not graph.compatible(Shaped(b.label, a.size), Shaped(b.label, b.size))
        for a, b in zip(shape, wanted, strict=True)
    ):
        message = f"{show(shape)} cannot be called {show(wanted)}: the sizes differ"
        raise ShapeError("E308", message, _in_order(graph, shape, wanted))
    return wanted


def _returned_shape(graph: Graph, node: Node) -> Shape:
    shape, own = argument(graph, node), node.attrs["own"]
    labels = {axis.label for axis in shape}
    return tuple(
        Shaped(own[a.label], a.size, a.strong) if own.get(a.label, a.label) not in labels else a for a in shape
    )


operation("reduce", Rule(_reduce_shape, waits=False), _reduce)
operation("along", Rule(_same_shape, given, takes="arguments"), _along)
operation("slice", Rule(_slice_shape), _slice)
operation("expand", Rule(_expand_shape, _expand_backward, takes="arguments"), _expand)
operation("merge", Rule(_merge_shape), _merge)
operation("split", Rule(_split_shape), _reshape)
operation("transpose", Rule(_transpose_shape), _transpose)
operation("repeat", Rule(_repeat_shape), _repeat)
operation("pad", Rule(_pad_shape), _pad)
operation("returned", Rule(_returned_shape, given, takes="arguments"), lambda lowering, node: lowering[node.args[0]])
operation("relabel", Rule(_relabel_shape, waits=False), lambda lowering, node: lowering[node.args[0]])
