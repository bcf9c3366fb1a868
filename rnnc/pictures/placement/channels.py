"""Where wires turn: each net has a vertical track of its own between two columns, and tracks are ordered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

_NEAR = 7  # wires nearer than this would touch
_TOUCH = 4  # nearer than this they do touch
_WRONG = 1000  # weighs as much as so many crossings


@dataclass(frozen=True)
class Net:
    """What a net does between two columns: it comes at one height and leaves at several."""

    name: tuple[int, int]
    left: int
    rights: tuple[int, ...]

    @property
    def straight(self) -> bool:
        return all(y == self.left for y in self.rights)

    @property
    def low(self) -> int:
        return min(self.left, *self.rights)

    @property
    def high(self) -> int:
        return max(self.left, *self.rights)


def tracks(nets: Sequence[Net]) -> tuple[dict[tuple[int, int], int], int]:
    """The track of every net that turns, counted from the left, and how many there are."""
    order = _order(nets)
    track: dict[tuple[int, int], int] = {}
    for at, net in enumerate(order):
        behind = [track[o.name] + 1 for o in order[:at] if _meet(o, net)]
        track[net.name] = max(behind, default=0)
    return track, max(track.values(), default=-1) + 1


def conflicts(nets: Sequence[Net]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Pairs of nets that lie on one another: the first leaves at the height at which the second comes, and turns first.
    One that runs straight is touched by all that come or leave at its height."""
    order = _order(nets)
    found = [(a.name, b.name) for at, a in enumerate(order) for b in order[at + 1 :] if _touches(a, b)]
    straight = [n for n in nets if n.straight]
    pairs = ((b, a) for a in straight for b in order if any(abs(y - a.left) < _TOUCH for y in (b.left, *b.rights)))
    return [*found, *((b.name, a.name) for b, a in pairs)]


def _order(nets: Sequence[Net]) -> list[Net]:
    """Nets that turn, from the left; each goes where it costs least among those before it."""
    order: list[Net] = []
    for net in sorted((n for n in nets if not n.straight), key=lambda n: (n.left, n.name)):
        costs = [sum(_cost(net, o) for o in order)]
        costs += accumulate((_cost(o, net) - _cost(net, o) for o in order), initial=costs.pop())
        order.insert(costs.index(min(costs)), net)
    _improve(order)
    return order


def _touches(a: Net, b: Net) -> bool:
    return any(abs(y - b.left) < _TOUCH for y in a.rights)


def _improve(order: list[Net]) -> None:
    for _ in range(len(order)):
        better = False
        for at in range(len(order) - 1):
            a, b = order[at], order[at + 1]
            if _cost(b, a) < _cost(a, b):
                order[at], order[at + 1] = b, a
                better = True
        if not better:
            return


def _cost(a: Net, b: Net) -> int:
    """Crossings where a turns to the left of b; touching lines weigh most."""
    cost = sum(b.low < y < b.high for y in a.rights) + (a.low < b.left < a.high)
    return cost + _WRONG * sum(abs(y - b.left) < _NEAR for y in a.rights)


def _meet(a: Net, b: Net) -> bool:
    """Must two nets have different tracks?"""
    return a.low - _NEAR < b.high and b.low - _NEAR < a.high
