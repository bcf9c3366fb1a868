"""Folding of numbers: what is computed ahead is what the operations' table says."""

from __future__ import annotations

import math

import pytest

from rnnc.ir.program import Axis, Op
from rnnc.ir.size import Size
from rnnc.passes.fold import fold
from rnnc.passes.folding.constants import BINARY, UNARY
from rnnc.passes.manager import run_passes
from tests.passes.folding import LOGIC, folded
from tests.support.small_programs import N, Small, counts

NUMBERS = (-2.5, -1.0, -0.5, 0.0, 0.3, 0.5, 1.0, 2.5, 800.0, math.inf)


@pytest.mark.parametrize("name", sorted(UNARY))
def test_functions_of_numbers_are_what_the_table_says(name: str) -> None:
    small = Small()
    attrs = {"dtype": "int"} if name == "cast" else {}
    numbers = (True, False) if name == "logical_not" else (*NUMBERS, -3, 0, 5)
    for number in numbers:
        small.output(small.build.op(name, small.build.const(number), **attrs))
    if name == "cast":  # NumPy makes some int of infinity, with a warning
        small.outputs = [p for i, p in enumerate(small.outputs) if math.isfinite(numbers[i])]
    after = folded(small)
    left = [n for n in after.nodes if isinstance(n, Op) and n.name == name]
    assert len(left) <= len(small.outputs) // 2 or name in ("acosh", "atanh")  # which few numbers have
    assert {"const"} | {n.name for n in left} == set(counts(after))


@pytest.mark.parametrize("name", sorted(BINARY))
def test_functions_of_two_numbers_are_what_the_table_says(name: str) -> None:
    small = Small()
    numbers = (True, False) if name in LOGIC else (-2.5, 0.0, 0.5, 3.0, -3, 2)
    for a in numbers:
        for b in numbers:
            if not (name == "pow" and isinstance(a, int) and isinstance(b, int) and b < 0):
                small.output(small.build.op(name, small.build.const(a), small.build.const(b)))
    after = folded(small)
    assert sum(1 for n in after.nodes if isinstance(n, Op) and n.name == name) <= len(small.outputs) // 2


def test_ints_do_not_wrap() -> None:
    small = Small()
    large = small.build.const(2**30)
    small.output(small.build.op("mul", large, large))
    before = small.program()
    after = run_passes(before, (fold,), verify_each=True).program
    assert counts(after)["mul"] == 1


def test_known_sizes_are_numbers_and_open_ones_are_not() -> None:
    small = Small()
    for size in (Size.of(3), Size.of("open")):
        small.output(small.build.op("extent", size=size, dtype="float"))
    after = run_passes(small.program(), (fold,), verify_each=True).program
    assert counts(after) == {"const": 1, "extent": 1}


def test_views_and_reductions_of_one_number_are_that_number() -> None:
    small = Small()
    build = small.build
    full = build.op("full", value=0.5, axes=(N, Axis("m", Size.of(2))))
    sum_ = build.op("reduce_sum", full, axes=(0,), keep=False)
    mean = build.op("reduce_mean", full, axes=(1,), keep=True)
    small.output(sum_, mean, build.op("transpose", full, perm=(1, 0)), build.op("tanh", full))
    assert counts(folded(small)) == {"full": 4}


def test_zeros_do_not_keep_what_they_are_like_alive() -> None:
    small = Small()
    x = small.sequence()
    long = small.build.op("tanh", small.build.op("exp", small.build.op("add", x, small.vector())))
    small.output(small.build.op("zeros_like", long))
    assert counts(folded(small)) == {"zeros_like": 1}


def test_ones_of_every_row_are_ones() -> None:
    """As a derivative begins with them: zeros like a number, and one more."""
    small = Small()
    build, x = small.build, small.sequence()
    loss = build.op("reduce_sum", build.op("square", x), axes=(0,), keep=True)
    ones = build.op("add", build.op("zeros_like", loss), build.const(1.0))
    spread = build.op("broadcast", ones, axes=x.type.axes)
    small.output(build.op("mul", build.op("mul", spread, build.const(2.0)), x))
    assert counts(folded(small)) == {"mul": 1, "const": 1}


def test_numbers_that_spread_what_they_meet_stay() -> None:
    small = Small()
    build, x, w = small.build, small.sequence(), small.vector()
    ones = build.op("add", build.op("zeros_like", x), build.const(1.0))
    small.output(build.op("mul", ones, w))
    assert counts(folded(small))["zeros_like"] == 1
