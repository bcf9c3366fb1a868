"""The Keras layer of a module whose states begin with what the inputs or another layer make of them."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rnnc.compiler import compile_source
from rnnc.diagnostics import Source
from rnnc.runtime import load_module
from tests.tensorflow.keras_support import MASKS, ROWS, STEPS, keras, same, wanted
from tests.tensorflow.support import tf

pytestmark = wanted

SOURCE = """
network Translates(units = 4) {
  input source[a], target[b], image[k] per row
  use encoder = LSTM(units)
  e = encoder(source)
  y = LSTM(units)(target, states = encoder.states')
  z = RNN(3)(y, h = tanh(linear(image)))
  output z, code: last(e)
}
cell Looks(units = 4) {
  input x[input], image[k] per row
  state h[units] = tanh(linear(image) as start)
  h' = tanh(linear(x, h))
  output h'
}
"""
STATES = ["encoder.c", "encoder.h", "y.c", "y.h", "z.h"]
_noise = np.random.default_rng(0)
X = {
    "source": _noise.standard_normal((ROWS, STEPS, 2)).astype("float32"),
    "target": _noise.standard_normal((ROWS, STEPS, 3)).astype("float32"),
    "image": _noise.standard_normal((ROWS, 5)).astype("float32"),
}
LOOKED = {"x": X["target"], "image": X["image"]}


@cache
def text(name: str) -> str:
    return compile_source(Source("begun.rnn", SOURCE), name, target="tf").text


@cache
def begun(name: str) -> ModuleType:
    return load_module(text(name), name)


@pytest.mark.parametrize(("name", "x"), [("Translates", X), ("Looks", LOOKED)])
@pytest.mark.parametrize("mask", [None, "padded"])
@pytest.mark.parametrize("unroll", [False, True])
def test_a_call_is_forward(name: str, x: dict[str, Any], mask: str | None, unroll: bool) -> None:
    m = begun(name)
    layer = m.KerasLayer(return_sequences=True, return_state=True, zero_output_for_mask=True, unroll=unroll, seed=1)
    steps = None if mask is None else MASKS[mask]
    found, *states = layer(x, mask=None if steps is None else dict.fromkeys(x, steps))
    outputs, after = m.forward(layer.parameters(), x, lengths=None if steps is None else steps.sum(1))
    same(found, outputs)
    same(states, [after[name] for name in m.SPEC["states"]] if len(m.SPEC["states"]) > 1 else [after])
    shapes = layer.compute_output_shape({name: array.shape for name, array in x.items()})
    given = [tuple(a.shape) for a in keras.tree.flatten([found, states])]
    assert keras.tree.flatten(shapes) == keras.tree.flatten(given)


def test_steps_that_are_masked_in_between_are_left_out() -> None:
    m = begun("Looks")
    layer = m.KerasLayer(seed=1)
    mask = MASKS["holes"]
    kept = LOOKED["x"][0, mask[0]][None]
    same(
        layer(LOOKED, mask=[mask, None])[:1],
        m.forward(layer.parameters(), {"x": kept, "image": LOOKED["image"][:1]})[0][:, -1],
    )


def test_states_may_be_given() -> None:
    m = begun("Translates")
    layer = m.KerasLayer(return_state=True, seed=1)
    assert list(m.SPEC["states"]) == STATES
    given = {name: np.full((ROWS, 3 if name == "z.h" else 4), 0.5, "float32") for name in STATES}
    same(layer(X, initial_state=list(given.values()))[0], m.forward(layer.parameters(), X, given)[0])
    some = dict(dict.fromkeys(STATES), **{"y.c": given["y.c"]})
    expected = m.forward(layer.parameters(), X, some)[0]
    same(layer(X, initial_state=some)[0], expected)
    same(layer(X, initial_state=list(some.values()))[0], expected)


@pytest.mark.parametrize("custom", [False, True])
def test_gradients_reach_what_states_begin_with(custom: bool) -> None:
    m = begun("Translates")
    layer = m.KerasLayer(custom_gradient=custom, seed=1)
    layer(X)
    sources = {name: tf.constant(array) for name, array in X.items()}
    with tf.GradientTape() as tape:
        tape.watch(list(sources.values()))
        loss = tf.reduce_sum(layer(sources, training=True)["z"] ** 2)
    found = tape.gradient(loss, [*layer.trainable_weights, *sources.values()])
    outputs, _, kept = m.forward_train(layer.parameters(), X)
    own = m.backward(layer.parameters(), kept, {"z": 2 * outputs["z"], "code": tf.zeros_like(outputs["code"])})
    same(found, [*(own["params"][name] for name in m.SPEC["parameters"]), *(own["x"][name] for name in X)], 1e-5)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras, when it saves
def test_a_model_is_trained_saved_exported_and_loaded(tmp_path: Path) -> None:
    """In a fresh process the module is imported, and nothing else is told."""
    (tmp_path / "translates.py").write_text(text("Translates"))
    m = ModuleType("translates")
    exec(text("Translates"), m.__dict__)
    inputs = {name: keras.Input(array.shape[1:], name=name) for name, array in X.items()}
    masked = {name: keras.layers.Masking()(i) if i.ndim == 3 else i for name, i in inputs.items()}
    layer = m.KerasLayer(seed=1)
    assert layer.from_config(layer.get_config()).get_config() == layer.get_config()
    model = keras.Model(inputs, keras.layers.Dense(2)(layer(masked)["z"]))
    model.compile(keras.optimizers.Adam(0.05), "mse", jit_compile=False)
    y = X["target"][..., :2]
    losses = model.fit(X, y, epochs=12, batch_size=ROWS, verbose=0).history["loss"]
    assert losses[-1] < 0.9 * losses[0]
    expected = model(X)
    model.save(tmp_path / "model.keras")
    model.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load_v2(str(tmp_path / "exported"))
    same(exported.serve(X), expected)
    np.savez(tmp_path / "x.npz", **X)
    code = (
        "import numpy as np, translates, keras; x = dict(np.load('x.npz')); "
        "model = keras.saving.load_model('model.keras'); np.save('y.npy', model(x))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    same(np.load(tmp_path / "y.npy"), expected)


@pytest.mark.parametrize("name", ["Translates", "Looks"])
def test_what_would_know_states_before_inputs_is_not_there(name: str) -> None:
    m = begun(name)
    for part in ("KerasCell", "Cell"):
        with pytest.raises(AttributeError, match=f"{name} has no {part}: a state begins with what the inputs or"):
            getattr(m, part)
    with pytest.raises(ValueError, match=f"stateful=True: {name} begins states with what the inputs or another layer"):
        m.KerasLayer(stateful=True)
