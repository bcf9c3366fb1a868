"""Wires without small steps: items, and whole wires, move to where most that is joined to them runs straight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rnnc.pictures.layered import Columns, Segment
from rnnc.pictures.placing import distance

_ROUNDS = 12
_BEND = 14  # a bend is as bad as so much more wire
_STEP = 16  # a small step is as bad as another bend, and more


def straightened(graph: Columns, top: Sequence[int]) -> list[int]:
    """The tops of all vertices, the order in columns kept."""
    return _Straightening(graph, list(top)).result()


class _Straightening:
    def __init__(self, graph: Columns, top: list[int]) -> None:
        self.graph, self.top = graph, top
        self.above: list[int | None] = [None] * len(top)
        self.below: list[int | None] = [None] * len(top)
        for column in graph.order:
            for u, v in zip(column, column[1:], strict=False):
                self.below[u], self.above[v] = v, u
        self.segments: list[list[Segment]] = [[] for _ in top]
        for s in graph.segments:
            self.segments[s.u].append(s)
            self.segments[s.v].append(s)

    def result(self) -> list[int]:
        units = self._units()
        for at in range(_ROUNDS):
            changed = [self._move(unit) for unit in (units if at % 2 else reversed(units))]
            if not any(changed):
                break
        least = min(self.top, default=0)
        return [y - least for y in self.top]

    def _units(self) -> list[tuple[int, ...]]:
        """Every item; and the vertices of every net that passes columns, together and one by one."""
        nets: dict[tuple[int, int], dict[int, None]] = {}
        for s in self.graph.segments:
            for v in (s.u, s.v):
                if self.graph.vertices[v].item is None:
                    nets.setdefault(s.net, {})[v] = None
        wires = [tuple(net) for net in nets.values()]
        items = [(v,) for v, vertex in enumerate(self.graph.vertices) if vertex.item is not None]
        return [*wires, *items]

    def _move(self, unit: tuple[int, ...]) -> bool:
        """Put a unit where it costs least, if that is better than where it is."""
        lows = [self.top[u] + distance(self.graph, u, v) for v in unit if (u := self.above[v]) is not None]
        highs = [self.top[w] - distance(self.graph, v, w) for v in unit if (w := self.below[v]) is not None]
        low, high = max(lows, default=None), min(highs, default=None)
        if low is not None and high is not None and low > high:
            return False
        places = {self.top[v] for v in unit} | set(self._wanted(unit))
        places |= {y for y in (low, high) if y is not None}
        allowed = [y for y in sorted(places) if (low is None or y >= low) and (high is None or y <= high)]
        now = self._cost(unit, None)
        best = min(allowed, key=lambda y: (self._cost(unit, y), abs(y - self.top[unit[0]])), default=None)
        if best is None or self._cost(unit, best) >= now:
            return False
        for v in unit:
            self.top[v] = best
        return True

    def _wanted(self, unit: tuple[int, ...]) -> Iterable[int]:
        """Places where one of its wires runs straight."""
        inside = set(unit)
        for v in unit:
            for s in self.segments[v]:
                if s.u == v and s.v not in inside:
                    yield self.top[s.v] + s.above_v - s.above_u
                elif s.v == v and s.u not in inside:
                    yield self.top[s.u] + s.above_u - s.above_v

    def _cost(self, unit: tuple[int, ...], place: int | None) -> int:
        """What the wires of a unit cost where it is, or would be."""
        inside = set(unit)
        total = 0
        for v in unit:
            for s in self.segments[v]:
                if s.u in inside and s.v in inside and s.v == v:
                    continue  # counted at its other end
                u_top = place if place is not None and s.u in inside else self.top[s.u]
                v_top = place if place is not None and s.v in inside else self.top[s.v]
                away = abs(u_top + s.above_u - v_top - s.above_v)
                total += away + _BEND + max(0, _STEP - away) if away else 0
        return total
