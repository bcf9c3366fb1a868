"""Nodes that read nothing (inputs, states, parameters, constants), and names for other nodes."""

from __future__ import annotations

from rnnc.ir.program import DType, Value
from rnnc.ir.size import Size
from rnnc.semantics.shapes.lower import Lowering, operation, subset
from rnnc.semantics.shapes.nodes import Graph, Node, Rule, ShapeError
from rnnc.semantics.shapes.rules.elementwise import is_turned, is_turned_back, refuse_turning
from rnnc.semantics.shapes.shaped import Shape, Shaped, show

MAX_INT = 2**31 - 1


def _declared(graph: Graph, node: Node) -> Shape | None:
    return node.shape


def _given(lowering: Lowering, node: Node) -> Value:
    raise AssertionError(f"{node.op} {node.name} was not given to the lowering")


def _constant(lowering: Lowering, node: Node) -> Value:
    value = node.attrs["value"]
    if isinstance(value, Size):
        value = lowering.graph.resolve_size(value)
        if value.constant is None:
            return lowering.op("extent", size=value, dtype="int")
        value = value.constant
    if isinstance(value, int) and not -MAX_INT - 1 <= value <= MAX_INT:
        value = float(value)  # whole numbers have 32 bits
    return lowering.op("const", value=value)


def _filled(lowering: Lowering, node: Node) -> Value:
    return lowering.op("full", value=node.attrs["value"], axes=lowering.axes(lowering.shape(node)))


# An equation: args = [value] once it has been read; `declared` is the shape of the state that it defines.


def _equation(graph: Graph, node: Node) -> Shape | None:
    if not node.args:
        return None
    shape = node.args[0].shape
    declared: Shape | None = node.attrs.get("declared")
    if shape is None or declared is None:
        return shape
    if not graph.equal(declared, shape):
        if shape == ():
            return declared  # a number fills the state
        if is_turned_back(graph, declared, shape):  # axes are found by their labels, as in elementwise operations
            if is_turned(node.args[0]):
                own = graph.resolve_all(shape)
                refuse_turning(f"what `{node.name}` is given", own, graph.resolve_all(declared))
            for axis, place in zip(declared, subset(graph, declared, shape) or (), strict=True):
                graph.unify(axis, shape[place])
            return declared
        raise ShapeError(
            "E302",
            f"`{node.name}` is declared as {show(graph.resolve_all(declared))} "
            f"but {node.attrs.get('gives', 'its equation gives')} {show(graph.resolve_all(shape))}",
            _brought(graph, graph.resolve_all(declared), graph.resolve_all(shape)),
        )
    axes = zip(graph.unify_all(declared, shape), graph.resolve_all(declared), strict=True)
    # A state's axes have the declared names before the step and after it.
    return tuple(Shaped(own.label, axis.size, own.strong) if own.label.isidentifier() else axis for axis, own in axes)


def _brought(graph: Graph, declared: Shape, shape: Shape) -> str:
    """How the value of an equation gets the axes of its state."""
    places = subset(graph, declared, shape)
    if places is not None and len(shape) == len(declared) + 1:
        more = next(a.label for i, a in enumerate(shape) if i not in places)
        if more.isidentifier():
            return f"`sum(…, {more})` sums over the axis that it has more; of products `A @ b` sums, `A * b` does not"
    if len(shape) == len(declared) and all(a.size == b.size for a, b in zip(shape, declared, strict=True)):
        names = ", ".join(f"{a.label}: {a.size}" for a in declared)
        return f"`relabel(…, {names})` calls the equation's axes as those of the state"
    return "declare the state with the equation's axes, or bring the equation to the state's (`linear`, `merge`, …)"


def _equation_backward(graph: Graph, node: Node) -> bool:
    wanted = node.attrs.get("declared", node.shape)
    if node.args and node.args[0].shape is None and wanted is not None and graph.receptive(node.args[0]):
        return graph.settle(node.args[0], wanted)
    return False


def _equation_lower(lowering: Lowering, node: Node) -> Value:
    if lowering.shape(node) and not lowering.shape(node.args[0]):
        return lowering.op("broadcast", lowering[node.args[0]], axes=lowering.axes(lowering.shape(node)))
    return lowering.aligned(node.args[0], lowering.shape(node))


def _found(lowering: Lowering, node: Node) -> Value:
    """What an inner cell finds in a state at this step: of the state's type."""
    value, dtype = _equation_lower(lowering, node), node.attrs["dtype"]
    if value.type.dtype is dtype:
        return value
    if dtype is DType.INT and value.type.dtype is DType.FLOAT:
        message = f"the state `{node.name}` holds whole numbers, and this step is given a float"
        raise ShapeError("E310", message, "what is made of whole numbers is whole: `//`, `%`, `where`, …")
    return lowering.op("cast", value, dtype=dtype.value)


def _pattern(graph: Graph, node: Node) -> Shape | None:
    shape = node.args[0].shape
    pattern: Shape = node.attrs["pattern"]
    if shape is None:
        return None
    if not graph.equal(pattern, shape):
        wanted, given = graph.resolve_all(pattern), graph.resolve_all(shape)
        words: tuple[str, ...] = node.attrs["words"]
        written = f"[{', '.join(words)}]"
        here = f", which is {show(wanted)} here," if written != show(wanted) else ""
        message = f"{node.attrs['what']} is {written}{here} but is given {show(given)}"
        raise ShapeError("E303", message, _in_its_order(words, wanted, given))
    return graph.unify_all(pattern, shape)


def _in_its_order(words: tuple[str, ...], wanted: Shape, given: Shape) -> str | None:
    """The pattern with the words where the argument has these axes, if two have changed places."""
    labels = [axis.label for axis in given]
    if len(given) != len(wanted):
        return None
    for i, (axis, label) in enumerate(zip(wanted, labels, strict=True)):
        if axis.label != label and axis.label in labels:
            other = list(words)
            j = labels.index(axis.label)
            other[i], other[j] = words[j], words[i]
            return f"axes of a pattern stand in the argument's own order: `[{', '.join(other)}]`"
    return None


def _pattern_backward(graph: Graph, node: Node) -> bool:
    if node.args[0].shape is None and node.shape is not None and graph.receptive(node.args[0]):
        return graph.settle(node.args[0], node.shape)
    return False


def _pattern_guess(graph: Graph, node: Node) -> bool:
    """Where nothing else is known, at least the number of axes is."""
    return graph.settle(node, node.attrs["pattern"])


for _name in ("input", "state", "param", "mask", "member", "poison"):
    operation(_name, Rule(_declared), _given)
operation("const", Rule(_declared), _constant)
operation("filled", Rule(_declared), _filled)
operation("equation", Rule(_equation, _equation_backward, takes="arguments", waits=False), _equation_lower)
operation("found", Rule(_equation, _equation_backward, takes="arguments", waits=False), _found)
operation(
    "pattern",
    Rule(_pattern, _pattern_backward, _pattern_guess, takes="arguments"),
    lambda lowering, node: lowering[node.args[0]],
)
