"""Where all threads of a team, or those of a block, must meet: between a write and reads of others, and between these
and the next write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rnnc.backends.cuda.teams.first import Ahead, Touched
from rnnc.backends.cuda.teams.ways import FIRST, Way


@dataclass
class Item:
    """One piece of a step: its statements, the arrays it writes, and those it reads that other threads write, of other
    blocks or (`near`) of the same; and how its loop goes through the steps. `ahead` is what it reads of sequences,
    `touched` what of the arrays of carries; `open` says that the threads of a block have to meet before they multiply
    again."""

    lines: list[str]
    reads: set[str] = field(default_factory=set[str])
    writes: set[str] = field(default_factory=set[str])
    way: Way = FIRST
    ahead: Ahead | None = None
    touched: Touched = field(default_factory=Touched)
    open: bool = False
    near: set[str] = field(default_factory=set[str])


def meetings(items: Sequence[Item], swapped: Mapping[str, str]) -> list[bool]:
    """For each item whether all threads have to meet before it, in a loop over all items.

    `swapped` are pairs of arrays that change places after every turn, in both directions.
    """
    return _before(items, swapped, lambda item: item.reads, [False] * len(items))


def barriers(items: Sequence[Item], swapped: Mapping[str, str], meets: Sequence[bool]) -> list[bool]:
    """The same of the threads of a block, where not all threads meet."""
    return _before(items, swapped, lambda item: item.near, meets)


def _before(
    items: Sequence[Item], swapped: Mapping[str, str], reads: Callable[[Item], set[str]], met: Sequence[bool]
) -> list[bool]:
    """Before which items threads have to meet that read this of one another, besides where they have `met`."""
    before = [False] * len(items)
    written: set[str] = set()
    read: set[str] = set()
    for _ in range(3):  # the first turn has nothing before it; what the second one adds may be seen in the third
        for place, item in enumerate(items):
            if before[place] or met[place] or reads(item) & written or item.writes & read:
                before[place] = not met[place]
                written, read = set(), set()
            written |= item.writes
            read |= reads(item)
        written = {swapped.get(array, array) for array in written}
        read = {swapped.get(array, array) for array in read}
    return before


def together(parts: Sequence[Sequence[Item]], swapped: Mapping[str, str]) -> list[Item]:
    """The items of steps that do not need one another, so that all meet at once.

    Those are side by side that stand behind the same number of meetings in their own step.
    """
    places: list[tuple[int, int, Item]] = []
    for part, items in enumerate(parts):
        level = 0
        for first, (meet, item) in enumerate(zip(meetings(items, swapped), items, strict=True)):
            level += meet and first > 0
            places.append((level, part, item))
    return [item for _, _, item in sorted(places, key=lambda place: place[:2])]
