"""Which values a gradient can flow through: those that depend on something differentiable, and matter to something."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rnnc.ir.operations import TABLE
from rnnc.ir.program import DType, Loop, Node, Op, Value, reads


def differentiable(op: Op) -> bool:
    """Whether a gradient can pass an operation at all."""
    return TABLE[op.name].derive is not None


def varied(nodes: Sequence[Node], roots: Iterable[Value]) -> set[Value]:
    """Every float, in loops' bodies too, that depends differentiably on one of `roots`; the roots among them."""
    found = {root for root in roots if root.type.dtype is DType.FLOAT}
    _vary(nodes, found)
    return found


def influencing(nodes: Sequence[Node], targets: Iterable[Value], among: set[Value]) -> set[Value]:
    """The targets and those values of `among` on which they depend differentiably."""
    found = set(targets)
    for node in reversed(nodes):
        if found.isdisjoint(node.outs):
            continue
        if isinstance(node, Loop):
            found.update(v for v in reads(node) if v in among)
        elif differentiable(node):
            found.update(v for v in node.args if v in among)
    return found


def _vary(nodes: Sequence[Node], found: set[Value]) -> None:
    for node in nodes:
        if isinstance(node, Loop):
            _vary_loop(node, found)
        elif differentiable(node) and not found.isdisjoint(node.args):
            _add(found, node.outs)


def _vary_loop(loop: Loop, found: set[Value]) -> None:
    _add(found, (param for seq, param in loop.xs if seq in found))
    _add(found, (c.param for c in loop.carries if c.init in found))
    while True:  # a carry that varies makes others vary, at most once each
        _vary(loop.body, found)
        more = [c.param for c in loop.carries if c.next in found and c.param not in found]
        if not more:
            break
        _add(found, more)
    for carry in loop.carries:
        if carry.param in found:
            _add(found, (v for v in (carry.final, carry.before) if v is not None))
    _add(found, (seq for value, seq in loop.ys if value in found))


def _add(found: set[Value], values: Iterable[Value]) -> None:
    found.update(v for v in values if v.type.dtype is DType.FLOAT)
