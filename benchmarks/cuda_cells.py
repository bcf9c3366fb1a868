"""How fast generated CUDA modules are, beside cuDNN, torch.compile, JAX, FlashRNN and Haste, on this machine's card.

    python -m benchmarks.gpu generate MODULES         # where rnnc is
    python -m benchmarks.cuda_cells --modules MODULES # where the card is: CuPy, NumPy, and ml_dtypes for bfloat16

Results go to benchmarks/results/cuda_cells.md and .json after every row. Without a card: status 1, nothing is written.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.device.card import card
from benchmarks.device.compare import CONTENDERS, Comparison
from benchmarks.device.cubins import use
from benchmarks.device.floor import measure, timer
from benchmarks.device.modules import MODULES, generate, load
from benchmarks.device.report import RESULTS, Figure, environment, write
from benchmarks.device.rows import Row, rows
from benchmarks.device.timing import DeviceClock


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--modules", type=Path, help="folder of generated modules; without it rnnc writes them")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--only", default="", metavar="TEXT", help="rows whose network, shape and dtype hold this text")
    parser.add_argument(
        "--peers", default="", metavar="A,B", help="who takes part beside rnnc, by parts of their names"
    )
    parser.add_argument("--budget", type=float, default=2.0, metavar="SECONDS", help="of measuring for a line")
    parser.add_argument("--minutes", type=float, default=120.0, help="after which no further row begins")
    options = parser.parse_args(arguments)
    cupy = card()
    if cupy is None:
        return 1
    chosen = [row for row in rows() if options.only in f"{row.network} {row.shape} {row.dtype}"]
    if not chosen:
        print(f"no row holds {options.only!r}", file=sys.stderr)
        return 1
    folder = options.modules or MODULES
    if options.modules is None:
        generate(chosen, folder)
    use(cupy, folder)
    parts = ("rnnc", *filter(None, options.peers.split(","))) if options.peers else ("",)
    peers = [name for name in CONTENDERS if any(part in name for part in parts)]
    return compare(cupy, chosen, folder, options.out, options.budget, time.monotonic() + 60 * options.minutes, peers)


def compare(
    cupy: object,
    chosen: Sequence[Row],
    folder: Path,
    out: Path,
    budget: float,
    until: float,
    names: Sequence[str] = tuple(CONTENDERS),
) -> int:
    """Measure the device, then all rows, with the contenders of these names."""
    module = load(folder, f"{chosen[0].module}_cuda")
    about = {**environment(cupy), "rnnc": module.SPEC["version"]}
    rates = measure(cupy, module._PRELUDE, timer(cupy))
    contenders = {name: CONTENDERS[name] for name in names}
    comparison = Comparison(folder, DeviceClock(cupy), rates, budget, until, contenders=contenders)
    shown = 0

    def done(figures: list[Figure]) -> None:
        nonlocal shown
        for figure in figures[shown:]:
            print(line(figure), flush=True)
        shown = len(figures)
        write(out, about, rates, figures)

    figures = comparison.run(chosen, done)
    return 0 if any(figure.contender == "rnnc" and not figure.missing for figure in figures) else 1


def line(figure: Figure) -> str:
    """A figure while it is measured."""
    head = f"{figure.network:28}{figure.shape:26}{figure.dtype:10}{figure.mode:20}{figure.contender:18}"
    if figure.missing:
        return f"{head}{figure.missing}"
    named = {"kernel": figure.kernel, "wall": figure.wall, "graph": figure.graph, "floor": figure.floor}
    times = "".join(f"{name} {'-' if x is None else f'{x * 1e3:.3f}':>10}  " for name, x in named.items())
    return f"{head}{times}error {'-' if figure.error is None else f'{figure.error:.1e}'}  {figure.note}"


if __name__ == "__main__":
    sys.exit(main())
