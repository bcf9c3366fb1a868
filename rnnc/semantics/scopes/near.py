"""When two names are near: so that what a message suggests is likely what was meant."""

from __future__ import annotations


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
