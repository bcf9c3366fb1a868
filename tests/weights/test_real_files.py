"""Files that the libraries write and read themselves: the numbers of one library's layer out of another's."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

import rnnc
from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call
from rnnc.weights import containers
from tests.numpy.support import EXAMPLES
from tests.weights.libraries import X, keras_layer, onnx_model, torch_layer
from tests.weights.support import GRU, LSTM, Weights

CLOSE = {"rtol": 0, "atol": 1e-10}
pytestmark = [  # of Keras's own saving, with current NumPy
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]


def torch_outputs(layer: object) -> np.ndarray:
    import torch

    with torch.no_grad():
        return layer(torch.from_numpy(X))[0].numpy()  # type: ignore[operator]


def onnx_outputs(path: Path) -> np.ndarray:
    """[batch, time, directions * units]"""
    import onnx
    from onnx.reference import ReferenceEvaluator

    y = ReferenceEvaluator(onnx.load(str(path))).run(None, {"X": np.swapaxes(X, 0, 1)})[0]
    return np.swapaxes(np.concatenate([y[:, k] for k in range(y.shape[1])], axis=-1), 0, 1)


@pytest.fixture
def state_dict(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """A GRU within a PyTorch model as safetensors, and its outputs."""
    pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    layer = torch_layer("GRU")
    state = {f"encoder.rnn.{name}": tensor for name, tensor in layer.state_dict().items()}
    safetensors.save_file({**state, "head.weight": state["encoder.rnn.bias_ih_l0"] + 1}, tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors", torch_outputs(layer)


ENCODER = ["--from", "torch", "--only", "encoder.*"]


def test_torch_into_a_keras_model(state_dict: tuple[Path, np.ndarray], weights: Weights) -> None:
    keras = pytest.importorskip("keras")
    path, outputs = state_dict
    inputs = keras.Input((None, 3), dtype="float64")
    inner = keras.Model(inputs, keras_layer("GRU")(inputs)[0])
    for ending in (".keras", ".weights.h5"):
        whole, filled = weights.folder / f"old{ending}", weights.folder / f"new{ending}"
        inner.save(whole) if ending == ".keras" else inner.save_weights(whole)
        done = weights("convert", path, filled, *ENCODER, "--to", "keras", "--into", whole)
        assert done.status == 0, done.err
        if ending == ".keras":
            inner = keras.saving.load_model(filled)
        else:
            inner.load_weights(filled)
        np.testing.assert_allclose(np.asarray(inner(X)), outputs, **CLOSE)


def test_torch_into_an_onnx_model(state_dict: tuple[Path, np.ndarray], weights: Weights) -> None:
    pytest.importorskip("onnx")
    path, outputs = state_dict
    old = weights.folder / "old.onnx"
    old.write_bytes(onnx_model("GRU", linear_before_reset=1).SerializeToString())
    done = weights("convert", path, weights.folder / "new.onnx", *ENCODER, "--to", "onnx", "--into", old)
    assert done.status == 0, done.err
    np.testing.assert_allclose(onnx_outputs(weights.folder / "new.onnx"), outputs, **CLOSE)
    before = weights.folder / "before.onnx"
    before.write_bytes(onnx_model("GRU").SerializeToString())
    said = weights.refused(path, *ENCODER, "--to", "onnx", "--into", before)
    assert "linear_before_reset = 0, which is not what GRU(reset = after" in said


def test_both_directions_of_an_onnx_node_into_torch_and_back(weights: Weights) -> None:
    pytest.importorskip("onnx")
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    old = weights.folder / "old.onnx"
    old.write_bytes(onnx_model("LSTM", both=True).SerializeToString())
    cell = ["--cell", str(EXAMPLES / "bidirectional.rnn"), "-D", "fw=LSTM(4)", "-D", "bw=LSTM(4)"]
    weights.convert(old, "t.safetensors", "--from", "onnx", "--to", "torch", *cell)
    layer = torch.nn.LSTM(3, 4, bidirectional=True, batch_first=True, dtype=torch.float64)
    layer.load_state_dict(safetensors.load_file(weights.folder / "t.safetensors"))
    np.testing.assert_allclose(torch_outputs(layer), onnx_outputs(old), **CLOSE)
    empty = onnx_model("LSTM", both=True)
    for tensor in empty.graph.initializer:
        tensor.raw_data = bytes(len(tensor.raw_data))
    (weights.folder / "empty.onnx").write_bytes(empty.SerializeToString())
    arguments = ["--from", "torch", "--to", "onnx", "--into", weights.folder / "empty.onnx", *cell]
    weights.convert(weights.folder / "t.safetensors", "new.onnx", *arguments)
    np.testing.assert_allclose(onnx_outputs(weights.folder / "new.onnx"), onnx_outputs(old), **CLOSE)


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_a_node_without_biases(kind: str, both: bool, weights: Weights) -> None:
    """They are zero, or the cell has none."""
    pytest.importorskip("onnx")
    options = {"linear_before_reset": 1} if kind == "GRU" else {}
    model = onnx_model(kind, both=both, **options)
    (node,) = model.graph.node
    node.input[3] = ""
    old = weights.folder / "old.onnx"
    old.write_bytes(model.SerializeToString())
    said = {"LSTM": "forget_bias = 0", "GRU": "reset = after", "RNN": "activation = tanh"}[kind]
    for bias, count in ("false", 2), ("true", 4):
        cell = f"{kind}(4, bias = {bias}, {said})"
        defined = ["-D", f"fw={cell}", "-D", f"bw={cell}"] if both else ["-D", f"cells=[{cell}]"]
        example = EXAMPLES / ("bidirectional.rnn" if both else "multi.rnn")
        found = weights.convert(old, "t.npz", "--from", "onnx", "--to", "torch", "--cell", example, *defined)
        assert len(found) == count * (2 if both else 1)
        assert not any(array.any() for name, array in found.items() if "bias" in name)
    if not both:  # nobody says which cell: one with biases
        weights.convert(
            old, "n.npz", "--from", "onnx", "--to", "rnnc", *(["-D", "reset=after"] if kind == "GRU" else [])
        )


def test_a_keras_file_to_torch(weights: Weights) -> None:
    """What the configuration says is held against the cell; a wrapper's directions are found by their names."""
    keras = pytest.importorskip("keras")
    torch = pytest.importorskip("torch")
    layer = keras_layer("LSTM", both=True)
    inputs = keras.Input((None, 3), dtype="float64")
    model = keras.Model(inputs, keras.layers.Dense(2, dtype="float64", name="dense")(layer(inputs)[0]))
    model.save(weights.folder / "m.keras")
    cell = ["--cell", str(EXAMPLES / "bidirectional.rnn"), "-D", "fw=LSTM(4)", "-D", "bw=LSTM(4)"]
    arguments = ["--from", "keras", "--to", "torch", *cell, "--without", "dense/*"]
    arrays = weights.convert(weights.folder / "m.keras", "t.npz", *arguments)
    other = torch.nn.LSTM(3, 4, bidirectional=True, batch_first=True, dtype=torch.float64)
    other.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    np.testing.assert_allclose(torch_outputs(other), np.asarray(layer(X)[0]), **CLOSE)
    relu = [text.replace("LSTM(4)", "LSTM(4, activation = relu)") for text in cell]
    said = weights.refused(weights.folder / "m.keras", "--from", "keras", "--to", "rnnc", *relu, "--without", "dense/*")
    assert "activation = tanh" in said


