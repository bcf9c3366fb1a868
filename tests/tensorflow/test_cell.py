"""The cell object under tf.nn's drivers and wrappers, and against the cells whose variables it has.

tf.nn.rnn_cell needs tf-keras and an environment variable that is read at import: a process of its own runs that part.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnc.compiler import compile_source
from rnnc.diagnostics import Source
from rnnc.runtime import load_module
from tests.tensorflow.support import compiled, module, tf

FAMILY = """
cell M(units) {
  input x[d]
  state h[units]
  z[0] = linear(x, h)
  z[1] = z[0] * 2.0
  h'   = tanh(z[1])
  output h'
}
"""
LIKE_INPUTS = """
cell Twice(units) {
  input x[d]
  state h[units], seen[2 * d]
  seen' = 0.5 * seen + concat(x, x, axis = d)
  h'    = tanh(linear(seen', h))
  output h'
}
"""
WORDS = """
cell Words(units) {
  input x[]: int
  state h[units]
  h' = tanh(linear(h) + embedding(x, 5, units))
  output h'
}
"""
ROOT = Path(__file__).resolve().parents[2]
LEGACY = Path(__file__).with_name("legacy_cells.py")
pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:UserWarning")


@pytest.mark.skipif(find_spec("tf_keras") is None, reason="tf.nn.rnn_cell needs the package tf-keras")
@pytest.mark.parametrize("behaviour", ["v1", pytest.param("v2", marks=pytest.mark.slow)])
def test_with_the_original_cells(tmp_path: Path, behaviour: str) -> None:
    """Values, gradients, variables and checkpoints; every wrapper and driver."""
    for name, options in (
        ("lstm", {"peepholes": "true", "proj": "3"}),
        ("basic_lstm", {}),
        ("gru", {}),
        ("rnn", {}),
    ):
        (tmp_path / f"{name}_tf.py").write_text(compiled(name, **options).text)
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, str(LEGACY), str(tmp_path), behaviour],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok ") == 12, done.stdout


def test_without_legacy_keras() -> None:
    """The drivers of tf.nn take the cell in a session of Keras 3, too."""
    m = module("lstm", peepholes="true")
    with tf.Graph().as_default():
        x, lengths = tf.placeholder(tf.float64, [None, None, 5]), tf.placeholder(tf.int32, [None])
        cell = m.Cell(4, seed=3)
        assert (cell.state_size, cell.output_size) == ((4, 4), 4)
        outputs, state = tf.nn.dynamic_rnn(cell, x, lengths, dtype=tf.float64)
        expected, final = m.forward(cell.parameters(), x, None, lengths)
        assert [v.name for v in cell.variables] == [
            f"rnn/lstm_cell/{name}:0" for name in ("kernel", "bias", "w_f_diag", "w_i_diag", "w_o_diag")
        ]
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            feed = {x: np.random.default_rng(0).standard_normal((3, 6, 5)), lengths: [6, 0, 2]}
            a, b, c, d = session.run([outputs, expected, state.c, final["c"]], feed)
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)
    np.testing.assert_allclose(c, d, rtol=0, atol=1e-10)


def test_eager_cell_keeps_its_variables() -> None:
    m = module("gru")
    cell = m.Cell(4, seed=3)
    x = tf.constant(np.ones((2, 5)))
    state = cell.zero_state(2, tf.float64)
    first, _ = cell(x, state)
    again, _ = cell(x, state)
    assert np.array_equal(first, again)
    assert len(cell.trainable_variables) == 4
    expected, _ = m.step(cell.parameters(), x)
    np.testing.assert_allclose(first, expected, rtol=0, atol=1e-12)


def test_a_cell_has_the_type_that_it_is_told() -> None:
    """As the cells of tf.nn, whose `build` has nothing else to go by."""
    m = module("gru")
    with tf.Graph().as_default():
        cell = m.Cell(4, dtype=tf.float64, trainable=False)
        cell.build([None, 5])
        assert {v.dtype.base_dtype for v in cell.variables} == {tf.float64}
        assert (len(cell.variables), cell.trainable_variables) == (4, [])
        output, _ = cell(tf.ones([2, 5], tf.float64), cell.zero_state(2, tf.float64))
        assert output.dtype == tf.float64
        with pytest.raises(TypeError, match="x should be float64 like the parameters, and is float32"):
            cell(tf.ones([2, 5]), cell.zero_state(2, tf.float32))


def test_members_of_families_are_variables_of_a_graph() -> None:
    source = Source("m.rnn", FAMILY)
    m = load_module(compile_source(source, target="tf").text, "M")
    with tf.Graph().as_default():
        cell = m.Cell(4)
        cell(tf.zeros([2, 4]), cell.zero_state(2, tf.float32))
        assert [v.name for v in cell.variables] == ["m/z.0/x:0", "m/z.0/h:0", "m/z.0/bias:0"]


@pytest.mark.parametrize(
    ("example", "options", "features", "names"),
    [
        ("coupled_lstm", {"units": "3", "peepholes": "true", "proj": "2"}, [4], "W_0 B W_F_diag W_O_diag W_P_0"),
        ("time_freq_lstm", {"units": "3", "feature": "2", "input": "4"}, [4], "W_0 B"),
        ("grid_lstm:GridLSTM", {"units": "3", "feature": "2", "blocks": "[3]"}, [4], "W_f_0_0 B_f_0 W_t_0_0 B_t_0"),
        ("lstm", {"units": "3", "proj": "2"}, [4], "kernel bias projection/kernel"),
    ],
)
def test_matrices_that_are_always_in_parts(
    example: str, options: dict[str, str], features: list[int], names: str
) -> None:
    """The names in checkpoints of TensorFlow 1.15, whose contrib cells number the parts of matrices, be it one."""
    with tf.Graph().as_default():
        cell = module(example, **options).Cell()
        cell.build([None, *features])
        assert [v.op.name.partition("/")[2] for v in cell.variables] == names.split()


def test_what_a_custom_getter_makes_of_variables() -> None:
    """It is called where a driver calls the cell first: in the loop, which reads it from outside."""
    m = module("gru", units="3")

    def doubled(getter: Any, name: str, *given: Any, **named: Any) -> Any:
        return 2.0 * getter(name, *given, **named)

    was = tf.control_flow_v2_enabled()
    tf.disable_control_flow_v2()
    try:
        with tf.Graph().as_default():
            cell, x = m.Cell(seed=1), tf.constant(np.ones((2, 4, 5)))
            with tf.variable_scope("net", custom_getter=doubled):
                outputs, _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float64)
            expected, _ = m.forward(cell.parameters(), x)
            assert cell.trainable_variables == []
            with tf.Session() as session:
                session.run(tf.global_variables_initializer())
                a, b = session.run([outputs, expected])
    finally:
        if was:
            tf.enable_control_flow_v2()
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)


def test_an_input_without_features_under_a_driver() -> None:
    """Which asks for three axes: the words of a step are [batch, 1], as for an EmbeddingWrapper."""
    m = module("wrappers:Embedding", inner="GRU(3)", classes="6", size="2")
    words = np.array([[1, 5, 0, 2], [3, 3, 4, 1]], np.int32)
    with tf.Graph().as_default():
        cell = m.Cell(seed=1, dtype=tf.float64)
        outputs, _ = tf.nn.dynamic_rnn(cell, tf.constant(words[..., None]), dtype=tf.float64)
        expected, _ = m.forward(cell.parameters(), tf.constant(words))
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            a, b = session.run([outputs, expected])
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)


def test_initial_states_are_as_declared() -> None:
    m = module("attention", inner="LSTM(4)", window="3")
    shapes = [t.shape.as_list() for t in tf.nest.flatten(m.Cell().zero_state(2, tf.float32))]
    assert shapes == [[2, 4], [2, 4], [2, 4], [2, 3, 4]] or shapes == [[2, 4], [2, 4], [2, 4], [2, 12]]


def test_masks_are_new_at_every_step() -> None:
    m = module("dropout", inner="RNN(units = 50)", output_keep="0.5")
    cell = m.Cell(training=True, seed=1)
    x, state = tf.ones([1, 3]), cell.zero_state(1, tf.float32)
    first, _ = cell(x, state)
    again, _ = cell(x, state)
    assert not np.array_equal(first, again)
    with pytest.raises(ValueError, match="whole sequences"):
        module("dropout", inner="RNN(units = 5)", output_keep="0.5", mask="sequence").Cell(training=True)


def test_drivers_ask_for_no_size_that_the_input_tells_later() -> None:
    """The state has the input's size; where it is given, a driver needs to know that of the outputs only."""
    source = Source("twice.rnn", LIKE_INPUTS)
    m = load_module(compile_source(source, None, {"units": "3"}, target="tf").text, "Twice")
    x = np.random.default_rng(0).standard_normal((2, 4, 5))
    with tf.Graph().as_default():
        cell = m.Cell(seed=1)
        assert cell.output_size == 3
        assert [tf.TensorShape(size).as_list() for size in cell.state_size] == [[3], [None]]
        with pytest.raises(
            ValueError, match=r"state needs the size 'd': give it to Cell, or build\(input_shape\) before"
        ):
            tf.nn.dynamic_rnn(cell, tf.constant(x), dtype=tf.float64)
        first = cell.get_initial_state(tf.constant(x[:, 0]))
        outputs, state = tf.nn.dynamic_rnn(cell, tf.constant(x), [4, 2], initial_state=first)
        assert cell.state_size == (3, 10)
        expected, final = m.forward(cell.parameters(), tf.constant(x), None, [4, 2])
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            a, b, c, d = session.run([outputs, expected, state[1], final["seen"]])
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)
    np.testing.assert_allclose(c, d, rtol=0, atol=1e-10)


