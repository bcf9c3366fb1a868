"""Slices that together make up a value are a split of it: their cotangents are then put together, not added up.

i = slice(z, 0:n)
f = slice(z, n:2 * n)        =>   i, f, j = split(z)
j = slice(z, 2 * n:3 * n)
"""

from __future__ import annotations

from collections.abc import Sequence

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Op, Value
from rnnc.ir.size import Size
from rnnc.passes.analysis.blockgraph import BlockGraph


def split_slices(graph: BlockGraph) -> None:
    """Replace the slices of every value that they make up, without gap or overlap."""
    found: dict[tuple[Value, int], list[Op]] = {}
    for op in graph.ops("slice"):
        found.setdefault((op.args[0], Attrs(op).integer("axis")), []).append(op)
    for (whole, axis), slices in found.items():
        row = _in_a_row(slices, whole.type.shape[axis])
        if row is not None:
            _replace(graph, whole, axis, row)


def _in_a_row(slices: Sequence[Op], size: Size) -> list[Op] | None:
    """The slices in order; None where some begin at the same place, or do not begin where another ends."""
    by_start = {Attrs(op).size("start"): op for op in slices}
    if len(by_start) != len(slices):
        return None
    row: list[Op] = []
    end = Size.of(0)
    while end != size:
        op = by_start.pop(end, None)
        if op is None:
            return None
        row.append(op)
        end = Attrs(op).size("stop")
    return row if len(row) > 1 and not by_start else None


def _replace(graph: BlockGraph, whole: Value, axis: int, row: list[Op]) -> None:
    place = min(graph.place(op) for op in row)
    for op in row:
        graph.remove(op)
    outs = tuple(op.out for op in row)
    sizes = tuple(out.type.shape[axis] for out in outs)
    spans = frozenset(span for op in row for span in op.spans)
    graph.ops_at(place, "split", whole, defines=outs, axis=axis, sizes=sizes, spans=spans)
