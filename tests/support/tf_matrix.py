"""Generated modules against the live cells of tf.nn, in every combination of cell, driver and what may be given.

`python -m benchmarks.tf_matrix` runs them all, tests/tensorflow/test_live.py a cover of all pairs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from functools import cache
from itertools import combinations as combinations_of
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

from rnnc.compiler import compile_source
from rnnc.diagnostics import Source
from rnnc.ir.model import Model
from rnnc.runtime import load_module
from rnnc.verify.live.recorder import RecordedCase, record
from rnnc.verify.live.report import Situation, compared, features_of, same, summary
from rnnc.verify.live.request import declared, tree_of
from rnnc.verify.proving.sample import choose_sizes
from rnnc.verify.records.fit import find_layout
from rnnc.verify.records.recording import Recording
from rnnc.verify.report import Row
from rnnc.verify.running.graphs import GraphRunner
from rnnc.verify.running.runner import ModuleRunner

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

Options = Mapping[str, str]
KEEP = {"input_keep": "0.7", "state_keep": "0.6", "output_keep": "0.8"}
UNEQUAL = (
    "[LSTM(4, proj = 3, peepholes = true), GRU(2), BasicLSTM(5)]",
    "[RNN(2), LSTM(3, cell_clip = 0.4)]",
)
WRAPPED = (
    "[Dropout(GRU(3), input_keep = 0.7), Residual(LSTM(3)), Dropout(LSTM(4), output_keep = 0.6, state_keep = 0.8)]",
    "[Dropout(BasicLSTM(2), state_keep = 0.6), Residual(RNN(2))]",
)
ALL = {
    "proj": "3", "peepholes": "true", "forget_bias": "0.5", "cell_clip": "0.4", "proj_clip": "0.25",
    "activation": "sigmoid",
}  # fmt: skip

# Cells of tf.nn: FILE:NAME and -D options of the example that is the same.
CELLS: dict[str, tuple[str, Options]] = {
    "BasicRNNCell": ("rnn:RNN", {}),
    "BasicRNNCell relu": ("rnn:RNN", {"activation": "relu"}),
    "BasicLSTMCell": ("basic_lstm:BasicLSTM", {}),
    "GRUCell": ("gru:GRU", {}),
    "LSTMCell": ("lstm:LSTM", {}),
    "LSTMCell use_peepholes": ("lstm:LSTM", {"peepholes": "true"}),
    "LSTMCell cell_clip": ("lstm:LSTM", {"cell_clip": "0.4"}),
    "LSTMCell num_proj": ("lstm:LSTM", {"proj": "3"}),
    "LSTMCell num_proj proj_clip": ("lstm:LSTM", {"proj": "3", "proj_clip": "0.25"}),
    "LSTMCell forget_bias": ("lstm:LSTM", {"forget_bias": "0.0"}),
    "LSTMCell activation": ("lstm:LSTM", {"activation": "relu"}),
    "LSTMCell all": ("lstm:LSTM", ALL),
    "MultiRNNCell": ("multi:Multi", {"cells": UNEQUAL[0]}),
    "MultiRNNCell of wrappers": ("multi:Multi", {"cells": WRAPPED[0]}),
    "DropoutWrapper": ("dropout:Dropout", {"inner": "LSTM(4)", **KEEP}),
    "DropoutWrapper variational": ("dropout:Dropout", {"inner": "GRU(4)", "mask": "sequence", **KEEP}),
    "ResidualWrapper": ("residual:Residual", {"inner": "LSTM(4, peepholes = true)"}),
}
BACKWARD = {"MultiRNNCell": UNEQUAL[1], "MultiRNNCell of wrappers": WRAPPED[1]}

# Stacks in both directions, one beside the other: MultiRNNCell under bidirectional_dynamic_rnn.
STACKS = f"""
import "{EXAMPLES}/multi.rnn"
network Stacks(fw = [LSTM(4)], bw = [LSTM(4)]) {{
  input x[input]
  y = bidirectional(forward = stack(fw), backward = stack(bw))(x)
  output y

  layout tf(constants = "float32",
            reference = tf.nn.bidirectional_dynamic_rnn(
              tf.nn.rnn_cell.MultiRNNCell([y.forward[k] for k in 0..len(fw)]),
              tf.nn.rnn_cell.MultiRNNCell([y.backward[k] for k in 0..len(bw)]))) {{
    for k in 0..len(fw) {{ scope y.forward[k] = "bidirectional_rnn/fw/multi_rnn_cell/cell_{{k}}" }}
    for k in 0..len(bw) {{ scope y.backward[k] = "bidirectional_rnn/bw/multi_rnn_cell/cell_{{k}}" }}
  }}
}}
"""

# The parameters of examples that the arguments of cells of tf.nn are.
LEAVES: dict[str, tuple[str, dict[str, str]]] = {
    "BasicRNNCell": ("rnn", {"num_units": "units", "activation": "activation"}),
    "BasicLSTMCell": (
        "basic_lstm",
        {"num_units": "units", "forget_bias": "forget_bias", "activation": "activation"},
    ),
    "GRUCell": ("gru", {"num_units": "units", "activation": "activation"}),
    "LSTMCell": (
        "lstm",
        {
            "num_units": "units",
            "use_peepholes": "peepholes",
            "cell_clip": "cell_clip",
            "num_proj": "proj",
            "proj_clip": "proj_clip",
            "forget_bias": "forget_bias",
            "activation": "activation",
        },
    ),
}

DRIVERS = ("dynamic_rnn", "static_rnn", "bidirectional_dynamic_rnn")
DTYPES = ("float64", "float32")
WAYS = ("dynamic driver", "static driver", "own gradients", "cell object")
BOTH = (False, True)


@dataclass(frozen=True)
class Combination:
    """One comparison: which cell, under which driver of tf.nn and with what given, and how the module is run."""

    cell: str
    driver: str
    lengths: bool
    state: bool
    time_major: bool
    dtype: str
    way: str

    @property
    def situation(self) -> Situation:
        return Situation(self.driver, self.dtype, self.lengths, self.state, self.time_major)

    def __str__(self) -> str:
        return f"{self.cell}, {self.situation.text}: {self.way}"


def combinations(cells: Iterable[str] = tuple(CELLS)) -> Iterator[Combination]:
    """Every combination there is. `static_rnn` takes a list of steps, so with it the order is one of modules alone."""
    for values in product(cells, DRIVERS, BOTH, BOTH, BOTH, DTYPES, WAYS):
        found = Combination(*values)
        if not (found.driver == "static_rnn" and found.time_major and found.way == "cell object"):
            yield found


def cover() -> list[Combination]:
    """A few combinations in which every pair of two choices stands, and every cell; the same ones every time.

    What is a kind of cell for pairs is the class of tf.nn: its options take turns.
    """
    kinds: dict[str, list[str]] = {}
    for cell in CELLS:
        kinds.setdefault(cell.partition(" ")[0], []).append(cell)
    rows = [astuple(found) for found in combinations(kinds)]
    wanted = {pair for row in rows for pair in _pairs(row)}
    chosen: list[Combination] = []
    while wanted:
        best = max(rows, key=lambda row: sum(pair in wanted for pair in _pairs(row)))
        wanted -= {*_pairs(best)}
        members = kinds[best[0]]
        members.append(members.pop(0))
        chosen.append(replace(Combination(*best), cell=members[-1]))
    missing = [cell for cell in CELLS if all(cell != c.cell for c in chosen)]
    return chosen + [replace(one, cell=cell) for one, cell in zip(chosen[::-1], missing, strict=False)]


def _pairs(row: Sequence[object]) -> Iterator[object]:
    """All pairs of two choices in a row."""
    return combinations_of([*enumerate(row)], 2)


@dataclass(frozen=True)
class Subject:
    """A cell under a kind of driver, compiled for TensorFlow."""

    model: Model
    module: ModuleType
    tree: dict[str, Any]
    features: tuple[int, ...]


@cache
def subject(cell: str, driver: str) -> Subject:
    """The module for a cell, or for a pair of them in both directions; its counterpart in tf.nn."""
    source, name, options = _description(cell, driver)
    compiled = compile_source(source, name, options, target="tf", rounding="tf")
    model = compiled.unit.model
    sizes = choose_sizes(model, {})
    tree = tree_of(declared(model, find_layout(model, "tf"), "tf"), "tf", sizes)
    return Subject(model, load_module(compiled.text, model.name), tree, features_of(model, sizes))


def _description(cell: str, driver: str) -> tuple[Source, str, Options]:
    example, options = CELLS[cell]
    file, _, name = example.partition(":")
    if "bidirectional" not in driver:
        return _example(file), name, _with_units(name, options, 4)
    if name == "Multi":
        return Source("stacks.rnn", STACKS), "Stacks", {"fw": options["cells"], "bw": BACKWARD[cell]}
    both: dict[str, str] = {"input": "4"} if name == "Residual" else {}  # what goes in is as wide as what comes out
    both |= {way: _called(name, _with_units(name, options, units)) for way, units in (("fw", 4), ("bw", 3))}
    return _example("bidirectional"), "Bidirectional", both


def _example(file: str) -> Source:
    path = EXAMPLES / f"{file}.rnn"
    return Source(str(path), path.read_text(encoding="utf-8"))


def _with_units(name: str, options: Options, units: int) -> Options:
    return {"units": str(units), **options} if name in ("RNN", "BasicLSTM", "GRU", "LSTM") else options


def _called(name: str, options: Options) -> str:
    return f"{name}({', '.join(f'{key} = {value}' for key, value in options.items())})"


# --- running ----------------------------------------------------------------------------------------------------------


def run(chosen: Sequence[Combination], folder: Path) -> Iterator[tuple[Combination, Row]]:
    """Record all references, and all cell objects, in one process; then compare."""
    plans = {combination: _plan(combination, folder) for combination in chosen}
    recordings = record([*{case.name: case for plan in plans.values() for case in plan}.values()], folder)
    for combination, cases in plans.items():
        yield combination, _compared(combination, [recordings[case.name] for case in cases])


def _plan(c: Combination, folder: Path) -> list[RecordedCase]:
    """The recordings that a comparison needs: the reference, and for cell objects theirs."""
    about = subject(c.cell, c.driver)
    masks, cell = bool(about.model.masks), c.way == "cell object"
    # static_rnn knows no order of time and batch: one recording serves both.
    situation = replace(c.situation, time_major=c.time_major and c.driver != "static_rnn")
    name = "_".join(situation.text.replace(",", "").split()) + "_" + c.cell.replace(" ", "_")
    case = situation.case(name + "_seeded" * (masks and cell), "tf", about.tree, about.features)
    case = replace(case, seeded=masks and cell)
    return [case, replace(case, name=f"{case.name}_cell", tree=_with_cells(case.tree, folder))] if cell else [case]


def _compared(c: Combination, recordings: Sequence[Recording]) -> Row:
    if c.way == "cell object":
        return same(str(c), recordings[1], recordings[0])
    report = compared(
        subject(c.cell, c.driver).model, _runner(c.cell, c.driver, c.way, c.time_major), recordings[0], "tf"
    )
    return summary(str(c), report)


@cache
def _runner(cell: str, driver: str, way: str, time_major: bool) -> ModuleRunner:
    about = subject(cell, driver)
    if way == "own gradients":
        return ModuleRunner(about.model, about.module, time_major=time_major)
    return GraphRunner(about.model, about.module, way.partition(" ")[0], time_major=time_major)


def _with_cells(tree: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A tree in which cell objects of generated modules stand for the cells of tf.nn."""
    name = tree["call"].rpartition(".")[2]
    key = {"key": tree["key"]} if "key" in tree else {}
    if name in LEAVES:
        return {**key, "own": {"file": str(_cell_file(json.dumps(tree["arguments"]), name, folder)), "sizes": {}}}

    def inner(value: Any) -> Any:
        if isinstance(value, list):
            return [inner(item) for item in value]
        return _with_cells(value, folder) if isinstance(value, dict) else value

    return {**tree, "arguments": {n: inner(v) for n, v in tree["arguments"].items()}}


@cache
def _cell_file(arguments: str, name: str, folder: Path) -> Path:
    example, parameters = LEAVES[name]
    options = {parameters[n]: _spelled(value) for n, value in json.loads(arguments).items()}
    path = folder / f"own_{len(list(folder.glob('own_*.py')))}.py"
    path.write_text(compile_source(_example(example), None, options, target="tf").text, encoding="utf-8")
    return path


def _spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
