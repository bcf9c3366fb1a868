"""Every operation as CUDA says it, run on the CPU, against its meaning."""

from __future__ import annotations

import pytest

from rnnc.ir.interpreter import evaluate
from rnnc.ir.operations import TABLE
from rnnc.ir.program import Port, Program, Type, Value
from tests.cuda.support import Batch, needs_compiler
from tests.ir.cases import CASES, ENV, SIZES, Case
from tests.numpy.support import agree

pytestmark = needs_compiler

# float32 has a relative precision of 6e-8; a handful of operations, some of them powers, lose two digits at most
TOLERANCE = {"float64": 1e-10, "float32": 2e-5}


def program_of(case: Case, number: int) -> Program:
    """The operation as a program. (A tape may be absent, which suits all roles.) `clock` tells steps and rows."""
    from rnnc.ir.builder import Builder
    from rnnc.ir.program import DType

    b = Builder()
    args = [Value(a.type, f"arg{i}") for i, a in enumerate(case.args)]
    outs = b.ops(case.name, *args, **case.attrs)  # type: ignore[arg-type]
    clock = Port("input", "clock", Value(Type((), DType.FLOAT, batch=True, time=True), "clock"))
    inputs = (*(Port("tape", value.name, value) for value in args), clock)
    outputs = tuple(Port("output", f"out{i}", out) for i, out in enumerate(outs))
    return Program(f"case_{number}", inputs, tuple(b.nodes), outputs)


@pytest.fixture(scope="module")
def batch() -> Batch:
    found = Batch()
    for number, case in enumerate(CASES):
        absent = frozenset(("tape", f"arg{i}") for i, a in enumerate(case.args) if a.absent)
        found.add(str(number), program_of(case, number), tuple(SIZES), absent)
    return found


def test_every_row_has_a_spelling() -> None:
    from rnnc.backends.cuda.spelling import LINES, MAPS, REDUCTIONS

    own = {name for name in MAPS if name.startswith("cuda.")}
    assert {*MAPS, *LINES, *REDUCTIONS} - own | {"softmax", "const", "extent"} == set(TABLE)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_values(batch: Batch, dtype: str) -> None:
    """All cases at once: their kernels are compiled together."""
    for number, case in enumerate(CASES):
        arrays: dict[tuple[str, str], object] = {
            ("tape", f"arg{i}"): array for i, array in enumerate(case.arrays(ENV)) if array is not None
        }
        program = batch.written[str(number)][0]
        arrays["input", "clock"] = _zeros(program)
        expected = evaluate(program, arrays, sizes=SIZES)  # type: ignore[arg-type]
        try:
            agree(batch.run(str(number), arrays, dtype, SIZES), expected, TOLERANCE[dtype])
        except AssertionError as error:
            raise AssertionError(f"{case.label}: {error}") from error


def _zeros(program: Program) -> object:
    import numpy as np

    return np.zeros(ENV.shape(program.inputs[-1].value.type))
