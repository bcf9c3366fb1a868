"""Cells of tf.nn under its drivers, in a graph and session of TensorFlow 1: what they compute, as a recording."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from rnnc.verify.arrays import Array
from rnnc.verify.live.masks import DropoutRecorder
from rnnc.verify.live.numbers import Numbers
from rnnc.verify.running.sessions import plain_session

tf: Any = import_module("tensorflow.compat.v1")
tf.disable_control_flow_v2()  # that of TensorFlow 1, whose graphs are made in a fraction of the time
Case = dict[str, Any]


def recorded(case: Case) -> dict[str, Array]:
    """One case, run. Batch and time are not known to a dynamic driver's graph, as in most people's programs."""
    numbers = Numbers(case["seed"], case["dtype"])
    with tf.Graph().as_default():
        tf.set_random_seed(case["seed"])
        run = _Run(case, numbers)
        outputs, final = DRIVERS[case["driver"]](run)
        return run.finish(outputs, tf.nest.flatten(final))


class _Run:
    """A case while its graph is built: inputs, initial states, cells."""

    def __init__(self, case: Case, numbers: Numbers) -> None:
        self.case, self.numbers = case, numbers
        self.dtype = tf.as_dtype(case["dtype"])
        self.static = case["driver"].startswith("static") or case["driver"] == "stack_bidirectional_rnn"
        self.time_major = case["time_major"]
        self.steps, self.rows = case["steps"], case["rows"]
        self.masks = DropoutRecorder(self.steps, self.rows)
        self.feeds: dict[Any, Array] = {}
        leads = (self.steps, self.rows) if self.time_major else (self.rows, self.steps)
        self.arrays: dict[str, Array] = {"x": numbers.normal("x", (*leads, *case["features"]))}
        self.x = self._fed("x", known=self.static)
        self.lengths = None
        if case["lengths"] is not None:
            self.arrays["sequence_length"] = np.asarray(case["lengths"], np.int32)
            self.lengths = tf.constant(self.arrays["sequence_length"])
        self.given: list[Any] = []  # initial states
        self.cells = _Cells(self)

    def _fed(self, key: str, known: bool) -> Any:
        array = self.arrays[key]
        tensor = tf.placeholder(self.dtype, array.shape if known else (None, None, *array.shape[2:]))
        self.feeds[tensor] = array
        return tensor

    @property
    def elements(self) -> list[Any]:
        """The input of every step, for a static driver."""
        return tf.unstack(self.x, self.steps, 0 if self.time_major else 1)

    def stacked(self, outputs: Sequence[Any]) -> Any:
        return tf.stack(outputs, 0 if self.time_major else 1)

    def initial(self, cell: Any) -> Any:
        """A state for a cell, None where none is to be given. Cells are asked in the order of recorded states."""
        if not self.case["state"]:
            return None
        zeros = cell.zero_state(self.rows, self.dtype)
        leaves: list[Any] = []
        for leaf in tf.nest.flatten(zeros):
            key = f"state0:{len(self.given)}"
            self.arrays[key] = self.numbers.normal(key, leaf.shape.as_list(), 0.7)
            leaves.append(self._fed(key, known=True))
            self.given.append(leaves[-1])
        return tf.nest.pack_sequence_as(zeros, leaves)

    def given_or_typed(self, cell: Any) -> dict[str, Any]:
        """The arguments of a driver of one cell."""
        state = self.initial(cell)
        return {"dtype": self.dtype} if state is None else {"initial_state": state}

    def both(self, forward: Any, backward: Any) -> dict[str, Any]:
        """The arguments of a driver of two cells."""
        first, second = self.initial(forward), self.initial(backward)
        return {"dtype": self.dtype, "initial_state_fw": first, "initial_state_bw": second}

    def finish(self, outputs: Any, finals: Sequence[Any]) -> dict[str, Array]:
        """Run the graph: results, a loss of all of them, and its gradients by everything that was given."""
        variables = {v.name.partition(":")[0]: v for v in tf.global_variables()}
        found = {"outputs": outputs, **{f"final_state:{i}": state for i, state in enumerate(finals)}}
        weights = {f"cot:{key}": self.numbers.normal(f"cot:{key}", self._shape(key, t)) for key, t in found.items()}
        loss = tf.add_n([tf.reduce_sum(t * weights[f"cot:{key}"]) for key, t in found.items()])
        sources = {"x": self.x, **{f"state0:{i}": s for i, s in enumerate(self.given)}}
        sources |= {f"var:{name}": v for name, v in variables.items() if v in tf.trainable_variables()}
        slopes = tf.gradients(loss, list(sources.values()))
        gradients = {
            f"grad:{name}": tf.zeros_like(source) if slope is None else tf.convert_to_tensor(slope)
            for (name, source), slope in zip(sources.items(), slopes, strict=True)
        }
        with tf.Session(config=plain_session(tf)) as session:
            values = {n: self.numbers.variable(n, v.shape.as_list()) for n, v in variables.items()}
            session.run(
                [v.initializer for v in variables.values()],
                {v.initializer.inputs[1]: values[name] for name, v in variables.items()},
            )
            results = session.run({**found, "loss": loss, **gradients}, self.feeds)
        recorded = {**self.arrays, **{f"var:{n}": a for n, a in values.items()}, **weights, **results}
        recorded |= self.masks.found(self.case["lengths"], self.time_major)
        return {key: np.asarray(array) for key, array in recorded.items()}

    def _shape(self, key: str, tensor: Any) -> list[int]:
        if key != "outputs":
            return [self.rows, *tensor.shape.as_list()[1:]]
        leads = [self.steps, self.rows] if self.time_major else [self.rows, self.steps]
        return [*leads, *tensor.shape.as_list()[2:]]


class _Cells:
    """Builds cells from their description. One with a key that stands again is the same object."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._made: dict[str, Any] = {}
        self._width = run.case["features"]  # of the input of the cell that comes next

    def build(self, tree: Mapping[str, Any]) -> Any:
        key = tree.get("key")
        if key is not None and key in self._made:
            return self._made[key]
        made = _own_cell(tree["own"]) if "own" in tree else self._call(tree)
        if key is not None:
            self._made[key] = made
        return made

    def row(self, trees: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Cells one above the other."""
        cells: list[Any] = []
        for tree in trees:
            cells.append(self.build(tree))
            self._width = tf.TensorShape(cells[-1].output_size).as_list()
        return cells

    def side_by_side(self, trees: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Pairs of cells in layers whose outputs are put side by side."""
        pairs: list[Any] = []
        for first, second in zip(trees, others, strict=True):
            pairs.append((self.build(first), self.build(second)))
            self._width = [sum(tf.TensorShape(cell.output_size).as_list()[-1] for cell in pairs[-1])]
        return pairs

    def _call(self, tree: Mapping[str, Any]) -> Any:
        arguments = dict(tree["arguments"])
        name = tree["call"].rpartition(".")[2]
        if "activation" in arguments:
            arguments["activation"] = _activation(arguments["activation"])
        if name == "MultiRNNCell":
            arguments["cells"] = self.row(arguments["cells"])
        if "cell" in arguments:
            arguments["cell"] = self.build(arguments["cell"])
        if name != "DropoutWrapper":
            return getattr(tf.nn.rnn_cell, name)(**arguments)
        if arguments.get("variational_recurrent"):
            arguments |= {"dtype": self._run.dtype, "input_size": tf.TensorShape(self._width)}
        if self._run.case["seeded"]:
            arguments["seed"] = self._run.case["seed"] + self._run.masks.sites
        return self._run.masks.wrapper(tf.nn.rnn_cell.DropoutWrapper, arguments)


def _activation(name: str) -> Any:
    return next(getattr(part, name) for part in (tf.nn, tf.math, tf) if hasattr(part, name))


def _own_cell(about: Mapping[str, Any]) -> Any:
    """A generated module's cell object."""
    path = Path(about["file"])
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Cell(**about["sizes"])


# --- drivers ----------------------------------------------------------------------------------------------------------


def _dynamic(run: _Run) -> Any:
    cell = run.cells.build(run.case["tree"])
    return tf.nn.dynamic_rnn(
        cell, run.x, run.lengths, time_major=run.time_major, parallel_iterations=1, **run.given_or_typed(cell)
    )


def _static(run: _Run) -> Any:
    cell = run.cells.build(run.case["tree"])
    outputs, final = tf.nn.static_rnn(cell, run.elements, sequence_length=run.lengths, **run.given_or_typed(cell))
    return run.stacked(outputs), final


def _two_cells(run: _Run) -> tuple[Any, Any]:
    arguments = run.case["tree"]["arguments"]
    return run.cells.build(arguments["cell_fw"]), run.cells.build(arguments["cell_bw"])


def _bidirectional(run: _Run) -> Any:
    cells = _two_cells(run)
    outputs, final = tf.nn.bidirectional_dynamic_rnn(
        *cells, run.x, run.lengths, time_major=run.time_major, parallel_iterations=1, **run.both(*cells)
    )
    return tf.concat(outputs, 2), final


def _static_bidirectional(run: _Run) -> Any:
    cells = _two_cells(run)
    outputs, *final = tf.nn.static_bidirectional_rnn(
        *cells, run.elements, sequence_length=run.lengths, **run.both(*cells)
    )
    return run.stacked(outputs), final


def _layers(run: _Run, layer: Callable[[Any, tuple[Any, Any], dict[str, Any]], Any], x: Any) -> Any:
    """What tf.contrib.rnn.stack_bidirectional_dynamic_rnn and stack_bidirectional_rnn made of tf.nn's drivers."""
    arguments = run.case["tree"]["arguments"]
    pairs = run.cells.side_by_side(arguments["cells_fw"], arguments["cells_bw"])
    first = [run.initial(cell) for cell, _ in pairs]
    second = [run.initial(cell) for _, cell in pairs]
    finals: list[Any] = []
    with tf.variable_scope("stack_bidirectional_rnn"):
        for k, pair in enumerate(pairs):
            with tf.variable_scope(f"cell_{k}"):
                given = {"dtype": run.dtype, "initial_state_fw": first[k], "initial_state_bw": second[k]}
                x, final = layer(x, pair, given)
                finals.append(final)
    return x, ([f for f, _ in finals], [b for _, b in finals])


def _stack(run: _Run) -> Any:
    def layer(x: Any, cells: tuple[Any, Any], given: dict[str, Any]) -> Any:
        outputs, final = tf.nn.bidirectional_dynamic_rnn(
            *cells, x, run.lengths, time_major=run.time_major, parallel_iterations=1, **given
        )
        return tf.concat(outputs, 2), final

    return _layers(run, layer, run.x)


def _static_stack(run: _Run) -> Any:
    def layer(x: Any, cells: tuple[Any, Any], given: dict[str, Any]) -> Any:
        here = tf.get_variable_scope()  # the names of the dynamic one have a scope more
        outputs, *final = tf.nn.static_bidirectional_rnn(*cells, x, sequence_length=run.lengths, scope=here, **given)
        return outputs, final

    outputs, final = _layers(run, layer, run.elements)
    return run.stacked(outputs), final


DRIVERS: dict[str, Callable[[_Run], Any]] = {
    "dynamic_rnn": _dynamic,
    "static_rnn": _static,
    "bidirectional_dynamic_rnn": _bidirectional,
    "static_bidirectional_rnn": _static_bidirectional,
    "stack_bidirectional_dynamic_rnn": _stack,
    "stack_bidirectional_rnn": _static_stack,
}
