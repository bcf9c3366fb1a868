"""One module in every way that TensorFlow runs it: values, gradients and their gradients are always the same."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.tensorflow.support import LENGTHS, STEPS, Scene, close, dense, module, tf

CURRENT = pytest.importorskip("tensorflow")
TOLERANCE, DIFFERENCES = 1e-10, 1e-6

SCENES = {
    "lstm": ("lstm", {"peepholes": "true", "proj": "3", "proj_clip": "0.2"}),
    "two layers both ways": (
        "bidirectional:StackedBidirectional",
        {"fw": "[LSTM(3), LSTM(2)]", "bw": "[LSTM(3), LSTM(2)]"},
    ),
    "convolution": ("conv_lstm:ConvLSTM2D", {"filters": "2"}),
    "recurrence without a loop": ("sru", {}),
    "masks": ("dropout", {"inner": "LSTM(4)", "input_keep": "0.7", "output_keep": "0.6"}),
    "quotients that padding makes no numbers of": ("layer_norm_lstm", {}),
}


@cache
def scene(name: str) -> Scene:
    example, options = SCENES[name]
    return Scene.of(example, **options)


@cache
def expected(name: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    s = scene(name)
    return s.expected(s.point)[0], s.gradients(s.point), s.second()


def everything(s: Scene, tensors: list[Any], **how: Any) -> tuple[Any, Any, Any]:
    """Results, gradients, and the derivative of the gradients along the direction."""
    with tf.GradientTape() as outer:
        outer.watch(tensors)
        with tf.GradientTape() as inner:
            inner.watch(tensors)
            found = s.forward(dict(zip(s.point, tensors, strict=True)), **how)
            loss = s.loss(found)
        first = dense(inner.gradient(loss, tensors), tensors)
        along = tf.add_n([tf.reduce_sum(g * d) for g, d in zip(first, s.direction.values(), strict=True)])
    return found, first, dense(outer.gradient(along, tensors), tensors)


def check(name: str, found: Any, first: Any, second: Any) -> None:
    values, gradients, differences = expected(name)
    point = scene(name).point
    close(found, values, TOLERANCE)
    close(dict(zip(point, first, strict=True)), gradients, TOLERANCE)
    close(dict(zip(point, second, strict=True)), differences, DIFFERENCES)


@pytest.mark.parametrize("own", [False, True], ids=["tensorflow's gradient", "own gradient"])
@pytest.mark.parametrize("driver", ["dynamic", "static"])
@pytest.mark.parametrize("name", SCENES)
def test_eager(name: str, driver: str, own: bool) -> None:
    s = scene(name)
    tensors = [tf.constant(a) for a in s.point.values()]
    check(name, *everything(s, tensors, driver=driver, custom_gradient=own))


# Every word with every other one; the other four ways are slow ones.
PAIRS = {("lstm", "dynamic", True), ("lstm", "static", False), ("masks", "dynamic", False), ("masks", "static", True)}
WAYS = [
    pytest.param(*way, marks=[] if way in PAIRS else pytest.mark.slow)
    for way in itertools.product(("lstm", "masks"), ("dynamic", "static"), (False, True))
]


@pytest.mark.parametrize(("name", "driver", "own"), WAYS)
def test_function_of_any_batch_and_time(name: str, driver: str, own: bool) -> None:
    s = scene(name)
    function = CURRENT.function(
        lambda *tensors: everything(s, list(tensors), driver=driver, custom_gradient=own),
        input_signature=[_spec(n, a, driver) for n, a in s.point.items()],
    )
    check(name, *function(*map(tf.constant, s.point.values())))


def _spec(name: str, array: np.ndarray, driver: str) -> Any:
    """Rows are unknown, and so are steps where they may be."""
    if name.startswith("param:"):
        return tf.TensorSpec(array.shape, tf.float64)
    return tf.TensorSpec([None, None if driver == "dynamic" else STEPS, *array.shape[2:]], tf.float64)


@pytest.mark.parametrize("own", [False, True], ids=["tensorflow's gradient", "own gradient"])
@pytest.mark.parametrize("name", ["lstm", "two layers both ways", "convolution"])
def test_function_of_any_batch_and_time_without_steps(name: str, own: bool) -> None:
    s = scene(name)
    signature = [tf.TensorSpec([None, None, *a.shape[2:]], a.dtype) for a in s.inputs.values()]

    @CURRENT.function(input_signature=signature, autograph=False)
    def function(*inputs: Any) -> tuple[Any, Any]:
        point = {**s.point, **{f"input:{n}": x for n, x in zip(s.inputs, inputs, strict=True)}}
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            found = s.forward(point, None, custom_gradient=own)
            loss = tf.add_n([tf.reduce_sum(value) for value in found.values()])
        return found, tape.gradient(loss, inputs)

    for steps in (0, STEPS):
        cut = {n: a[:, :steps] for n, a in s.inputs.items()}
        params, _ = s.split(s.point)
        values = s.named(*s.numpy.forward(params, next(iter(cut.values()))))
        found, slopes = function(*map(tf.constant, cut.values()))
        close(found, values, TOLERANCE)
        assert [g.shape.as_list() for g in slopes] == [list(a.shape) for a in cut.values()]


@pytest.mark.parametrize("own", [pytest.param(False, marks=pytest.mark.slow), True], ids=["tensorflow's", "own"])
def test_xla(own: bool) -> None:
    s = scene("lstm")
    function = CURRENT.function(
        lambda *tensors: everything(s, list(tensors), custom_gradient=own),
        input_signature=[_spec(n, a, "dynamic") for n, a in s.point.items()],
        jit_compile=True,
    )
    check("lstm", *function(*map(tf.constant, s.point.values())))


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_steps_that_read_ahead(steps: int) -> None:
    """With XLA each step reads the element of the next one, which the last one has not, both ways."""
    s = scene("two layers both ways")
    point = {n: tf.constant(a if n.startswith("param:") else a[:, :steps]) for n, a in s.point.items()}
    seen: list[bool] = []

    def forward(here: Any) -> Any:
        seen.append(s.tf._is_compiled())
        return s.forward(here, None)

    plain, compiled = (CURRENT.function(forward, jit_compile=xla)(point) for xla in (False, True))
    close(compiled, plain, TOLERANCE)
    assert seen == [False, True]


@pytest.mark.parametrize("own", [False, True], ids=["tensorflow's", "own"])
def test_xla_without_masks(own: bool) -> None:
    """A loop that reads ahead reads nothing of a sequence that is not there."""
    m = module("dropout", inner="GRU(4)", state_keep="0.5")
    params = {n: tf.constant(a) for n, a in m.init_params(input=3).items()}
    x = tf.constant(np.random.default_rng(0).standard_normal((2, STEPS, 3)), tf.float32)

    def forward(x: Any) -> Any:
        return m.forward(params, x, custom_gradient=own)[0]

    plain, compiled = (CURRENT.function(forward, jit_compile=xla)(x) for xla in (False, True))
    np.testing.assert_allclose(compiled, plain, rtol=0, atol=1e-6)


# Every word with every other one, here too.
SESSIONS = [
    pytest.param(name, driver, own, marks=[pytest.mark.slow] * ((a + b + own) % 2))
    for a, name in enumerate(["lstm", "recurrence without a loop"])
    for b, driver in enumerate(["dynamic", "static"])
    for own in (False, True)
]


@pytest.mark.parametrize(("name", "driver", "own"), SESSIONS)
def test_graph_and_session(name: str, driver: str, own: bool) -> None:
    s = scene(name)
    with tf.Graph().as_default():
        holders = [tf.placeholder(tf.float64, _spec(n, a, driver).shape) for n, a in s.point.items()]
        lengths = tf.placeholder(tf.int64, [None])
        found = s.forward(dict(zip(s.point, holders, strict=True)), lengths, driver=driver, custom_gradient=own)
        first = dense(tf.gradients(s.loss(found), holders), holders)
        along = tf.add_n([tf.reduce_sum(g * d) for g, d in zip(first, s.direction.values(), strict=True)])
        second = dense(tf.gradients(along, holders), holders)
        with tf.Session() as session:
            feed = {**dict(zip(holders, s.point.values(), strict=True)), lengths: LENGTHS}
            check(name, *session.run([found, first, second], feed))


@pytest.mark.parametrize(
    ("own", "driver", "often"), [("auto", "dynamic", True), (False, "dynamic", False), (False, "static", True)]
)
def test_second_derivatives_of_the_loops_of_old_graphs(own: bool | str, driver: str, often: bool) -> None:
    """TensorFlow differentiates them once; that the first derivatives are ours makes room for another time."""
    s = scene("lstm")
    was = tf.control_flow_v2_enabled()
    tf.disable_control_flow_v2()
    try:
        with tf.Graph().as_default():
            tensors = [tf.constant(a) for a in s.point.values()]
            found = s.forward(dict(zip(s.point, tensors, strict=True)), driver=driver, custom_gradient=own)
            first = dense(tf.gradients(s.loss(found), tensors), tensors)
            along = tf.add_n([tf.reduce_sum(g * d) for g, d in zip(first, s.direction.values(), strict=True)])
            if not often:
                with pytest.raises(TypeError, match="Second-order gradient for while loops not supported"):
                    tf.gradients(along, tensors)
                return
            second = dense(tf.gradients(along, tensors), tensors)
            with tf.Session() as session:
                check("lstm", *session.run([found, first, second]))
    finally:
        if was:
            tf.enable_control_flow_v2()


def _graph_size(s: Scene, steps: int | None, **how: Any) -> tuple[int, list[str]]:
    with tf.Graph().as_default() as graph:
        point = {
            n: tf.constant(a) if n.startswith("param:") else tf.placeholder(tf.float64, [2, steps, *a.shape[2:]])
            for n, a in s.point.items()
        }
        found = s.forward(point, None, **how)
        tf.gradients(s.loss({n: tf.reduce_sum(t) for n, t in found.items()}), list(point.values()))
        return len(graph.get_operations()), [operation.name for operation in graph.get_operations()]


@pytest.mark.parametrize("own", [False, True], ids=["tensorflow's gradient", "own gradient"])
def test_a_dynamic_graph_is_as_large_for_ten_steps_as_for_a_thousand(own: bool) -> None:
    s = Scene.of("lstm")
    s.weights = dict.fromkeys(s.weights, np.ones(()))
    assert _graph_size(s, 10, custom_gradient=own)[0] == _graph_size(s, 1000, custom_gradient=own)[0]
    assert _graph_size(s, 10, driver="static")[0] < _graph_size(s, 30, driver="static")[0]


def test_static_steps_and_equations_have_names() -> None:
    s = Scene.of("lstm")
    s.weights = dict.fromkeys(s.weights, np.ones(()))
    names = _graph_size(s, 4, driver="static")[1]
    for step in range(4):
        for value in ("i", "f", "o", "j", "c_new", "m"):
            assert any(name.endswith(f"/step_{step}/{value}") for name in names), value
    assert any("c_new.line_" in name for name in names)


def test_static_wants_a_known_number_of_steps() -> None:
    s = scene("lstm")
    with tf.Graph().as_default(), pytest.raises(ValueError, match="number of steps"):
        s.forward({**s.point, "input:x": tf.placeholder(tf.float64, [None, None, 4])}, driver="static")


def test_float32() -> None:
    s = scene("two layers both ways")
    point = {n: a.astype(np.float32) for n, a in s.point.items()}
    close(s.forward(point), {n: a.astype(np.float32) for n, a in expected("two layers both ways")[0].items()}, 2e-5)


def test_an_input_without_features() -> None:
    """Weights without rows: nothing but the recurrence is left."""
    m = module("gru")
    params = {n: tf.constant(a) for n, a in m.init_params(seed=1, dtype="float64", units=3, input=0).items()}
    x = tf.zeros([2, 4, 0], tf.float64)
    found, _ = CURRENT.function(lambda: m.forward(params, x))()
    close({"h": found}, {"h": m.forward(params, x)[0]}, TOLERANCE)
    assert found.shape == (2, 4, 3)
