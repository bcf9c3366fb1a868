"""The blocks of a function: straight code, with its loops."""

from __future__ import annotations

from rnnc.backends.numpy.block import Block
from rnnc.backends.numpy.general_loop import write_general_loop
from rnnc.backends.numpy.loop import write_loop
from rnnc.ir.program import Loop


class Body(Block):
    """A block that writes loops: those of steps alone into buffers that are reused, others as plain code."""

    def write_loop(self, loop: Loop) -> None:
        (write_loop if loop.is_plain else write_general_loop)(self, loop)
