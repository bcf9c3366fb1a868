"""A layout: where every item stands and how every wire runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rnnc.pictures.placement.channels import Net, tracks
from rnnc.pictures.placement.layered import Columns, Item, Link, columns
from rnnc.pictures.placement.nets import nets_between
from rnnc.pictures.placement.ordering import ordered
from rnnc.pictures.placement.placing import heights
from rnnc.pictures.placement.separating import separated
from rnnc.pictures.placement.straightening import straightened

_TRACK = 9  # between vertical wires
_ARROW = 14  # room for the head of an arrow

Point = tuple[int, int]


@dataclass(frozen=True)
class Layout:
    """`places` has the left upper corner of every item, `wires` the points of every link, `dots` where wires branch.
    `links` are those that were given, with the ports that free items have for them."""

    width: int
    height: int
    places: tuple[Point, ...]
    wires: tuple[tuple[Point, ...], ...]
    dots: tuple[Point, ...]
    links: tuple[Link, ...]


def lay_out(items: Sequence[Item], links: Sequence[Link]) -> Layout:
    """Items in columns from left to right, wires at right angles through the room between them."""
    graph = ordered(columns(items, links))
    links = _untangled(items, links, graph, straightened(graph, heights(graph)))
    graph = replace(columns(items, links), order=graph.order)
    top = separated(graph, straightened(graph, heights(graph)))
    channels = [nets_between(graph, top, rank) for rank in range(len(graph.order) - 1)]
    assigned = [tracks(nets) for nets in channels]
    lefts: list[int] = []
    gaps: list[int] = []
    x = 0
    for rank, column in enumerate(graph.order):
        widths = [items[v].width for v in column if graph.vertices[v].item is not None]
        lefts.append(x)
        x += max(widths, default=0)
        gaps.append(x)
        if rank < len(assigned):
            x += _TRACK * (assigned[rank][1] + 1) + _ARROW
    places: list[Point] = []
    for v, item in enumerate(items):
        rank = graph.vertices[v].rank
        room = gaps[rank] - lefts[rank] - item.width
        shift = room if item.pin == "first" else 0 if item.pin == "last" else room // 2
        places.append((lefts[rank] + shift, top[v]))
    turns = [
        {name: gaps[rank] + _TRACK * (track + 1) for name, track in found.items()}
        for rank, (found, _) in enumerate(assigned)
    ]
    wires = tuple(
        _wire(items, link, chain, graph, top, places, turns) for link, chain in zip(links, graph.chains, strict=True)
    )
    height = max((top[v] + vertex.height for v, vertex in enumerate(graph.vertices)), default=0)
    return Layout(x, height, tuple(places), wires, _dots(channels, turns), tuple(links))


def _untangled(items: Sequence[Item], links: Sequence[Link], graph: Columns, top: Sequence[int]) -> list[Link]:
    """Wires of items that take them in any order, from the top in the order in which they come."""
    found = list(links)
    for target, item in enumerate(items):
        if item.free:
            own = [at for at, link in enumerate(links) if link.target == target]
            came = sorted(own, key=lambda at: _height_before(items, links[at], graph.chains[at], top))
            for into, at in enumerate(came):
                found[at] = replace(links[at], into=into)
    return found


def _height_before(items: Sequence[Item], link: Link, chain: Sequence[int], top: Sequence[int]) -> int:
    return top[chain[-1]] if chain else top[link.source] + items[link.source].outs[link.out]


def _wire(
    items: Sequence[Item],
    link: Link,
    chain: Sequence[int],
    graph: Columns,
    top: Sequence[int],
    places: Sequence[Point],
    turns: Sequence[dict[tuple[int, int], int]],
) -> tuple[Point, ...]:
    source, target = items[link.source], items[link.target]
    x, y = places[link.source][0] + source.width, places[link.source][1] + source.outs[link.out]
    points = [(x, y)]
    rank = graph.vertices[link.source].rank
    ends = [top[v] + graph.vertices[v].height // 2 for v in chain]
    ends.append(places[link.target][1] + target.ins[link.into])
    for step, to in enumerate(ends):
        if to != y:
            turn = turns[rank + step][link.net]
            points += [(turn, y), (turn, to)]
            y = to
    return (*points, (places[link.target][0], y))


def _dots(channels: Sequence[Sequence[Net]], turns: Sequence[dict[tuple[int, int], int]]) -> tuple[Point, ...]:
    """Where three ends of one net meet."""
    found: list[Point] = []
    for nets, turn in zip(channels, turns, strict=True):
        for net in nets:
            if not net.straight:
                for y in sorted({net.left, *net.rights}):
                    ends = (y > net.low) + (y < net.high) + (y == net.left) + (y in net.rights)
                    found += [(turn[net.name], y)] if ends > 2 else []
    return tuple(found)
