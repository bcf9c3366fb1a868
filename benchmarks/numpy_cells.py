"""How fast the generated NumPy modules are, beside the loop they replace and the products they cannot do without.

    python benchmarks/numpy_cells.py            # all shapes, some minutes; writes benchmarks/results/
    python benchmarks/numpy_cells.py --quick    # the small shapes, seconds; writes nothing

All contenders run in one process, in turn, round by round, each after an untimed call of its own; a figure is the
median of its rounds. The error beside a time is the largest of all arrays' max|a - b| / max|b|, b from the generated
module in float64 (which the tests hold against the interpreter).
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
from threadpoolctl import threadpool_info

import rnnc
from contenders import GRU, LSTM, Contender, Kind, Shape, floor, generated, make_case, pytorch, tutorial
from plain import Array

ROOT = Path(__file__).resolve().parent
SHAPES = (Shape(100, 1, 128, 128), Shape(100, 32, 128, 128), Shape(100, 32, 512, 512), Shape(50, 64, 1024, 1024))
Mode = Literal["forward", "forward + backward"]
MODES: tuple[Mode, ...] = ("forward", "forward + backward")


@dataclass(frozen=True)
class Figure:
    """One line of the result. `ratio` is the time over the generated module's; `error` is None without numbers."""

    cell: str
    shape: Shape
    mode: Mode
    contender: str
    seconds: float
    ratio: float
    error: float | None
    rounds: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="small shapes, few rounds, nothing written")
    parser.add_argument("--budget", type=float, default=8.0, metavar="SECONDS", help="of measuring per line of shapes")
    options = parser.parse_args()
    about = environment()
    figures: list[Figure] = []
    for kind in (LSTM, GRU):
        module = rnnc.compile(ROOT.parent / "examples" / kind.file, options=kind.options)
        for shape in SHAPES[:2] if options.quick else SHAPES:
            for mode in MODES:
                found = compare(kind, module, shape, mode, about["threads"], 1.0 if options.quick else options.budget)
                print("\n".join(map(line, found)), flush=True)
                figures += found
    if not options.quick:
        write(about, figures)


def compare(kind: Kind, module: ModuleType, shape: Shape, mode: Mode, threads: int, budget: float) -> list[Figure]:
    """Every contender's figure for one cell, shape and mode."""
    case = make_case(kind, shape)
    contenders = [generated(case, module), tutorial(case), floor(case), pytorch(case, threads)]
    running = [contender for contender in contenders if contender is not None]
    reference = results(generated(case.wide(), module), mode)
    errors = [error(results(contender, mode), reference) for contender in running]
    calls = [contender.forward if mode == "forward" else contender.train for contender in running]
    seconds = in_turn(calls, budget)
    medians = [statistics.median(times) for times in seconds]
    return [
        Figure(kind.name, shape, mode, contender.name, median, median / medians[0], deviation, len(times))
        for contender, median, deviation, times in zip(running, medians, errors, seconds, strict=True)
    ]


def results(contender: Contender, mode: Mode) -> dict[str, Array]:
    """Runs it once, untimed."""
    if mode == "forward":
        return contender.forward_results(contender.forward())
    return contender.train_results(contender.train())


def in_turn(calls: Sequence[Callable[[], Any]], budget: float, least: int = 5, most: int = 101) -> list[list[float]]:
    """Seconds of every call, round by round. The untimed call before each warms caches and quiets others' threads."""
    seconds: list[list[float]] = [[] for _ in calls]
    started = time.perf_counter()
    while len(seconds[0]) < least or (len(seconds[0]) < most and time.perf_counter() - started < budget):
        for call, found in zip(calls, seconds, strict=True):
            call()
            before = time.perf_counter()
            call()
            found.append(time.perf_counter() - before)
    return seconds


def error(found: dict[str, Array], reference: dict[str, Array]) -> float | None:
    """The largest of max|a - b| / max|b|; None for a contender that computes no results."""
    if not found:
        return None
    return max(float(np.abs(found[name] - b).max() / np.abs(b).max()) for name, b in reference.items())


def line(figure: Figure) -> str:
    shape = "x".join(map(str, figure.shape))
    deviation = "-" if figure.error is None else f"{figure.error:.1e}"
    return (
        f"{figure.cell:5}{shape:18}{figure.mode:20}{figure.contender:16}"
        f"{figure.seconds * 1e3:10.3f} ms{figure.ratio:8.2f} x   error {deviation:8} {figure.rounds} rounds"
    )


def environment() -> dict[str, Any]:
    """Where and with what this ran; `threads` are those of NumPy's BLAS."""
    blas = next((pool for pool in threadpool_info() if pool["user_api"] == "blas"), {})
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "device": processor(),
        "cores": os.cpu_count(),
        "threads": blas.get("num_threads", 1),
        "blas": f"{blas.get('internal_api', 'unknown')} {blas.get('version', '')}, {blas.get('architecture', '')}",
        "load before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,  # spoils all figures
        "platform": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("rnnc", "numpy", "torch")},
    }


def processor() -> str:
    """The processor's name as the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [row.partition(":")[2].strip() for row in lines if row.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def write(about: dict[str, Any], figures: Sequence[Figure]) -> None:
    """Both forms of the result, under today's date."""
    path = ROOT / "results" / f"numpy_cells_{about['date']}"
    path.parent.mkdir(exist_ok=True)
    rows = [asdict(figure) | {"shape": figure.shape._asdict()} for figure in figures]
    path.with_suffix(".json").write_text(json.dumps({"environment": about, "figures": rows}, indent=1) + "\n")
    path.with_suffix(".md").write_text(markdown(about, figures))
    print(f"wrote {path}.json and .md")


def markdown(about: dict[str, Any], figures: Sequence[Figure]) -> str:
    facts = "\n".join(f"- {name}: {value}" for name, value in about.items())
    head = "| cell | T x B x I x H | | contender | median | of rnnc | error | rounds |\n"
    rule = "|---|---|---|---|--:|--:|--:|--:|\n"
    rows = "".join(
        f"| {f.cell} | {' x '.join(map(str, f.shape))} | {f.mode} | {f.contender} | {f.seconds * 1e3:.3f} ms "
        f"| {f.ratio:.2f} | {'' if f.error is None else f'{f.error:.1e}'} | {f.rounds} |\n"
        for f in figures
    )
    intro = (
        "Generated NumPy modules in float32, beside the loop of a tutorial, the bare matrix products (no other work: a "
        "bound, not a contender) and, where installed, PyTorch.\nAll in one process, in turn; error: largest "
        "max abs(a - b) / max abs(b) of all arrays against the module in float64.\n"
    )
    return f"# NumPy cells\n\n{intro}\n{facts}\n\n{head}{rule}{rows}"


if __name__ == "__main__":
    main()