def test_one_of_many_layers(weights: Weights) -> None:
    """Cells in one layer, beside layers of the same kind with other options; the optimiser's variables do not count."""
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(0)
    double = {"dtype": "float64"}
    cells = [keras.layers.LSTMCell(4, **double), keras.layers.GRUCell(2, **double)]
    inner = keras.layers.StackedRNNCells(cells, **double)
    stacked = keras.layers.RNN(inner, return_sequences=True, name="rnn", **double)
    inputs = keras.Input((None, 3), dtype="float64")
    other = keras.layers.LSTM(4, activation="relu", name="mine", **double)(inputs)
    model = keras.Model(inputs, [stacked(inputs), other])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    model.save(weights.folder / "m.keras")
    assert not any("optimizer" in name for name in containers.read(weights.folder / "m.keras").arrays)
    network = ["--cell", EXAMPLES / "multi.rnn", "-D", "cells=[LSTM(4), GRU(2, reset = after)]"]
    rnn = ["--from", "keras", "--to", "rnnc", "--only", "rnn/*", *network]
    found = weights.convert(weights.folder / "m.keras", "n.npz", *rnn)
    layers = rnnc.compile(EXAMPLES / "multi.rnn", cells="[LSTM(4), GRU(2, reset = after)]")
    np.testing.assert_allclose(layers.forward(found, X)[0], np.asarray(stacked(X)), **CLOSE)
    mine = ["--from", "keras", "--to", "rnnc", "--only", "mine/*", "--cell", LSTM]
    assert "activation = relu" in weights.refused(weights.folder / "m.keras", *mine)
    weights.convert(weights.folder / "m.keras", "o.npz", *mine, "-D", "activation=relu")


