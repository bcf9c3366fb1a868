"""Properties between runs: a right cell has them all, and each fault shows in the row that is about it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rnnc.ir.program import Program
from rnnc.verify.proving.invariants import invariant_rows
from rnnc.verify.proving.sample import Draw
from rnnc.verify.report import Row
from rnnc.verify.running.runner import Call, Gradients, Results, Runner
from tests.verify.models import BasicRNN, basic_rnn

SIZES = {"input": 3, "units": 2}
ALONE = "lengths: each row alone, cut off"
PAST = "lengths: outputs past the end are zero"
PADDING = "lengths: padding changes nothing"
SINGLE = "single steps in a row"
CHUNKS = "two chunks in a row"


def rows(runner: Runner) -> dict[str, Row]:
    model = replace(basic_rnn(), step=Program("step", (), (), ()))
    draw = Draw(model, SIZES, seed=0)
    initial = {
        p.name: np.random.default_rng(1).normal(size=[a.size.evaluate(SIZES) for a in p.axes]) for p in model.parameters
    }
    sample = draw.sample(BasicRNN(), initial, 6, 4)
    return {row.name: row for row in invariant_rows(model, runner, sample, draw.lengths(6, 4))}


def test_a_right_cell_has_every_property() -> None:
    found = rows(BasicRNN())
    assert list(found) == [ALONE, PAST, PADDING, SINGLE, CHUNKS]
    assert all(row.passed for row in found.values())


class StateRunsOn(BasicRNN):
    """Ignores lengths, but for outputs."""

    def forward(self, call: Call) -> Results:
        free = super().forward(call.with_(lengths=None))
        return Results({"y": free.outputs["y"] * self.valid(call)}, free.state)


class OutputsRunOn(BasicRNN):
    def forward(self, call: Call) -> Results:
        right = super().forward(call)
        return Results(super().forward(call.with_(lengths=None)).outputs, right.state)


class PaddingLeaks(BasicRNN):
    """A gradient adds up what lies past the lengths."""

    def backward(self, call: Call, *rest: object) -> Gradients:
        found = super().backward(call, *rest)  # type: ignore[arg-type]
        found.params["h'.bias"] += 1e-6 * call.inputs["x"].sum()
        return found


class WrongStep(BasicRNN):
    def step(self, call: Call) -> Results:
        right = super().step(call)
        return Results(right.outputs, {"h": right.state["h"] * (1 + 1e-6)})


class StartsAnew(BasicRNN):
    """Forgets the given state."""

    def forward_train(self, call: Call) -> tuple[Results, list[np.ndarray]]:
        return super().forward_train(call.with_(state=None))


@pytest.mark.parametrize(
    ("runner", "failing"),
    [
        (StateRunsOn(), {ALONE}),
        (OutputsRunOn(), {PAST}),
        (PaddingLeaks(), {PADDING}),
        (WrongStep(), {SINGLE}),
        (StartsAnew(), {ALONE, SINGLE, CHUNKS}),
    ],
)
def test_a_fault_shows_in_its_row(runner: Runner, failing: set[str]) -> None:
    assert {name for name, row in rows(runner).items() if not row.passed} == failing


def test_a_failing_row_says_where() -> None:
    assert rows(StateRunsOn())[ALONE].detail.startswith("largest in row ")
