"""What NumPy wants said otherwise: rewrites of a program before it is written."""

from __future__ import annotations

from rnnc.backends.numpy.lowering.biases import Biases
from rnnc.backends.numpy.lowering.gather import Gather
from rnnc.backends.numpy.lowering.order import Sinking
from rnnc.backends.numpy.lowering.parts import Parts
from rnnc.backends.numpy.lowering.sigmoids import Sigmoids
from rnnc.backends.numpy.lowering.strips import STRIP, Strips
from rnnc.ir.program import Program
from rnnc.ir.trim import trim_program


def lower(program: Program) -> Program:
    """The program as NumPy wants it."""
    for rewrite in (Sigmoids, Biases, Gather, Parts, Sinking, Strips):
        program = trim_program(rewrite(program).run())
    return program


__all__ = ["STRIP", "lower"]
