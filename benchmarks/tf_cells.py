"""How fast the generated TensorFlow modules are, beside tf.nn.dynamic_rnn and Keras 3, with XLA and without.

    python benchmarks/tf_cells.py            # all shapes, over nine minutes on two cores; writes benchmarks/results/
    python benchmarks/tf_cells.py --quick    # the small shapes, minutes; writes nothing

All contenders run in one process, in turn, round by round, each after an untimed call of its own; a figure is the
median of its rounds. The error beside a time is the largest of all arrays' max|a - b| / max|b|, b from the generated
NumPy module in float64 (which the tests hold against the interpreter). What a graph of 1000 steps costs is found in
processes of their own, whose memory nobody else has used before.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # tf.nn.rnn_cell is there with it only
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import rnnc
from contenders import GRU, LSTM, Kind, Shape, make_case
from contenders import generated as numpy_generated
from measuring import MODES, ROOT, SHAPES, Figure, Mode, environment, figures_of, line, results, write
from rnnc.compiler import compile_source
from rnnc.runtime import load_module
from rnnc.syntax.source import read_source

INTRO = (
    "Generated TensorFlow modules in float32 (the dynamic driver) beside tf.nn.dynamic_rnn(LSTMCell) and the layers of "
    "Keras 3, as functions of TensorFlow on the CPU; training takes the gradients of all weights and of the input.\n"
    "All in one process, in turn; error: largest max abs(a - b) / max abs(b) of all arrays against the NumPy module in "
    "float64. The second table: a training graph of each, built and run once, in a process of its own."
)
SHORT, LONG = 10, Shape(1000, 32, 128, 128)  # steps of a graph
GRAPHS = ("rnnc dynamic", "rnnc dynamic, TF's gradient", "dynamic_rnn", "rnnc static", "static_rnn")


@dataclass(frozen=True)
class GraphCost:
    """What a training graph costs. Nodes count those of functions that it calls; the peak is beyond what was in use."""

    graph: str
    steps: int
    seconds_to_build: float
    nodes: int
    seconds_to_run_first: float
    peak_mib: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="small shapes, few rounds, nothing written")
    parser.add_argument("--budget", type=float, default=4.0, metavar="SECONDS", help="of measuring per line of shapes")
    parser.add_argument("--graph", nargs=2, metavar=("NAME", "STEPS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.graph:
        print(json.dumps(graph_cost(options.graph[0], int(options.graph[1])).__dict__))
        return
    about = environment("tensorflow", "keras", "tf_keras")
    figures: list[Figure] = []
    for kind in (LSTM, GRU):
        numpy, module = rnnc.compile(ROOT.parent / "examples" / kind.file, options=kind.options), compiled(kind)
        # The largest shape of the second cell says nothing that the first one does not, and takes two minutes.
        for shape in SHAPES[:2] if options.quick else SHAPES if kind is LSTM else SHAPES[:3]:
            for mode in MODES:
                for xla in (False, True):
                    budget = 1.0 if options.quick else options.budget
                    found = compare(kind, numpy, module, shape, mode, xla=xla, budget=budget)
                    print("\n".join(map(line, found)), flush=True)
                    figures += found
    costs = [in_child(name, steps) for name in GRAPHS[: 3 if options.quick else 5] for steps in (SHORT, LONG.time)]
    if not options.quick:
        write("tf_cells", INTRO, about, figures, graphs=costs)


def compiled(kind: Kind) -> ModuleType:
    """The module of a cell for TensorFlow."""
    source = read_source(ROOT.parent / "examples" / kind.file)
    return load_module(compile_source(source, None, kind.options, target="tf").text, kind.name)


def compare(
    kind: Kind, numpy: ModuleType, module: ModuleType, shape: Shape, mode: Mode, *, xla: bool, budget: float
) -> list[Figure]:
    """Every contender's figure for one cell, shape and mode."""
    from tf_contenders import contender, peers

    case = make_case(kind, shape)
    reference = results(numpy_generated(case.wide(), numpy), mode)
    running = [contender(case, peer, xla=xla) for peer in peers(case, module)]
    return figures_of(kind, shape, mode, running, reference, budget, least=3)


def in_child(name: str, steps: int) -> GraphCost:
    """The cost of a graph, in a process of its own."""
    command = [sys.executable, str(ROOT / "tf_cells.py"), "--graph", name, str(steps)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    cost = GraphCost(**json.loads(done.stdout.splitlines()[-1]))
    print(
        f"graph {name:28}{steps:6} steps: built in {cost.seconds_to_build:7.2f} s, {cost.nodes:7} nodes, first run "
        f"{cost.seconds_to_run_first:7.2f} s, peak {cost.peak_mib:6} MiB",
        flush=True,
    )
    return cost


def graph_cost(name: str, steps: int) -> GraphCost:
    """Build a graph with gradients, and run it once."""
    import time

    import tensorflow.compat.v1 as tf

    case = make_case(LSTM, LONG._replace(time=steps))
    module = compiled(LSTM)
    in_use, before = peak_memory(), time.perf_counter()
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, case.x.shape)
        outputs, weights = _outputs(name, module, case.params, x)
        gradients = tf.gradients(tf.reduce_sum(tf.square(outputs)), weights)
        built = time.perf_counter()
        definition = graph.as_graph_def()
        nodes = len(definition.node) + sum(len(function.node_def) for function in definition.library.function)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            started = time.perf_counter()
            session.run([outputs, gradients], {x: case.x})
            finished = time.perf_counter()
    peak = (peak_memory() - in_use) // 1024
    return GraphCost(name, steps, round(built - before, 3), nodes, round(finished - started, 3), peak)


def peak_memory() -> int:
    """The most that this process has had in memory, in KiB, as Linux tells it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(row.split()[1]) for row in lines if row.startswith("VmHWM"))


def _outputs(name: str, module: ModuleType, params: dict[str, Any], x: Any) -> tuple[Any, list[Any]]:
    """Outputs and variables of one of GRAPHS."""
    import tensorflow.compat.v1 as tf

    if name.startswith("rnnc"):
        variables = {key: tf.get_variable(key.replace(".", "_"), initializer=array) for key, array in params.items()}
        driver = name.split()[1].rstrip(",")
        own = driver == "dynamic" and not name.endswith("gradient")
        found = module.forward(variables, x, time_major=True, driver=driver, custom_gradient=own)
        return found[0], list(variables.values())
    cell = tf.nn.rnn_cell.LSTMCell(LONG.units)
    if name == "dynamic_rnn":
        return tf.nn.dynamic_rnn(cell, x, dtype=tf.float32, time_major=True)[0], cell.variables
    return tf.stack(tf.nn.static_rnn(cell, tf.unstack(x), dtype=tf.float32)[0]), cell.variables


if __name__ == "__main__":
    main()
