"""`rnnc verify` tells of kernels that are wrong in half types alone, and of strategies that have no room."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnc.compiler import compile_source
from rnnc.runtime import load_module
from rnnc.simulator.cupy_like import How
from rnnc.simulator.driver import DeviceModel
from rnnc.simulator.loader import load
from rnnc.syntax.source import Source
from rnnc.verify import commands
from rnnc.verify.proving.halves import HALVES, TF32, halves_here
from rnnc.verify.proving.interpreted import InterpretedRunner
from rnnc.verify.proving.judged import FLOAT32, Judged, Precision, precision_of
from rnnc.verify.proving.sample import Draw
from rnnc.verify.proving.ways import running, strategies, titled
from rnnc.verify.report import Report, Row, relative_error
from rnnc.verify.running.runner import ModuleRunner
from tests.cuda.support import needs_compiler

ENTRIES = ("forward", "forward_train", "backward")
SIZES = {"units": 3, "input": 4}
CELL = Source("c.rnn", "cell C(units) {\n input x[input]\n state h[units]\n h' = tanh(linear(x, h))\n output h'\n}")
SCAN = Source("s.rnn", "cell S(units) {\n input x[units]\n state h[units]\n h' = sigmoid(x) * h + x\n output h'\n}")
MASKED = Source(
    "m.rnn",
    "cell M(units) {\n input x[input]\n state h[units]\n a = linear(x, h)\n"
    " h' = softmax(where(a > 1e4, a, -1e9))\n output h'\n}",
)
LARGEST = Source(
    "l.rnn",
    "cell L(units) {\n input x[input]\n state h[units]\n z = 0.5 * h + tanh(linear(x, h))\n h' = z - max(z)\n"
    " output h', least: min(z)\n}",
)
# In teams.cuh, where fragments of halves are added up; other types have other functions.
SUM = "*sum = first ? total[i] : *sum + total[i];"
DAMAGED = {
    "columns in the wrong order": "*sum = first ? total[i ^ 2] : *sum + total[i ^ 2];",
    "a fiftieth too much": "*sum = 1.02f * (first ? total[i] : *sum + total[i]);",
}


def judged(
    precision: Precision,
    old: str = "",
    new: str = "",
    how: How | None = None,
    strategy: str = "block",
    cell: Source = CELL,
) -> tuple[Judged, ModuleRunner]:
    """A module that has another text in the place of one, and what it is compared with."""
    compiled = compile_source(cell, None, {"strategy": strategy}, target="cuda")
    assert old in compiled.text
    model = compiled.unit.model
    judge = InterpretedRunner(model, SIZES)
    loaded = load(compiled.text.replace(old, new) if old else compiled.text, "c", how)
    loaded._REGISTERS = ()  # weights of so few units would all be there
    module = ModuleRunner(model, loaded)
    sample = Draw(model, SIZES, 0).sample(judge, module.init_params(0, "float64", SIZES), 4, 3)
    return Judged(judge, sample, precision, str(precision.dtype)), module


def rows(precision: Precision, old: str = "", new: str = "") -> list[Row]:
    """What is said of a module."""
    one, module = judged(precision, old, new)
    return list(one.rows(module))


@needs_compiler
@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_kernel_of_halves_is_told_of(damage: str) -> None:
    float16 = precision_of(HALVES[0])
    assert not any(row.passed for row in rows(float16, SUM, DAMAGED[damage]))


@needs_compiler
def test_the_damage_is_what_is_told_of() -> None:
    """Without it halves pass, and with it what is not of halves."""
    assert all(row.passed for row in rows(precision_of(HALVES[0])))
    assert all(row.passed for row in rows(FLOAT32, SUM, DAMAGED["columns in the wrong order"]))


@needs_compiler
@pytest.mark.parametrize("strategy", ["step", "block"])
def test_a_softmax_of_numbers_that_halves_round_far(strategy: str) -> None:
    """What the largest number is subtracted from is computed again there, and not rounded: so neither is the largest.
    Of -1e9, by which attention masks, bfloat16 is off by 700 000, and the exponential of that is infinite."""
    for half in halves_here():
        one, module = judged(precision_of(half), strategy=strategy, cell=MASKED)
        assert [row.error for row in one.rows(module) if not row.passed] == []


@needs_compiler
@pytest.mark.parametrize("save", ["all", "states", "every=2"])
@pytest.mark.parametrize("strategy", ["step", "block"])
def test_gradients_reach_the_largest_number(strategy: str, save: str) -> None:
    """Which one it is was found out again from rounded numbers, and none was. These are well-conditioned, so they are
    compared with NumPy's in float64 and no judge is asked what roundings may do."""
    exact = load_module(compile_source(LARGEST, None, {"units": 4}).text, "exact")
    compiled = compile_source(LARGEST, None, {"units": 4, "strategy": strategy}, target="cuda", save=save)
    module, random = load(compiled.text, "L", None), np.random.default_rng(0)
    for half in halves_here():
        params = {n: a.astype(half.dtype) for n, a in exact.init_params(seed=0, input=3).items()}
        x = random.standard_normal((2, 4, 3)).astype(half.dtype)
        outputs, _, tape = exact.forward_train(up(params), x.astype("float64"))
        d = {n: np.ones_like(a) for n, a in outputs.items()}
        wanted = exact.backward(up(params), tape, d)["params"]
        _, _, tape = module.forward_train(params, x)
        found = module.backward(params, tape, {n: a.astype(half.dtype) for n, a in d.items()})["params"]
        for name, gradient in wanted.items():
            assert relative_error(np.asarray(found[name], "float64"), gradient) < 3 * half.tolerance, (half.name, name)