def test_functions_that_keras_calls_otherwise(weights: Weights) -> None:
    """`linear` and None are the identity; whose `hard_sigmoid` is meant the version in the file tells."""
    keras = pytest.importorskip("keras")
    for name, function in (("identity", "linear"), ("identity", None), ("silu", "swish"), ("exp", "exponential")):
        model = keras.Sequential([keras.Input((None, 3)), keras.layers.LSTM(4, activation=function)])
        model.save(weights.folder / "m.keras")
        arguments = ["--from", "keras", "--to", "rnnc", "--cell", LSTM, "-D", f"activation={name}"]
        weights.convert(weights.folder / "m.keras", "n.npz", *arguments)
        said = weights.refused(weights.folder / "m.keras", *arguments[:-1], "activation=relu")
        assert f"activation = {name}, which is not what" in said
        text = f"keras.Sequential([keras.Input((None, 3)), keras.layers.LSTM(4, activation={function!r})])"
        imported = weights.folder / "i.rnn"
        imported.write_text(import_call(Source("<call>", text)).text)
        weights.convert(weights.folder / "m.keras", "n.npz", *arguments[:5], imported)
    description = weights.folder / "m.rnn"
    call = "keras.Sequential([keras.Input((None, 3)), keras.layers.LSTM(4, recurrent_activation='hard_sigmoid')])"
    description.write_text(import_call(Source("<call>", call)).text)
    cell = ["--from", "keras", "--to", "rnnc", "--cell", description]
    older = ["--from", "keras", "--to", "rnnc", "--cell", LSTM, "-D", "gate_activation=hard_sigmoid"]
    keras.Sequential([keras.Input((None, 3)), keras.layers.LSTM(4, recurrent_activation="hard_sigmoid")]).save(
        weights.folder / "m.keras"
    )
    weights.convert(weights.folder / "m.keras", "h.npz", *cell)
    assert "recurrent_activation = keras_hard_sigmoid" in weights.refused(weights.folder / "m.keras", *older)
    with zipfile.ZipFile(weights.folder / "m.keras") as old, zipfile.ZipFile(weights.folder / "2.keras", "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            is_told = entry.filename == "metadata.json"
            new.writestr(entry, b'{"keras_version": "2.15.0"}' if is_told else content)
    weights.convert(weights.folder / "2.keras", "o.npz", *older)
    assert "recurrent_activation = hard_sigmoid" in weights.refused(weights.folder / "2.keras", *cell)


def test_keras_2_files(weights: Weights) -> None:
    keras = pytest.importorskip("keras")
    layer = keras_layer("GRU", reset_after=False)
    inputs = keras.Input((None, 3), dtype="float64")
    model = keras.Model(inputs, layer(inputs)[0])
    model.save(weights.folder / "m.h5")
    found = weights.convert(weights.folder / "m.h5", "g.npz", "--from", "keras", "--to", "rnnc")
    outputs, _ = rnnc.compile(GRU).forward(found, X)
    np.testing.assert_allclose(outputs, np.asarray(layer(X)[0]), **CLOSE)


def test_checkpoints_of_a_graph(weights: Weights) -> None:
    """A Saver's checkpoint with an optimiser's slots is read; what is written a Saver restores."""
    tf = pytest.importorskip("tensorflow").compat.v1
    pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    kernel, bias = rng.standard_normal((7, 16)), rng.standard_normal(16)
    with tf.Graph().as_default(), tf.Session() as session:
        with tf.variable_scope("rnn/lstm_cell"):
            variables = [tf.get_variable(n, initializer=a) for n, a in (("kernel", kernel), ("bias", bias))]
        tf.train.AdamOptimizer().minimize(sum(tf.reduce_sum(v**2) for v in variables))
        session.run(tf.global_variables_initializer())
        saver = tf.train.Saver()
        path = saver.save(session, str(weights.folder / "old" / "model.ckpt"))
        adam = ["--without", "*/Adam*", "--without", "beta*"]
        found = weights.convert(Path(path), "t.npz", "--from", "tf", "--to", "torch", *adam)
        back = ["--from", "torch", "--to", "tf", "--prefix", "rnn/"]
        changed = weights.file("changed.npz", {name: array + 1 for name, array in found.items()})
        weights.convert(changed, "new.ckpt", *back)
        only = tf.train.Saver(variables)
        only.restore(session, str(weights.folder / "new.ckpt"))
        np.testing.assert_allclose(session.run(variables[0]), kernel + 1, **CLOSE)
        np.testing.assert_allclose(session.run(variables[1]), bias + 2, **CLOSE)
    import torch

    layer = torch.nn.LSTM(3, 4, batch_first=True, dtype=torch.float64)
    layer.load_state_dict({name: torch.from_numpy(array) for name, array in found.items()})
    cell = rnnc.compile(LSTM)
    params = cell.from_layout("tf", {"lstm_cell/kernel": kernel, "lstm_cell/bias": bias})
    np.testing.assert_allclose(torch_outputs(layer), cell.forward(params, X)[0], **CLOSE)


def test_checkpoints_of_objects(weights: Weights) -> None:
    tf = pytest.importorskip("tensorflow")
    kernel = tf.Variable(tf.ones([4, 3]))
    path = tf.train.Checkpoint(cell=tf.Module(), kernel=kernel).write(str(weights.folder / "c"))
    assert list(containers.read(Path(path)).arrays) == ["kernel"]
