"""Each pass, and all of them together, on cells, on their derivatives, and on random programs: still equal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnc.autodiff import Save
from rnnc.ir.text import print_program
from rnnc.ir.verifier import verify
from rnnc.passes.manager import Pass, PassContext
from tests.passes.cells import CELLS
from tests.passes.pipeline import AFTER, BEFORE, assert_same_gradients, assert_same_results, checked, optimised
from tests.support.random_programs import assert_equal_results, random_program

EACH: tuple[Pass, ...] = tuple({step.name: step for step in (*BEFORE, *AFTER)}.values())
SEEDS = st.integers(0, 10**6)
SHAPES = [{}, {"reverse": True}, {"lengths": False}]


@pytest.mark.parametrize("shape", SHAPES, ids=["forward", "reverse", "without-lengths"])
@pytest.mark.parametrize("name", CELLS)
def test_a_cell_computes_what_it_did(name: str, shape: dict[str, bool]) -> None:
    program = CELLS[name](**shape)
    assert_same_results(program, optimised(program).forward)


@pytest.mark.parametrize("save", ["all", "states", 2])
@pytest.mark.parametrize("name", CELLS)
def test_a_cell_has_the_gradients_that_it_had(name: str, save: Save) -> None:
    program = CELLS[name](reverse=save == "states")
    assert_same_gradients(program, optimised(program, save).both)


@pytest.mark.parametrize("step", EACH, ids=lambda step: step.name)
@pytest.mark.parametrize("name", CELLS)
def test_each_pass_alone_keeps_a_cell_equal(name: str, step: Pass) -> None:
    program = CELLS[name]()
    assert_same_results(program, checked(program, [step]).program)


@pytest.mark.parametrize("name", CELLS)
def test_the_result_is_the_same_every_time(name: str) -> None:
    first, second = (optimised(CELLS[name]()) for _ in range(2))
    assert print_program(first.both.train) == print_program(second.both.train)
    assert print_program(first.both.backward) == print_program(second.both.backward)
    assert first.remarks == second.remarks


@pytest.mark.parametrize("step", EACH, ids=lambda step: step.name)
@given(seed=SEEDS)
def test_each_pass_alone_keeps_random_programs_equal(step: Pass, seed: int) -> None:
    program, arrays = random_program(seed)
    after = step.run(program, PassContext(step.name))
    verify(after)
    assert_equal_results(program, after, arrays)


@given(seed=SEEDS)
def test_all_passes_keep_random_programs_equal(seed: int) -> None:
    program, arrays = random_program(seed)
    assert_equal_results(program, checked(program, [*BEFORE, *AFTER]).program, arrays)
