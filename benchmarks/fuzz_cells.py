"""Random cells by hand, as many as one likes: `python -m benchmarks.fuzz_cells --count 20000 --seed 0 --jobs 2`.

A cell that fails is made smaller and saved beside where this runs, as a source that can be compiled.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from benchmarks.fuzzing import Found, arguments, run, search
from rnnc.verify.proving.ways import half_types
from tests.support.cell_checks import Plan, check_cell, plan
from tests.support.cells import draw_source

Change = Callable[[Plan], Plan]
TRIES = 200  # draws while a failing cell is made smaller


def unchanged(plan: Plan) -> Plan:
    return plan


def without_tensorflow(plan: Plan) -> Plan:
    """NumPy and the interpreter alone: several times as many cells an hour."""
    return replace(plan, tensorflow=False)


def with_cuda(plan: Plan) -> Plan:
    """CUDA beside NumPy and the interpreter, and nothing else: its kernels take g++ seconds. Of every four cells, one
    that has loops as kernels and one that goes step by step are run in a half type, too."""
    halves = half_types("cuda")
    half = halves[(plan.seed // 4 + plan.seed) % len(halves)] if plan.seed % 4 in (0, 3) else None
    return Plan(
        plan.seed, slopes=False, save=None, without=None, formatted=False, tensorflow=False, cuda=True, half=half
    )


def check(seeds: range, change: Change = unchanged) -> Found:
    return search(seeds, draw_source, lambda source, seed: check_cell(source, change(plan(seed))), TRIES)


if __name__ == "__main__":
    options = arguments(
        __doc__.splitlines()[0] if __doc__ else "",
        count=2000,
        numpy_only="leave TensorFlow out: more cells an hour",
        cuda="CUDA modules on the CPU, beside NumPy's: some cells a minute",
    )
    change = with_cuda if options.cuda else without_tensorflow if options.numpy_only else unchanged
    sys.exit(run("cells", partial(check, change=change), options, ".rnn"))
