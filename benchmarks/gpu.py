"""Everything that wants a card, in one command: `make gpu`.

    python -m benchmarks.gpu run --minutes 60          # here, where both rnnc and a card are
    python -m benchmarks.gpu generate MODULES          # where rnnc is: writes all modules into a folder; with --kernels
                                                       # compiles for sm_90 what they will launch, which takes minutes
    python -m benchmarks.gpu run MODULES --minutes 60  # where the card is; CuPy and NumPy are enough

In this order, going on after a failure, until the time is up: the checks of modules against NumPy's; the tests that
want a card (where rnnc and pytest are); the checks under compute-sanitizer, memcheck and racecheck; and last
`benchmarks.cuda_cells`. Results go to benchmarks/results/gpu.md and cuda_cells.md. Without a card: status 1, and
nothing is written.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.device.ahead import compile_ahead
from benchmarks.device.card import card
from benchmarks.device.checks import CELLS, STRATEGIES
from benchmarks.device.cubins import ARCHITECTURE
from benchmarks.device.modules import MODULES, generate, generate_checks
from benchmarks.device.plans import planned
from benchmarks.device.report import RESULTS, environment
from benchmarks.device.rows import rows

ROOT = Path(__file__).resolve().parents[1]
TAIL = 12  # lines of a failure that the results show
RESERVED = 0.4  # of the time, for the benchmark


@dataclass(frozen=True)
class Stage:
    """One thing to run; `lacks` says why it cannot be."""

    name: str
    command: tuple[str, ...]
    lacks: str = ""


@dataclass(frozen=True)
class Outcome:
    """What came of a stage: `passed`, `failed`, `not run` or `no time`."""

    stage: Stage
    what: str
    seconds: float
    output: str

    @property
    def good(self) -> bool:
        return self.what == "passed"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    writing = commands.add_parser("generate", help="write all modules; needs rnnc")
    running = commands.add_parser("run", help="run everything; needs a card")
    writing.add_argument("modules", type=Path, nargs="?", default=MODULES)
    writing.add_argument("--kernels", action="store_true", help="compile them, too, which needs NVRTC")
    running.add_argument("modules", type=Path, nargs="?", help="carried here; without them they are generated")
    running.add_argument("--minutes", type=float, default=60.0, help="for all of it")
    running.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args(arguments)
    if options.command == "generate":
        write_modules(options.modules)
        if options.kernels:
            pairs = [(cell, strategy) for cell in CELLS for strategy in STRATEGIES]
            count = compile_ahead(rows(), pairs, planned(), options.modules, os.cpu_count() or 1)
            print(f"compiled {count} texts for {ARCHITECTURE}", flush=True)
        return 0
    cupy = card()
    if cupy is None:
        return 1
    modules = options.modules or write_modules(MODULES)
    outcomes = run_all(stages(modules.resolve(), options.out.resolve()), options.minutes, _ran)
    write(options.out, environment(cupy), outcomes)
    return 0 if all(outcome.good or outcome.what == "not run" for outcome in outcomes) else 1


def write_modules(folder: Path) -> Path:
    """All that is carried to a card."""
    written = generate(rows(), folder)
    generate_checks(CELLS, STRATEGIES, folder)
    print(f"wrote {len(written)} modules and those of the checks to {folder}", flush=True)
    return folder


def stages(modules: Path, out: Path) -> list[Stage]:
    """What there is to run, the benchmark last; it is told how many minutes are left."""
    checks = (sys.executable, "-m", "benchmarks.device.checks", str(modules))
    missing = [name for name in ("pytest", "lark", "hypothesis") if find_spec(name) is None]
    sanitizer = _sanitizer()
    found = [
        Stage("modules against NumPy's", checks),
        Stage(
            "tests that want a card",
            (sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests"),
            f"{', '.join(missing)} not installed" if missing else "",
        ),
    ]
    for tool in ("memcheck", "racecheck"):
        command = (sanitizer or "", "--tool", tool, "--error-exitcode", "9", *checks, "--small")
        found.append(
            Stage(f"compute-sanitizer {tool}", command, "" if sanitizer else "compute-sanitizer not installed")
        )
    cells = (sys.executable, "-m", "benchmarks.cuda_cells", "--modules", str(modules), "--out", str(out))
    return [*found, Stage("benchmarks.cuda_cells", cells)]


def _sanitizer() -> str | None:
    """Where the tool is: it comes with the toolkit, which need not be on the path."""
    folders = [os.environ.get("CUDA_HOME", ""), os.environ.get("CUDA_PATH", ""), "/usr/local/cuda"]
    found = [shutil.which("compute-sanitizer")]
    found += [shutil.which("compute-sanitizer", path=str(Path(folder) / "bin")) for folder in folders if folder]
    return next((path for path in found if path), None)


Run = Callable[[tuple[str, ...], float], tuple[int | None, str]]


def run_all(
    stages: Sequence[Stage], minutes: float, run: Run, clock: Callable[[], float] = time.monotonic
) -> list[Outcome]:
    """Every stage in turn. `run` gives the exit status (None where the time was up) and the output."""
    began, outcomes = clock(), list[Outcome]()
    for place, stage in enumerate(stages):
        last = place == len(stages) - 1
        left = 60 * minutes * (1 if last else 1 - RESERVED) - (clock() - began)
        outcomes.append(_outcome(stage, left, last, run, clock))
        print(f"{outcomes[-1].what:8} {stage.name} ({outcomes[-1].seconds:.0f} s)", flush=True)
    return outcomes


def _outcome(stage: Stage, left: float, last: bool, run: Run, clock: Callable[[], float]) -> Outcome:
    if stage.lacks:
        return Outcome(stage, "not run", 0.0, stage.lacks)
    if left <= 0:
        return Outcome(stage, "no time", 0.0, "")
    command = (*stage.command, "--minutes", f"{left / 60:.2f}") if last else stage.command
    before = clock()
    status, output = run(command, left + 120 if last else left)  # the benchmark ends by itself
    what = "no time" if status is None else "passed" if status == 0 else "failed"
    return Outcome(stage, what, clock() - before, output)


def _ran(command: tuple[str, ...], seconds: float) -> tuple[int | None, str]:
    try:
        done = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        output = error.output or b""
        return None, output.decode(errors="replace") if isinstance(output, bytes) else output
    return done.returncode, done.stdout


def write(folder: Path, about: dict[str, object], outcomes: Sequence[Outcome]) -> None:
    """The summary; of what failed, the end of its output."""
    lines = ["# On a card", "", *(f"- {key}: {value}" for key, value in about.items()), ""]
    lines += ["| stage | | seconds | |", "|---|---|--:|---|"]
    for outcome in outcomes:
        ends = outcome.output.strip().splitlines()
        lines.append(f"| {outcome.stage.name} | {outcome.what} | {outcome.seconds:.0f} | {ends[-1] if ends else ''} |")
    for outcome in outcomes:
        if outcome.what in ("failed", "no time") and outcome.output:
            end = outcome.output.strip().splitlines()
            wrong = [line for line in end if line.startswith("FAILED")]
            lines += ["", f"## {outcome.stage.name}", "", "```", *wrong[:TAIL], *end[-TAIL:], "```"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gpu.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
