"""Whole programs, their training and their backward programs, against the interpreter."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from rnnc.autodiff import Save, differentiate
from rnnc.ir.interpreter import evaluate
from rnnc.ir.program import Program
from tests.autodiff.harness import Arrays, case
from tests.numpy.support import agree, alone, run, text_of
from tests.support.whole_programs import PROGRAMS

TOLERANCE = {"float64": 1e-10, "float32": 1e-4}  # float32 over five steps, some of them exponential
LENGTHS = [None, (5, 0, 3, 1), (5, 5, 5, 5), (0, 0, 0, 0)]


def judged(program: Program, arrays: Arrays, dtype: str) -> Arrays:
    """The results of a program, after comparison with the interpreter's."""
    given = {key: arrays.get(key) for key in ((p.role, p.name) for p in program.inputs)}
    found = run(program, given, dtype)
    expected = evaluate(program, given, dtype=dtype)  # type: ignore[arg-type]
    agree({key: array for key, array in found.items() if array is not None}, expected, TOLERANCE[dtype])
    alone(found)
    return found


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("make", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_forward_and_backward(make: Callable[[], Program], lengths: tuple[int, ...] | None, dtype: str) -> None:
    program = make()
    example = case(program, lengths=lengths)
    judged(program, example.arrays, dtype)
    _train(program, example.arrays, dict(example.cotangents), "all", dtype)


@pytest.mark.parametrize("save", ["states", 2, 3])
@pytest.mark.parametrize("lengths", LENGTHS[:2], ids=str)
@pytest.mark.parametrize("make", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_steps_that_run_again(make: Callable[[], Program], lengths: tuple[int, ...] | None, save: Save) -> None:
    program = make()
    example = case(program, lengths=lengths)
    _train(program, example.arrays, dict(example.cotangents), save, "float64")


def _train(program: Program, arrays: Arrays, cotangents: dict[str, np.ndarray], save: Save, dtype: str) -> None:
    both = differentiate(program, save)
    forward = judged(both.train, arrays, dtype)
    tape = {key: array for key, array in forward.items() if key[0] == "tape"}
    given = {**arrays, **tape, **{("cotangent", name): array for name, array in cotangents.items()}}
    judged(both.backward, given, dtype)


@pytest.mark.parametrize("steps", [0, 1])
@pytest.mark.parametrize("make", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_few_steps(make: Callable[[], Program], steps: int) -> None:
    if steps == 0 and make.__name__ in NEEDS_A_STEP:
        pytest.skip("the program asks for a step by its number")
    example = case(make(), time=steps, lengths=None)
    judged(example.program, example.arrays, "float64")


NEEDS_A_STEP = {"stacked_bidirectional", "readers_of_collected_states"}


@pytest.mark.parametrize("make", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_same_text_twice(make: Callable[[], Program]) -> None:
    assert text_of(make()) == text_of(make())


@pytest.mark.parametrize("name", ["rnn", "gru", "lstm_peepholes_fused"])
def test_steps_allocate_nothing(name: str) -> None:
    """In the loop of an ordinary cell there are products and ufuncs with destinations, and copies."""
    lines = text_of(PROGRAMS[name]()).split("\n")
    start = next(i for i, line in enumerate(lines) if line.lstrip().startswith("for "))
    indent = len(lines[start]) - len(lines[start].lstrip())
    body: list[str] = []
    for line in lines[next(i for i in range(start, len(lines)) if lines[i].rstrip().endswith(":")) + 1 :]:
        if line[: indent + 1].strip():
            break
        body.append(line.strip())
    calls = [line for line in body if not line.startswith("if ") and line]
    assert len(calls) > 4
    written = r"(np_|product)\w*\(.+\)(  # \w+)?|np\.copyto\(.+\)|\w+\[\.\.\.\] = \w+"
    assert all(re.fullmatch(written, line) for line in calls), calls
    goals = [
        line.partition("(")[2].partition(")")[0].count(",") for line in calls if line.startswith(("np_", "product"))
    ]
    assert all(goals), calls
