"""Boxes and links in columns, with what runs through columns in between: the graph that is laid out.

What this does is the layered method (Sugiyama, Tagawa & Toda 1981) with wires at right angles, as circuits are drawn.
A library would be one dependency more, and those in Python alone know neither ports nor nets (one wire to many
targets), on which everything here depends: products with many operands, states that everybody reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Item:
    """A box with places for wires: distances of ports from its top, at its left and right edge."""

    width: int
    height: int
    ins: tuple[int, ...]
    outs: tuple[int, ...]
    pin: Literal["", "first", "last"] = ""
    free: bool = False  # its wires may come in any order


@dataclass(frozen=True)
class Link:
    """A wire from a port of one item to a port of another."""

    source: int
    out: int
    target: int
    into: int

    @property
    def net(self) -> tuple[int, int]:
        """Links with one net are branches of one wire."""
        return self.source, self.out


@dataclass(frozen=True)
class Vertex:
    """An item (its index), or a place where a wire passes a column."""

    item: int | None
    height: int
    rank: int


@dataclass(frozen=True)
class Segment:
    """A piece of a net between neighbouring columns, with the distances of its ends from the vertices' tops."""

    u: int
    above_u: int
    v: int
    above_v: int
    net: tuple[int, int]


@dataclass(frozen=True)
class Columns:
    """`order` has the vertices of each column from the top. `chains`: the vertices that each link passes."""

    vertices: tuple[Vertex, ...]
    segments: tuple[Segment, ...]
    order: tuple[tuple[int, ...], ...]
    chains: tuple[tuple[int, ...], ...]


PASSING = 2  # the height of a wire that passes a column


def ranks(items: Sequence[Item], links: Sequence[Link]) -> list[int]:
    """The column of every item: behind all that it needs; where it may choose, where wires are short."""
    sources: list[set[int]] = [set() for _ in items]
    targets: list[set[int]] = [set() for _ in items]
    for link in links:
        sources[link.target].add(link.source)
        targets[link.source].add(link.target)
    order = _topological(sources, targets)
    rank = [0] * len(items)
    for v in order:
        rank[v] = max((rank[u] + 1 for u in sources[v]), default=0)
    for _ in range(3):
        for v in reversed(order):
            if items[v].pin == "" and targets[v]:
                latest = min(rank[w] for w in targets[v]) - 1
                if latest > rank[v] and _gains(v, latest, rank, links):
                    rank[v] = latest
    last = max([rank[v] + (items[v].pin != "last") for v in order if items[v].pin != "last"] or [0])
    return [last if item.pin == "last" else r for item, r in zip(items, rank, strict=True)]


def _gains(v: int, latest: int, rank: Sequence[int], links: Sequence[Link]) -> bool:
    """Does moving an item to a later column make wires shorter, or leave them as they are?"""
    reach: dict[tuple[int, int], int] = {}
    for link in links:
        if link.target != v:
            reach[link.net] = max(reach.get(link.net, 0), rank[link.target])
    longer = {link.net for link in links if link.target == v and reach.get(link.net, 0) < latest}
    shorter = {link.net for link in links if link.source == v}
    return len(longer) <= len(shorter)


def _topological(sources: Sequence[set[int]], targets: Sequence[set[int]]) -> list[int]:
    waiting = [len(s) for s in sources]
    ready = [v for v, n in enumerate(waiting) if n == 0]
    order: list[int] = []
    while ready:
        v = ready.pop(0)
        order.append(v)
        for w in sorted(targets[v]):
            waiting[w] -= 1
            if waiting[w] == 0:
                ready.append(w)
    assert len(order) == len(sources), "a picture's graph has no circle"
    return order


def columns(items: Sequence[Item], links: Sequence[Link]) -> Columns:
    """Items in their columns, and a vertex for every net in every column that it passes."""
    rank = ranks(items, links)
    vertices = [Vertex(i, item.height, r) for i, (item, r) in enumerate(zip(items, rank, strict=True))]
    segments: dict[Segment, None] = {}
    passing: dict[tuple[tuple[int, int], int], int] = {}
    chains: list[tuple[int, ...]] = []
    for link in links:
        at, above = link.source, items[link.source].outs[link.out]
        chain: list[int] = []
        for r in range(rank[link.source] + 1, rank[link.target]):
            key = (link.net, r)
            if key not in passing:
                passing[key] = len(vertices)
                vertices.append(Vertex(None, PASSING, r))
            segments[Segment(at, above, passing[key], PASSING // 2, link.net)] = None
            at, above = passing[key], PASSING // 2
            chain.append(at)
        segments[Segment(at, above, link.target, items[link.target].ins[link.into], link.net)] = None
        chains.append(tuple(chain))
    order: list[list[int]] = [[] for _ in range(max(rank, default=0) + 1)]
    for v, vertex in enumerate(vertices):
        order[vertex.rank].append(v)
    return Columns(tuple(vertices), tuple(segments), tuple(map(tuple, order)), tuple(chains))
