"""Whole programs, their training and their backward programs, against the interpreter."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnc.autodiff import Save, differentiate
from rnnc.ir.program import Program
from tests.autodiff.harness import Arrays, case
from tests.support import judging
from tests.support.whole_programs import PROGRAMS
from tests.tensorflow.support import run_program, text_of

LENGTHS = [None, (5, 0, 3, 1)]


def judged(program: Program, arrays: Arrays, driver: str) -> Arrays:
    """The results of a program, after comparison with the interpreter's."""
    return judging.judged(program, arrays, lambda given: run_program(program, given, driver=driver))


@pytest.mark.parametrize("driver", ["dynamic", "static"])
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("make", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_forward_and_backward(make: Callable[[], Program], lengths: tuple[int, ...] | None, driver: str) -> None:
    example = case(make(), lengths=lengths)
    judged(example.program, example.arrays, driver)
    _train(example.program, example.arrays, dict(example.cotangents), "all", driver)


@pytest.mark.parametrize("save", ["states", 2, 3])
@pytest.mark.parametrize("make", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_steps_that_run_again(make: Callable[[], Program], save: Save) -> None:
    example = case(make(), lengths=(5, 0, 3, 1))
    _train(example.program, example.arrays, dict(example.cotangents), save, "static" if save == 3 else "dynamic")


def _train(program: Program, arrays: Arrays, cotangents: Arrays, save: Save, driver: str) -> None:
    both = differentiate(program, save)
    forward = judged(both.train, arrays, driver)
    tape = {key: array for key, array in forward.items() if key[0] == "tape"}
    given = {**arrays, **tape, **{("cotangent", name): array for name, array in cotangents.items()}}
    judged(both.backward, given, driver)


@pytest.mark.parametrize("steps", [0, 1])
@pytest.mark.parametrize("driver", ["dynamic", "static"])
@pytest.mark.parametrize("name", ["lstm_peepholes_fused", "recurrences_without_loops"])
def test_few_steps(name: str, steps: int, driver: str) -> None:
    example = case(PROGRAMS[name](), time=steps, lengths=None)
    judged(example.program, example.arrays, driver)


@pytest.mark.parametrize("make", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_same_text_twice(make: Callable[[], Program]) -> None:
    assert text_of(make()) == text_of(make())
