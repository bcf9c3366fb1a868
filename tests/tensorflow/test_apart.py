"""Weights whose rows are set apart: the columns behind them never reach a result."""

from __future__ import annotations

from typing import Any

import pytest

from rnnc.backends.tensorflow.apart import values_apart
from rnnc.compiler import compile_source
from rnnc.ir.program import Program
from rnnc.runtime import load_module
from rnnc.syntax.source import Source
from tests.tensorflow.support import Scene, close, dense, tf

EXAMPLES = {
    "lstm": {"units": "3", "proj": "2", "peepholes": "true"},
    "gru": {"units": "3", "reset": "after"},
    "bidirectional:Bidirectional": {"fw": "LSTM(3)", "bw": "GRU(2)"},
    "dropout": {"inner": "RNN(3)", "input_keep": "0.7", "state_keep": "0.8", "output_keep": "0.6"},
}
NAMED = """
cell Named(units) {
  input x[input]
  state h[units]
  gate a = sigmoid(linear(x, h))
  gate b = tanh(linear(x, h))
  sum    = a + b
  h'     = sum * h
  output h'
}
"""


def always_apart(matrix: Any) -> Any:
    """What `_apart` does to matrices of some sizes, done to all."""
    return tf.pad(matrix, [[0, 0]] * (matrix.shape.ndims - 1) + [[0, 3]], constant_values=7.0)


@pytest.mark.parametrize(("own", "driver"), [(True, "dynamic"), (False, "static")])
@pytest.mark.parametrize("example", EXAMPLES)
def test_results_and_gradients(example: str, own: bool, driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene.of(example, **EXAMPLES[example])
    monkeypatch.setattr(scene.tf, "_apart", always_apart)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0" if own else "1")  # with a bias of zeros, and without
    point = {name: tf.constant(array) for name, array in scene.point.items()}

    @tf.function(autograph=False)
    def both(*tensors: Any) -> Any:
        here = dict(zip(point, tensors, strict=True))
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            found = scene.forward(here, custom_gradient=own, driver=driver)
            loss = scene.loss(found)
        return found, dense(tape.gradient(loss, tensors), tensors)

    found, gradients = both(*point.values())
    close(found, scene.expected(scene.point)[0], 1e-12)
    close(dict(zip(point, gradients, strict=True)), scene.gradients(scene.point), 1e-10)


def test_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene.of("lstm", units="3")
    monkeypatch.setattr(scene.tf, "_apart", always_apart)
    params, inputs = scene.split(scene.point)
    x = next(iter(inputs.values()))[:, 0]
    ours, theirs = scene.tf.step(params, x), scene.numpy.step(params, x)
    close(scene.named(*ours), scene.named(*theirs), 1e-12)


def apart(text: str, name: str | None = None) -> tuple[Program, list[str]]:
    """The forward program of a source, and which of its values stay apart."""
    program = compile_source(Source("named.rnn", text), name, {"units": 3}, target="tf").unit.forward
    constant = {port.value for port in program.inputs_of("param", "fixed")}
    for node in program.nodes:
        if constant.issuperset(node.args):
            constant.update(node.outs)
    return program, [value.name for value in values_apart(program, constant)]


def test_gates_stay_apart_until_they_are_split() -> None:
    _, found = apart(NAMED)
    assert len(found) == 5  # the input product, that with its bias, an element of it, the recurrent product, the sum


def test_a_named_equation_has_its_own_size() -> None:
    """What a reader may look for by name is as wide as the description says."""
    text = NAMED.replace("gate a = sigmoid(linear(x, h))", "z = linear(x, h)").replace(
        "gate b = tanh(linear(x, h))", ""
    )
    source = Source("z.rnn", text.replace("a + b", "tanh(z)"))
    module = load_module(compile_source(source, None, {"units": 512}, target="tf").text, "z")
    params = module.init_params(input=4)
    with tf.Graph().as_default() as graph:
        module.forward(params, tf.zeros([2, 3, 4]), driver="static")
        named = [op.outputs[0].shape.as_list() for op in graph.get_operations() if op.name.endswith("step_1/z")]
    assert named == [[2, 512]]


@pytest.mark.parametrize(("said", "fused"), [("0", True), ("false", True), ("1", False)])
def test_only_products_without_onednn_get_zeros(said: str, fused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a bias, which TensorFlow fuses with the product."""
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", said)
    scene = Scene.of("gru", units="3", reset="after")
    with tf.Graph().as_default() as graph:
        ready = scene.tf._ready(tf.compat.v1.placeholder(tf.float32, [2, 3]))
        scene.tf._times(tf.zeros([1, 2]), ready)
    assert any(op.type == "BiasAdd" for op in graph.get_operations()) is fused


def test_onednn_is_looked_for_where_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    from tensorflow.python.util import _pywrap_util_port  # what TensorFlow itself says

    assert Scene.of("gru", units="3").tf._has_onednn() is _pywrap_util_port.IsMklEnabled()
