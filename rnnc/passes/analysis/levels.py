"""Freedom of the values of a block that is being rewired: of those that a pass adds, too."""

from __future__ import annotations

from collections.abc import Callable

from rnnc.ir.program import Value, reads
from rnnc.passes.analysis.blockgraph import BlockGraph
from rnnc.passes.analysis.freedom import Freedom


class Levels:
    """How free a value is. `original` tells it for the values that the block had when this was made."""

    def __init__(self, graph: BlockGraph, original: Callable[[Value], Freedom]) -> None:
        self._graph = graph
        self._original = original
        self._found: dict[Value, Freedom] = {}
        for node in graph:
            self._found.update((value, original(value)) for value in (*reads(node), *node.outs))

    def __call__(self, value: Value) -> Freedom:
        if value not in self._found:
            node = self._graph.producer(value)
            levels = (Freedom.CONSTANT, *map(self, reads(node))) if node is not None else (self._original(value),)
            self._found[value] = max(levels)
        return self._found[value]

    def constant(self, value: Value) -> bool:
        """Whether a value is the same at every step."""
        return self(value) is Freedom.CONSTANT