@needs_compiler
@pytest.mark.parametrize("strategy", ["step", "block"])
@pytest.mark.parametrize("jump", ["floor(a) * w", "a % w", "where(a >= 3, 1, 2) * w"])
def test_what_jumped_forward_has_jumped_backward(jump: str, strategy: str) -> None:
    """tanh(5) is less than 1; as a half it is 1."""
    body = f"param w[units] = ones\n state h[units]\n a = 3 * tanh(x + h)\n h' = {jump} + sin(a)\n output h'"
    cell = Source("j.rnn", f"cell J(units) {{\n input x[units]\n {body}\n}}")
    compiled = compile_source(cell, None, {"strategy": strategy}, target="cuda")
    module = load(compiled.text, "J", None)
    params, x = {"w": np.ones(1, "float16")}, np.full((1, 1, 1), 5, "float16")
    outputs, _, tape = module.forward_train(params, x)
    gradient = module.backward(params, tape, np.ones_like(np.asarray(outputs)))["params"]["w"]
    assert abs(float(np.asarray(gradient)[0])) == 2


def up(arrays: dict[str, Any]) -> dict[str, Any]:
    """The same numbers in float64."""
    return {name: array.astype("float64") for name, array in arrays.items()}


@needs_compiler
def test_the_judge_knows_where_the_largest_number_is() -> None:
    """A rounding of its own would take it for none of the numbers that it is one of, and excuse every gradient."""
    for half in halves_here():
        one, module = judged(precision_of(half), cell=LARGEST)
        assert [(row.name, row.passed) for row in one.rows(module)] == [(f"{half.name}: {e}", True) for e in ENTRIES]
        assert one.notes == ()


def test_all_strategies_are_proved_where_loops_are_kernels() -> None:
    def found(source: Source, **options: str) -> tuple[str, ...]:
        return strategies(compile_source(source, None, options, target="cuda"))

    assert found(CELL) == ("step", "block", "persistent")
    assert found(CELL, strategy="block") == ()  # the one that is asked for is the module's own
    assert found(SCAN) == ()
    assert strategies(compile_source(CELL, None, {})) == ()


@needs_compiler
def test_a_strategy_without_room_is_told_of() -> None:
    one, module = judged(FLOAT32, how=How(device=DeviceModel(shared_bytes=64)), strategy="persistent")
    with running("strategy persistent") as notes:
        found = titled("strategy persistent", one.rows(module))
    assert [row.name for row in found] == [f"strategy persistent, float32: {e}" for e in ENTRIES]
    assert all(row.passed for row in found)
    told = "the device has no room for the strategy persistent: step by step"
    assert set(notes) == {f"strategy persistent: {name}_loop_1: {told}" for name in ("forward", "train", "backward")}


def test_rows_that_all_targets_have_are_those_of_the_gallery(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half types and strategies are CUDA's own."""
    asked: list[dict[str, Any]] = []

    def prove(*_: Any, **options: Any) -> Report:
        asked.append(options)
        return Report("", ())

    monkeypatch.setattr(commands, "prove", prove)
    for common in (False, True):
        commands.verify_source(CELL, target="cuda", common=common)
    assert asked[0]["halves"] == (*halves_here(), TF32)
    assert list(asked[0]["ways"]) == [f"strategy {name}" for name in ("step", "block", "persistent")]
    assert asked[1] == {"seed": 0}
