"""Folding a small program and dropping what is dead after it."""

from __future__ import annotations

from rnnc.ir.program import Program
from rnnc.passes.dce import dce
from rnnc.passes.fold import fold
from rnnc.passes.manager import run_passes
from tests.support.random_programs import assert_equal_results
from tests.support.small_programs import Small

LOGIC = ("logical_and", "logical_or", "logical_not")  # operations on truth values


def folded(small: Small) -> Program:
    """Fold, and drop what is dead after it."""
    before = small.program()
    after = run_passes(before, (fold, dce), verify_each=True).program
    assert_equal_results(before, after, small.arrays)
    return after
