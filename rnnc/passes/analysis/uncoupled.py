"""Axes that nothing in a step couples: what a state has at one index of them never meets what it has at another.

Batch is such an axis by nature. Heads of a block-diagonal recurrence are one, and rows of a matrix that is only ever
read row by row. They are found by following the axes of everything that depends on a carried value from operation to
operation. An axis is coupled where it is summed, cut, put together, or stretched; or where something that depends on
a carried value lacks it or has it twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rnnc.ir.operations import TABLE
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.shapes import untouched
from rnnc.ir.program import Axis, Loop, Op, Value, reads

Place = tuple[Value, int]  # a value, and the position of one of its axes
Aligned = list[tuple[int, int]]  # positions among arguments and outputs, and of an axis in each

ALONG = frozenset({"concat", "split", "slice", "pad", "flip", "cumsum", "softmax"})  # only the axis that they name


def leading(loop: Loop) -> tuple[Axis, ...]:
    """The uncoupled axes that come first, and in one order, in all that depends on a carried value."""
    if not loop.carries:
        return ()
    first, found = loop.carries[0].param.type, uncoupled(loop)
    count = 0
    while any(set(axis.values()) == {count} for axis in found):
        count += 1
    return first.axes[:count]


def uncoupled(loop: Loop) -> list[Mapping[Value, int]]:
    """For each axis that nothing couples, its position in every value of a step that depends on a carried one."""
    dependent, groups = _dependent(loop), _Groups()
    for carry in loop.carries:
        for axis in range(carry.param.type.rank):
            groups.unite([(carry.param, axis), (carry.next, axis)])
    for node in loop.body:
        if not any(out in dependent for out in node.outs):
            continue
        if not isinstance(node, Op):
            return []
        operands, aligned = (*node.args, *node.outs), _aligned(node)
        for group in aligned:
            groups.unite([(operands[n], axis) for n, axis in group if operands[n] in dependent])
        through = {place for group in aligned for place in group}
        for n, value in enumerate(operands):
            if value in dependent:
                groups.couple((value, axis) for axis in range(value.type.rank) if (n, axis) not in through)
    places = [(value, axis) for value in dependent for axis in range(value.type.rank)]
    found = groups.uncoupled(places)
    return [dict(group) for group in found if len(group) == len(dependent) == len(dict(group))]


def _dependent(loop: Loop) -> dict[Value, None]:
    """What depends on a carried value, and what a step hands on; in order."""
    found = dict.fromkeys(carry.param for carry in loop.carries)
    found |= dict.fromkeys(carry.next for carry in loop.carries) | dict.fromkeys(value for value, _ in loop.ys)
    for node in loop.body:
        if any(value in found for value in reads(node)):
            found |= dict.fromkeys(node.outs)
    return found


class _Groups:
    """Places that belong together (a forest: each knows one other, up to a root), and those that are coupled."""

    def __init__(self) -> None:
        self._above: dict[Place, Place] = {}
        self._coupled: list[Place] = []

    def unite(self, places: Sequence[Place]) -> None:
        for place in places[1:]:
            mine, first = self._root(place), self._root(places[0])
            if mine != first:
                self._above[mine] = first

    def couple(self, places: Iterator[Place]) -> None:
        self._coupled.extend(places)

    def uncoupled(self, places: Sequence[Place]) -> list[list[Place]]:
        """The groups in which no place is coupled."""
        found: dict[Place, list[Place]] = {}
        for place in places:
            found.setdefault(self._root(place), []).append(place)
        for place in self._coupled:
            found.pop(self._root(place), None)
        return list(found.values())

    def _root(self, place: Place) -> Place:
        while place in self._above:
            place = self._above[place]
        return place


def _aligned(op: Op) -> list[Aligned]:
    """The axes along which an operation works elementwise: an element of an output reads, in each argument of a group,
    elements at its own index only."""
    attrs, args, out = Attrs(op), len(op.args), op.outs[0].type
    if op.name == "contract":
        words = (attrs.text("a"), attrs.text("b"), attrs.text("out"))
        return [[(n, w.index(x)) for n, w in enumerate(words) if x in w] for x in words[2]]
    if op.name == "transpose":
        return [[(0, axis), (1, place)] for place, axis in enumerate(attrs.integers("perm"))]
    if op.name == "reshape":
        x, (front, back) = op.args[0].type, untouched(op.args[0].type, out)
        ahead = [[(0, axis), (1, axis)] for axis in range(front)]
        return [*ahead, *([(0, x.rank - n), (1, out.rank - n)] for n in range(1, back + 1))]
    if op.name in ALONG:
        others = (axis for axis in range(out.rank) if axis != attrs.integer("axis"))
        return [[(n, axis) for n in range(args + len(op.outs))] for axis in others]
    if op.name.startswith("reduce_") and op.name != "reduce_to":
        folded, keep = attrs.integers("axes"), attrs.flag("keep")
        left = [axis for axis in range(op.args[0].type.rank) if axis not in folded]
        return [[(0, axis), (1, axis if keep else place)] for place, axis in enumerate(left)]
    row = TABLE.get(op.name)  # of a backend's own operations nothing is known
    if op.name in ("broadcast", "reduce_to") or (row and row.kind in ("elementwise", "random", "source")):
        return [_matching(op, axis) for axis in range(out.rank)]
    return []


def _matching(op: Op, axis: int) -> Aligned:
    """An axis of an elementwise result, with the arguments that are not stretched along it."""
    out = op.out.type
    alike = [n for n, x in enumerate(op.args) if x.type.rank == out.rank and x.type.shape[axis] == out.shape[axis]]
    return [(n, axis) for n in (*alike, len(op.args))]
