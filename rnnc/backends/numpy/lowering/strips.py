"""Elementwise work on whole sequences, a few steps at a time.

A chain of ufuncs on sequences goes through memory once for each. Taken in strips, what one ufunc writes is still in the
cache when the next one reads it. A strip is a loop over stretches, whose size the module chooses when it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rnnc.backends.numpy.lowering.walk import Lowering
from rnnc.ir.operations import TABLE
from rnnc.ir.program import Loop, Node, Op, Program, reads
from rnnc.ir.rewrite import clone, fresh

STRIP = "numpy.strip"  # the name of such a loop; its `chunk` is not what counts
LEAST = 3  # operations: fewer are better done in place
VIEWS = ("split", "slice", "reshape", "transpose", "flip")


@dataclass
class _Run:
    """Neighbouring operations on sequences: arithmetic, and views."""

    nodes: list[Op] = field(default_factory=list[Op])

    @property
    def arithmetic(self) -> list[Op]:
        return [op for op in self.nodes if op.name not in VIEWS]


class Strips(Lowering):
    """Puts runs of elementwise operations on sequences into strips."""

    def run(self) -> Program:
        nodes: list[Node] = []
        run = _Run()
        for position, node in enumerate(self.program.nodes):
            if isinstance(node, Op) and _fits(node):
                run.nodes.append(node)
            elif isinstance(node, Op) and not any(value.type.time for value in (*node.args, *node.outs)):
                nodes.append(node)  # has nothing to do with sequences: may come first
            else:
                nodes += [*self._written(run, self.program.nodes[position:]), node]
                run = _Run()
        return replace(self.program, nodes=(*nodes, *self._written(run, ())))

    def _written(self, run: _Run, later: Sequence[Node]) -> list[Node]:
        if len(run.arithmetic) < LEAST:
            return list(run.nodes)
        needed = {value for node in later for value in reads(node)} | {port.value for port in self.program.outputs}
        computed = {out for op in run.arithmetic for out in op.outs}
        before: list[Node] = []
        after: list[Node] = []
        for op in run.nodes:  # what is only looked at stays outside, on either side
            if op.name in VIEWS:
                inside = op.args[0] in computed
                computed.update(op.outs if inside else ())
                (after if inside else before).append(op)
        for op in reversed(after):
            if not needed.isdisjoint(op.outs):
                needed.update(op.args)
        results = [out for op in run.arithmetic for out in op.outs if out in needed]
        own = {out for op in run.nodes for out in op.outs}
        entering = dict.fromkeys(v for op in run.nodes for v in op.args if v.type.time and v not in own)
        params = {value: fresh(value) for value in entering}
        body, inner = clone(run.nodes, params)
        loop = Loop(
            xs=tuple(params.items()),
            carries=(),
            body=body,
            ys=tuple((inner[value], value) for value in results),
            chunk=1,
            name=STRIP,
            spans=frozenset(span for op in run.nodes for span in op.spans),
        )
        return [*before, loop, *after]


def _fits(op: Op) -> bool:
    kind = TABLE[op.name].kind if op.name in TABLE else ""
    return all(out.type.time for out in op.outs) and (kind == "elementwise" or op.name in ("concat", *VIEWS))
