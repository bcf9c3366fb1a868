"""The kernels of the examples, compiled by NVRTC without a device: `python -m benchmarks.cuda_kernels --record`.

Every kernel of every example, for each architecture, in float32 and float16, and loops with TF32: the most registers of
any, and what it spills. That they compute what they should is proved elsewhere, with the kernels on the CPU: `make
gallery-proofs`.
Exit status 1 where a kernel does not compile, or one spills.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from rnnc import __version__
from rnnc.compiler import compile_source
from rnnc.simulator.loader import load
from rnnc.simulator.nvrtc import compile_kernels
from rnnc.syntax.source import read_source
from tests.support.examples import NAMES, OPTIONS

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
ARCHITECTURES = ("sm_80", "sm_90")
DTYPES = ("float32", "tf32", "float16")


@dataclass(frozen=True)
class Kernels:
    """What was found for one example; registers and spilled bytes are the most of any kernel and architecture, for each
    dtype."""

    example: str
    kernels: int
    loops: int
    registers: tuple[int, ...]
    spilled: tuple[int, ...]

    def line(self) -> str:
        cells = self.example, self.kernels, self.loops, *self.registers, *self.spilled
        return f"| {' | '.join(map(str, cells))} |"


def compiled(example: str) -> Kernels:
    """Compile the kernels of one example."""
    file, _, name = example.partition(":")
    source = read_source(ROOT / "examples" / f"{file}.rnn")
    module = load(compile_source(source, name or None, OPTIONS.get(example, {}), target="cuda").text, example)
    found = {
        dtype: [
            kernel
            for program in module._KERNELS
            if dtype != "tf32" or "_loop_" in program  # elsewhere it is float32
            for kernel in compile_kernels(module._code(dtype, program), ARCHITECTURES)
        ]
        for dtype in DTYPES
    }
    names = {kernel.name for kernel in found[DTYPES[0]]}
    registers = tuple(max((kernel.registers for kernel in kernels), default=0) for kernels in found.values())
    spilled = tuple(
        max((kernel.spill_stores + kernel.spill_loads for kernel in kernels), default=0) for kernels in found.values()
    )
    return Kernels(example, len(names), sum("_loop_" in name for name in names), registers, spilled)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--record", action="store_true", help=f"keep the table in {RESULTS.name}/")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("examples", nargs="*", default=NAMES, help="FILE or FILE:NAME; all without")
    options = parser.parse_args()
    rows: list[Kernels] = []
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        for row in pool.imap(compiled, options.examples):
            rows.append(row)
            print(row.line(), flush=True)
    if options.record:
        record(rows)
    return int(any(any(row.spilled) for row in rows))


def record(rows: list[Kernels]) -> None:
    """Write the table. There is no device in it: nothing here says how fast anything is."""
    date, archs = datetime.now().astimezone().date().isoformat(), " and ".join(ARCHITECTURES)
    text = [
        "# The kernels of the examples, as NVRTC compiles them",
        "",
        f"{date}, rnnc {__version__}, NVRTC {version('nvidia-cuda-nvrtc-cu12')}, for {archs}.",
        "Registers of a thread and spilled bytes: the most of any kernel (for TF32: of any loop).",
        "",
        "| example | kernels | loops | registers, float32 | TF32 | float16 | spilled, float32 | TF32 | float16 |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
        *(row.line() for row in rows),
    ]
    (RESULTS / "cuda_kernels.md").write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