def _of(text: str, **options: str) -> Any:
    """The module of a description."""
    return load_module(compile_source(Source("cell.rnn", text), None, options, target="tf").text, "Cell")


@pytest.mark.parametrize("shape", [[2, 5], [2, 7, 5]])
def test_initial_states_for_a_step_and_for_a_whole_sequence(shape: list[int]) -> None:
    """The number of axes tells which of them the inputs are."""
    first = _of(LIKE_INPUTS, units="3").Cell().get_initial_state(tf.zeros(shape))
    assert [state.shape.as_list() for state in first] == [[2, 3], [2, 10]]


def test_inputs_that_are_neither_a_step_nor_a_sequence() -> None:
    m = _of(LIKE_INPUTS, units="3")
    for shape in ((5,), (2, 3, 7, 5)):
        with pytest.raises(ValueError) as found:
            m.Cell().get_initial_state(tf.zeros(shape))
        assert f"x: expected [batch, d] or [batch, time, d], got {shape}" in str(found.value)
    cell = m.Cell()
    with pytest.raises(ValueError, match=r"x: expected \[batch, d\], got \(2, 7, 5\)"):
        cell.build([2, 7, 5])
    cell.build([2, 5])  # of which the refused shape has left nothing
    assert cell.state_size == (3, 10)


