"""Equal pieces that are reduced one by one stand in a stack: its members are reduced together.

    i, f = split(z)        z : [2 * units]          i, f = split(reshape(z))     : [2, units]
    mean(i), mean(f)                          =>    mean(reshape(z), axis 1)

The norms of several gates are the case. `PieceTable` then merges what is done to the members, as it does with those of
a family.
"""

from __future__ import annotations

import itertools

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import AttrValue, Axis, Op
from rnnc.ir.size import ONE, Size
from rnnc.passes.analysis.blockgraph import BlockGraph

REDUCTIONS = ("reduce_sum", "reduce_mean", "reduce_max", "reduce_min")


def stack_reduced(graph: BlockGraph) -> None:
    """Make stacks of vectors that are split into equal parts, two of which or more are reduced in the same way."""
    for split in graph.ops("split"):
        sizes = Attrs(split).sizes("sizes")
        if len(sizes) < 2 or split.args[0].type.rank != 1 or any(size != sizes[0] for size in sizes) or sizes[0] == ONE:
            continue
        reduced = [
            {(op.name, op.attrs) for op in graph.readers(out) if isinstance(op, Op) and op.name in REDUCTIONS}
            for out in split.outs
        ]
        if any(not one.isdisjoint(other) for one, other in itertools.pairwise(reduced)):
            _stack(graph, split, sizes)


def _stack(graph: BlockGraph, split: Op, sizes: tuple[Size, ...]) -> None:
    (whole,), place = split.args, graph.place(split)
    graph.remove(split)
    axes = (Axis("member", Size.of(len(sizes))), split.outs[0].type.axes[0])
    stack = graph.op_at(place, "reshape", whole, axes=axes, spans=split.spans, hint=whole.name)
    members = graph.ops_at(place, "split", stack, axis=0, sizes=(ONE,) * len(sizes), spans=split.spans)
    for member, out in zip(members, split.outs, strict=True):
        graph.op_at(place, "reshape", member, defines=out, axes=out.type.axes, spans=split.spans)


def of_stack(reduction: Op) -> dict[str, AttrValue]:
    """The attributes of a reduction of all members at once. Numbers keep axes, as what they meet has them."""
    attrs = Attrs(reduction)
    keep = attrs.flag("keep") or reduction.out.type.rank == 0
    return {"axes": tuple(axis + 1 for axis in attrs.integers("axes")), "keep": keep}
