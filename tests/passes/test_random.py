"""Every pass, and all of them, on random programs: still valid, still equal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnc.ir.text import print_program
from rnnc.ir.verifier import verify
from rnnc.passes.cse import cse
from rnnc.passes.dce import dce
from rnnc.passes.fold import fold
from rnnc.passes.manager import Pass, PassContext, run_passes
from tests.support.random_programs import assert_equal_results, random_program

OWN: tuple[Pass, ...] = (fold, cse, dce)
SEEDS = st.integers(0, 10**6)


@pytest.mark.parametrize("step", OWN, ids=lambda step: step.name)
@given(seed=SEEDS)
def test_a_pass_keeps_programs_valid_and_equal(step: Pass, seed: int) -> None:
    program, arrays = random_program(seed)
    verify(program)
    after = step.run(program, PassContext(step.name))
    verify(after)
    assert_equal_results(program, after, arrays)


@given(seed=SEEDS)
def test_all_together_keep_programs_equal_and_find_nothing_more_in_the_end(seed: int) -> None:
    program, arrays = random_program(seed)
    result = run_passes(program, OWN * 2, verify_each=True)
    assert_equal_results(program, result.program, arrays)
    settled = run_passes(result.program, OWN * 2, verify_each=True)
    assert print_program(run_passes(settled.program, OWN).program) == print_program(settled.program)
