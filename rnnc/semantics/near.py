"""When two names are near: so that what a message suggests is likely what was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LONGEST = 60  # names for which near ones are looked for
CANDIDATES = 1000
NEAREST = 5


class Suggestion(str):
    """`did you mean `units`?`: a remedy in words, and the name that may have been meant."""

    __slots__ = ("name",)
    name: str

    def __new__(cls, name: str) -> Suggestion:
        made = super().__new__(cls, f"did you mean `{name}`?")
        made.name = name
        return made


def did_you_mean(name: str, among: Iterable[str]) -> Suggestion | None:
    """`did you mean `units`?`, where something is near."""
    size = len(name)
    if size > LONGEST:
        return None
    near = [n for n in among if size <= 3 * len(n) and len(n) <= 3 * size]
    if len(near) > CANDIDATES:
        near = [n for n in near if n[:1] == name[:1]]
    folded = {n.lower(): n for n in sorted(near)[:CANDIDATES]}
    close = difflib.get_close_matches(name.lower(), folded, n=NEAREST, cutoff=0.6)
    meant = [n for n in close if folded[n] != name and is_near(name, n)]
    best = min(meant, key=lambda n: (distance(name.lower(), n), *_unlike(name.lower(), n)), default=None)
    return Suggestion(folded[best]) if best else None


def _unlike(a: str, b: str) -> tuple[bool, int, int]:
    """How unusual a slip is that makes one of the other, beside others of so many letters: the first letter is rarely
    wrong, letters are doubled or swapped more often than left out, and left out more often than replaced."""
    short, long = sorted((a, b), key=len)
    if len(short) <= 2 or any(letter.isdigit() for letter in a):  # `h3` for `h2`, not for `h`
        return a[:1] != b[:1], 0, len(long) - len(short)
    if len(short) == len(long):
        return a[:1] != b[:1], 0 if sorted(a) == sorted(b) else 2, 0
    is_doubled = any(long[:i] + long[i + 1 :] == short for i in range(1, len(long)) if long[i] == long[i - 1])
    return a[:1] != b[:1], 0 if is_doubled else 1, len(long) - len(short)


def is_near(name: str, other: str) -> bool:
    """Do they differ in few letters for their length, or is one the beginning of the other?"""
    a, b = name.lower(), other.lower()
    short = min(len(a), len(b))
    if short >= 4 and (b.startswith(a) or b.endswith("_" + a)):
        return True
    if short >= 5 and a.startswith(b):
        return True
    if short <= 3 and a[:1] != b[:1]:
        return False
    allowed = max(1, short // 3)
    return abs(len(a) - len(b)) <= allowed and distance(a, b) <= allowed


def distance(a: str, b: str) -> int:
    """Letters to put in, leave out, replace, or swap with their neighbours."""
    before, row = list[int](), list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, row = row, [i]
        for j, y in enumerate(b, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before = above
    return row[-1]
