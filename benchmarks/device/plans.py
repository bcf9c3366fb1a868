"""Every way to run a loop, timed beside what the planner takes it to cost: whether its estimates put them in order.

    python -m benchmarks.device.plans MODULES [--only TEXT]

runs on the card and needs CuPy and NumPy alone. A line is a loop of a row under one strategy and size of teams:
microseconds of a step, by events around the loop's launch, and the largest difference of the outputs from those of the
first way.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.device.card import card
from benchmarks.device.cubins import use
from benchmarks.device.modules import load, parameters
from benchmarks.device.rounding import products_in, stored
from benchmarks.device.rows import Row, rows

STEPS, ROUNDS = 256, 4
FEW, SLOW = 4, 30e-6  # steps of the first call, and seconds of a step by the estimate of what is not timed
# A strategy, and the blocks of a team (0: all multiprocessors).
WAYS = (
    ("step", 0),
    ("block", 1),
    *(("cluster", blocks) for blocks in (2, 4, 8, 16)),
    *(("persistent", blocks) for blocks in (8, 16, 32, 64, 0)),
)


def planned() -> list[Row]:
    """The rows whose loops are timed in all ways: those of small and large batches, dtypes, and numbers of meetings."""
    chosen = [
        *(("LSTM", batch, 768, "float16") for batch in (1, 16, 64, 256)),
        *(("LSTM", batch, units, "float32") for batch, units in ((16, 768), (64, 512))),
        *(("LSTM", batch, 768, "bfloat16") for batch in (16,)),
        *((cell, 16, 512, "float16") for cell in ("GRU", "GRU, reset before")),
        *((cell, 32, 512, "float16") for cell in ("layer-norm LSTM", "sLSTM")),
        *(("LSTM", 16, units, "bfloat16") for units in (1536, 4096)),
        *(("LSTM", batch, units, "float16") for batch, units in ((1, 192), (32, 192), (1, 40), (32, 40), (32, 128))),
        *((cell, batch, units, "float16") for cell, batch, units in (("GRU", 6, 128), ("LSTM", 13, 1000))),
        *((cell, batch, units, "float16") for cell, batch, units in (("IndRNN", 32, 512), ("LSTM", 128, 768))),
    ]
    found = {(r.cell, r.batch, r.units, r.dtype): r for r in rows() if r.layers == 1 and not r.both}
    return [found[key] for key in chosen]


@dataclass
class Launch:
    """One launch of a loop: its kernel (or "steps"), its team, and the events around it."""

    name: str
    team: Any
    start: Any
    end: Any


def force(module: ModuleType, strategy: str, blocks: int) -> None:
    """From now on the planner has one choice."""
    vars(module).update(_STRATEGY=strategy, _BLOCKS=(blocks,))
    for built in module._BUILT.values():
        if isinstance(built, module._Launch):
            built.plans.clear()


def watch(module: ModuleType, event: Callable[[], Any]) -> list[Launch]:
    """The launches of loops from now on, each with what `event` gives before and behind it."""
    seen: list[Launch] = []
    whole, single = module._Launch.loop, module._Launch.steps

    def loop(self: Any, name: str, team: Any, *arguments: Any) -> Any:
        before = event()
        found = whole(self, name, team, *arguments)
        seen.append(Launch(name, team, before, event()))
        return found

    def steps(self: Any, *arguments: Any, **how: Any) -> Any:
        before = event()
        found = single(self, *arguments, **how)
        seen.append(Launch("steps", None, before, event()))
        return found

    module._Launch.loop, module._Launch.steps = loop, steps
    return seen


def runs(module: ModuleType, row: Row, most: int) -> Iterator[tuple[str, int, Callable[[int], Any]]]:
    """Each way, forced, with what calls the module so, for some steps, as many as `most`."""
    cp = module.cp
    params = parameters(module, row, stored(row.dtype))
    own = next(iter(params.values())).dtype
    random = np.random.default_rng(0)
    x, d_outputs = (
        cp.asarray(random.standard_normal((most, row.batch, n)).astype(own)) for n in (row.input, row.units)
    )
    packed = module.pack(params)

    def call(steps: int) -> Any:
        outputs, _ = module.forward(packed, x[:steps], time_major=True)
        _, _, tape = module.forward_train(packed, x[:steps], time_major=True)
        module.backward(packed, tape, d_outputs[:steps], None)
        return outputs

    for strategy, blocks in WAYS:
        force(module, strategy, blocks)
        yield strategy, blocks, call


def timed(module: ModuleType, row: Row) -> Iterator[tuple[str, ...]]:
    """The lines of a row."""
    cp, first = module.cp, None

    def event() -> Any:
        made = cp.cuda.Event()
        made.record()
        return made

    seen = watch(module, event)
    for strategy, blocks, call in runs(module, row, STEPS):
        try:
            call(FEW)
            slow = any(launch.team is not None and launch.team.seconds > SLOW for launch in seen)
            outputs = None if slow else cp.asnumpy(call(STEPS)).astype(np.float64)
        except Exception as error:  # whatever it is, other ways are tried
            yield strategy, str(blocks), f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            continue
        found = strategy == "step" or any(launch.team for launch in seen)
        seen.clear()
        if outputs is None or not found:
            continue
        first = outputs if first is None else first
        for _ in range(ROUNDS):
            call(STEPS)
        cp.cuda.runtime.deviceSynchronize()
        yield from _lines(module, strategy, seen, float(np.abs(outputs - first).max()))
        seen.clear()


def _lines(module: ModuleType, strategy: str, seen: Sequence[Launch], off: float) -> Iterator[tuple[str, ...]]:
    each = len(seen) // ROUNDS
    for place in range(each):
        launches = seen[place::each]
        taken = [module.cp.cuda.get_elapsed_time(one.start, one.end) * 1e3 / STEPS for one in launches]
        name, team = launches[0].name, launches[0].team
        how, estimate = "", ""
        if team is not None:
            kind = "cluster" if team.clustered else "block" if team.blocks == 1 else "persistent"
            near = sum(heads * wide * deep for heads, wide, deep, _, _ in team.kept)
            how = f"{kind} {team.teams} x {team.blocks}, {team.rows} rows, {near} near, copies {len(team.copies)}"
            how += f", splits {team.numbers[7::3]}, shared {team.shared >> 10} KiB"
            estimate = f"{team.seconds * 1e6:.2f}"
        yield strategy, name, how, f"estimate {estimate}", f"measured {statistics.median(taken):.2f}", f"off {off:.1e}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("modules", type=Path)
    parser.add_argument("--only", default="", metavar="TEXT", help="rows whose network, shape and dtype hold this text")
    options = parser.parse_args()
    cupy = card()
    if cupy is None:
        return 1
    use(cupy, options.modules)
    warnings.simplefilter("ignore")  # ways that have no room say so
    for row in planned():
        if options.only not in f"{row.network} {row.shape} {row.dtype}":
            continue
        print(f"{row.network} {row.shape} {row.dtype}", flush=True)
        before = time.monotonic()
        with products_in(row.dtype):
            for line in timed(load(options.modules, f"{row.module}_cuda"), row):
                print("   ", *line, sep="  ", flush=True)
        print(f"    {time.monotonic() - before:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
