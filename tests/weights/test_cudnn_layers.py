"""Checkpoints of tf.contrib.cudnn_rnn's layers, through the layouts of what `rnnc import` prints for the layers.

`tests/golden/cudnn` holds canonical parameters and the variables that TensorFlow 1.15 makes of them for a checkpoint.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call
from rnnc.importing.libraries.cudnn import LAYERS
from tests.weights.support import LSTM, Weights, same

RECORDED = Path(__file__).parents[1] / "golden" / "cudnn"
Arrays = dict[str, np.ndarray]
OPAQUE = np.zeros(7, np.float32)


def recorded(file: str, key: str) -> Arrays:
    """The arrays under that key, such as "var:", by the rest of their names."""
    with np.load(RECORDED / f"{file}.npz") as arrays:
        return {name.removeprefix(key): arrays[name] for name in arrays.files if name.startswith(key)}


def described(call: str, folder: Path) -> Path:
    path = folder / "layers.rnn"
    path.write_text(import_call(Source("<call>", call)).text)
    return path


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("way", ["unidirectional", "bidirectional"])
@pytest.mark.parametrize("name", LAYERS)
def test_canonical_parameters_become_the_variables_of_a_checkpoint(
    name: str, way: str, dropout: float, weights: Weights
) -> None:
    """As TensorFlow's own converter makes them, and under its names; back again two biases are one and a zero."""
    cell = described(f"{name}(2, 2, direction='{way}', dropout={dropout})", weights.folder)
    canonical, variables = recorded(f"{name}_{way}", "cudnn:"), recorded(f"{name}_{way}", "var:")
    front = "" if way == "bidirectional" else "rnn/"
    tolerance = 1e-7 if name == "CudnnLSTM" else 1e-15
    source = weights.file("canonical.npz", canonical)
    found = weights.convert(source, "a.npz", "--from", "cudnn", "--to", "tf", "--cell", cell, "--prefix", front)
    same(found, variables, tolerance)
    again = weights.convert(weights.folder / "a.npz", "b.npz", "--from", "tf", "--to", "cudnn", "--cell", cell)
    third = weights.convert(weights.folder / "b.npz", "c.npz", "--from", "cudnn", "--to", "tf", "--cell", cell)
    assert again.keys() == canonical.keys()
    same({front + key: array for key, array in third.items()}, found, tolerance)


@pytest.mark.parametrize("ending", ["npz", "ckpt"])
def test_the_opaque_form_beside_the_canonical_one_is_left_out(ending: str, weights: Weights) -> None:
    cell = described("CudnnLSTM(2, 2, direction='bidirectional')", weights.folder)
    kept = {f"encoder/{name}": array for name, array in recorded("CudnnLSTM_bidirectional", "var:").items()}
    opaque = {"encoder/opaque_kernel": OPAQUE, "encoder/opaque_kernel/Adam": OPAQUE}
    source = weights.file(f"model.{ending}", {**kept, **opaque})
    done = weights("convert", source, weights.folder / "out.npz", "--from", "tf", "--to", "tf", "--cell", cell)
    assert done.status == 0
    assert "'encoder/opaque_kernel', 'encoder/opaque_kernel/Adam': left out, cuDNN's own form" in done.err
    with np.load(weights.folder / "out.npz") as found:
        same({f"encoder/{name}": found[name] for name in found.files}, kept)
    assert "encoder/opaque_kernel" in weights("list", source).out


def test_the_opaque_form_alone_is_refused(weights: Weights) -> None:
    source = weights.file("model.npz", {"cudnn_lstm/opaque_kernel": OPAQUE, "cudnn_lstm/opaque_kernel/Adam": OPAQUE})
    for options in ([], ["--cell", str(LSTM)]):
        said = weights.refused(source, "--from", "tf", "--to", "rnnc", *options)
        assert "error[E812]: 'cudnn_lstm/opaque_kernel' holds weights in cuDNN's own form" in said
        assert "depends on cuDNN's version and the device" in said
        assert "canonical arrays, which a Saver of TensorFlow writes beside it" in said


def test_one_layer_needs_no_description(weights: Weights) -> None:
    """The compatible cells are among the known ones, whatever their scope."""
    scope = "cudnn_gru/rnn/multi_rnn_cell/cell_0/"
    variables = recorded("CudnnGRU_unidirectional", "var:")
    first = {scope + name.partition("cell_0/")[2]: array for name, array in variables.items() if "cell_0" in name}
    source = weights.file("gru.npz", first)
    found = weights.convert(source, "a.npz", "--from", "tf", "--to", "rnnc")
    assert {name for name in found if name.startswith("n.")} == {"n.x", "n.bias", "n.rec.h", "n.rec.bias"}


def test_weights_of_layers_that_skip_their_input_have_no_form_there(weights: Weights) -> None:
    cell = described("CudnnLSTM(2, 2, input_mode='skip_input')", weights.folder)
    source = weights.file("a.npz", recorded("CudnnLSTM_unidirectional", "var:"))
    said = weights.refused(source, "--from", "tf", "--to", "rnnc", "--cell", cell)
    assert "the cell has no " in said
    assert "which an array there holds" in said
