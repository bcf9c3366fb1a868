"""Places of an axis as whole numbers: 0, 1, …; that of the largest value; ranks; and what stands at a place."""

from __future__ import annotations

from dataclasses import dataclass

from rnnc.ir.program import Axis, DType, Value
from rnnc.ir.size import Size
from rnnc.semantics.shapes.lower import Lowering, align, operation
from rnnc.semantics.shapes.nodes import MAX_RANK, Graph, Node, Rule, ShapeError
from rnnc.semantics.shapes.rules.axes import argument, axis_of, find_axis
from rnnc.semantics.shapes.shaped import Shape, Shaped, show


def _counted(lowering: Lowering, axis: Shaped, axes: int, place: int) -> Value:
    """0, 1, … along the axis in that place, beside other axes with one place each."""
    size = lowering.size(axis)
    ones = [Axis("", Size.of(1))] * axes
    ones[place] = Axis(axis.label, size)
    return lowering.op(
        "cumsum", lowering.op("full", value=1, axes=tuple(ones)), axis=place, exclusive=True, reverse=False
    )


def _places(lowering: Lowering, node: Node) -> Value:
    (axis,) = lowering.shape(node)
    return _counted(lowering, axis, 1, 0)


# --- the place of the largest, and ranks ---


def _best_shape(graph: Graph, node: Node) -> Shape:
    place = axis_of(graph, node)
    shape = argument(graph, node)
    return shape[:place] + shape[place + 1 :]


def _best(lowering: Lowering, node: Node) -> Value:
    """The first place of the largest (smallest) value."""
    value = lowering[node.args[0]]
    value = lowering.op("neg", value) if node.attrs["smallest"] else value
    return lowering.op("argmax", value, axes=(axis_of(lowering.graph, node),))


def _rank_shape(graph: Graph, node: Node) -> Shape:
    shape = argument(graph, node)
    axis_of(graph, node)
    if len(shape) >= MAX_RANK:
        raise ShapeError(
            "E314", f"ranks compare all pairs, so they are of at most {MAX_RANK - 1} axes, not {len(shape)}"
        )
    return shape


def _rank(lowering: Lowering, node: Node) -> Value:
    """How many along the axis are larger, or as large and before it."""
    value, place, n = lowering[node.args[0]], axis_of(lowering.graph, node), len(lowering.shape(node))
    axis, one = lowering.shape(node)[place], Axis("", Size.of(1))

    def column(of: Value) -> Value:
        return lowering.op("reshape", of, axes=(*of.type.axes[: place + 1], one, *of.type.axes[place + 1 :]))

    def row(of: Value) -> Value:
        return lowering.op("reshape", of, axes=(*of.type.axes[:place], one, *of.type.axes[place:]))

    places = _counted(lowering, axis, n, place)
    earlier = lowering.op("lt", row(places), column(places))
    as_large = lowering.op("logical_and", lowering.op("eq", row(value), column(value)), earlier)
    above = lowering.op("logical_or", lowering.op("gt", row(value), column(value)), as_large)
    whole = lowering.op("where", above, lowering.op("const", value=1), lowering.op("const", value=0))
    return lowering.op("reduce_sum", whole, axes=(place + 1,), keep=False)


# --- what stands at a place ---


@dataclass(frozen=True)
class _Lookup:
    """How a table and an index meet: `rows` is the place of the rows; other axes of the table are paired with axes of
    the index under their name (`pairs`, by their places) or stand behind them (`rest`)."""

    table: Shape
    index: Shape
    rows: int
    pairs: dict[int, int]
    rest: tuple[int, ...]

    @property
    def shape(self) -> Shape:
        return (*self.index, *(self.table[i] for i in self.rest))


def _meeting(graph: Graph, node: Node) -> _Lookup:
    table, index = argument(graph, node, 0), argument(graph, node, 1)
    if not table:
        raise ShapeError("E306", "a table has at least one axis: its rows")
    label: str | None = node.attrs["axis"]
    rows = 0 if label is None else find_axis(graph, table, label)
    own = {axis.label: i for i, axis in enumerate(index) if axis.label.isidentifier()}
    pairs = {i: own[axis.label] for i, axis in enumerate(table) if i != rows and axis.label in own}
    for i, j in pairs.items():
        if not graph.compatible(table[i], index[j]):
            message = f"the table is {show(table)} and the index {show(index)}: `{table[i].label}` has two sizes"
            raise ShapeError("E301", message, about=table[i].label)
    rest = tuple(i for i in range(len(table)) if i != rows and i not in pairs)
    return _Lookup(table, index, rows, pairs, rest)


def _lookup(lowering: Lowering, node: Node) -> Value:
    """Rows of a parameter are taken; of what changes, or is paired with the index, a sum leaves out the others."""
    found = _meeting(lowering.graph, node)
    table, index = lowering[node.args[0]], lowering[node.args[1]]
    if node.args[1].op == "param":
        fix = "whole numbers that are given are an equation, `k = stack_axis(2, 0, 1, axis = n)`"
        raise ShapeError("E310", "the index of `lookup` is a whole number, and parameters are floats", fix)
    if not (found.pairs or table.type.time or table.type.batch):
        if found.rows != 0:
            table = lowering.op("transpose", table, perm=(found.rows, *found.rest))
        return lowering.op("lookup", table, index)
    if index.type.dtype is not DType.INT:
        fix = (
            "whole numbers are inputs declared `: int`, `step`, `argmax(v)`, and what is made of them, with `//`; "
            "`sum(relu(1 - abs(d - places(slot: n))) * v, slot)` is what stands at a place `d` between two"
        )
        raise ShapeError("E310", "the index of `lookup` is a whole number, not a float", fix)
    n = len(found.index)
    if n + 1 + len(found.rest) > MAX_RANK:
        raise ShapeError("E314", f"this looks at {n + 1 + len(found.rest)} axes; at most {MAX_RANK} are possible")
    if table.type.dtype is DType.BOOL:
        table = lowering.op("cast", table, dtype="float")
    # Each axis under a label of its own: those of the index, the rows, the others.
    places = {**found.pairs, found.rows: n, **{axis: n + 1 + i for i, axis in enumerate(found.rest)}}
    own = tuple(Shaped(f"#{places[i]}", axis.size, strong=True) for i, axis in enumerate(found.table))
    whole = (*found.index, found.table[found.rows], *(found.table[i] for i in found.rest))
    shape = tuple(Shaped(f"#{i}", axis.size, strong=True) for i, axis in enumerate(whole))
    table = align(lowering.graph, lowering.builder, table, own, shape)
    index = align(lowering.graph, lowering.builder, index, shape[:n], shape)
    here = lowering.op("eq", index, _counted(lowering, shape[n], len(shape), n))
    zero = lowering.op("const", value=0 if table.type.dtype is DType.INT else 0.0)
    return lowering.op("reduce_sum", lowering.op("where", here, table, zero), axes=(n,), keep=False)


operation("places", Rule(lambda graph, node: node.shape), _places)
operation("best", Rule(_best_shape), _best)
operation("rank", Rule(_rank_shape), _rank)
operation("lookup", Rule(lambda graph, node: _meeting(graph, node).shape), _lookup)
