"""Every combination of a cell of tf.nn, a driver and what may be given, against generated modules: `make tf-matrix`.

`python -m benchmarks.tf_matrix --jobs 2 --record` keeps the figures in `results/`, cell by cell: a run that was ended
goes on with `--cells`. Exit status 1 where one disagrees.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import sys
import tempfile
import time
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rnnc.verify.report import Row
from rnnc.version import __version__
from tests.support.tf_matrix import CELLS, DRIVERS, DTYPES, WAYS, Combination, combinations, run

RESULTS = Path(__file__).parent / "results"

Found = list[tuple[Combination, Row]]
Figures = dict[str, Any]  # of one cell: when it ran on what, and for every driver and way counts and errors


def main() -> int:
    options = arguments()
    unknown = sorted({*options.cells} - CELLS.keys())
    if unknown:
        sys.exit(f"there is no cell {', '.join(unknown)}; there are {', '.join(CELLS)}")
    total, done, failures = len(list(combinations(options.cells))), 0, 0
    began = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(options.jobs, maxtasksperchild=1) as pool:
        for cell, found, seconds in pool.imap_unordered(check, options.cells):
            done += len(found)
            failed = [(c, row) for c, row in found if not row.passed]
            failures += len(failed)
            print(f"{done}/{total} in {time.perf_counter() - began:.0f} s, {cell}: {len(failed)} disagree", flush=True)
            for combination, row in failed:
                print(f"  {combination}: {row.error:.2g}, {row.detail}", flush=True)
            if options.record:
                keep(cell, figures(found, seconds))
    return 1 if failures else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cells", nargs="*", default=[*CELLS], metavar="CELL", help="only these")
    parser.add_argument("--jobs", type=int, default=1, help="processes, each with a reference process of its own")
    parser.add_argument("--record", action="store_true", help=f"keep the figures in {RESULTS.name}/")
    return parser.parse_args()


def check(cell: str) -> tuple[str, Found, float]:
    """All combinations of a cell, and how long they took."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        found = list(run([*combinations([cell])], Path(folder)))
    return cell, found, time.perf_counter() - began


# --- figures ----------------------------------------------------------------------------------------------------------


def figures(found: Found, seconds: float) -> Figures:
    """Counts and largest errors."""
    about = {
        "date": datetime.now().astimezone().date().isoformat(),
        "minutes": round(seconds / 60, 1),
        "versions": f"rnnc {__version__}, Python {platform.python_version()}, TensorFlow {version('tensorflow')}, "
        f"tf-keras {version('tf_keras')}",
    }
    ways = {f"{driver}: {way}": _figure(found, driver, way) for driver in DRIVERS for way in WAYS}
    return {**about, "ways": ways}


def _figure(found: Found, driver: str, way: str) -> dict[str, float]:
    rows = [(c, row) for c, row in found if (c.driver, c.way) == (driver, way)]
    worst = {dtype: max((row.error for c, row in rows if c.dtype == dtype), default=0.0) for dtype in DTYPES}
    return {"count": len(rows), "failed": sum(not row.passed for _, row in rows), **worst}


def keep(cell: str, found: Figures) -> None:
    """Put the figures of a cell beside those that are there, and write the table anew."""
    path = RESULTS / "tf_matrix.json"
    known: dict[str, Figures] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    known[cell] = found
    ordered = {name: known[name] for name in CELLS if name in known}
    path.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "tf_matrix.md").write_text("\n".join(table(ordered)) + "\n", encoding="utf-8")


def table(known: dict[str, Figures]) -> list[str]:
    """What `results/` shows to people."""
    every = [figure for about in known.values() for figure in about["ways"].values()]
    missing = [cell for cell in CELLS if cell not in known]
    lines = [
        "# Generated modules against the live cells of tf.nn",
        "",
        f"{sum(f['count'] for f in every)} comparisons, {sum(f['failed'] for f in every)} disagree.",
        "Each is of outputs, final states, the loss and its gradients by inputs, initial states and all variables, at",
        "random weights. Every cell × driver × lengths or none × given or zero state × batch or time first × float64",
        "(to 1e-10) and float32 (to 2e-5) × the way in which the module is run: its dynamic and its static driver with",
        "the gradients of `tf.gradients`, its own gradients, and its cell object in the place of the cell of tf.nn.",
        "(`static_rnn` takes a list of steps: there the order is the module's.) A figure is how many, and the largest",
        "errors, max|a - b| / max(1, max|b|), in float64 and in float32.",
        "",
        *([f"Not run: {', '.join(missing)}.", ""] if missing else []),
        *dict.fromkeys(f"{about['date']}: {about['versions']}." for about in known.values()),
        "",
        f"| cell | driver | {' | '.join(WAYS)} |",
        f"|---|---|{'---|' * len(WAYS)}",
    ]
    for cell, about in known.items():
        for driver in DRIVERS:
            shown = [_shown(about["ways"][f"{driver}: {way}"]) for way in WAYS]
            lines.append(f"| {cell} | {driver} | {' | '.join(shown)} |")
    return lines


def _shown(figure: dict[str, float]) -> str:
    failed = f" ({figure['failed']} disagree)" if figure["failed"] else ""
    return f"{figure['count']}: {figure['float64']:.0e}, {figure['float32']:.0e}{failed}"


if __name__ == "__main__":
    sys.exit(main())
