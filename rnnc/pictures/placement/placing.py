"""How high everything stands, so that wires are straight where they can be: medians, kept apart by least squares."""

from __future__ import annotations

from collections.abc import Sequence

from rnnc.pictures.placement.layered import Columns, Segment

_SWEEPS = 16
_APART = 14  # between items
_WIRES = 10  # between wires that pass, and of them from items


def heights(graph: Columns) -> list[int]:
    """The top of every vertex; the smallest is 0."""
    before: list[list[Segment]] = [[] for _ in graph.vertices]
    behind: list[list[Segment]] = [[] for _ in graph.vertices]
    for s in graph.segments:
        before[s.v].append(s)
        behind[s.u].append(s)
    top = [0] * len(graph.vertices)
    for column in graph.order:
        y = 0
        for v in column:
            top[v] = y
            y += graph.vertices[v].height + _APART
    for sweep in range(_SWEEPS):
        forth = sweep % 2 == 0
        both = sweep >= _SWEEPS // 2
        for column in graph.order if forth else reversed(graph.order):
            wanted = [_wanted(graph, v, before, behind, top, forth, both) for v in column]
            for v, y in zip(column, _apart(graph, column, wanted), strict=True):
                top[v] = y
    least = min(top, default=0)
    return [y - least for y in top]


def _wanted(
    graph: Columns,
    v: int,
    before: Sequence[Sequence[Segment]],
    behind: Sequence[Sequence[Segment]],
    top: Sequence[int],
    forth: bool,
    both: bool,
) -> tuple[int, int]:
    """Where a vertex would best stand, and how much that matters."""
    places: list[tuple[int, int]] = []
    if forth or both:
        places += [(top[s.u] + s.above_u - s.above_v, _weight(graph, s.u, v)) for s in before[v]]
    if not forth or both:
        places += [(top[s.v] + s.above_v - s.above_u, _weight(graph, v, s.v)) for s in behind[v]]
    if not places:
        return top[v], 1
    places.sort()
    total = sum(w for _, w in places)
    reached = 0
    for y, w in places:
        reached += w
        if 2 * reached >= total:
            return y, max(w for _, w in places)
    raise AssertionError


def _weight(graph: Columns, u: int, v: int) -> int:
    """Long wires bend worst."""
    passing = (graph.vertices[u].item is None) + (graph.vertices[v].item is None)
    return (2, 4, 12)[passing]


def distance(graph: Columns, upper: int, lower: int) -> int:
    """How far the top of a vertex is from that of the one above it, at least."""
    wires = graph.vertices[upper].item is None or graph.vertices[lower].item is None
    return graph.vertices[upper].height + (_WIRES if wires else _APART)


def _apart(graph: Columns, column: Sequence[int], wanted: Sequence[tuple[int, int]]) -> list[int]:
    """The places nearest to those wanted, in order and with room between (pool adjacent violators)."""
    offsets: list[int] = []
    y = 0
    for at, v in enumerate(column):
        if at:
            y += distance(graph, column[at - 1], v)
        offsets.append(y)
    blocks: list[tuple[int, int, int]] = []  # sum of weighted places, weight, count
    for (place, weight), offset in zip(wanted, offsets, strict=True):
        blocks.append(((place - offset) * weight, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] > blocks[-1][0] * blocks[-2][1]:
            (a, b, c), (d, e, f) = blocks[-2:]
            blocks[-2:] = [(a + d, b + e, c + f)]
    found: list[int] = []
    for total, weight, count in blocks:
        found += [total // weight] * count
    return [y + offset for y, offset in zip(found, offsets, strict=True)]
