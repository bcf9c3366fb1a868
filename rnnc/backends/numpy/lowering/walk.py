"""The walk that every rewrite of this package is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from rnnc.ir.operations import Builder
from rnnc.ir.program import Loop, Node, Op, Program, Value, reads
from rnnc.ir.rewrite import use_counts


class Lowering:
    """One rewrite, block by block. `early` are nodes that come before the present one of the top level."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.uses: Counter[Value] = use_counts(program)
        self.definitions = {out: node for node in all_nodes(program.nodes) for out in node.outs}
        self.constant = _constants(program)

    def run(self) -> Program:
        nodes: list[Node] = []
        for node in self.program.nodes:
            self.early = Builder()
            new = self.block([node], None) if isinstance(node, Op) else [self.loop(node)]
            nodes += [*self.early.nodes, *new]
        return replace(self.program, nodes=tuple(nodes))

    def loop(self, loop: Loop) -> Loop:
        return replace(loop, body=tuple(self.block(loop.body, loop)))

    def block(self, nodes: Sequence[Node], loop: Loop | None) -> list[Node]:
        found: list[Node] = []
        for node in nodes:
            found += self.op(node, loop) if isinstance(node, Op) else [self.loop(node)]
        return found

    def op(self, op: Op, loop: Loop | None) -> list[Node]:
        """What stands in the place of an operation: itself, unless a rewrite says otherwise."""
        del loop
        return [op]


def all_nodes(nodes: Sequence[Node]) -> list[Node]:
    found: list[Node] = []
    for node in nodes:
        found.append(node)
        if isinstance(node, Loop):
            found += all_nodes(node.body)
    return found


def _constants(program: Program) -> set[Value]:
    """The values at the top level that depend on parameters alone."""
    known = {port.value for port in program.inputs_of("param", "fixed")}
    for node in program.nodes:
        if isinstance(node, Op) and known.issuperset(reads(node)):
            known.update(node.outs)
    return known
