"""States that hold what came in at the last steps: windows, which are delays in a row.

    past    = concat(window, expand(x, tap))            window' = [window[1], window[2], x]
    window' = past[tap = 1:]

A step moves every part of such a state to another place, or drops it, and puts something new into the rest. Cut so that
each part comes from a single one, the parts are delays of one another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Node, Op, Value
from rnnc.ir.size import ZERO, Size
from rnnc.passes.analysis.extent import at_most

PARTS = 16  # a state of more parts is no window: each would be a sequence of its own


@dataclass(frozen=True)
class Piece:
    """`size` places of a value along the axis of a window, from `start` on."""

    source: Value
    start: Size
    size: Size

    @property
    def stop(self) -> Size:
        return self.start + self.size


@dataclass(frozen=True)
class Window:
    """A state as parts along an axis: how many places each has, and what it is after a step: the part of this number as
    the step found it, or something new."""

    axis: int
    sizes: tuple[Size, ...]
    after: tuple[int | Piece, ...]

    @property
    def order(self) -> tuple[int, ...]:
        """The parts, each behind the one that it takes from."""
        done: list[int] = [n for n, source in enumerate(self.after) if isinstance(source, Piece)]
        for taken in done:  # grows meanwhile
            done += [n for n, source in enumerate(self.after) if source == taken]
        return tuple(done)


class _NoWindow(Exception):
    """The state is none, or that cannot be told of its sizes."""


class ManyParts(Exception):
    """The state may be a window, of more than PARTS parts."""


def window(body: Sequence[Node], state: Value, result: Value) -> Window | None:
    """The window that a state is, if it is one: `result` is what a step makes of it. Raises ManyParts."""
    producers = {out: node for node in body for out in node.outs}
    node = producers.get(result)
    if not isinstance(node, Op) or node.name not in ("concat", "slice", "split"):
        return None
    axis = Attrs(node).integer("axis")
    size = state.type.shape[axis]
    try:
        pieces = list(_pieces(result, ZERO, size, axis, state, producers))
        cuts = _cuts(pieces, state)
        found = Window(axis, tuple(b - a for a, b in pairwise(cuts)), _after(pieces, cuts, state))
    except _NoWindow:
        return None
    # Parts that only go round among themselves take nothing new: no delays.
    return found if len(found.order) == len(found.after) else None


def _pieces(
    value: Value, start: Size, stop: Size, axis: int, state: Value, producers: Mapping[Value, Node]
) -> Iterator[Piece]:
    """What a stretch of a value is put together from, in order."""
    node = producers.get(value)
    if value is state or not isinstance(node, Op) or node.name not in ("concat", "slice", "split"):
        yield Piece(value, start, stop - start)
        return
    attrs = Attrs(node)
    if attrs.integer("axis") != axis:
        yield Piece(value, start, stop - start)
    elif node.name == "slice":
        offset = attrs.size("start")
        yield from _pieces(node.args[0], offset + start, offset + stop, axis, state, producers)
    elif node.name == "split":
        offset = sum(attrs.sizes("sizes")[: node.outs.index(value)], ZERO)
        yield from _pieces(node.args[0], offset + start, offset + stop, axis, state, producers)
    else:
        begin = ZERO
        for part in node.args:
            end = begin + part.type.shape[axis]
            low, high = _larger(begin, start), _smaller(end, stop)
            if not _less_equal(high, low):
                yield from _pieces(part, low - begin, high - begin, axis, state, producers)
            begin = end


def _cuts(pieces: Sequence[Piece], state: Value) -> list[Size]:
    """Where to cut the state, so that after a step each part is one part, or new: from beginning to end."""
    moved: list[tuple[Size, Size, Size]] = []  # from where to where of the next state, and how much further back it was
    cuts: list[Size] = [ZERO]
    for piece in pieces:
        begin = cuts[-1]
        cuts.append(begin + piece.size)
        if piece.source is state:
            moved.append((begin, cuts[-1], piece.start - begin))
    for cut in cuts:  # grows meanwhile
        if len(cuts) > PARTS + 1:
            raise ManyParts
        for begin, end, by in moved:
            if _within(cut, begin, end) and cut + by not in cuts:
                cuts.append(cut + by)
            if _within(cut - by, begin, end) and cut - by not in cuts:
                cuts.append(cut - by)
    return _sorted(cuts)


def _after(pieces: Sequence[Piece], cuts: Sequence[Size], state: Value) -> tuple[int | Piece, ...]:
    after: list[int | Piece] = []
    begin = ZERO
    for piece in pieces:
        end = begin + piece.size
        for cut, stop in pairwise(cuts):
            if _less_equal(begin, cut) and _less_equal(stop, end):
                part = Piece(piece.source, piece.start + cut - begin, stop - cut)
                after.append(cuts.index(part.start) if piece.source is state else part)
        begin = end
    if len(after) != len(cuts) - 1:
        raise _NoWindow
    return tuple(after)


def _sorted(sizes: Sequence[Size]) -> list[Size]:
    ordered: list[Size] = []
    for size in sizes:
        place = sum(_less_equal(other, size) for other in ordered)
        ordered.insert(place, size)
    return ordered


def _within(size: Size, low: Size, high: Size) -> bool:
    return _less_equal(low, size) and _less_equal(size, high)


def _less_equal(left: Size, right: Size) -> bool:
    """Whether left <= right. Raises where sizes decide that which are not known yet."""
    if at_most(left, right):
        return True
    if at_most(right, left):
        return False
    raise _NoWindow


def _larger(left: Size, right: Size) -> Size:
    return right if _less_equal(left, right) else left


def _smaller(left: Size, right: Size) -> Size:
    return left if _less_equal(left, right) else right
