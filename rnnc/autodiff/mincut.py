"""The cheapest set of vertices that separates what is given from what is wanted (a minimum cut, by maximum flow)."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

V = TypeVar("V", bound=Hashable)

UNBOUNDED = 1 << 62
_SOURCE, _SINK = 0, 1


def cheapest_cut(
    costs: Mapping[V, int], edges: Iterable[tuple[V, V]], given: Iterable[V], wanted: Iterable[V]
) -> list[V]:
    """The vertices to cut, in the order of `costs`, which names every vertex with what cutting it costs.

    Of equally cheap cuts it is the one nearest to what is wanted. Equal arguments give equal cuts. Raises ValueError
    where every cut holds a vertex of `UNBOUNDED` cost.
    """
    # Every vertex is two nodes of the flow network, joined by an arc that carries at most its cost.
    entry = {vertex: 2 * n + 2 for n, vertex in enumerate(costs)}
    residual: list[dict[int, int]] = [{} for _ in range(2 * len(entry) + 2)]
    arcs = [
        *((entry[v], entry[v] + 1, cost) for v, cost in costs.items()),
        *((entry[a] + 1, entry[b], UNBOUNDED) for a, b in edges),
        *((_SOURCE, entry[v], UNBOUNDED) for v in given),
        *((entry[v] + 1, _SINK, UNBOUNDED) for v in wanted),
    ]
    for a, b, capacity in arcs:
        residual[a][b] = capacity
        residual[b].setdefault(a, 0)
    while path := _augmenting_path(residual):
        amount = min(residual[a][b] for a, b in path)
        if amount >= UNBOUNDED:
            raise ValueError("nothing that may be cut separates what is given from what is wanted")
        for a, b in path:
            residual[a][b] -= amount
            residual[b][a] += amount
    beyond = _reaching_sink(residual)
    return [vertex for vertex, node in entry.items() if node + 1 in beyond and node not in beyond]


def _augmenting_path(residual: list[dict[int, int]]) -> list[tuple[int, int]]:
    """The arcs of a shortest path from source to sink that can carry more; none where there is no such path."""
    came_from = {_SOURCE: _SOURCE}
    queue = deque([_SOURCE])
    while queue and _SINK not in came_from:
        a = queue.popleft()
        for b, left in residual[a].items():
            if left > 0 and b not in came_from:
                came_from[b] = a
                queue.append(b)
    path: list[tuple[int, int]] = []
    b = _SINK
    while b in came_from and b != _SOURCE:
        path.append((came_from[b], b))
        b = came_from[b]
    return path


def _reaching_sink(residual: list[dict[int, int]]) -> set[int]:
    """The nodes from which the sink can still be reached."""
    found = {_SINK}
    queue = deque([_SINK])
    while queue:
        b = queue.popleft()
        for a in residual[b]:
            if a not in found and residual[a].get(b, 0) > 0:
                found.add(a)
                queue.append(a)
    return found
