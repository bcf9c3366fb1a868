"""Every operation as NumPy says it, against its meaning: over whole sequences, and inside of a loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rnnc.backends.numpy.spelling import SPELLINGS
from rnnc.ir.interpreter import evaluate
from rnnc.ir.operations import TABLE, Builder
from rnnc.ir.program import DType, Loop, Port, Program, Type, Value
from rnnc.ir.verifier import verify
from tests.ir.cases import CASES, ENV, SIZES, Case
from tests.numpy.support import agree, alone, run

# float32 has a relative precision of 6e-8; a handful of operations, some of them powers, lose two digits at most
TOLERANCE = {"float64": 1e-10, "float32": 2e-5}
CLOCK = Type((), DType.FLOAT, batch=True, time=True)


def _stepwise(example: Case) -> bool:
    """Whether an operation can stand in a step: it neither couples steps nor keeps or sums an axis of time."""
    attrs = example.attrs
    return (
        TABLE[example.name].kind not in ("time", "source")
        and "t" not in str(attrs.get("reduce", ""))
        and not attrs.get("time")
    )


STEPWISE = list(filter(_stepwise, CASES))


def test_every_row_has_a_spelling() -> None:
    assert set(TABLE) == {name for name in SPELLINGS if not name.startswith("numpy.")}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("example", CASES, ids=lambda c: c.label)
def test_over_sequences(example: Case, dtype: str) -> None:
    b = Builder()
    args = [Value(a.type, f"arg{i}") for i, a in enumerate(example.args)]
    outs = b.ops(example.name, *args, **example.attrs)
    check(_program(example, args, b, outs), example, dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("example", CASES, ids=lambda c: c.label)
def test_over_operands_that_may_be_overwritten(example: Case, dtype: str) -> None:
    b = Builder()
    args = [Value(a.type, f"arg{i}") for i, a in enumerate(example.args)]
    outs = b.ops(
        example.name, *(_own(b, v, absent=a.absent) for v, a in zip(args, example.args, strict=True)), **example.attrs
    )
    check(_program(example, args, b, outs), example, dtype)


@pytest.mark.parametrize("own", [False, True], ids=["given", "own"])
@pytest.mark.parametrize("example", STEPWISE, ids=lambda c: c.label)
def test_in_a_loop(example: Case, own: bool) -> None:
    """Operands with time are elements of sequences (made by the step itself: `own`); the others come from outside."""
    args = [Value(a.type, f"arg{i}") for i, a in enumerate(example.args)]
    inner = [Value(a.type.with_(time=False), f"arg{i}") if a.type.time else a for i, a in enumerate(args)]
    xs = tuple((a, i) for a, i in zip(args, inner, strict=True) if a is not i)
    body = Builder()
    operands = [
        _own(body, v, absent=a.absent) if own and v.type.dtype is DType.FLOAT else v
        for v, a in zip(inner, example.args, strict=True)
    ]
    outs = body.ops(example.name, *operands, **example.attrs)
    ys = tuple((out, Value(out.type.with_(time=True), f"out{i}")) for i, out in enumerate(outs))
    clock = Value(CLOCK, "clock")
    loop = Loop(xs=xs, carries=(), body=tuple(body.nodes), ys=ys, like=None if xs else clock)
    b = Builder()
    b.emit(loop)
    check(_program(example, args, b, [seq for _, seq in ys], clock), example, "float64")


def _own(b: Builder, value: Value, *, absent: bool) -> Value:
    """The same numbers in an array that the program has made."""
    if absent or value.type.dtype is not DType.FLOAT:
        return value
    return b.op("neg", b.op("neg", value))


def _program(example: Case, args: list[Value], b: Builder, outs: object, clock: Value | None = None) -> Program:
    """`clock` tells steps and rows where every argument is absent. (A tape may be absent, which suits all roles.)"""
    inputs = [Port("tape", value.name, value) for value in args]
    outputs = tuple(Port("output", f"out{i}", out) for i, out in enumerate(outs))  # type: ignore[arg-type]
    return Program(
        example.name, (*inputs, Port("input", "clock", clock or Value(CLOCK, "clock"))), tuple(b.nodes), outputs
    )


def check(program: Program, example: Case, dtype: str) -> None:
    verify(program)
    env = replace(ENV, float_dtype=dtype)
    arrays = {("tape", f"arg{i}"): array for i, array in enumerate(example.arrays(env)) if array is not None}
    arrays["input", "clock"] = np.zeros(env.shape(CLOCK))
    found = run(program, arrays, dtype, SIZES)
    agree(found, evaluate(program, arrays, sizes=SIZES), TOLERANCE[dtype])  # type: ignore[arg-type]
    alone(found)
