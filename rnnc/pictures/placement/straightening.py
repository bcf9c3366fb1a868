"""Wires without small steps: items, and whole wires, move to where most that is joined to them runs straight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from rnnc.pictures.placement.layered import Columns, Segment
from rnnc.pictures.placement.placing import distance

_ROUNDS = 10
_MOST = 60  # vertices on the move
_BEND = 14  # a bend is as bad as so much more wire
_STEP = 16  # a small step is as bad as another bend, and more


def straightened(graph: Columns, top: Sequence[int]) -> list[int]:
    """The tops of all vertices, the order in columns kept."""
    return Straightening(graph, list(top)).result()


class Straightening:
    """Moves vertices of a layout, with what has to make room for them."""

    def __init__(self, graph: Columns, top: list[int]) -> None:
        self.graph, self.top = graph, top
        self.above: list[int | None] = [None] * len(top)
        self.below: list[int | None] = [None] * len(top)
        for column in graph.order:
            for u, v in pairwise(column):
                self.below[u], self.above[v] = v, u
        self.segments: list[list[Segment]] = [[] for _ in top]
        for s in graph.segments:
            self.segments[s.u].append(s)
            self.segments[s.v].append(s)
        self.units = self._units()
        self.unit_of = {v: unit for unit in self.units for v in unit}

    def result(self) -> list[int]:
        """The tops, once nothing gains by moving."""
        for at in range(_ROUNDS):
            changed = [self._move(unit) for unit in (self.units if at % 2 else reversed(self.units))]
            if not any(changed):
                break
        least = min(self.top, default=0)
        return [y - least for y in self.top]

    def _units(self) -> list[tuple[int, ...]]:
        """Every item, and all vertices of every net that passes columns together."""
        nets: dict[tuple[int, int], dict[int, None]] = {}
        for s in self.graph.segments:
            for v in (s.u, s.v):
                if self.graph.vertices[v].item is None:
                    nets.setdefault(s.net, {})[v] = None
        wires = [tuple(net) for net in nets.values()]
        items = [(v,) for v, vertex in enumerate(self.graph.vertices) if vertex.item is not None]
        return [*wires, *items]

    def _move(self, unit: tuple[int, ...]) -> bool:
        """Put a unit where it is best, with all that has to make room for it, if that is better for all."""
        places = dict.fromkeys(sorted(set(self._wanted(unit))))
        best: dict[int, int] = {}
        gain = 0
        for place in places:
            moved = self.pushed(unit, place)
            if moved:
                gained = self._cost(moved, {}) - self._cost(moved, moved)
                if gained > gain:
                    best, gain = moved, gained
        for v, y in best.items():
            self.top[v] = y
        return bool(best)

    def pushed(self, unit: tuple[int, ...], place: int) -> dict[int, int]:
        """Where a unit and what it pushes along would stand; empty where that is too much."""
        moved = dict.fromkeys(unit, place)
        waiting = list(unit)
        while waiting:
            v = waiting.pop()
            for other, upper, lower in ((self.above[v], self.above[v], v), (self.below[v], v, self.below[v])):
                if other is None or upper is None or lower is None:
                    continue
                far = distance(self.graph, upper, lower)
                y = moved.get(other, self.top[other])
                apart = (moved[v] - y) if other == upper else (y - moved[v])
                if apart >= far:
                    continue
                wanted = moved[v] - far if other == upper else moved[v] + far
                for w in self.unit_of[other]:
                    if w in moved and (moved[w] < wanted) != (other == lower):
                        return {}  # pushed from both sides
                    moved[w] = wanted
                    waiting.append(w)
                if len(waiting) > _MOST:
                    return {}
        return moved

    def _wanted(self, unit: tuple[int, ...]) -> Iterable[int]:
        """Places where one of its wires runs straight."""
        inside = set(unit)
        for v in unit:
            for s in self.segments[v]:
                if s.u == v and s.v not in inside:
                    yield self.top[s.v] + s.above_v - s.above_u
                elif s.v == v and s.u not in inside:
                    yield self.top[s.u] + s.above_u - s.above_v

    def _cost(self, vertices: Iterable[int], moved: Mapping[int, int]) -> int:
        """What the wires of some vertices cost, if those that are moved stand there."""
        segments = dict.fromkeys(s for v in vertices for s in self.segments[v])
        total = 0
        for s in segments:
            u_top, v_top = moved.get(s.u, self.top[s.u]), moved.get(s.v, self.top[s.v])
            away = abs(u_top + s.above_u - v_top - s.above_v)
            total += away + _BEND + max(0, _STEP - away) if away else 0
        return total