def test_inputs_of_unknown_rank_tell_the_rows_alone() -> None:
    m = _of(LIKE_INPUTS, units="3")
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float64)
        first = m.Cell(d=5).get_initial_state(x)
        assert [state.shape for state in session.run(first, {x: np.zeros((2, 5))})] == [(2, 3), (2, 10)]
        for call in (lambda: m.Cell().get_initial_state(x), lambda: m.Cell().build(x.shape)):
            with pytest.raises(ValueError, match="size 'd'"):
                call()


@pytest.mark.parametrize(
    ("own", "given", "built", "dtype"),
    [
        (None, None, None, "float32"),
        ("float64", None, None, "float64"),
        ("float64", "float32", None, "float32"),
        (None, None, "float64", "float64"),
    ],
)
def test_the_type_of_a_state_of_words(own: str | None, given: str | None, built: str | None, dtype: str) -> None:
    """Words have none to go by: the argument, or the cell's own type."""
    cell, words = _of(WORDS, units="3").Cell(dtype=own), tf.zeros([2, 1], tf.int32)
    if built:
        cell(words, tf.zeros([2, 3], built))
    state = cell.get_initial_state(words, dtype=given)
    assert (state.dtype, state.shape.as_list()) == (dtype, [2, 3])


def test_arguments_count_before_inputs() -> None:
    m = module("lstm", units="3")
    x = tf.zeros([2, 7, 5])
    states = m.Cell().get_initial_state(x, 4, tf.float64)
    assert {(state.dtype.name, *state.shape.as_list()) for state in states} == {("float64", 4, 3)}
    (state, _) = m.Cell(dtype="float64").get_initial_state(x)
    assert (state.dtype, state.shape.as_list()) == (tf.float32, [2, 3])
    with pytest.raises(ValueError, match="get_initial_state needs batch_size, or inputs"):
        m.Cell().get_initial_state(dtype=tf.float32)


