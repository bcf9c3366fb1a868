"""What every net does between two columns, once heights are known."""

from __future__ import annotations

from collections.abc import Sequence

from rnnc.pictures.placement.channels import Net
from rnnc.pictures.placement.layered import Columns


def nets_between(graph: Columns, top: Sequence[int], rank: int) -> list[Net]:
    """The nets between column `rank` and the next."""
    found: dict[tuple[int, int], tuple[int, list[int]]] = {}
    for s in graph.segments:
        if graph.vertices[s.u].rank == rank:
            found.setdefault(s.net, (top[s.u] + s.above_u, []))[1].append(top[s.v] + s.above_v)
    return [Net(name, left, tuple(sorted(set(rights)))) for name, (left, rights) in sorted(found.items())]
