"""Recurrent nodes of ONNX, run by ONNX Runtime on the CPU: what they compute, as a recording without gradients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np

from rnnc.verify.arrays import Array
from rnnc.verify.live.numbers import Numbers

onnx: Any = import_module("onnx")
onnxruntime: Any = import_module("onnxruntime")
Case = dict[str, Any]
Tree = Mapping[str, Any]

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
ATTRIBUTES = ("clip", "linear_before_reset", "input_forget")
OPSET, IR_VERSION = 14, 8  # those of the operators; a newer runtime reads older models


@dataclass(frozen=True)
class _Layer:
    """One node: `kind` in the directions that `halves` names."""

    kind: str
    arguments: Mapping[str, Any]
    halves: tuple[str, ...]

    @property
    def direction(self) -> str:
        """The attribute of that name."""
        return self.halves[0] if len(self.halves) == 1 else "bidirectional"

    @property
    def units(self) -> int:
        """The size of a state."""
        return self.arguments["hidden_size"]

    @property
    def states(self) -> tuple[str, ...]:
        """What the initial states are called as inputs."""
        return ("initial_h", "initial_c") if self.kind == "LSTM" else ("initial_h",)

    def weights(self, width: int) -> dict[str, tuple[int, ...]]:
        """The shapes of the weights of one direction, whose input is `width` numbers."""
        rows = GATES[self.kind] * self.units
        shapes: dict[str, tuple[int, ...]] = {"W": (1, rows, width), "R": (1, rows, self.units)}
        if self.arguments.get("B", True):
            shapes["B"] = (1, 2 * rows)
        if self.arguments.get("P", False):
            shapes["P"] = (1, 3 * self.units)
        return shapes

    def attributes(self) -> dict[str, Any]:
        """All attributes of the node."""
        found = {name: self.arguments[name] for name in ATTRIBUTES if name in self.arguments}
        if "activations" in self.arguments:
            found["activations"] = self.arguments["activations"] * len(self.halves)
        return {**found, "hidden_size": self.units, "direction": self.direction}


@dataclass
class _Graph:
    """A graph while it is built, and what its inputs get."""

    element: int
    nodes: list[Any] = field(default_factory=list[Any])
    fed: dict[str, Array] = field(default_factory=dict[str, Array])
    finals: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])  # an output, and the direction in it

    def layer(self, place: str, layer: _Layer, x: str, lengths: str) -> str:
        """Add a node; what it makes of `x` [time, batch, width], as [time, batch, directions * units]."""

        def own(name: str) -> str:
            return f"{place}/{name}" if f"{place}/{name}" in self.fed else ""

        inputs = [x, own("W"), own("R"), own("B"), lengths, *map(own, layer.states), own("P")]
        while not inputs[-1]:
            inputs.pop()
        finals = [f"{place}/Y{state[len('initial') :]}" for state in layer.states]
        y, turned, joined = f"{place}/Y", f"{place}/turned", f"{place}/joined"
        make = onnx.helper.make_node
        self.nodes.append(make(layer.kind, inputs, [y, *finals], **layer.attributes()))
        self.nodes.append(make("Transpose", [y], [turned], perm=[0, 2, 1, 3]))
        self.nodes.append(make("Reshape", [turned, "flat"], [joined]))
        self.fed["flat"] = np.array([0, 0, -1])
        self.finals += [(name, half) for half in range(len(layer.halves)) for name in finals]
        return joined

    def run(self, outputs: str) -> tuple[Array, list[Array]]:
        """The outputs, and the final states: by layer, then by direction, then h and c."""
        helper, kinds = onnx.helper, {np.dtype("int32"): 6, np.dtype("int64"): 7}
        names = [outputs, *dict.fromkeys(name for name, _ in self.finals)]
        graph = helper.make_graph(
            self.nodes,
            "layers",
            [
                helper.make_tensor_value_info(name, kinds.get(array.dtype, self.element), array.shape)
                for name, array in self.fed.items()
            ],
            [helper.make_tensor_value_info(name, self.element, None) for name in names],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        options = onnxruntime.SessionOptions()
        options.log_severity_level, options.intra_op_num_threads = 4, 1  # errors come as exceptions
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        found = dict(zip(names, session.run(names, self.fed), strict=True))
        return found[outputs], [found[name][half] for name, half in self.finals]


def recorded(case: Case) -> dict[str, Array]:
    """One case, run: nodes one after the other, with time first, and with all weights as inputs."""
    numbers = Numbers(case["seed"], case["dtype"])
    graph = _Graph(onnx.helper.np_dtype_to_tensor_dtype(np.dtype(case["dtype"])))
    arrays = {"x": numbers.normal("x", (case["steps"], case["rows"], *case["features"]))}
    (width,) = case["features"]
    graph.fed["x"], x, lengths = arrays["x"], "x", ""
    if case["lengths"] is not None:
        arrays["sequence_length"] = graph.fed["lengths"] = np.asarray(case["lengths"], np.int32)
        lengths = "lengths"
    given = 0
    for k, layer in enumerate(_layers(case["tree"])):
        place = f"layer_{k}"
        for name, shape in layer.weights(width).items():
            parts: list[Array] = []
            for half in layer.halves:
                key = f"{place}/{half}/{name}" if len(layer.halves) > 1 else f"{place}/{name}"
                parts.append(numbers.variable(key, shape))
                arrays[f"var:{key}"] = parts[-1]
            graph.fed[f"{place}/{name}"] = np.concatenate(parts)
        if case["state"]:
            pieces: dict[str, list[Array]] = {name: [] for name in layer.states}
            for _ in layer.halves:
                for name in layer.states:
                    key = f"state0:{given}"
                    arrays[key] = numbers.normal(key, (case["rows"], layer.units), 0.7)
                    pieces[name].append(arrays[key])
                    given += 1
            graph.fed |= {f"{place}/{name}": np.stack(parts) for name, parts in pieces.items()}
        x = graph.layer(place, layer, x, lengths)
        width = len(layer.halves) * layer.units
    outputs, finals = graph.run(x)
    return {**arrays, "outputs": outputs, **{f"final_state:{i}": state for i, state in enumerate(finals)}}


def _layers(tree: Tree) -> Iterator[_Layer]:
    if tree["call"] != "onnx.helper.make_graph":
        yield _Layer(tree["call"].rpartition(".")[2], tree["arguments"], ("forward",))
        return
    rows = {"forward": tree["arguments"]["forward"], "reverse": tree["arguments"].get("backward", [])}
    halves = tuple(half for half, row in rows.items() if row)
    for one in rows[halves[0]]:
        yield _Layer(one["call"].rpartition(".")[2], one["arguments"], halves)
