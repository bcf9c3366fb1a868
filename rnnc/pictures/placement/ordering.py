"""The order of vertices in each column, so that few wires cross."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import replace

from rnnc.pictures.placement.layered import Columns, Segment

_SWEEPS = 24
_GAP = 14


def ordered(graph: Columns) -> Columns:
    """The same columns, sorted. Sweeps go forth and back; the best order that was seen counts."""
    search = _Search(graph)
    best, fewest = search.order(), search.crossings()
    for sweep in range(_SWEEPS):
        search.sweep(forth=sweep % 2 == 0, late=sweep % 4 >= 2)
        search.swap_neighbours()
        crossings = search.crossings()
        if crossings < fewest:
            best, fewest = search.order(), crossings
        if fewest == 0:
            break
    return replace(graph, order=best)


class _Search:
    def __init__(self, graph: Columns) -> None:
        self.graph = graph
        self.columns = [list(column) for column in graph.order]
        n = len(graph.vertices)
        self.before: list[list[Segment]] = [[] for _ in range(n)]
        self.behind: list[list[Segment]] = [[] for _ in range(n)]
        for s in graph.segments:
            self.before[s.v].append(s)
            self.behind[s.u].append(s)
        self.top = [0] * n
        for rank in range(len(self.columns)):
            self._stack(rank)

    def order(self) -> tuple[tuple[int, ...], ...]:
        return tuple(map(tuple, self.columns))

    def _stack(self, rank: int) -> None:
        y = 0
        for v in self.columns[rank]:
            self.top[v] = y
            y += self.graph.vertices[v].height + _GAP

    def sweep(self, *, forth: bool, late: bool) -> None:
        """Sort every column by where its wires come from (or go to). `late`: ties are turned around."""
        ranks = range(len(self.columns))
        for rank in ranks if forth else reversed(ranks):
            wanted = {v: self._wanted(v, forth) for v in self.columns[rank]}
            column = list(reversed(self.columns[rank])) if late else list(self.columns[rank])
            self.columns[rank] = sorted(column, key=lambda v: wanted[v])
            self._stack(rank)

    def _wanted(self, v: int, forth: bool) -> float:
        """The middle of its wires' other ends, as a place for its own."""
        if forth:
            places = [self.top[s.u] + s.above_u - s.above_v for s in self.before[v]]
        else:
            places = [self.top[s.v] + s.above_v - s.above_u for s in self.behind[v]]
        return sum(places) / len(places) if places else self.top[v]

    def crossings(self) -> int:
        return sum(self._between(rank) for rank in range(len(self.columns) - 1))

    def _between(self, rank: int) -> int:
        """Wires that cross between a column and the next: inversions."""
        ends = sorted(
            (self.top[s.u] + s.above_u, self.top[s.v] + s.above_v)
            for u in self.columns[rank]
            for s in self.behind[u]
        )  # fmt: skip
        seen: list[int] = []
        found = 0
        for _, y in ends:
            found += len(seen) - bisect_left(seen, y + 1)
            insort(seen, y)
        return found

    def swap_neighbours(self) -> None:
        """Exchange two that stand next to each other wherever that saves crossings."""
        better = True
        rounds = 0
        while better and rounds < 6:
            better = False
            rounds += 1
            for rank, column in enumerate(self.columns):
                for at in range(len(column) - 1):
                    u, v = column[at], column[at + 1]
                    if self._pair(u, v) > self._pair(v, u):
                        column[at], column[at + 1] = v, u
                        better = True
                self._stack(rank)

    def _pair(self, u: int, v: int) -> int:
        """Crossings of the wires of two vertices, u above v."""
        before = _inverted(self.before[u], self.before[v], lambda s: self.top[s.u] + s.above_u)
        behind = _inverted(self.behind[u], self.behind[v], lambda s: self.top[s.v] + s.above_v)
        return before + behind


def _inverted(upper: Sequence[Segment], lower: Sequence[Segment], end: Callable[[Segment], int]) -> int:
    return sum(end(a) > end(b) for a in upper for b in lower)
