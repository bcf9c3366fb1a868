"""Loops in stretches: the same steps, but an outer loop over every K steps whose carries can be collected.

Differentiating such a loop keeps the states at the start of each stretch and runs the stretch again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rnnc.ir.program import Carry, DType, Loop, Node, Op, Type, Value
from rnnc.ir.rewrite import fresh


def in_stretches(nodes: Sequence[Node], every: int) -> tuple[Node, ...]:
    """The block with its loops over steps in stretches of `every` steps.

    A loop that collects its states stays as it is (they would be zero past a row's length), and so does one that
    is in stretches already.
    """
    return tuple(node if isinstance(node, Op) or not divisible(node) else _stretched(node, every) for node in nodes)


def divisible(loop: Loop) -> bool:
    """Whether a loop over steps can be one over stretches."""
    return loop.chunk is None and all(c.before is None for c in loop.carries)


def _stretched(loop: Loop, every: int) -> Loop:
    stretches = {seq: fresh(seq) for seq in (*(s for s, _ in loop.xs), *(s for _, s in loop.ys))}
    like = None if loop.like is None else stretches.setdefault(loop.like, fresh(loop.like))
    valid = None if loop.lengths is None else Value(Type((), DType.INT, batch=True), "valid")
    inner_carries: list[Carry] = []
    outer_carries: list[Carry] = []
    for carry in loop.carries:
        start, end = fresh(carry.param), fresh(carry.final)
        inner_carries.append(replace(carry, init=start, final=end))
        outer_carries.append(Carry(init=carry.init, param=start, next=end, final=carry.final))
    inner = replace(
        loop,
        xs=tuple((stretches[seq], param) for seq, param in loop.xs),
        carries=tuple(inner_carries),
        ys=tuple((value, stretches[seq]) for value, seq in loop.ys),
        lengths=valid,
        like=like,
    )
    entering = dict.fromkeys((*(s for s, _ in loop.xs), *(() if loop.like is None else (loop.like,))))
    return Loop(
        xs=tuple((seq, stretches[seq]) for seq in entering),
        carries=tuple(outer_carries),
        body=(inner,),
        ys=tuple((stretches[seq], seq) for _, seq in loop.ys),
        reverse=loop.reverse,
        lengths=loop.lengths,
        valid=valid,
        chunk=every,
        name=loop.name,
        spans=loop.spans,
    )
