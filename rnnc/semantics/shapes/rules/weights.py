"""Shapes of weights that follow from other nodes' shapes."""

from __future__ import annotations

from rnnc.ir.program import Value
from rnnc.semantics.shapes.lower import Lowering, check_per_row, operation
from rnnc.semantics.shapes.nodes import Graph, Node, Rule, ShapeError, known
from rnnc.semantics.shapes.rules.axes import find_axis
from rnnc.semantics.shapes.shaped import Shape, Shaped, show


def _like(graph: Graph, node: Node) -> Shape | None:
    shape = graph.resolve_all(known(node.args[0]))
    labels: tuple[str, ...] | None = node.attrs["axes"]
    return shape if labels is None else tuple(shape[find_axis(graph, shape, label)] for label in labels)


def _same(graph: Graph, node: Node) -> Shape | None:
    """Two uses of one weight: the same sizes in the same order (labels are each user's own)."""
    one, other = (a.shape for a in node.args)
    if one is None or other is None:
        return None
    one, other = graph.resolve_all(one), graph.resolve_all(other)
    if len(one) != len(other) or not all(graph.same_size(a.size, b.size) for a, b in zip(one, other, strict=True)):
        raise ShapeError("E312", f"the shared weight `{node.args[0].name}` is {show(one)} there but {show(other)} here")
    return ()


def _same_bias(graph: Graph, node: Node) -> bool:
    """What has a bias that stood before gives as many numbers as it did there."""
    known, other = node.args
    if known.shape is None or other.op not in ("bias", "channel_bias") or other.args[0].shape is not None:
        return False
    if other.attrs.get("each"):
        return False  # the result has more axes
    return graph.settle(other.args[0], known.shape)


def _adopt(graph: Graph, node: Node) -> Shape | None:
    """An argument under the labels of the input that it feeds."""
    given = graph.resolve_all(known(node.args[0]))
    wanted: Shape = graph.resolve_all(node.attrs["declared"])
    fits = len(given) == len(wanted) and all(
        graph.same_size(a.size, b.size) and not (a.strong and b.strong and a.label != b.label)
        for a, b in zip(given, wanted, strict=True)
    )
    if not fits:
        raise ShapeError("E303", f"{node.attrs['what']} wants {show(wanted)} but is given {show(given)}")
    return tuple(Shaped(w.label, graph.resolve_size(w.size), w.strong) for w in wanted)


def _adopt_backward(graph: Graph, node: Node) -> bool:
    """An argument has the sizes that the input declares, as far as they are known, under any labels."""
    wanted = graph.resolve_all(node.shape or node.attrs["declared"])
    if any(symbol.startswith("?") for axis in wanted for symbol in axis.size.symbols):
        return False
    weak = tuple(Shaped(axis.label, axis.size) for axis in wanted)
    return graph.receptive(node.args[0]) and graph.settle(node.args[0], weak)


def _adopt_lower(lowering: Lowering, node: Node) -> Value:
    check_per_row(node, lowering[node.args[0]])
    return lowering[node.args[0]]


def _given(lowering: Lowering, node: Node) -> Value:
    raise AssertionError(f"weight {node.name} was not given to the lowering")


operation("like", Rule(_like), _given)
operation("same", Rule(_same, guess=_same_bias), _given)
operation("adopt", Rule(_adopt, _adopt_backward, takes="arguments"), _adopt_lower)
