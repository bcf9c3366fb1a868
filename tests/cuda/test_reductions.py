"""Long reductions by the threads of a warp: they give what one thread gives, and the same bits every time."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from rnnc.ir.interpreter import evaluate
from rnnc.ir.operations import Env
from rnnc.ir.program import DType, Type
from tests.cuda.support import SHARING, Arrays, Batch, needs_compiler
from tests.ir.cases import Arg, Case, as_program, axes
from tests.numpy.support import agree

STEPS, ROWS, SIZES = 7, 11, {"p": 3, "q": 150}
# As `test_operations`: sums of hundreds of numbers about 1, whose roundings partly cancel.
TOLERANCE = {"float64": 1e-10, "float32": 2e-5}


def real(*sizes: int | str, leads: str = "tb", low: float = -1.0, high: float = 1.0) -> Arg:
    return Arg(Type(axes(*sizes), DType.FLOAT, "b" in leads, "t" in leads), low, high)


def whole(*sizes: int | str, low: float = -(2**28), high: float = 2**28) -> Arg:
    return Arg(Type(axes(*sizes), DType.INT, True, True), low, high)


CASES = [
    *(
        Case(f"reduce_{kind}", (arg,), {"axes": summed, "keep": keep})
        for kind in ("sum", "mean", "max", "min", "prod")
        for arg in (real("q", low=-1.1, high=1.2), real("q", "p", leads="b"), real("p", "q", leads=""))
        for summed, keep in (((0,), False), ((0, 1), True))
        if arg.type.rank >= len(summed)
    ),
    *(Case(f"reduce_{kind}", (whole("q"),), {"axes": (0,), "keep": False}) for kind in ("sum", "max", "min")),
    Case("reduce_to", (real("p", "q"),), {"axes": axes("p", "q"), "batch": False, "time": False}),
    Case("reduce_to", (real("q", "p"),), {"axes": axes(1, "p"), "batch": True, "time": False}),
    Case("reduce_to", (real("p", "q"),), {"axes": (), "batch": False, "time": False}),
    Case("contract", (real("p", "q"), real("q")), {"a": "ij", "b": "j", "out": "i", "reduce": "tb"}),
    Case("contract", (real("q", "p"), real("q", "p")), {"a": "ji", "b": "ji", "out": "i", "reduce": ""}),
    Case("lookup_grad", (whole(low=0, high=4), real("p")), {"rows": axes(5)[0].size, "reduce": "tb"}),
]


@cache
def batch() -> Batch:
    found = Batch()
    for number, case in enumerate(CASES):
        found.add(str(number), as_program(case, f"case_{number}"), tuple(SIZES))
    return found


def arrays_of(case: Case) -> Arrays:
    env, rng = Env(SIZES, "float64", time=STEPS, batch=ROWS), np.random.default_rng(0)
    drawn = {("tape", f"arg{i}"): arg.draw(rng, env) for i, arg in enumerate(case.args)}
    return {**drawn, ("input", "clock"): np.zeros((STEPS, ROWS))}


@needs_compiler
@pytest.mark.parametrize("lanes", [1, 32, None], ids=["a thread", "a warp", "what modules choose"])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_long_reductions(dtype: str, lanes: int | None) -> None:
    batch().lanes = lanes
    for number, case in enumerate(CASES):
        arrays = arrays_of(case)
        expected = evaluate(batch().written[str(number)][0], arrays, sizes=SIZES)
        found = [batch().run(str(number), arrays, dtype, SIZES) for _ in range(2)]
        np.testing.assert_array_equal(found[0]["output", "out0"], found[1]["output", "out0"])
        try:
            agree(found[0], expected, TOLERANCE[dtype])
        except AssertionError as error:
            raise AssertionError(f"{case.label}: {error}") from error


@needs_compiler
def test_what_is_no_number_comes_through_a_warp() -> None:
    batch().lanes = 32
    for number, case in enumerate(CASES):
        if case.name in ("reduce_max", "reduce_min", "reduce_prod", "reduce_sum") and case.args[0].type.rank == 1:
            arrays = dict(arrays_of(case))
            x = arrays["tape", "arg0"]
            if x.dtype.kind == "f":
                x[2, 3, 140] = np.nan
                found = batch().run(str(number), arrays, "float32", SIZES)["output", "out0"]
                assert np.isnan(found[2, 3])
                assert np.isnan(found).sum() == 1


@pytest.mark.parametrize(
    ("results", "combined", "side_by_side", "lanes"),
    [
        (32, 256, True, 32),  # a row of each of few
        (10**6, 256, True, 32),  # and of many: what a warp reads lies together
        (10**6, 20, True, 1),
        (256, 3200, False, 32),  # a bias: few results of many
        (65536, 3200, False, 1),  # a result for each thread
        (256, 100, False, 1),
        (0, 0, False, 1),
    ],
)
def test_how_many_threads(results: int, combined: int, side_by_side: bool, lanes: int) -> None:
    space: dict[str, object] = {}
    exec(SHARING, space)
    assert space["_lanes"](results, combined, side_by_side) == lanes  # type: ignore[operator]
