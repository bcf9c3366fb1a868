"""What Keras 3, PyTorch and ONNX's reference implementation compute with weights of their own, in float64.

`python -m tests.weights.libraries` records all of it beside this file, so that the proof needs none of them installed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

RECORDED = Path(__file__).parent / "recorded"
BATCH, TIME, INPUT, UNITS = 3, 4, 3, 4

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Result:
    """`arrays` by the library's own names; sequences are [batch, time, …]; `states` in the library's order."""

    arrays: Arrays
    x: np.ndarray
    outputs: np.ndarray
    states: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Case:
    """An example with options that computes what the library does; `layout` is named after the library."""

    name: str
    layout: str
    example: str
    options: Mapping[str, str]
    compute: Callable[[], Result]


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    """Uniform between -1 and 1."""
    return np.random.default_rng([seed, *shape]).uniform(-1.0, 1.0, shape)


X = numbers(BATCH, TIME, INPUT, seed=99)


# --- PyTorch -----------------------------------------------------------------------------------------------------


def torch_layer(kind: str, **options: Any) -> Any:
    """A layer of torch.nn with random weights (its own are small)."""
    import torch

    layer = getattr(torch.nn, kind)(INPUT, UNITS, batch_first=True, dtype=torch.float64, **options)
    with torch.no_grad():
        for seed, parameter in enumerate(layer.parameters()):
            parameter.copy_(torch.from_numpy(numbers(*parameter.shape, seed=seed)))
    return layer


def torch_case(kind: str, **options: Any) -> Callable[[], Result]:
    def compute() -> Result:
        import torch

        layer = torch_layer(kind, **options)
        arrays = {name: tensor.numpy() for name, tensor in layer.state_dict().items()}
        with torch.no_grad():
            outputs, states = layer(torch.from_numpy(X))
        layers = [states] if isinstance(states, torch.Tensor) else list(states)  # each [layers * directions, batch, …]
        flat = [layer[k].numpy() for k in range(layers[0].shape[0]) for layer in layers]
        return Result(arrays, X, outputs.numpy(), tuple(flat))

    return compute


# --- Keras -------------------------------------------------------------------------------------------------------


def keras_layer(kind: str, *, both: bool = False, **options: Any) -> Any:
    """A built layer of Keras with random weights; `both` directions."""
    import keras

    common = {"return_sequences": True, "return_state": True, "dtype": "float64"}
    layer = getattr(keras.layers, kind)(UNITS, **options, **common)
    layer = keras.layers.Bidirectional(layer, dtype="float64") if both else layer
    layer.build(X.shape)
    layer.set_weights([numbers(*w.shape, seed=seed) for seed, w in enumerate(layer.weights)])
    return layer


def keras_case(kind: str, *, both: bool = False, **options: Any) -> Callable[[], Result]:
    def compute() -> Result:
        layer = keras_layer(kind, both=both, **options)
        # Keras puts the name of the layer inside between; the two directions are attributes of the wrapper
        halves = {"forward_": "bidirectional/forward_layer/", "backward_": "bidirectional/backward_layer/"}
        arrays = {}
        for weight in layer.weights:
            half = next((new for old, new in halves.items() if f"/{old}" in f"/{weight.path}"), "")
            arrays[half + "/".join(weight.path.split("/")[-2:])] = np.asarray(weight)
        outputs, *states = layer(X)
        return Result(arrays, X, np.asarray(outputs), tuple(map(np.asarray, states)))

    return compute


def keras_conv_case(rank: int) -> Callable[[], Result]:
    def compute() -> Result:
        import keras

        layer = getattr(keras.layers, f"ConvLSTM{rank}D")(
            2, 3, padding="same", return_sequences=True, return_state=True, dtype="float64"
        )
        x = numbers(2, 3, *([4] * rank), 2, seed=98)
        layer.build(x.shape)
        layer.set_weights([numbers(*w.shape, seed=seed) for seed, w in enumerate(layer.weights)])
        arrays = {"/".join(w.path.split("/")[-2:]): np.asarray(w) for w in layer.weights}
        outputs, *states = layer(x)
        return Result(arrays, x, np.asarray(outputs), tuple(map(np.asarray, states)))

    return compute


# --- ONNX --------------------------------------------------------------------------------------------------------

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def onnx_model(kind: str, *, peepholes: bool = False, both: bool = False, **attributes: Any) -> Any:
    """A model of one recurrent node, with random weights as initialisers."""
    import onnx
    from onnx import helper, numpy_helper

    directions, rows = 2 if both else 1, GATES[kind] * UNITS
    arrays = {
        "W": numbers(directions, rows, INPUT, seed=1),
        "R": numbers(directions, rows, UNITS, seed=2),
        "B": numbers(directions, 2 * rows, seed=3),
    }
    if peepholes:
        arrays["P"] = numbers(directions, 3 * UNITS, seed=4)
    inputs = ["X", "W", "R", "B", *(["", "", "", "P"] if peepholes else [])]
    outputs = ["Y", "Y_h", "Y_c"] if kind == "LSTM" else ["Y", "Y_h"]
    direction = "bidirectional" if both else "forward"
    node = helper.make_node(kind, inputs, outputs, name="rnn", hidden_size=UNITS, direction=direction, **attributes)
    double = onnx.TensorProto.DOUBLE
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("X", double, ["time", "batch", INPUT])],
        [helper.make_tensor_value_info(name, double, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])


def onnx_case(kind: str, *, both: bool = False, **options: Any) -> Callable[[], Result]:
    def compute() -> Result:
        from onnx import numpy_helper
        from onnx.reference import ReferenceEvaluator

        model = onnx_model(kind, both=both, **options)
        y, *finals = ReferenceEvaluator(model).run(None, {"X": np.swapaxes(X, 0, 1)})  # y: [time, directions, batch, u]
        whole = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        arrays = whole
        if both:
            halves = ("forward", "reverse")
            arrays = {f"{half}/{n}": a[k : k + 1] for k, half in enumerate(halves) for n, a in whole.items()}
        outputs = np.concatenate([y[:, k] for k in range(y.shape[1])], axis=-1)
        states = tuple(final[k] for k in range(y.shape[1]) for final in finals)
        return Result(arrays, X, np.swapaxes(outputs, 0, 1), states)

    return compute


def case(name: str, layout: str, example: str, compute: Callable[[], Result], **options: str) -> Case:
    return Case(f"{layout}_{name}", layout, example, options, compute)


LSTM, AFTER = "LSTM(4)", "GRU(4, reset = after)"
CASES = [
    case("lstm", "torch", "lstm.rnn", torch_case("LSTM")),
    case("lstm_fb0", "torch", "lstm.rnn", torch_case("LSTM"), forget_bias="0.0"),
    case("lstm_proj", "torch", "lstm.rnn", torch_case("LSTM", proj_size=2), proj="2"),
    case("basic_lstm", "torch", "basic_lstm.rnn", torch_case("LSTM")),
    case("gru", "torch", "gru.rnn", torch_case("GRU"), reset="after"),
    case("rnn", "torch", "rnn.rnn", torch_case("RNN")),
    case("rnn_relu", "torch", "rnn.rnn", torch_case("RNN", nonlinearity="relu"), activation="relu"),
    case("lstm_layers", "torch", "multi.rnn", torch_case("LSTM", num_layers=2), cells=f"[{LSTM}, {LSTM}]"),
    case("gru_both", "torch", "bidirectional.rnn", torch_case("GRU", bidirectional=True), fw=AFTER, bw=AFTER),
    case(
        "lstm_layers_both",
        "torch",
        "bidirectional.rnn:StackedBidirectional",
        torch_case("LSTM", bidirectional=True, num_layers=2),
        fw=f"[{LSTM}, {LSTM}]",
        bw=f"[{LSTM}, {LSTM}]",
    ),
    case("lstm", "keras", "lstm.rnn", keras_case("LSTM")),
    case("lstm_relu", "keras", "lstm.rnn", keras_case("LSTM", activation="relu"), activation="relu"),
    case("basic_lstm", "keras", "basic_lstm.rnn", keras_case("LSTM"), forget_bias="0.5"),
    case("gru_after", "keras", "gru.rnn", keras_case("GRU"), reset="after"),
    case("gru_before", "keras", "gru.rnn", keras_case("GRU", reset_after=False), reset="before"),
    case("rnn", "keras", "rnn.rnn", keras_case("SimpleRNN")),
    case("lstm_both", "keras", "bidirectional.rnn", keras_case("LSTM", both=True), fw=LSTM, bw=LSTM),
    case("conv1d", "keras", "conv_lstm.rnn:ConvLSTM1D", keras_conv_case(1)),
    case("conv2d", "keras", "conv_lstm.rnn:ConvLSTM2D", keras_conv_case(2), forget_bias="0.5"),
    case("conv3d", "keras", "conv_lstm.rnn:ConvLSTM3D", keras_conv_case(3)),
    case("lstm", "onnx", "lstm.rnn", onnx_case("LSTM")),
    case("lstm_peepholes", "onnx", "lstm.rnn", onnx_case("LSTM", peepholes=True), peepholes="true"),
    case("basic_lstm", "onnx", "basic_lstm.rnn", onnx_case("LSTM")),
    case("gru_before", "onnx", "gru.rnn", onnx_case("GRU"), reset="before"),
    case("gru_after", "onnx", "gru.rnn", onnx_case("GRU", linear_before_reset=1), reset="after"),
    case("rnn", "onnx", "rnn.rnn", onnx_case("RNN")),
    case("lstm_both", "onnx", "bidirectional.rnn", onnx_case("LSTM", both=True), fw=LSTM, bw=LSTM),
]


# --- recordings --------------------------------------------------------------------------------------------------


def load(case: Case) -> Result:
    """What was recorded."""
    with np.load(RECORDED / f"{case.name}.npz", allow_pickle=False) as file:
        arrays = {name.removeprefix("var:"): file[name] for name in file.files if name.startswith("var:")}
        states = [file[name] for name in sorted(n for n in file.files if n.startswith("final_state:"))]
        return Result(arrays, file["x"], file["outputs"], tuple(states))


def save(case: Case, result: Result) -> None:
    """The keys are those that `rnnc verify --against` reads."""
    states = {f"final_state:{k}": state for k, state in enumerate(result.states)}
    weights = {f"var:{name}": array for name, array in result.arrays.items()}
    np.savez_compressed(
        RECORDED / f"{case.name}.npz", allow_pickle=False, x=result.x, outputs=result.outputs, **states, **weights
    )


def main(cases: Sequence[Case] = CASES) -> None:
    RECORDED.mkdir(exist_ok=True)
    for one in cases:
        save(one, one.compute())


if __name__ == "__main__":
    main()