@pytest.mark.parametrize(
    ("states", "needed"),
    [
        ("state h[units] = 1 / d", "size 'd'"),
        ("state h[units] = sum(places(k: d + e))", "sizes 'd', 'e'"),
        ("state h[units], s[a: e] = 1 / d\n  s' = s", "sizes 'd', 'e'"),
        ("param w[d, units]\n  state h[units] = sum(w, d) / e", "size 'e'"),
    ],
)
def test_sizes_that_initial_states_are_computed_with(states: str, needed: str) -> None:
    """They need not be sizes of the states. Weights bring theirs along."""
    m = _of(
        f"cell A(units) {{\n  input x[d], u[e]\n  {states}\n  h' = tanh(linear(x, u, h))\n  output h'\n}}\n", units="3"
    )
    with pytest.raises(ValueError, match=f"zero_state needs the {needed}: give"):
        m.Cell().zero_state(2, tf.float32)
    cell, x = m.Cell(), (tf.zeros([2, 4]), tf.zeros([2, 5]))
    cell.build([[None, 4], [None, 5]])
    found, _ = cell(x, cell.zero_state(2, tf.float32))
    expected, _ = m.step(cell.parameters(), dict(zip("xu", x, strict=True)))
    np.testing.assert_array_equal(found, expected)


def test_sizes_that_outputs_need_are_all_named() -> None:
    m = module("conv_lstm:ConvLSTM2D", filters="2")
    message = r"output_size needs the sizes 'row', 'col': give them to Cell, or build\(input_shape\) before"
    with pytest.raises(ValueError, match=message):
        m.Cell().output_size  # noqa: B018
    assert m.Cell(row=4, col=3).output_size.as_list() == [4, 3, 2]
    cell = m.Cell()
    cell.build([None, 4, 3, 2])
    assert cell.output_size.as_list() == [4, 3, 2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.Cell(3, 4, 5), "Cell takes the sizes"),
        (lambda m: m.Cell(unit=3), "unknown size 'unit' (did you mean 'units'?)"),
        (lambda m: m.Cell(4, dtype="float16"), "dtype should be float32 or float64, and is float16"),
        (lambda m: m.Cell().state_size, "state_size needs the size 'units': give it to Cell"),
    ],
)
def test_errors_name_what_is_wrong(call: object, message: str) -> None:
    with pytest.raises((TypeError, ValueError)) as found:
        call(module("lstm"))  # type: ignore[operator]
    assert message in str(found.value)


def test_a_network_says_that_it_is_no_cell() -> None:
    with pytest.raises(AttributeError, match="Multi has no Cell: it is a network"):
        _ = module("multi:Multi", cells="[LSTM(3)]").Cell
