"""The results as files: everything as JSON, and a table for people."""

from __future__ import annotations

import datetime
import json
import platform
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.device.floor import Rates

RESULTS = Path(__file__).resolve().parents[1] / "results"
NAME = "cuda_cells"
PACKAGES = ("numpy", "cupy-cuda12x", "cupy-cuda13x", "torch", "jax", "flashrnn", "haste_pytorch")
EMPTY = """\
# CUDA cells

Nothing has been measured yet: no device was at hand. `make gpu` on a machine with a card fills this page.
"""


@dataclass(frozen=True)
class Figure:
    """One contender at one row. Times are medians in seconds, None where that kind cannot be told; `error` is the
    largest max |a - b| / max |b| of outputs and the input's gradient against float64; `missing` says why there is none.
    """

    network: str
    shape: str
    dtype: str
    mode: str
    contender: str
    kernel: float | None = None
    wall: float | None = None
    graph: float | None = None
    floor: float | None = None
    error: float | None = None
    rounds: int = 0
    note: str = ""
    missing: str = ""


def environment(cupy: Any) -> dict[str, Any]:
    """What ran where."""
    device = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "device": device["name"].decode(),
        "driver": cupy.cuda.runtime.driverGetVersion(),
        "runtime": cupy.cuda.runtime.runtimeGetVersion(),
        "python": platform.python_version(),
        **{name: version for name in PACKAGES if (version := _version(name)) is not None},
        **_cudnn(),
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _cudnn() -> dict[str, Any]:
    try:
        import torch
    except ImportError:
        return {}
    return {"cuDNN of torch": torch.backends.cudnn.version()}


def write(folder: Path, about: dict[str, Any], rates: Rates | None, figures: list[Figure]) -> None:
    """Both files, each in one move: after every row, so that what was measured stays if the rest fails."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {
        "environment": about,
        "rates": None if rates is None else asdict(rates),
        "figures": [asdict(figure) for figure in figures],
    }
    _replace(folder / f"{NAME}.json", json.dumps(found, indent=1) + "\n")
    _replace(folder / f"{NAME}.md", page(about, rates, figures))


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def page(about: dict[str, Any], rates: Rates | None, figures: list[Figure]) -> str:
    """The table, with a line for each contender, and what is missing behind it."""
    facts = [f"- {key}: {value}" for key, value in about.items()]
    if rates is not None:
        products = ", ".join(f"{dtype} {rate / 1e12:.1f}" for dtype, rate in rates.products.items())
        bytes_read = (
            f"a copy {rates.copy / 1e12:.2f} TB/s, blocks that read the same {rates.shared_reads / 1e12:.2f} TB/s"
        )
        facts.append(f"- measured in this run: a meeting of all blocks {rates.meeting * 1e6:.2f} us, {bytes_read}")
        facts.append(f"- T operations a second of large products, measured in this run: {products}")
    rows = [_line(figure) for figure in figures if not figure.missing]
    missing = list(dict.fromkeys(_missing(figure) for figure in figures if figure.missing))
    return "\n".join(
        [
            *("# CUDA cells", "", *facts, ""),
            "Milliseconds, medians of rounds in which all contenders took turns: *kernel* between events with the",
            "device kept busy while the host launches, *wall* until all is done, *graph* a launch of it, captured.",
            "*floor*: the input product at the measured rate, and for each step the largest of an exchange between",
            "blocks, its arithmetic and the bytes that must be read. Error: outputs and the input's gradient against",
            "float64 (where a sequence is too long for it: of its first steps), max abs(a - b) / max abs(b).",
            "",
            "| network | T x B x I x H | dtype | | contender | kernel | wall | graph | floor | error | rounds | |",
            "|---|---|---|---|---|--:|--:|--:|--:|--:|--:|---|",
            *rows,
            *slopes(figures),
            *(["", "Missing:", "", *missing] if missing else []),
            "",
        ]
    )


def slopes(figures: list[Figure]) -> list[str]:
    """What one more step costs, from the shortest and the longest of sequences that differ in nothing else."""
    found: dict[tuple[str, ...], list[tuple[int, Figure]]] = {}
    for figure in figures:
        steps, _, rest = figure.shape.partition(" x ")
        if not figure.missing:
            key = figure.network, rest, figure.dtype, figure.mode, figure.contender
            found.setdefault(key, []).append((int(steps), figure))
    lines: list[str] = []
    for key, several in found.items():
        ordered = sorted(several, key=lambda pair: pair[0])
        (few, short), (many, long) = ordered[0], ordered[-1]
        if few == many:
            continue
        pairs = [(short.kernel, long.kernel), (short.wall, long.wall), (short.floor, long.floor)]
        costs = ["" if a is None or b is None else f"{(b - a) / (many - few) * 1e6:.3f}" for a, b in pairs]
        lines.append(f"| {' | '.join((*key, f'{few} to {many}', *costs))} |")
    if not lines:
        return []
    head = "| network | B x I x H | dtype | | contender | steps | kernel | wall | floor |"
    return ["", "Microseconds of one more step:", "", head, "|---|---|---|---|---|---|--:|--:|--:|", *lines]


def _line(f: Figure) -> str:
    times = " | ".join("" if x is None else f"{x * 1e3:.3f}" for x in (f.kernel, f.wall, f.graph, f.floor))
    error = "" if f.error is None else f"{f.error:.1e}"
    head = f"| {f.network} | {f.shape} | {f.dtype} | {f.mode} | {f.contender} | "
    return head + f"{times} | {error} | {f.rounds} | {f.note.replace('|', '/')} |"


def _missing(f: Figure) -> str:
    return f"- {f.network} {f.shape} {f.dtype}, {f.mode}, {f.contender}: {f.missing}"
