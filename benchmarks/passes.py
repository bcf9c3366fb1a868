"""What each pass is worth: NumPy modules of cells of many kinds, as they are and with one pass left out.

    python benchmarks/passes.py                  # some minutes; writes benchmarks/results/
    python benchmarks/passes.py --quick CELL …   # some rounds of some cells; writes nothing

All modules of a cell run in one process, in turn, round by round, by one thread of the library of products; a figure is
the median of its rounds over that of the module with all passes. Memory is the most that a training step holds at a
time, as NumPy tells Python's allocator. The error is the largest max|a - b| / max|b| of the results and gradients, b of
the module with all passes in float64. A pass without which a cell's module is the same has no line.
"""

from __future__ import annotations

import argparse
import inspect
import statistics
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import rnnc
from measuring import ROOT, blas, environment, error, in_turn, write
from plain import Array
from rnnc.compiler import PASSES

TIME, BATCH, INPUT = 50, 16, 64
Arrays = Mapping[str, Array]
CELLS: dict[str, dict[str, object]] = {
    "lstm.rnn:LSTM": {"units": 256},
    "gru.rnn:GRU": {"units": 256},
    "layer_norm_lstm.rnn": {"units": 256},
    "xlstm.rnn:MLSTM": {"units": 256, "heads": 4},
    "retention.rnn:Retention": {"units": 256, "heads": 4},
    "linear_attention.rnn:GatedLinearAttention": {"units": 128, "heads": 4},
    "mamba.rnn:Mamba": {"units": 64},
    "min_gru.rnn:MinGRU": {"units": 256},
    "fast_grnn.rnn:FastRNN": {"units": 256},
    "liquid.rnn:LTC": {"units": 32},
}
INTRO = (
    f"Generated NumPy modules in float32, {TIME} steps of {BATCH} rows, with one pass left out: time and memory over "
    "those of the module\nwith all passes (above 1: the pass pays). One thread; all of a cell in one process, in turn."
)


@dataclass(frozen=True)
class Line:
    cell: str
    without: str
    forward: str
    training: str
    memory: str
    error: str
    rounds: int


class Runs:
    """A module with its parameters and its inputs, time-major: a forward pass, and a training step."""

    def __init__(self, module: ModuleType, dtype: str, params: Arrays, inputs: Arrays) -> None:
        self._module = module
        self._params = {name: array.astype(dtype) for name, array in params.items()}
        given = {name: array.astype(dtype) for name, array in inputs.items()}
        self._inputs: Any = given if len(given) > 1 else next(iter(given.values()))

    def forward(self) -> Any:
        return self._module.forward(self._params, self._inputs, time_major=True)

    def train(self) -> dict[str, Array]:
        outputs, _, tape = self._module.forward_train(self._params, self._inputs, time_major=True)
        ones = {k: np.ones_like(y) for k, y in outputs.items()} if isinstance(outputs, dict) else np.ones_like(outputs)
        found = self._module.backward(self._params, tape, ones)
        named = {"": outputs, "d": found["x"], "dw": found["params"]}
        return {
            f"{what} {name}": array
            for what, arrays in named.items()
            for name, array in (arrays.items() if isinstance(arrays, dict) else [("", arrays)])
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("cells", nargs="*", metavar="CELL", help=f"some of {', '.join(CELLS)}")
    parser.add_argument("--quick", action="store_true", help="few rounds, nothing written")
    options = parser.parse_args()
    if unknown := [cell for cell in options.cells if cell not in CELLS]:
        parser.error(f"no cell of this benchmark: {', '.join(unknown)}")
    with threadpool_limits(1, "blas"):
        about = {**environment(), **blas()}
        lines: list[Line] = []
        for cell in options.cells or CELLS:
            for line in compare(cell, 1.0 if options.quick else 8.0):
                print(*(f"{value:16}" for value in vars(line).values()), flush=True)
                lines.append(line)
    if not (options.quick or options.cells):
        write("passes", INTRO, about, [], passes=lines)


def compare(cell: str, budget: float) -> list[Line]:
    """The lines of a cell."""
    texts = {name: text(cell, name) for name in PASSES}
    changed = [name for name in PASSES if texts[name] != text(cell)]
    modules = [module(cell), *(module(cell, name) for name in changed)]
    best = modules[0]
    params = best.init_params(seed=1, **dict.fromkeys(best.SPEC["sizes"], INPUT))
    random = np.random.default_rng(0)
    inputs = {
        name: random.random((TIME, BATCH, *(n if isinstance(n, int) else INPUT for n in about["shape"])))
        for name, about in best.SPEC["inputs"].items()
    }
    runs = [Runs(made, "float32", params, inputs) for made in modules]
    reference = Runs(best, "float64", params, inputs).train()
    times = [in_turn([run.forward for run in runs], budget), in_turn([run.train for run in runs], budget)]
    forward, training = ([statistics.median(rounds) for rounds in found] for found in times)
    peaks = [peak(run.train) for run in runs]
    return [
        Line(
            cell, name, *(f"{values[n] / values[0]:.2f}" for values in (forward, training, peaks)),
            f"{error(runs[n].train(), reference):.1e}", len(times[1][0]),
        )
        for n, name in enumerate(["", *changed])
    ]  # fmt: skip


def module(cell: str, *without: str) -> ModuleType:
    return rnnc.compile(str(ROOT.parent / "examples" / cell), options=CELLS[cell], no_passes=without)


def text(cell: str, *without: str) -> str:
    """The code of the module, without the remarks at its head."""
    return inspect.getsource(module(cell, *without)).partition("import numpy")[2]


def peak(call: Callable[[], object]) -> int:
    """The most bytes that a call holds at a time."""
    tracemalloc.start()
    call()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


if __name__ == "__main__":
    main()
