"""Wires that no order of turns keeps apart between two columns: one end moves. And empty heights are closed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from rnnc.pictures.placement.channels import conflicts
from rnnc.pictures.placement.layered import Columns
from rnnc.pictures.placement.nets import nets_between
from rnnc.pictures.placement.straightening import Straightening

_NUDGES = (8, -8, 14, -14, 22, -22, 34, -34, 50, -50)
_ROUNDS = 12
_BAND = 18  # of height that may stay empty


def separated(graph: Columns, top: Sequence[int]) -> list[int]:
    """The tops of all vertices, some moved a little where that keeps wires apart."""
    best = list(top)
    wrong = _wrong(graph, best)
    for _ in range(_ROUNDS):
        if not wrong:
            break
        found = _better(graph, best, wrong)
        if found is None:
            break
        best, wrong = found
    return _closed(graph, best)


def _closed(graph: Columns, top: Sequence[int]) -> list[int]:
    """Without bands of height in which nothing stands: wires only cross them."""
    stretches = sorted((top[v], top[v] + vertex.height) for v, vertex in enumerate(graph.vertices))
    shifts: list[tuple[int, int]] = []  # from this height on, up by so much
    reached, shift = stretches[0][0] if stretches else 0, stretches[0][0] if stretches else 0
    for upper, lower in stretches:
        shift += max(0, upper - reached - _BAND)
        shifts.append((upper, shift))
        reached = max(reached, lower)
    return [y - next(s for upper, s in reversed(shifts) if upper <= y) for y in top]


Net = tuple[int, int]
Wrong = list[tuple[int, Net, Net]]  # column, the net that leaves late, the one that comes late


def _wrong(graph: Columns, top: Sequence[int]) -> Wrong:
    ranks = range(len(graph.order) - 1)
    return [(rank, a, b) for rank in ranks for a, b in conflicts(nets_between(graph, top, rank))]


def _better(graph: Columns, top: list[int], wrong: Wrong) -> tuple[list[int], Wrong] | None:
    """The first nudge after which fewer wires touch."""
    for tried in chain(_nudged(graph, top, wrong), _lowered(graph, top, wrong)):
        left = _wrong(graph, tried)
        if len(left) < len(wrong):
            return tried, left
    return None


def _ends(graph: Columns, rank: int, a: Net, b: Net) -> dict[int, None]:
    """The vertices where the one net leaves a channel, and where the other one comes."""
    ends = [s.v for s in graph.segments if s.net == a and graph.vertices[s.u].rank == rank]
    ends += [s.u for s in graph.segments if s.net == b and graph.vertices[s.u].rank == rank]
    return dict.fromkeys(ends)


def _nudged(graph: Columns, top: list[int], wrong: Wrong) -> Iterator[list[int]]:
    """Tops with one end moved, and what has to make room for it."""
    for rank, a, b in wrong:
        for v in _ends(graph, rank, a, b):
            for nudge in _NUDGES:
                moving = Straightening(graph, list(top))
                for unit in dict.fromkeys((moving.unit_of[v], (v,))):
                    moved = moving.pushed(unit, top[v] + nudge)
                    if moved:
                        yield [moved.get(w, y) for w, y in enumerate(top)]


def _lowered(graph: Columns, top: list[int], wrong: Wrong) -> Iterator[list[int]]:
    """Tops with one end further down, and all that is below it: there is always room for that."""
    for rank, a, b in wrong:
        for v in _ends(graph, rank, a, b):
            for nudge in _NUDGES:
                if nudge > 0:
                    yield [y + nudge if w == v or y > top[v] else y for w, y in enumerate(top)]
