"""Products of what is there: of matrices (`@`), outer, and contractions of a named axis."""

from __future__ import annotations

from rnnc.ir.program import Value
from rnnc.semantics.shapes.lower import Lowering, operation, subset
from rnnc.semantics.shapes.nodes import Graph, Node, Rule, ShapeError, known
from rnnc.semantics.shapes.rules.axes import find_axis
from rnnc.semantics.shapes.rules.elementwise import naming
from rnnc.semantics.shapes.rules.products import LETTERS
from rnnc.semantics.shapes.shaped import Shape, Shaped, show


def _both(node: Node, left: Shape, right: Shape) -> str:
    one, other = naming(node)
    return f"{one} is {show(left)} and {other} is {show(right)}"


def _over(node: Node, left: Shape, right: Shape) -> str:
    """The remedy for axes that stand in other places: the first that both sides have."""
    swapped = "`transpose(A)` swaps the axes of a matrix"
    both = {(a.label, a.size) for a in right}
    axis = next((a.label for a in left if (a.label, a.size) in both and a.label.isidentifier()), None)
    if axis is None:
        return f"{swapped}; `contract(a, b, over = key)` names the axis"
    names = [name.strip("`") for name in naming(node)]
    a, b = (n if n.removesuffix("'").isidentifier() else c for n, c in zip(names, "ab", strict=True))
    if right[-1].label == axis == left[0].label:
        return f"`{b} @ {a}` sums over `{axis}`; {swapped}"
    return f"`contract({a}, {b}, over = {axis})` names the axis; {swapped}"


def _matmul_shape(graph: Graph, node: Node) -> Shape | None:
    left, right = (graph.resolve_all(known(a)) for a in node.args)
    if not left or not right:
        raise ShapeError(
            "E309", f"`@` wants axes on both sides, but {_both(node, left, right)}", "a number multiplies by `*`"
        )
    if not graph.compatible(left[-1], right[0]) and left[-1].size != right[0].size:
        raise ShapeError(
            "E309",
            f"`@` sums over the last axis of the left side and the first of the right, but {_both(node, left, right)}",
            _over(node, left, right),
        )
    return left[:-1] + right[1:]


def _matmul_backward(graph: Graph, node: Node) -> bool:
    """The unknown side, where the other side and the result are known: what is summed, and what the other lacks."""
    left, right = node.args
    if node.shape is None or (left.shape is None) == (right.shape is None):
        return False
    if left.shape and right.shape is None and graph.receptive(right):
        own = len(left.shape) - 1
        return len(node.shape) >= own and graph.settle(right, (left.shape[-1], *node.shape[own:]))
    if right.shape and left.shape is None and graph.receptive(left):
        own = len(node.shape) - len(right.shape) + 1
        return own >= 0 and graph.settle(left, (*node.shape[:own], right.shape[0]))
    return False


def _matmul(lowering: Lowering, node: Node) -> Value:
    n, m = (len(lowering.shape(a)) for a in node.args)
    a, b = LETTERS[:n], LETTERS[n - 1 : n - 1 + m]
    left, right = (lowering[x] for x in node.args)
    return lowering.op("contract", left, right, a=a, b=b, out=a[:-1] + b[1:], reduce="")


def _outer_shape(graph: Graph, node: Node) -> Shape | None:
    left, right = (graph.resolve_all(known(a)) for a in node.args)
    strong = {a.label for a in left if a.strong} & {a.label for a in right if a.strong}
    both = {a.label for a in left} & {a.label for a in right}
    doubtful = both - strong
    if doubtful:
        label = min(doubtful)
        message = f"both sides of this outer product have an axis `{label}`"
        raise ShapeError("E305", message, _doubtful(node, left, right, both, label))
    if (unequal := _of_two_sizes(graph, left, right)) is not None:
        one, other = unequal
        raise ShapeError(
            "E301",
            f"both sides of this outer product have an axis `{one.label}`, of {one.size} and of {other.size}",
            _renamed(node, right, one.label),
        )
    if strong and strong == {a.label for a in left} == {a.label for a in right}:
        raise ShapeError(
            "E305",
            f"both sides of this outer product have the axes {show(left)} and no other, so there are no pairs",
            f"{_renamed(node, right, right[-1].label)}; a product of elements is `*`",
        )
    return _contract_letters(graph, node)[3]


