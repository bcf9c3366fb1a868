"""Dead code: what no output of the program depends on."""

from __future__ import annotations

from rnnc.ir.program import Program
from rnnc.ir.trim import trim_program
from rnnc.passes.manager import PassContext, compiler_pass


@compiler_pass
def dce(program: Program, context: PassContext) -> Program:
    """Drops operations, and the results, carries and sequences of loops, that no output depends on."""
    del context  # what nobody reads is nobody's concern
    return trim_program(program)
