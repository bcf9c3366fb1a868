"""The judge of half types, by the interpreter alone: honest half arithmetic passes, whatever the cell; wrong numbers do
not."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from rnnc.compiler import compile_source
from rnnc.diagnostics import Source
from rnnc.runtime import load_module
from rnnc.verify.arrays import Array
from rnnc.verify.proving.halves import HALVES, Half, halves_here
from rnnc.verify.proving.interpreted import InterpretedRunner
from rnnc.verify.proving.judged import Judged, precision_of
from rnnc.verify.proving.sample import Draw
from rnnc.verify.report import Row
from rnnc.verify.running.runner import Call, ModuleRunner, Results

# What halves are enough for, and where they are not: a difference of large numbers, a threshold, the range.
TAME = "h' = tanh(linear(x, h))"
DIFFERENCE = "y = tanh(linear(x, h)) + 20\n h' = y - 20"
THRESHOLD = "y = linear(x, h)\n h' = where(y > 0, 1, -1) * tanh(y)"
# Decisions of one step after the other, each for all units at once, or between what is stored and what is computed.
DECISIONS = {
    "at a constant": "a = tanh(linear(x, h))\n h' = 0.5 * a + where(k <= 0.3, 0.2, 0.1)\n k' = where(a > 0.5, k, 0.3)",
    "equality": "p = 0.3 * k\n k' = tanh(linear(x, h)) / 3\n"
    " h' = where(0.1 * k' == k' * 0.1, 0.5, 0.25) + where(p == 0.3 * k, p, 1)",
    "rounded": "k' = k + 0.1\n h' = tanh(linear(x, h)) * where(floor(10 * k + 0.5) == 10 * k, 1, 0.7)",
    "kink": "a = linear(x, h)\n k' = min(a, 3 * (a / 3)) + max(k, min(k, h))\n h' = tanh(min(k', k))",
    "largest": "a = tanh(linear(x, h))\n k' = a * where(a == max(a, units), 1, 0.5)\n h' = k'",
}
BEYOND = "a = linear(x)\n b = linear(h)\n h' = tanh(exp(10 + a) * exp(10 + b) * 1e-9)"


@pytest.fixture(params=HALVES, ids=lambda half: half.name)
def half(request: pytest.FixtureRequest) -> Half:
    if request.param not in halves_here():
        pytest.skip("needs ml_dtypes")
    return request.param


def judged(equation: str, half: Half) -> tuple[Judged, InterpretedRunner]:
    """A cell of one equation, and its interpreter."""
    states = "h[units], k[units] = 0.3" if "k'" in equation else "h[units]"
    text = f"cell C(units) {{\n input x[input]\n state {states}\n {equation}\n output h'\n}}"
    compiled = compile_source(Source("c.rnn", text))
    model, sizes = compiled.unit.model, {"units": 5, "input": 4}
    judge = InterpretedRunner(model, sizes)
    initial = ModuleRunner(model, load_module(compiled.text, "C")).init_params(0, "float64", sizes)
    return Judged(judge, Draw(model, sizes, 0).sample(judge, initial, 6, 4), precision_of(half), half.name), judge


def nearest(half: Half, factor: float = 1.0) -> Callable[[Array], Array]:
    """Half arithmetic, which may be wrong by a factor."""
    return lambda array: (factor * array).astype(half.dtype).astype(np.float64)


def rows(equation: str, half: Half, factor: float = 1.0) -> tuple[list[Row], tuple[str, ...]]:
    """What is said of half arithmetic."""
    one, judge = judged(equation, half)
    return list(one.rows(judge.with_rounding(nearest(half, factor)))), one.notes


def test_a_number_becomes_one_of_the_two_around_it(half: Half) -> None:
    random = np.random.default_rng(0)
    x = random.standard_normal(2000) * 2.0 ** random.integers(-30, 13, 2000)
    found = half.rounded(x, random)
    np.testing.assert_array_equal(found.astype(half.dtype).astype(np.float64), found)
    near = np.abs(x.astype(half.dtype).astype(np.float64) - x)
    spacing = 2.0 ** np.maximum(np.floor(np.log2(np.abs(x))) + 1 - half.digits, half.smallest)
    assert (np.abs(found - x) < spacing).all()
    assert 0.2 < np.mean(np.abs(found - x) > near) < 0.3  # the farther one, too, but less often
    np.testing.assert_array_equal(half.rounded(found, random), found)


def test_what_is_too_large_is_infinite(half: Half) -> None:
    random = np.random.default_rng(0)
    x = np.array([half.largest, -half.largest, 2 * half.largest, -2 * half.largest, np.inf, -np.inf, np.nan, 0.0])
    expected = [half.largest, -half.largest, np.inf, -np.inf, np.inf, -np.inf, np.nan, 0.0]
    np.testing.assert_array_equal(half.rounded(x, random), expected)


def test_well_conditioned_arrays_may_be_off_by_eight_roundings(half: Half) -> None:
    found, notes = rows(TAME, half)
    assert all(row.passed for row in found), found
    assert {row.tolerance for row in found} == {half.tolerance}
    assert half.tolerance == {"float16": 2.0**-8, "bfloat16": 2.0**-5}[half.name]
    assert notes == ()


@pytest.mark.parametrize("equation", [DIFFERENCE, THRESHOLD])
def test_others_may_be_off_as_far_as_the_arithmetic_moves_them(equation: str, half: Half) -> None:
    found, notes = rows(equation, half)
    assert all(row.passed for row in found), found
    assert equation == THRESHOLD or (all(row.error > half.tolerance for row in found) and not notes)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", DECISIONS)
def test_decisions_may_fall_as_in_any_half_arithmetic(name: str, seed: int, half: Half) -> None:
    """Where each result is a half number or stays float32, as modules round them: what they store, and nothing else."""
    one, judge = judged(DECISIONS[name], half)
    stored = np.random.default_rng(seed)

    def rounding(array: Array) -> Array:
        return array.astype(half.dtype if stored.random() < 0.4 else np.float32).astype(np.float64)

    found = list(one.rows(judge.with_rounding(rounding)))
    assert all(row.passed for row in found), found


@pytest.mark.parametrize(("equation", "roundings"), [(TAME, 20), (DIFFERENCE, 100), (THRESHOLD, 20)])
def test_wrong_numbers_do_not_pass(equation: str, roundings: int, half: Half) -> None:
    found, _ = rows(equation, half, 1 + roundings * 2.0**-half.digits)
    assert not any(row.passed for row in found), found


def test_what_leaves_the_range_is_left_out_and_told_of() -> None:
    """float16 ends at 65504; bfloat16 goes as far as float32."""
    found, notes = rows(BEYOND, HALVES[0])
    assert not found
    (note,) = notes
    assert note.startswith("float16: arithmetic in halves leaves no digit of output h, ")


def test_a_missing_array_is_no_matter_of_digits() -> None:
    one, judge = judged(BEYOND, HALVES[0])
    runner = judge.with_rounding(nearest(HALVES[0]))

    def forward(call: Call) -> Results:
        return Results({}, runner.forward(call).state)

    wrong = SimpleNamespace(forward=forward, forward_train=runner.forward_train, backward=runner.backward)
    assert "float16: forward" in [row.name for row in one.rows(wrong) if not row.passed]
