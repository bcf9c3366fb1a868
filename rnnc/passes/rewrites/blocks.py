"""Passes that rewire one block after another: the bodies of loops, inner ones first, and then the program itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

from rnnc.ir.program import Loop, Node, Program, Value
from rnnc.ir.rewrite import Rewriter, loop_results
from rnnc.passes.analysis.blockgraph import BlockGraph
from rnnc.passes.analysis.freedom import Freedom, freedom, is_weight


class Block:
    """A block to rewire: its graph, and what is known of it. `loop` is None where the block is in no loop."""

    def __init__(self, graph: BlockGraph, loop: Loop | None, around: Callable[[Value], Node | None]) -> None:
        self.graph = graph
        self.around = around  # the node that defines a value outside of the block
        self._loop = loop

    @cached_property
    def levels(self) -> dict[Value, Freedom]:
        """The freedom of what the body of a loop defined before it was rewired; empty outside of loops."""
        return {} if self._loop is None else freedom(self._loop)

    def free(self, value: Value) -> Freedom:
        """The freedom of a value. Outside of loops weights are the same for all, and nothing needs an earlier step."""
        if self._loop is None:
            return Freedom.CONSTANT if is_weight(value.type) else Freedom.STEP
        return self.levels.get(value, Freedom.CONSTANT)


def rewrite_blocks(program: Program, rewire: Callable[[Block], None]) -> Program:
    """The program after `rewire` of each of its blocks."""
    rewritten = _Blocks(rewire).rewrite(program)
    graph = BlockGraph(rewritten.nodes, (port.value for port in rewritten.outputs))
    rewire(Block(graph, None, lambda value: None))
    return replace(rewritten, nodes=graph.nodes())


class _Blocks(Rewriter):
    def __init__(self, rewire: Callable[[Block], None]) -> None:
        super().__init__()
        self._rewire = rewire

    def loop(self, loop: Loop) -> None:
        loop = self.body(loop)
        graph = BlockGraph(loop.body, loop_results(loop))
        self._rewire(Block(graph, loop, self.definitions.get))
        self.emit(replace(loop, body=graph.nodes()))
