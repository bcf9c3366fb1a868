"""Whole programs, their training and their backward programs, as kernels on the CPU, against the interpreter."""

from __future__ import annotations

from functools import cache

import pytest

from rnnc.autodiff import Save, differentiate
from rnnc.simulator.cupy_like import How
from tests.autodiff.harness import Arrays, Case, case
from tests.cuda.support import Batch, needs_compiler
from tests.support import judging
from tests.support.whole_programs import PROGRAMS

pytestmark = needs_compiler

LENGTHS = [None, (5, 0, 3, 1)]
SAVES: tuple[Save, ...] = ("all", "states", 2)


@cache
def batch(strategy: str = "step") -> Batch:
    """All programs of the zoo. Blocks of 96 threads: warps that are not full, and rows that threads share unevenly."""
    found = Batch(How(schedule="reversed"), strategy, threads=96)
    for name, make in PROGRAMS.items():
        program = make()
        found.add(f"{name} forward", program)
        for save in SAVES if strategy == "step" else SAVES[:1]:
            both = differentiate(program, save)
            found.add(f"{name} train {save}", both.train)
            absent = frozenset(
                (port.role, port.name)
                for port in both.backward.inputs
                if port.role == "tape"
                and next(p for p in both.train.outputs if p.role == "tape" and p.name == port.name).value
                in {p.value for p in both.train.inputs if p.role in ("lengths", "mask", "state")}
            )
            found.add(f"{name} backward {save}", both.backward, (), absent)
    return found


def judged(key: str, arrays: Arrays, strategy: str = "step") -> Arrays:
    """The results of a program, after comparison with the interpreter's."""
    kernels = batch(strategy)
    return judging.judged(kernels.written[key][0], arrays, lambda given: kernels.run(key, given))


def train(name: str, example: Case, save: Save, strategy: str = "step") -> None:
    forward = judged(f"{name} train {save}", example.arrays, strategy)
    tape = {key: array for key, array in forward.items() if key[0] == "tape"}
    cotangents = {("cotangent", port): array for port, array in example.cotangents.items()}
    judged(f"{name} backward {save}", {**example.arrays, **tape, **cotangents}, strategy)


@pytest.mark.parametrize("strategy", ["step", "block", "persistent"])
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("name", PROGRAMS)
def test_forward_and_backward(name: str, lengths: tuple[int, ...] | None, strategy: str) -> None:
    example = case(batch().written[f"{name} forward"][0], lengths=lengths)
    judged(f"{name} forward", example.arrays, strategy)
    train(name, example, "all", strategy)


@pytest.mark.parametrize("save", SAVES[1:])
@pytest.mark.parametrize("name", PROGRAMS)
def test_steps_that_run_again(name: str, save: Save) -> None:
    train(name, case(batch().written[f"{name} forward"][0], lengths=(5, 0, 3, 1)), save)


@pytest.mark.parametrize("name", ["lstm_peepholes_fused", "recurrences_without_loops"])
@pytest.mark.parametrize("steps", [0, 1])
def test_few_steps(name: str, steps: int) -> None:
    program = batch().written[f"{name} forward"][0]
    judged(f"{name} forward", case(program, time=steps, lengths=None).arrays)
