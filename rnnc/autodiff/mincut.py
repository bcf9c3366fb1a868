"""The cheapest set of vertices that separates what exists from what is wanted (max-flow min-cut on vertices)."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Mapping
from typing import Generic, TypeVar

V = TypeVar("V", bound=Hashable)

UNBOUNDED = 1 << 62


class VertexCut(Generic[V]):
    """A graph whose vertices cost something to cut. Vertices and edges keep their order: equal input, equal cut."""

    def __init__(self) -> None:
        self._numbers: dict[V, int] = {}
        self._residual: list[dict[int, int]] = [{}, {}]  # 0: source, 1: sink; a vertex n is 2n+2 (in) and 2n+3 (out)

    def vertex(self, vertex: V, cost: int) -> None:
        """Add a vertex with the cost of cutting it."""
        number = len(self._numbers)
        self._numbers[vertex] = number
        self._residual += [{}, {}]
        self._arc(2 * number + 2, 2 * number + 3, cost)

    def edge(self, before: V, after: V) -> None:
        """`after` can be computed from `before` (and its other predecessors)."""
        self._arc(2 * self._numbers[before] + 3, 2 * self._numbers[after] + 2, UNBOUNDED)

    def given(self, vertex: V) -> None:
        """The vertex comes from the source side: it cannot be computed."""
        self._arc(0, 2 * self._numbers[vertex] + 2, UNBOUNDED)

    def wanted(self, vertex: V) -> None:
        """The vertex must be had on the sink side."""
        self._arc(2 * self._numbers[vertex] + 3, 1, UNBOUNDED)

    def solve(self) -> list[V]:
        """The cheapest cut; of equally cheap ones that nearest to what is wanted, so that least is recomputed.

        Raises ValueError where every cut holds a vertex of unbounded cost.
        """
        while (path := self._augmenting_path()) is not None:
            amount = min(self._residual[a][b] for a, b in path)
            if amount >= UNBOUNDED:
                raise ValueError("nothing that may be cut separates what is given from what is wanted")
            for a, b in path:
                self._residual[a][b] -= amount
                self._residual[b][a] = self._residual[b].get(a, 0) + amount
        beyond = self._reaching_sink()
        return [v for v, n in self._numbers.items() if 2 * n + 3 in beyond and 2 * n + 2 not in beyond]

    def _arc(self, a: int, b: int, capacity: int) -> None:
        self._residual[a][b] = capacity
        self._residual[b].setdefault(a, 0)

    def _augmenting_path(self) -> list[tuple[int, int]] | None:
        came_from = {0: 0}
        queue = deque([0])
        while queue and 1 not in came_from:
            a = queue.popleft()
            for b, left in self._residual[a].items():
                if left > 0 and b not in came_from:
                    came_from[b] = a
                    queue.append(b)
        if 1 not in came_from:
            return None
        path: list[tuple[int, int]] = []
        b = 1
        while b != 0:
            path.append((came_from[b], b))
            b = came_from[b]
        return path

    def _reaching_sink(self) -> set[int]:
        found = {1}
        queue = deque([1])
        while queue:
            b = queue.popleft()
            for a in self._residual[b]:
                if a not in found and self._residual[a].get(b, 0) > 0:
                    found.add(a)
                    queue.append(a)
        return found


def cheapest_cut(
    costs: Mapping[V, int], edges: Iterable[tuple[V, V]], given: Iterable[V], wanted: Iterable[V]
) -> list[V]:
    """The cut of a graph that is given at once."""
    graph: VertexCut[V] = VertexCut()
    for vertex, cost in costs.items():
        graph.vertex(vertex, cost)
    for before, after in edges:
        graph.edge(before, after)
    for vertex in given:
        graph.given(vertex)
    for vertex in wanted:
        graph.wanted(vertex)
    return graph.solve()
