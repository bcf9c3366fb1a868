"""Every combination of a cell of tf.nn, a driver and what may be given, against generated modules: `make tf-matrix`.

`python -m benchmarks.tf_matrix --jobs 2 --record` writes the count to `results/`. Exit status 1 where one disagrees.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from rnnc.verify.report import Row
from rnnc.version import __version__
from tests.support.tf_matrix import CELLS, DRIVERS, WAYS, Combination, combinations, run

RESULTS = Path(__file__).parent / "results"
CHUNK = 2  # cells that one reference process records

Found = list[tuple[Combination, Row]]


def main() -> int:
    options = arguments()
    unknown = sorted({*options.cells} - CELLS.keys())
    if unknown:
        sys.exit(f"there is no cell {', '.join(unknown)}; there are {', '.join(CELLS)}")
    chunks = [options.cells[at : at + CHUNK] for at in range(0, len(options.cells), CHUNK)]
    total = len(list(combinations(options.cells)))
    began, found = time.perf_counter(), Found()
    with multiprocessing.get_context("spawn").Pool(options.jobs, maxtasksperchild=1) as pool:
        for rows in pool.imap_unordered(check, chunks):
            found += rows
            failed = [(c, row) for c, row in rows if not row.passed]
            seconds = time.perf_counter() - began
            print(f"{len(found)}/{total} in {seconds:.0f} s, {', '.join(dict.fromkeys(c.cell for c, _ in rows))}: "
                  f"{len(failed)} disagree", flush=True)  # fmt: skip
            for combination, row in failed:
                print(f"  {combination}: {row.error:.2g}, {row.detail}", flush=True)
    found.sort(key=lambda one: options.cells.index(one[0].cell))
    lines = report(found, time.perf_counter() - began, options.jobs)
    print("\n".join(lines))
    if options.record:
        path = RESULTS / f"tf_matrix_{datetime.now().astimezone().date().isoformat()}.md"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0 if all(row.passed for _, row in found) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cells", nargs="*", default=[*CELLS], metavar="CELL", help="only these")
    parser.add_argument("--jobs", type=int, default=1, help="processes, each with a reference process of its own")
    parser.add_argument("--record", action="store_true", help=f"write the figures to {RESULTS.name}/")
    return parser.parse_args()


def check(cells: Sequence[str]) -> Found:
    """All combinations of some cells."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory() as folder:
        return list(run([*combinations(cells)], Path(folder)))


def report(found: Found, seconds: float, jobs: int) -> list[str]:
    """How many combinations of each cell and driver there are, and their largest errors."""
    failed = sum(not row.passed for _, row in found)
    lines = [
        "# Generated modules against the live cells of tf.nn",
        "",
        f"{len(found)} comparisons, {failed} disagree. Each is of outputs, final states, the loss and its gradients by",
        "inputs, initial states and all variables, at random weights. Every cell × driver × lengths or none × given or",
        "zero state × batch or time first × float64 (to 1e-10) and float32 (to 2e-5) × the way in which the module is",
        "run: its dynamic and its static driver with the gradients of `tf.gradients`, its own gradients, and its cell",
        "object in the place of the cell of tf.nn. (`static_rnn` takes a list of steps: there the order is the",
        "module's.) Errors are max|a - b| / max(1, max|b|), the largest of all arrays.",
        "",
        f"rnnc {__version__}, Python {platform.python_version()}, TensorFlow {version('tensorflow')},",
        f"tf-keras {version('tf_keras')}; {seconds / 60:.0f} minutes, processes: {jobs}.",
        "",
        f"| cell | driver | {' | '.join(f'{way}: float64, float32' for way in WAYS)} |",
        f"|---|---|{'---|' * len(WAYS)}",
    ]
    for cell in dict.fromkeys(c.cell for c, _ in found):
        for driver in DRIVERS:
            rows = [(c, row) for c, row in found if (c.cell, c.driver) == (cell, driver)]
            lines.append(f"| {cell} | {driver} | {' | '.join(_figures(rows, way) for way in WAYS)} |")
    return lines


def _figures(rows: Found, way: str) -> str:
    """`16: 3e-16, 2e-07`: how many, and the largest errors."""
    here = [(c, row) for c, row in rows if c.way == way]
    worst = [max((row.error for c, row in here if c.dtype == dtype), default=0.0) for dtype in ("float64", "float32")]
    failed = sum(not row.passed for _, row in here)
    return f"{len(here)}: {worst[0]:.0e}, {worst[1]:.0e}" + (f" ({failed} disagree)" if failed else "")


if __name__ == "__main__":
    sys.exit(main())
