"""A module of the TensorFlow target as programs of TensorFlow 1 run it: in a graph and a session, with the gradients
that `tf.gradients` makes of its `forward`, by either driver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from rnnc.ir.model import Model
from rnnc.verify.arrays import Array, Arrays
from rnnc.verify.running.runner import Call, Gradients, ModuleRunner, Results, by_name
from rnnc.verify.running.sessions import plain_session

Form = tuple[object, ...]
ROLES = ("params", "inputs", "state", "masks")


@dataclass(frozen=True)
class _Graph:
    """A graph for calls of one form: `feeds` and `fetches` by role and name."""

    session: Any
    feeds: dict[tuple[str, str], Any]
    lengths: Any
    results: Results
    cotangents: dict[tuple[str, str], Any]
    gradients: dict[tuple[str, str], Any]


class GraphRunner(ModuleRunner):
    """A graph is built once for calls of one form. `driver` is that of `forward`: "dynamic" or "static"."""

    def __init__(self, model: Model, module: ModuleType, driver: str, *, time_major: bool = True) -> None:
        super().__init__(model, module, time_major=time_major)
        self._driver = driver
        self._trained = {p.name for p in model.parameters if p.trained}
        self._graphs: dict[Form, _Graph] = {}

    def forward(self, call: Call) -> Results:
        call = self.ordered(call)
        graph = self._graph(call)
        outputs, state = graph.session.run([graph.results.outputs, graph.results.state], self._feed(graph, call))
        return Results(self.turned("outputs", outputs), state)

    def forward_train(self, call: Call) -> tuple[Results, Any]:
        """The tape is the graph: its gradients are computed from the arguments again."""
        return self.forward(call), self._graph(self.ordered(call))

    def backward(self, call: Call, tape: Any, d_outputs: Arrays, d_state: Arrays) -> Gradients:
        feed = self._feed(tape, self.ordered(call))
        for role, arrays in (("outputs", self.turned("outputs", d_outputs)), ("state", d_state)):
            feed |= {tape.cotangents[role, n]: a for n, a in arrays.items() if (role, n) in tape.cotangents}
        found = tape.session.run(tape.gradients, feed)
        inputs, state, params = (
            {n: a for (r, n), a in found.items() if r == role} for role in ("inputs", "state", "params")
        )
        return Gradients(self.turned("inputs", inputs), state, params)

    def _feed(self, graph: _Graph, call: Call) -> dict[Any, Any]:
        feed: dict[Any, Any] = {tensor: _arrays(call, role)[name] for (role, name), tensor in graph.feeds.items()}
        return feed if graph.lengths is None else {**feed, graph.lengths: call.lengths}

    def _graph(self, call: Call) -> _Graph:
        """The graph for calls of this form. Batch and time are not known to a dynamic one."""
        arrays = {(role, name): a for role in ROLES for name, a in _arrays(call, role).items()}
        form: Form = (
            *((key, a.shape, a.dtype) for key, a in arrays.items()),
            call.lengths is None,
            call.state is None,
            call.masks is None,
        )
        if form not in self._graphs:
            self._graphs[form] = self._built(call, arrays)
        return self._graphs[form]

    def _built(self, call: Call, arrays: Mapping[tuple[str, str], Array]) -> _Graph:
        tf: Any = import_module("tensorflow.compat.v1")
        with tf.Graph().as_default() as graph:
            feeds: dict[tuple[str, str], Any] = {}
            for (role, name), array in arrays.items():
                timed = role == "inputs" and name in self.sequences[role]
                shape = [None, None, *array.shape[2:]] if timed else array.shape
                feeds[role, name] = tf.placeholder(array.dtype, shape if self._driver == "dynamic" else array.shape)
            lengths: Any = None if call.lengths is None else tf.placeholder(tf.int32, [None])

            def given(role: str) -> dict[str, Any]:
                return {name: tensor for (r, name), tensor in feeds.items() if r == role}

            tensors = Call(  # tensors stand for arrays
                given("params"),
                given("inputs"),
                None if call.state is None else given("state"),
                lengths,
                None if call.masks is None else given("masks"),
            )
            found = self.module.forward(
                *self.arguments(tensors), tensors.lengths, driver=self._driver, **self.options(tensors)
            )
            results = Results(by_name(self.output_names, found[0]), by_name(self.state_names, found[1]))
            fetched: dict[tuple[str, str], Any] = {("outputs", n): t for n, t in results.outputs.items()}
            fetched |= {("state", n): t for n, t in results.state.items()}
            floats = {key: t for key, t in fetched.items() if t.dtype.is_floating}
            cotangents = {key: tf.placeholder(t.dtype, t.shape) for key, t in floats.items()}
            sources = {
                (role, name): t
                for (role, name), t in feeds.items()
                if t.dtype.is_floating and (role != "params" or name in self._trained) and role != "masks"
            }
            slopes = tf.gradients([*floats.values()], [*sources.values()], [cotangents[key] for key in floats])
            gradients = {
                key: tf.zeros_like(t) if slope is None else tf.convert_to_tensor(slope)
                for (key, t), slope in zip(sources.items(), slopes, strict=True)
            }
            session = tf.Session(graph=graph, config=plain_session(tf))
            return _Graph(session, feeds, lengths, results, cotangents, gradients)


def _arrays(call: Call, role: str) -> Arrays:
    found: dict[str, Arrays | None] = {
        "params": call.params,
        "inputs": call.inputs,
        "state": call.state,
        "masks": call.masks,
    }
    return found[role] or {}
