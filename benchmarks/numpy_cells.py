"""How fast the generated NumPy modules are, beside the loop they replace and the products they cannot do without.

    python benchmarks/numpy_cells.py                 # all shapes, some minutes; writes benchmarks/results/
    python benchmarks/numpy_cells.py --quick         # the small shapes, seconds; writes nothing
    python benchmarks/numpy_cells.py --one-thread    # products by one thread, as all else is computed

All contenders run in one process, in turn, round by round, each after an untimed call of its own; a figure is the
median of its rounds. The error beside a time is the largest of all arrays' max|a - b| / max|b|, b from the generated
module in float64 (which the tests hold against the interpreter).
"""

from __future__ import annotations

import argparse
import os
import sys
from types import ModuleType
from typing import Any

import rnnc
from contenders import GRU, LSTM, Kind, Shape, floor, generated, make_case, pytorch, tutorial
from measuring import MODES, ROOT, SHAPES, Figure, Mode, blas, environment, figures_of, line, results, write
from tuned import by_hand

INTRO = (
    "Generated NumPy modules in float32, beside the loop of a tutorial, a loop tuned by hand for this task alone (it "
    "holds its\nweights as the products want them), the bare matrix products, one call each (no other work; modules do "
    "some in parts,\nwhich takes less, so it is no bound) and, where installed, PyTorch. All in one process, in turn; "
    "error: largest\nmax abs(a - b) / max abs(b) of all arrays against the module in float64."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="small shapes, few rounds, nothing written")
    parser.add_argument("--budget", type=float, default=8.0, metavar="SECONDS", help="of measuring per line of shapes")
    parser.add_argument("--one-thread", action="store_true", help="of the library of products, as the rest has one")
    options = parser.parse_args()
    if options.one_thread and os.environ.get("OPENBLAS_NUM_THREADS") != "1":  # read when NumPy is loaded
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    run(options)


def run(options: argparse.Namespace) -> None:
    about: dict[str, Any] = {**environment("torch"), **blas()}
    figures: list[Figure] = []
    for kind in (LSTM, GRU):
        module = rnnc.compile(ROOT.parent / "examples" / kind.file, options=kind.options)
        for shape in SHAPES[:2] if options.quick else SHAPES:
            for mode in MODES:
                found = compare(kind, module, shape, mode, about["threads"], 1.0 if options.quick else options.budget)
                print("\n".join(map(line, found)), flush=True)
                figures += found
    if not options.quick:
        write("numpy_cells_one_thread" if about["threads"] == 1 else "numpy_cells", INTRO, about, figures)


def compare(kind: Kind, module: ModuleType, shape: Shape, mode: Mode, threads: int, budget: float) -> list[Figure]:
    """Every contender's figure for one cell, shape and mode."""
    case = make_case(kind, shape)
    contenders = [generated(case, module), tutorial(case), by_hand(case), floor(case), pytorch(case, threads)]
    running = [contender for contender in contenders if contender is not None]
    reference = results(generated(case.wide(), module), mode)
    return figures_of(kind, shape, mode, running, reference, budget)


if __name__ == "__main__":
    main()
