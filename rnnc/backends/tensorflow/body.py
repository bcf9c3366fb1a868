"""The blocks of a function: operations as they are spelled, and loops."""

from __future__ import annotations

from rnnc.backends.tensorflow.block import Block
from rnnc.backends.tensorflow.loop import write_loop
from rnnc.backends.tensorflow.spelling import SPELLINGS
from rnnc.ir.program import Loop, Op


class Body(Block):
    """A block that writes every operation and loop of the language."""

    def spell(self, op: Op) -> str:
        return SPELLINGS[op.name](self, op)

    def write_loop(self, loop: Loop) -> None:
        write_loop(self, loop)
