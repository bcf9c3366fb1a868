"""The passes that simplify, together, on random programs: still equal, with nothing left to do, and gradients stay."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rnnc.autodiff import differentiate
from rnnc.ir.interpreter import evaluate
from rnnc.ir.program import Program
from rnnc.ir.text import print_program
from rnnc.passes.cse import cse
from rnnc.passes.dce import dce
from rnnc.passes.fold import fold
from rnnc.passes.manager import Pass, run_passes
from tests.support.random_programs import BATCH, SIZES, Arrays, assert_equal_results, random_program

OWN: tuple[Pass, ...] = (fold, cse, dce)
SEEDS = st.integers(0, 10**6)


@given(seed=SEEDS)
def test_all_together_keep_programs_equal_and_find_nothing_more_in_the_end(seed: int) -> None:
    program, arrays = random_program(seed)
    result = run_passes(program, OWN * 2, verify_each=True)
    assert_equal_results(program, result.program, arrays)
    settled = run_passes(result.program, OWN * 2, verify_each=True)
    assert print_program(run_passes(settled.program, OWN).program) == print_program(settled.program)


@given(seed=SEEDS)
def test_gradients_stay_whether_passes_run_before_or_after_differentiation(seed: int) -> None:
    program, arrays = random_program(seed)
    arrays["state", "h"] = np.full((BATCH, SIZES["n"]), 0.1)  # an absent one has no gradient
    expected = _gradients(program, arrays)
    simpler = run_passes(program, OWN * 2, verify_each=True).program
    for found in (_gradients(simpler, arrays), _gradients(program, arrays, OWN * 2)):
        assert list(found) == list(expected)
        for key, array in expected.items():
            # Gradients add up along every path: roundings are relative to the largest.
            scale = max(1.0, np.abs(array).max(initial=0.0))
            np.testing.assert_allclose(found[key], array, rtol=1e-10, atol=1e-10 * scale, err_msg=str(key))


def _gradients(program: Program, arrays: Arrays, after: Sequence[Pass] = ()) -> Arrays:
    """Of the sum of all outputs, each weighted at random; `after` are passes for both halves."""
    both = differentiate(program)
    train, backward = (run_passes(half, after, verify_each=True).program for half in (both.train, both.backward))
    results = evaluate(train, arrays, sizes=SIZES)
    rng = np.random.default_rng(0)
    given: Arrays = {**arrays, **{key: array for key, array in results.items() if key[0] == "tape"}}
    for port in program.outputs:
        given["cotangent", f"output:{port.name}"] = rng.standard_normal(results["output", port.name].shape)
    wanted = {(port.role, port.name) for port in backward.inputs}
    return {**evaluate(backward, {key: array for key, array in given.items() if key in wanted}, sizes=SIZES)}
