"""Random networks by hand: `python -m benchmarks.fuzz_networks --count 2000 --seed 0 --jobs 2`.

A network that fails is made smaller and saved beside where this runs, as a source that can be compiled. Those for CUDA
are small: g++ takes seconds for the kernels of each.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from benchmarks.fuzzing import Found, arguments, run, search
from rnnc.verify.proving.ways import half_types
from tests.support.cell_checks import Plan, plan
from tests.support.cells import RandomSource
from tests.support.networks import draw_network
from tests.support.networks.checks import check_network, check_on_cuda, way

Check = Callable[[RandomSource, int], Counter[str]]
TRIES = {"numpy": 200, "tensorflow": 100, "cuda": 60}  # draws while a failing network is made smaller
STATEMENTS = {"numpy": 4, "tensorflow": 3, "cuda": 2}


def on_numpy(source: RandomSource, seed: int) -> Counter[str]:
    """NumPy's module and the interpreter, with everything that holds of networks."""
    return check_network(source, replace(plan(seed), tensorflow=False))


def on_tensorflow(source: RandomSource, seed: int) -> Counter[str]:
    """TensorFlow's module beside NumPy's, and little else."""
    return check_network(source, Plan(seed, slopes=False, save=None, without=None, formatted=False, tensorflow=True))


def on_cuda(source: RandomSource, seed: int) -> Counter[str]:
    """CUDA's module, of another strategy and another way to save for each seed."""
    return check_on_cuda(source, seed, way(seed, half_types("cuda")))


CHECKS: dict[str, Check] = {"numpy": on_numpy, "tensorflow": on_tensorflow, "cuda": on_cuda}


def check(seeds: range, target: str) -> Found:
    return search(seeds, partial(draw_network, statements=STATEMENTS[target]), CHECKS[target], TRIES[target])


if __name__ == "__main__":
    options = arguments(
        __doc__.splitlines()[0] if __doc__ else "",
        count=1000,
        tensorflow="TensorFlow modules beside NumPy's",
        cuda="CUDA modules on the CPU: some networks a minute",
    )
    target = "cuda" if options.cuda else "tensorflow" if options.tensorflow else "numpy"
    sys.exit(run(f"networks {target}", partial(check, target=target), options, ".rnn"))
