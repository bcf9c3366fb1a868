"""What the benchmarks share: shapes, rounds, errors, facts about the machine, and the files of results."""

from __future__ import annotations

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
from typing import Any, Literal

import numpy as np
from threadpoolctl import threadpool_info

from contenders import Contender, Kind, Shape
from plain import Array

ROOT = Path(__file__).resolve().parent
SHAPES = (Shape(100, 1, 128, 128), Shape(100, 32, 128, 128), Shape(100, 32, 512, 512), Shape(50, 64, 1024, 1024))
REST = 0.03  # seconds
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


def figures_of(
    kind: Kind,
    shape: Shape,
    mode: Mode,
    contenders: Sequence[Contender],
    reference: dict[str, Array],
    budget: float,
    least: int = 5,
) -> list[Figure]:
    """Every contender's figure for one cell, shape and mode; the first is what the others are compared with."""
    errors = [error(results(contender, mode), reference) for contender in contenders]
    calls = [contender.forward if mode == "forward" else contender.train for contender in contenders]
    seconds = in_turn(calls, budget, least)
    medians = [statistics.median(times) for times in seconds]
    return [
        Figure(kind.name, shape, mode, contender.name, median, median / medians[0], deviation, len(times))
        for contender, median, deviation, times in zip(contenders, medians, errors, seconds, strict=True)
    ]


def results(contender: Contender, mode: Mode) -> dict[str, Array]:
    """Runs it once, untimed."""
    if mode == "forward":
        return contender.forward_results(contender.forward())
    return contender.train_results(contender.train())


def in_turn(calls: Sequence[Callable[[], Any]], budget: float, least: int = 5, most: int = 101) -> list[list[float]]:
    """Seconds of every call, round by round.

    The pause before each lets others' threads come to rest: OpenMP's wait in a loop, and hold a core for milliseconds
    of the next call. The untimed call warms caches.
    """
    seconds: list[list[float]] = [[] for _ in calls]
    started = time.perf_counter()
    while len(seconds[0]) < least or (len(seconds[0]) < most and time.perf_counter() - started < budget):
        for call, found in zip(calls, seconds, strict=True):
            time.sleep(REST)
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


def environment(*packages: str) -> dict[str, Any]:
    """Where and with what this ran."""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "device": processor(),
        "cores": os.cpu_count(),
        "load before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,  # spoils all figures
        "platform": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("rnnc", "numpy", *packages)},
    }


def blas() -> dict[str, Any]:
    """NumPy's library of matrix products and its threads."""
    found = next((pool for pool in threadpool_info() if pool["user_api"] == "blas"), {})
    name = f"{found.get('internal_api', 'unknown')} {found.get('version', '')}, {found.get('architecture', '')}"
    return {"threads": found.get("num_threads", 1), "blas": name}


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


def write(name: str, intro: str, about: dict[str, Any], figures: Sequence[Figure], **more: Sequence[Any]) -> None:
    """Both forms of the result, under today's date. `more`: further tables, of dataclasses with the same fields."""
    path = ROOT / "results" / f"{name}_{about['date']}"
    path.parent.mkdir(exist_ok=True)
    rows = [asdict(figure) | {"shape": figure.shape._asdict()} for figure in figures]
    found = {"environment": about, "figures": rows, **{key: list(map(asdict, table)) for key, table in more.items()}}
    path.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    tables = [_figures(figures), *(_table(list(map(asdict, table))) for table in more.values())]
    facts = "\n".join(f"- {key}: {value}" for key, value in about.items())
    title = name.replace("_", " ").replace("numpy", "NumPy").replace("tf", "TensorFlow")
    path.with_suffix(".md").write_text("\n\n".join([f"# {title}", intro, facts, *tables]) + "\n")
    print(f"wrote {path}.json and .md")


def _figures(figures: Sequence[Figure]) -> str:
    head = "| cell | T x B x I x H | | contender | median | of rnnc | error | rounds |\n"
    rule = "|---|---|---|---|--:|--:|--:|--:|\n"
    rows = [
        f"| {f.cell} | {' x '.join(map(str, f.shape))} | {f.mode} | {f.contender} | {f.seconds * 1e3:.3f} ms "
        f"| {f.ratio:.2f} | {'' if f.error is None else f'{f.error:.1e}'} | {f.rounds} |"
        for f in figures
    ]
    return head + rule + "\n".join(rows)


def _table(rows: Sequence[dict[str, Any]]) -> str:
    lines = [[*rows[0]], ["---"] * len(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
