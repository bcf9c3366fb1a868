"""Every operation as CUDA says it, run on the CPU, against its meaning."""

from __future__ import annotations

import pytest

from rnnc.ir.interpreter import evaluate
from rnnc.ir.operations import TABLE
from tests.cuda.support import Batch, needs_compiler
from tests.ir.cases import CASES, SIZES, as_arrays, as_program
from tests.numpy.support import agree

pytestmark = needs_compiler

# float32 has a relative precision of 6e-8; a handful of operations, some of them powers, lose two digits at most
TOLERANCE = {"float64": 1e-10, "float32": 2e-5}


@pytest.fixture(scope="module")
def batch() -> Batch:
    found = Batch()
    for number, case in enumerate(CASES):
        absent = frozenset(("tape", f"arg{i}") for i, a in enumerate(case.args) if a.absent)
        found.add(str(number), as_program(case, f"case_{number}"), tuple(SIZES), absent)
    return found


def test_every_row_has_a_spelling() -> None:
    from rnnc.backends.cuda.spelling import LINES, MAPS, REDUCTIONS

    own = {name for name in MAPS if name.startswith("cuda.")}
    assert {*MAPS, *LINES, *REDUCTIONS} - own | {"softmax", "const", "extent"} == set(TABLE)


@pytest.mark.parametrize("shared", [False, True], ids=["one thread each", "many threads each"])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_values(batch: Batch, dtype: str, shared: bool) -> None:
    """All cases at once: their kernels are compiled together."""
    batch.lanes, batch.part = (32, 1) if shared else (None, None)
    for number, case in enumerate(CASES):
        arrays = as_arrays(case)
        expected = evaluate(batch.written[str(number)][0], arrays, sizes=SIZES)  # type: ignore[arg-type]
        try:
            agree(batch.run(str(number), arrays, dtype, SIZES), expected, TOLERANCE[dtype])
        except AssertionError as error:
            raise AssertionError(f"{case.label}: {error}") from error
