"""Values side by side along an axis."""

from __future__ import annotations

from rnnc.ir.program import Value
from rnnc.ir.size import Size
from rnnc.semantics.shapes.lower import Lowering, align, operation
from rnnc.semantics.shapes.nodes import Graph, Node, Rule, ShapeError
from rnnc.semantics.shapes.rules.axes import argument, find_axis
from rnnc.semantics.shapes.rules.elementwise import naming
from rnnc.semantics.shapes.rules.hints import name_it
from rnnc.semantics.shapes.shaped import Shape, Shaped, show


def _concat_place(graph: Graph, node: Node) -> tuple[int, Shape]:
    """The axis of concatenation in the first argument, and the first argument's shape."""
    first = argument(graph, node)
    label: str | None = node.attrs["axis"]
    if label is None:
        if len(first) != 1:
            raise ShapeError("E306", f"along which axis of {show(first)}?", node.attrs.get("fix", name_it(first)))
        return 0, first
    try:
        return find_axis(graph, first, label), first
    except ShapeError as error:
        if error.fix is None:
            of_vectors = ", of vectors without a name for it" if len(first) == 1 else ""
            new = f"`stack_axis(…, axis = {label})` makes a new one"
            error.fix = f"it joins along an axis that is there{of_vectors}; {new}"
        raise


def _concat_parts(graph: Graph, node: Node) -> tuple[int, list[Shape]]:
    """Each argument's shape in the order of axes of the first."""
    place, first = _concat_place(graph, node)
    shapes = [first]
    for i in range(1, len(node.args)):
        shape = argument(graph, node, i)
        rest = first[:place] + first[place + 1 :]
        if len(shape) == len(first) and graph.equal(shape[:place] + shape[place + 1 :], rest):
            shapes.append(shape)
            continue
        wanted = tuple(Shaped(a.label, b.size, b.strong) for a in first for b in shape if b.label == a.label)
        fits = len(wanted) == len(first) == len(shape)
        others = wanted[:place] + wanted[place + 1 :]
        if not fits or not all(graph.compatible(a, b) for a, b in zip(rest, others, strict=True)):
            fix = "the other axes must agree in label and size"
            if graph.equal(shape, rest):
                fix = f"`expand(…, {first[place].label})` gives it that axis, with one place"
                if node.args[i].op == "const":
                    label = first[place].label
                    fix = f"the axis is named, `axis = {label}`; a number joins as `expand(…, {label})`"
            raise ShapeError("E301", _unlike(node, i, first, shape), fix)
        shapes.append(wanted)
    return place, shapes


def _unlike(node: Node, i: int, first: Shape, shape: Shape) -> str:
    names = naming(node)
    return f"{names[0]} is {show(first)} but {names[i]} is {show(shape)}: they do not fit side by side"


def _concat_shape(graph: Graph, node: Node) -> Shape:
    place, shapes = _concat_parts(graph, node)
    if len(shapes) == 1:
        return shapes[0]
    size = shapes[0][place].size
    for shape in shapes[1:]:
        size = size + shape[place].size
    old = shapes[0][place]
    result = list(shapes[0])
    result[place] = Shaped(old.label if old.strong else str(size), size, old.strong)
    return tuple(result)


def _concat_backward(graph: Graph, node: Node) -> bool:
    """A known result gives its other axes to the parts; along its own one a part has what all others leave, or one
    place, where `expand` makes it."""
    label: str | None = node.attrs["axis"]
    if node.shape is None or (label is None and len(node.shape) != 1):
        return False
    whole = graph.resolve_all(node.shape)
    place = find_axis(graph, whole, label) if label is not None else 0
    moved = False
    for arg in node.args:
        if arg.shape is not None or not graph.receptive(arg):
            continue
        others = [_along_of(graph, a, label) for a in node.args if a is not arg]
        own = _along_of(graph, arg, label)
        if own is None and None not in others:
            own = whole[place].size - sum((size for size in others if size is not None), Size.of(0))
        if own is None or (own.constant or 1) < 1:
            continue
        axis = Shaped(whole[place].label if whole[place].strong else str(own), own, whole[place].strong)
        moved = graph.settle(arg, (*whole[:place], axis, *whole[place + 1 :])) or moved
    return moved


def _along_of(graph: Graph, part: Node, label: str | None) -> Size | None:
    """How many places a part of a concatenation has along its axis, as far as that is known."""
    if part.shape is None:
        axis: Shaped | None = part.attrs["axis"] if part.op == "expand" else None
        return graph.resolve(axis).size if axis is not None and axis.label == label else None
    shape = graph.resolve_all(part.shape)
    sizes = [a.size for a in shape if label is None or a.label == label]
    return sizes[0] if len(sizes) == 1 else None


def _concat(lowering: Lowering, node: Node) -> Value:
    place, shapes = _concat_parts(lowering.graph, node)
    args: list[Value] = []
    for arg, shape in zip(node.args, shapes, strict=True):
        args.append(align(lowering.graph, lowering.builder, lowering[arg], lowering.shape(arg), shape))
    return args[0] if len(args) == 1 else lowering.op("concat", *args, axis=place)


operation("concat", Rule(_concat_shape, _concat_backward, takes="arguments"), _concat)
