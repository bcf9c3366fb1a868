"""The Keras classes of a module in models: trained, saved, compiled, symbolic; Keras that is not there, and errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.tensorflow.keras_support import INPUT, MASKS, ROWS, STEPS, UNITS, X, keras, module, same, wanted
from tests.tensorflow.support import compiled, tf

pytestmark = wanted


def unknown_steps(layer: Any) -> None:
    tf.function(layer, input_signature=[tf.TensorSpec([ROWS, None, INPUT])]).get_concrete_function()


# --- models -----------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras, when it saves
def test_model_is_trained_saved_exported_and_loaded(tmp_path: Path) -> None:
    """In a fresh process the module is imported, and nothing else is told."""
    text = compiled("lstm").text
    (tmp_path / "lstm_tf.py").write_text(text)
    m = ModuleType("lstm_tf")
    exec(text, m.__dict__)
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.layers.Masking(), m.KerasLayer(UNITS), keras.layers.Dense(2)])
    model.compile(keras.optimizers.Adam(0.05), "mse", jit_compile=False)
    y = X[:, 0, :2]
    losses = model.fit(X, y, epochs=12, batch_size=ROWS, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    expected = model(X)
    model.save(tmp_path / "model.keras")
    model.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load_v2(str(tmp_path / "exported"))
    same(exported.serve(X), expected)
    other = keras.Sequential([keras.layers.RNN(m.KerasCell(3)), keras.layers.Dense(2)])
    expected = [expected, other(X)]
    other.save(tmp_path / "other.keras")
    np.save(tmp_path / "x.npy", X)
    code = (
        "import numpy as np, lstm_tf, keras; x = np.load('x.npy'); "
        "models = [keras.saving.load_model(name + '.keras') for name in ('model', 'other')]; "
        "np.save('y.npy', [model(x) for model in models]); print(type(models[0].layers[1]) is lstm_tf.KerasLayer)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "True", done.stderr
    same([*np.load(tmp_path / "y.npy")], expected)


def test_checkpoints_of_tensorflow_hold_the_weights(tmp_path: Path) -> None:
    """Of a layer, and of a cell in Keras' own layer."""
    m = module("lstm")

    def build() -> Any:
        layers = [m.KerasLayer(UNITS, return_sequences=True), keras.layers.RNN(m.KerasCell(3)), keras.layers.Dense(2)]
        return keras.Sequential([keras.Input((None, INPUT)), *layers])

    model, other = build(), build()
    path = tf.train.Checkpoint(model=model).save(str(tmp_path / "model"))
    assert np.abs(model(X) - other(X)).max() > 1e-3
    tf.train.Checkpoint(model=other).restore(path).assert_consumed()
    same(other(X), model(X))
    tf.saved_model.save(model, str(tmp_path / "saved"))


def test_xla_and_unknown_sizes() -> None:
    """A compiled call with gradients; a function that knows neither rows nor steps."""
    layer = module("lstm").KerasLayer(UNITS, return_sequences=True, seed=1)
    expected = layer(X, mask=MASKS["holes"])

    @tf.function(jit_compile=True)
    def compiled(x: Any, mask: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, mask=mask)
        return y, tape.gradient(y, x)

    y, slope = compiled(tf.constant(X), tf.constant(MASKS["holes"]))
    same(y, expected)
    assert np.array_equal(np.asarray(slope).any(-1), MASKS["holes"])

    @tf.function(input_signature=[tf.TensorSpec([None, None, INPUT]), tf.TensorSpec([None, None], tf.bool)])
    def unknown(x: Any, mask: Any) -> Any:
        return layer(x, mask=mask)

    same(unknown(X, MASKS["holes"]), expected)


def test_symbolic_calls() -> None:
    """Shapes, dtypes and masks of a functional model; from_config."""
    m = module("lstm")
    x, h = keras.Input((None, INPUT)), keras.Input((UNITS,))
    layer = m.KerasLayer(UNITS, return_sequences=True, return_state=True, name="mine", seed=1)
    y, *states = layer(x, initial_state=[h, h])
    assert (y.shape, [s.shape for s in states]) == ((None, None, UNITS), [(None, UNITS)] * 2)
    model = keras.Model([x, h], [y, *states])
    same(model([X, np.zeros((ROWS, UNITS))]), layer(X))
    config = layer.get_config()
    assert config["sizes"] == {"units": UNITS}
    again = m.KerasLayer.from_config(config)
    assert config == layer.get_config()
    assert (again.name, again.return_state, again.seed) == ("mine", True, 1)
    same(again(X), layer(X))
    embedded = keras.Sequential([keras.layers.Embedding(9, 2, mask_zero=True), m.KerasLayer(2, return_sequences=True)])
    out = embedded(np.array([[1, 2, 0], [3, 0, 0]]))
    same(out._keras_mask, np.array([[1, 1, 0], [1, 0, 0]], bool))
    same(out[1, 2], out[1, 0])


