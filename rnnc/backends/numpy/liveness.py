"""When values are read for the last time, and which operation a view was taken of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rnnc.backends.numpy.spelling import SPELLINGS, View
from rnnc.ir.program import Loop, Node, Op, Value, reads


def last_uses(nodes: Sequence[Node], results: Iterable[Value]) -> dict[Value, int]:
    """The position of the last node that reads each value; results are read after the last node."""
    dies: dict[Value, int] = {}
    for position, node in enumerate(nodes):
        for value in reads(node):
            dies[value] = position
    dies.update((value, len(nodes)) for value in results)
    return dies


def results_of(loop: Loop) -> list[Value]:
    """What the body of a loop hands out."""
    return [*(carry.next for carry in loop.carries), *(value for value, _ in loop.ys)]


def written(nodes: Sequence[Node]) -> dict[Value, Op]:
    """The values that operations write into destinations of their own: no views, no plain numbers."""
    return {
        out: node
        for node in nodes
        if isinstance(node, Op) and not isinstance(SPELLINGS[node.name], View) and node.name not in ("const", "extent")
        for out in node.outs
    }


def views(nodes: Sequence[Node]) -> dict[Value, Value]:
    """Of every result of a view: what it is a view of."""
    return {
        out: node.args[0]
        for node in nodes
        if isinstance(node, Op) and isinstance(SPELLINGS[node.name], View)
        for out in node.outs
    }


def origin(value: Value, views: Mapping[Value, Value]) -> Value:
    """What a value is finally a view of: itself where it is none."""
    while value in views:
        value = views[value]
    return value
