"""Equations that are read before their turn: a call that must know the axes of what it is given reads that first.

What they name (weights, equations) comes to stand in the order of the text all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from rnnc.semantics.bodies.frames import Frame, key_text
from rnnc.semantics.definitions.nesting import Nesting
from rnnc.semantics.problems import Problem
from rnnc.semantics.shapes.nodes import Node

DEEPEST = 12  # one within the other: each takes a part of Python's stack; calls further on take axes as they come

Evaluate = Callable[[Frame, Node], None]
Named = dict[str, Any]


class Ahead:
    """Reads equations ahead, and knows what they named."""

    def __init__(self, nesting: Nesting) -> None:
        self._nesting = nesting
        self._made: dict[Node, list[tuple[Named, list[str]]]] = {}  # by equations whose turn is still to come
        self._claimed: set[tuple[int, str]] = set()
        self._depth = 0

    def offer(self, frame: Frame, evaluate: Evaluate) -> None:
        """The equations of a cell's body, or of a function in one, can be read from now on. (In a network, what is read
        is read first anyway.)"""
        if frame.body.kind == "network":
            return
        place = self._nesting.place(frame.graph)
        for node in frame.pending:
            frame.graph.unread[node] = partial(self._read, frame, node, evaluate, place)

    def turn(self, frame: Frame, node: Node) -> None:
        """The turn of an equation has come: what it named before comes behind all that has been named by now."""
        frame.graph.unread.pop(node, None)
        for named, keys in self._made.pop(node, ()):
            for key in keys:
                self._claimed.discard((id(named), key))
                named[key] = named.pop(key)

    def _read(self, frame: Frame, node: Node, evaluate: Evaluate, place: Callable[[], Any]) -> None:
        if self._depth >= DEEPEST:
            return
        frame.graph.unread.pop(node, None)
        tables = (*frame.body.registry.tables(frame.graph), frame.body.equations)
        before = [set(table) for table in tables]
        self._depth += 1
        try:
            with place():
                evaluate(frame, node)
        finally:
            self._depth -= 1
        self._made[node] = [(t, self._new(t, b)) for t, b in zip(tables, before, strict=True)]
        statement = node.attrs["statement"]
        if not node.args and not node.poisoned:  # its name means several values from now on
            name, calls = key_text(statement.target.name, ()), frame.graph.calls
            message = f"`{name}` means several values, and is read as one before it is defined"
            span = calls[-1] if calls else statement.target.span
            raise Problem("E213", message, span, fix="define it further up")

    def _new(self, table: Named, before: set[str]) -> list[str]:
        """What has been named since, but for what is of an equation that was read ahead in the meantime."""
        keys = [key for key in table if key not in before and (id(table), key) not in self._claimed]
        self._claimed.update((id(table), key) for key in keys)
        return keys
