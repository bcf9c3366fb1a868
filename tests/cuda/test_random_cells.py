"""Random cells of every construct as CUDA modules on the CPU: values and gradients are the interpreter's.

`python -m benchmarks.fuzz_cells --cuda` checks others, as many as one likes.
"""

from __future__ import annotations

import pytest

from benchmarks.fuzz_cells import with_cuda
from tests.cuda.support import needs_compiler
from tests.support.cell_checks import check_cell, plan
from tests.support.cells import draw_source
from tests.support.choices import Seeded

SEEDS = [pytest.param(seed, marks=[] if seed < 4 else pytest.mark.slow) for seed in range(12)]  # seconds each


@needs_compiler
@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_cell(seed: int) -> None:
    """Even seeds have loops as one kernel; odd ones go step by step, and share work as for long sequences. Of both, a
    half are run in a half type, too."""
    wanted = with_cuda(plan(seed))
    done = check_cell(draw_source(Seeded(seed)), wanted)
    assert done["module of CUDA against interpreter"] == 1
    assert wanted.half is None or done[f"module of CUDA in {wanted.half.name}"] == 1
