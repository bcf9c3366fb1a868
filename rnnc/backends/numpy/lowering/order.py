"""The order of the operations of a step."""

from __future__ import annotations

from dataclasses import replace

from rnnc.backends.numpy.lowering.walk import Lowering
from rnnc.ir.program import Loop, Node, Op, reads


class Sinking(Lowering):
    """What a step only hands on is computed last: then it can overwrite its operand, which nobody reads any more."""

    def loop(self, loop: Loop) -> Loop:
        loop = super().loop(loop)
        read = {value for node in loop.body for value in reads(node)}
        handed = {carry.next for carry in loop.carries} - {value for value, _ in loop.ys}
        last = [
            node
            for node in loop.body
            if isinstance(node, Op) and handed.issuperset(node.outs) and read.isdisjoint(node.outs)
        ]
        late = [node for node in last if node.name != "contract"]  # a product overwrites nothing
        return replace(loop, body=(*(node for node in loop.body if node not in late), *late))

    def op(self, op: Op, loop: Loop | None) -> list[Node]:
        return [op]
