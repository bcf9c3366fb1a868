"""What the variables of a cell hold before they are trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnc.compiler import compile_source
from rnnc.diagnostics import Source
from rnnc.runtime import load_module
from tests.tensorflow.support import module, tf

KINDS = (
    "zeros",
    "ones",
    "constant(0.5)",
    "uniform(-2.0, 3.0)",
    "exponential_uniform(0.0, 1.0)",
    "normal(1.0, 0.5)",
    "truncated_normal(0.0, 0.5)",
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "lecun_normal",
    "orthogonal(2.0)",
    "identity(0.5)",
)
CELL = """
cell M(units) {
  input x[d]
  state h[units]
  param K[d, units] = KIND
  h' = x @ K + h
  output h'
}
"""
LSTM = module("lstm", peepholes="true", units="6")


def values(of: Any, seed: int | None = 7, **scope: Any) -> dict[str, Any]:
    """The initial values of a cell's variables by name, in a graph of its own."""
    with tf.Graph().as_default(), tf.Session() as session, tf.variable_scope("s", **scope):
        tf.set_random_seed(seed)
        made = of()
        made.build([None, 5])
        session.run(tf.global_variables_initializer())
        return {one.name: session.run(one) for one in made.variables}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("units", [60, 200])
def test_values_are_drawn_as_init_params_draws_them(kind: str, units: int) -> None:
    """By their quantiles, for matrices with more rows and with more columns."""
    found = load_module(compile_source(Source("m.rnn", CELL.replace("KIND", kind)), None, {}, target="tf").text, "M")
    with tf.Graph().as_default(), tf.Session() as session:
        made = found.Cell(units)
        made.build([None, 120])
        session.run(tf.global_variables_initializer())
        (drawn,) = session.run(made.variables)
    expected, at = found.init_params(units=units, d=120)["K"], np.linspace(0.05, 0.95, 7)
    np.testing.assert_allclose(np.quantile(drawn, at), np.quantile(expected, at), atol=0.1 * expected.std())
    assert drawn.std() == pytest.approx(expected.std(), rel=0.05)
    if kind.startswith("orthogonal"):
        least = drawn.T @ drawn if units <= 120 else drawn @ drawn.T
        np.testing.assert_allclose(least, 4.0 * np.eye(len(least)), atol=1e-4)


def test_seeds() -> None:
    drawn = values(LSTM.Cell)
    assert same(drawn, values(LSTM.Cell))
    assert not same(drawn, values(LSTM.Cell, seed=8))
    assert not same(values(LSTM.Cell, seed=None), values(LSTM.Cell, seed=None))
    given = values(lambda: LSTM.Cell(seed=3), seed=None, initializer=tf.ones_initializer())
    expected = LSTM.to_layout("tf", LSTM.init_params(seed=3, input=5))
    assert same({f"s/{name}:0": array for name, array in expected.items()}, given)


def test_the_initializer_of_a_scope() -> None:
    """What tf.nn's cell leaves to it; a bias is zero there, too."""
    for name, array in values(LSTM.Cell, initializer=tf.constant_initializer(0.25)).items():
        assert np.all(array == (0.0 if "bias" in name else 0.25)), name
    parts = values(
        module("gru", units="6").Cell,
        initializer=tf.constant_initializer(0.25),
        partitioner=tf.fixed_size_partitioner(2),
    )
    assert {name: set(np.unique(array)) for name, array in parts.items() if "/gates/" in name} == {
        "s/gru_cell/gates/kernel/part_0:0": {0.25},
        "s/gru_cell/gates/kernel/part_1:0": {0.25},
        "s/gru_cell/gates/bias/part_0:0": {1.0},
        "s/gru_cell/gates/bias/part_1:0": {1.0},
    }


def test_graphs_hold_no_values() -> None:
    """A graph is small, and starts in another process as in this one."""
    with tf.Graph().as_default() as graph:
        module("lstm", units="300").Cell().build([None, 200])
        init = tf.global_variables_initializer().name
        definition = graph.as_graph_def()
    assert definition.ByteSize() < 50_000
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.import_graph_def(definition, name="")
        session.run(graph.get_operation_by_name(init))
