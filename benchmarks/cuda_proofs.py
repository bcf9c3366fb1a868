"""The CUDA modules of the examples, proved without a device: `python -m benchmarks.cuda_proofs --record`.

Each is verified as `rnnc verify --target cuda` does it, with its kernels on the CPU, and its kernels are compiled by
NVRTC for each architecture in float32. Exit status 1 where a check fails, a kernel does not compile, or one spills.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path

from rnnc import __version__
from rnnc.compiler import STRATEGIES, compile_source
from rnnc.simulator.loader import load
from rnnc.simulator.nvrtc import compile_kernels
from rnnc.syntax.source import read_source
from rnnc.verify.commands import verify_source
from tests.support.examples import NAMES, OPTIONS

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
ARCHITECTURES = ("sm_80", "sm_90")


@dataclass(frozen=True)
class Proof:
    """What was found for one example. Registers and spilled bytes are the most of any kernel and architecture."""

    example: str
    strategy: str
    checks: int
    failed: int
    kernels: int
    registers: int
    spilled: int
    seconds: float

    def line(self) -> str:
        return f"| {' | '.join(str(round(cell) if isinstance(cell, float) else cell) for cell in astuple(self))} |"


def prove(job: tuple[str, str]) -> Proof:
    example, strategy = job
    began = time.perf_counter()
    file, _, name = example.partition(":")
    source, options = read_source(ROOT / "examples" / f"{file}.rnn"), {**OPTIONS.get(example, {}), "strategy": strategy}
    report = verify_source(source, name or None, options, target="cuda")
    module = load(compile_source(source, name or None, options, target="cuda").text, example)
    codes = [module._code("float32", program) for program in module._KERNELS]
    codes += [module._code("float16", program) for program in module._KERNELS if program.endswith("_loop")]
    found = [kernel for code in codes for kernel in compile_kernels(code, ARCHITECTURES)]
    return Proof(
        example,
        strategy,
        len(report.rows),
        len(report.failures),
        len(found) // len(ARCHITECTURES),
        max(kernel.registers for kernel in found),
        max(kernel.spill_stores + kernel.spill_loads for kernel in found),
        time.perf_counter() - began,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--record", action="store_true", help=f"keep the table in {RESULTS.name}/")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--strategy", action="append", choices=STRATEGIES[1:], help="those alone; all without")
    parser.add_argument("examples", nargs="*", default=NAMES, help="FILE or FILE:NAME; all without")
    options = parser.parse_args()
    jobs = [(example, strategy) for example in options.examples for strategy in options.strategy or STRATEGIES[1:]]
    proofs: list[Proof] = []
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        for proof in pool.imap(prove, jobs):
            proofs.append(proof)
            print(proof.line(), flush=True)
    if options.record:
        record(proofs)
    return int(any(proof.failed or proof.spilled for proof in proofs))


def record(proofs: list[Proof]) -> None:
    """Write the table. There is no device in it: nothing here says how fast anything is."""
    date, archs = datetime.now().astimezone().date().isoformat(), " and ".join(ARCHITECTURES)
    text = [
        "# CUDA modules of the examples, proved without a device",
        "",
        f"{date}, rnnc {__version__}. Checks: `rnnc verify --target cuda`, with the kernels on the CPU by g++.",
        f"Registers and spilled bytes: NVRTC for {archs}, float32, and float16 for loops, the most of any kernel.",
        "",
        "| example | strategy | checks | failed | kernels | registers | spilled | seconds |",
        "|---|---|---|---|---|---|---|---|",
        *(proof.line() for proof in proofs),
    ]
    (RESULTS / "cuda_proofs.md").write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