def _outer_backward(graph: Graph, node: Node) -> bool:
    """The unknown side, where the other side and the result are known, has the axes that the other side lacks."""
    for known_side, unknown in (node.args, reversed(node.args)):
        if node.shape is None or known_side.shape is None or unknown.shape is not None or not graph.receptive(unknown):
            continue
        result = graph.resolve_all(node.shape)
        places = subset(graph, graph.resolve_all(known_side.shape), result)
        if places is not None and len(places) < len(result):
            return graph.settle(unknown, tuple(axis for i, axis in enumerate(result) if i not in places))
    return False


def _renamed(node: Node, shape: Shape, label: str) -> str:
    """How an axis of the right side gets a name of its own."""
    text = naming(node)[1].strip("`")
    axes = (f"{'other' if a.label == label else a.label}: {a.size}" for a in shape)
    return f"give one a name of its own, `relabel({text}, {', '.join(axes)})`"


def _doubtful(node: Node, left: Shape, right: Shape, both: set[str], label: str) -> str:
    """The remedy for an axis that may be meant as one, or as two of one size."""
    vectors = [name for name, shape in zip(naming(node), (left, right), strict=True) if len(shape) == 1]
    text = vectors[0].strip("`") if vectors else "v"
    text = text if text.isidentifier() else "v"
    fix = f"give one a name of its own: `relabel({text}, key: {label})`, or where it is made, `out = [key: {label}]`"
    if len(left) > len(both) < len(right):
        return f"it is paired where it is declared with a label, `[{label}: {label}]`"
    if len(left) == len(right):
        return fix
    return f"all axes of one are among the other's: a product of elements is `*`; or {fix}"


def _of_two_sizes(graph: Graph, left: Shape, right: Shape) -> tuple[Shaped, Shaped] | None:
    """The first axis that both sides have under one label and with different sizes."""
    pairs = ((a, b) for a in left for b in right if a.label == b.label)
    return next((pair for pair in pairs if not graph.compatible(*pair)), None)


def _contract_letters(graph: Graph, node: Node) -> tuple[str, str, str, Shape]:
    left, right = (graph.resolve_all(known(a)) for a in node.args)
    labels: tuple[str, ...] = node.attrs["over"]
    gone = [left[find_axis(graph, left, label)].label for label in labels]
    for label in gone:
        find_axis(graph, right, label)
    letters: dict[str, str] = {}
    for axis in (*left, *right):
        letters.setdefault(axis.label, LETTERS[len(letters)])
    for shape in (left, right):
        if len({a.label for a in shape}) != len(shape):
            raise ShapeError("E305", f"two axes of {show(shape)} have one label")
    if (unequal := _of_two_sizes(graph, left, right)) is not None:
        one, other = unequal
        raise ShapeError("E301", f"axis `{one.label}` has two sizes: {one.size} and {other.size}")
    shape = tuple(a for a in left if a.label not in gone)
    shape += tuple(a for a in right if a.label not in gone and a.label not in [x.label for x in left])
    a, b = ("".join(letters[x.label] for x in s) for s in (left, right))
    return a, b, "".join(letters[x.label] for x in shape), shape


def _contract(lowering: Lowering, node: Node) -> Value:
    a, b, out, _ = _contract_letters(lowering.graph, node)
    return lowering.op("contract", lowering[node.args[0]], lowering[node.args[1]], a=a, b=b, out=out, reduce="")


operation("matmul", Rule(_matmul_shape, _matmul_backward, takes="arguments"), _matmul)
operation("outer", Rule(_outer_shape, _outer_backward, takes="arguments"), _contract)
operation("contract", Rule(lambda graph, node: _contract_letters(graph, node)[3]), _contract)