def test_names_of_two_modules_do_not_collide() -> None:
    modules = [module("lstm"), module("gru"), module("gru", reset="after"), module("lstm", units="3")]
    found = [keras.saving.get_registered_name(m.KerasLayer) for m in modules]
    found += [keras.saving.get_registered_name(m.KerasCell) for m in modules]
    assert len({*found}) == 8
    assert found[2].startswith("rnnc.gru>GRU(reset=after, activation=tanh, ")
    assert found[2].endswith(").KerasLayer")


# --- Keras and its absence, errors ------------------------------------------------------------------------------------


def fresh(monkeypatch: pytest.MonkeyPatch, keras: Any) -> ModuleType:
    """A module that is imported where `import keras` gives this; "absent": nothing has imported it yet."""
    if keras == "absent":
        monkeypatch.delitem(sys.modules, "keras")
    else:
        monkeypatch.setitem(sys.modules, "keras", keras)
    found = ModuleType("fresh")
    exec(compiled("lstm").text, found.__dict__)
    return found


def test_keras_is_imported_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    m = fresh(monkeypatch, "absent")
    assert "keras" not in sys.modules
    assert "KerasLayer" not in vars(m)
    y, _ = m.forward(m.init_params(units=UNITS, input=INPUT), X)
    assert y.shape == (ROWS, STEPS, UNITS)
    monkeypatch.setitem(sys.modules, "keras", keras)
    assert m.KerasLayer is m.KerasLayer
    assert m.KerasCell(UNITS).state_size == [UNITS, UNITS]
    with pytest.raises(AttributeError, match="no attribute 'KerasLayers'"):
        _ = m.KerasLayers


def other(backend: str, version: str = "3.1.0") -> SimpleNamespace:
    config = SimpleNamespace(backend=lambda: backend)
    return SimpleNamespace(__version__=version, config=config, saving=None, layers=None)


@pytest.mark.parametrize(
    ("keras", "message"),
    [
        (None, "KerasLayer needs Keras 3: pip install keras"),
        (other("torch"), "runs with torch: set the environment variable KERAS_BACKEND=tensorflow"),
        (other("tensorflow", "2.15.0"), "needs Keras 3, and this is 2.15.0: pip install --upgrade keras"),
    ],
    ids=["none", "torch", "old"],
)
def test_keras_that_does_not_fit(monkeypatch: pytest.MonkeyPatch, keras: Any, message: str) -> None:
    m = fresh(monkeypatch, keras)
    m.init_params(units=UNITS, input=INPUT)
    with pytest.raises(ImportError) as found:
        _ = m.KerasLayer
    assert message in str(found.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.KerasLayer(3, 4, 5), "KerasLayer takes the sizes units, input, and not (3, 4, 5)"),
        (lambda m: m.KerasLayer(unit=3), "KerasLayer: unknown size 'unit' (did you mean 'units'?)"),
        (lambda m: m.KerasLayer(3, return_sequence=True), "(did you mean 'return_sequences'?)"),
        (lambda m: m.KerasLayer("3"), "the size 'units' should be a whole number, and is '3'"),
        (lambda m: m.KerasLayer(3, units=4), "the size 'units' is given twice"),
        (lambda m: m.KerasLayer()(X), "KerasLayer: the size 'units' is not known; give it to KerasLayer"),
        (lambda m: m.KerasLayer(3)(X[:, 0]), "sequences: expected [batch, time, input], got (3, 5)"),
        (lambda m: m.KerasLayer(3, 7)(X), "x: expected [batch=3, time=6, input=7], got (3, 6, 5)"),
        (lambda m: m.KerasLayer(3)(X, mask=np.ones((3, 5), bool)), "mask: expected [batch=3, time=6], got (3, 5)"),
        (lambda m: m.KerasLayer(3)(X, initial_state=tf.zeros([3, 3])), "initial_state should be h, c, and has 1 part"),
        (lambda m: m.KerasCell(3)(X, [X, X]), "x: expected [batch, input], got (3, 6, 5)"),
        (lambda m: m.KerasCell().state_size, "state_size needs the size 'units': give it to KerasCell"),
        (lambda m: unknown_steps(m.KerasLayer(3, unroll=True)), "needs a number of steps that is known"),
    ],
)
def test_errors_name_what_is_wrong(call: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError)) as found:
        call(module("lstm"))
    assert message in str(found.value)
