"""Lists of compile-time values, and how long they may be."""

from __future__ import annotations

from rnnc.diagnostics import Span
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import Value

MAX_LIST = 100_000


class ListWeights:
    """How many numbers lists hold, those inside of them too: `[a, a]` of `[b, b]` of … is short, and huge."""

    def __init__(self) -> None:
        self._known: dict[
            int, tuple[tuple[Value, ...], int]
        ] = {}  # by identity; the list is kept, so its id is its own

    def made(self, items: tuple[Value, ...], span: Span) -> tuple[Value, ...]:
        """The list, if it is not too large."""
        weight = sum(1 + self._known[id(i)][1] if id(i) in self._known else 1 for i in items)
        if weight > MAX_LIST:
            raise Problem("E219", f"this list holds more than {MAX_LIST} values", span)
        self._known[id(items)] = items, weight
        return items
