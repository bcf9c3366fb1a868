"""Random decisions behind one small interface, so that tests and long runs by hand draw the same things.

Tests take their decisions from Hypothesis, which shrinks them; runs by hand take them from a seed, which is fast, and
write them down, so that a failing draw can be shrunk by `minimised`. The decision 0 is always the simplest.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Choices:
    """One decision after another."""

    def below(self, n: int) -> int:
        """A number from 0 to n - 1."""
        raise NotImplementedError

    def between(self, lo: int, hi: int) -> int:
        """A number from lo to hi, both included."""
        return lo + self.below(hi - lo + 1)

    def pick(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def chance(self, one_in: int) -> bool:
        """True once in so many times; false is simpler."""
        return self.below(one_in) == one_in - 1


class Drawn(Choices):
    """Decisions of Hypothesis."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def below(self, n: int) -> int:
        return self._draw(st.integers(0, n - 1)) if n > 1 else 0


class Seeded(Choices):
    """Decisions that follow from a seed; `made` lists them."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.made: list[int] = []

    def below(self, n: int) -> int:
        self.made.append(self._random.randrange(n))
        return self.made[-1]


class Replayed(Choices):
    """Decisions that were written down; 0 where there are no more."""

    def __init__(self, made: Sequence[int]) -> None:
        self._made = iter(made)

    def below(self, n: int) -> int:
        return min(next(self._made, 0), n - 1)


def minimised(made: Sequence[int], fails: Callable[[Choices], bool], tries: int) -> list[int]:
    """Fewer and smaller decisions for which it still `fails`, found in at most so many tries."""
    best, left = list(made), tries

    def better(candidate: list[int]) -> bool:
        nonlocal best, left
        if left <= 0 or candidate == best:
            return False
        left -= 1
        if fails(Replayed(candidate)):
            best = candidate
            return True
        return False

    width = max(1, len(best) // 2)
    while width and left > 0:
        at = 0
        while at < len(best) and left > 0:
            if not better(best[:at] + best[at + width :]) and not better(
                best[:at] + [0] * len(best[at : at + width]) + best[at + width :]
            ):
                at += width
        width //= 2
    for at in range(len(best)):
        while at < len(best) and best[at] and better([*best[:at], best[at] // 2, *best[at + 1 :]]):
            pass
    return best
