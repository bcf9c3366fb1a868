"""The interpreter as a runner: its gradients are those of finite differences, of what gradients see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rnnc.ir.model import Model
from rnnc.verify.proving.differences import difference_rows
from rnnc.verify.proving.interpreted import InterpretedRunner
from rnnc.verify.proving.invariants import differentiate, invariant_rows
from rnnc.verify.proving.sample import Draw, Sample
from rnnc.verify.running.runner import Gradients
from tests.verify.models import simple_loop

SIZES = {"units": 3}


def sampled(model: Model) -> tuple[InterpretedRunner, Sample]:
    runner = InterpretedRunner(model, SIZES)
    sample = Draw(model, SIZES, seed=0).sample(runner, {"w": np.linspace(-1, 1, 3)}, 5, 4)
    # States as large as 1 make clips clip and frozen values matter.
    assert sample.call.state is not None
    state = {"s": sample.call.state["s"] + np.random.default_rng(1).normal(size=(4, 3))}
    return runner, replace(sample, call=sample.call.with_(state=state))


def checked(model: Model, change: float = 0.0) -> dict[str, bool]:
    runner, sample = sampled(model)
    _, gradients = differentiate(runner, sample, sample.call)
    changed = Gradients(gradients.inputs, gradients.state, {"w": gradients.params["w"] + change})
    objective = runner.objective(sample)
    return {
        row.name: row.passed
        for row in difference_rows(objective.function, objective.point, objective.named(changed), 0)
    }


@pytest.mark.parametrize("model", [simple_loop(), simple_loop(clip=0.1), simple_loop(freeze=True)])
def test_gradients_are_those_of_finite_differences(model: Model) -> None:
    rows = checked(model)
    assert list(rows) == [f"{name} (finite differences)" for name in ("param:w", "input:x", "state:s")]
    assert all(rows.values())


def test_a_wrong_gradient_fails() -> None:
    rows = checked(simple_loop(), change=1e-4)
    assert rows == {
        "param:w (finite differences)": False,
        "input:x (finite differences)": True,
        "state:s (finite differences)": True,
    }


def test_a_clip_that_cuts_has_another_gradient_than_one_that_passes() -> None:
    (runner, sample), (free, _) = sampled(simple_loop(clip=0.1)), sampled(simple_loop())
    assert not np.allclose(runner.forward(sample.call).outputs["y"], free.forward(sample.call).outputs["y"])


def test_properties_hold_for_interpreted_loops() -> None:
    runner, sample = sampled(simple_loop())
    rows = list(invariant_rows(simple_loop(), runner, sample, np.asarray([5, 0, 1, 3], np.int32)))
    assert len(rows) == 3  # no single steps: the model has no program for them
    assert all(row.passed for row in rows), rows
