"""A dynamic loop runs several small steps each time around; its graph is the same for any number of steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnc.compiler import compile_source
from rnnc.syntax.source import read_source
from tests.tensorflow.support import EXAMPLES, module, tf

CURRENT = pytest.importorskip("tensorflow")
ROWS, INPUT = 2, 3


def graph_of(example: str, steps: int, *, own: bool, compiled: bool = False, **options: str) -> Any:
    """The graph of a training step of a module, with its functions."""
    made = module(example, **options)
    weights = [tf.constant(array) for array in made.init_params(seed=0, input=INPUT).values()]

    def train(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            named = dict(zip(made.SPEC["parameters"], weights, strict=True))
            loss = tf.reduce_sum(made.forward(named, x, time_major=True, driver="dynamic", custom_gradient=own)[0])
        return tape.gradient(loss, x)

    function = CURRENT.function(train, jit_compile=compiled)
    return function.get_concrete_function(tf.TensorSpec([steps, ROWS, INPUT], tf.float32)).graph.as_graph_def()


def names_of_operations(graph: Any) -> list[str]:
    """All but constants, of which TensorFlow fills large ones."""
    found = [node.op for node in graph.node] + [node.op for f in graph.library.function for node in f.node_def]
    return sorted(op for op in found if op not in ("Const", "Fill"))


@pytest.mark.parametrize("own", [True, False])
def test_the_graph_is_the_same_for_any_number_of_steps(own: bool) -> None:
    few, *others = (names_of_operations(graph_of("lstm", steps, own=own, units="4")) for steps in (3, 8, 10, 1000))
    assert all(graph == few for graph in others)
    assert len([op for op in few if op in ("While", "StatelessWhile")]) == 4


def test_xla_gets_one_loop() -> None:
    found = names_of_operations(graph_of("lstm", 8, own=True, compiled=True, units="4"))
    assert len([op for op in found if op in ("While", "StatelessWhile")]) == 2


def test_large_steps_are_run_one_by_one() -> None:
    few, many = (compile_source(read_source(EXAMPLES / name), target="tf").text for name in ("lstm.rnn", "ntm.rnn"))
    assert 'loop, "step", step, T, lengths, False, True,' in few
    assert 'loop, "step", step, T, lengths, False, False,' in many


@pytest.mark.parametrize("own", [True, False])
def test_any_number_of_steps(own: bool) -> None:
    """What is left of them after the last whole time around, which may be all or none."""
    made = module("lstm", units="4")
    named = {name: tf.constant(array) for name, array in made.init_params(seed=0, input=INPUT).items()}

    def train(x: Any, **how: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            output = made.forward(named, x, time_major=True, **how)[0]
        return output, tape.gradient(output, x, unconnected_gradients="zero")

    dynamic = CURRENT.function(
        lambda x: train(x, custom_gradient=own), input_signature=[tf.TensorSpec([None, None, INPUT], tf.float32)]
    )
    for steps in range(10):
        x = tf.constant(np.random.default_rng(steps).standard_normal((steps, ROWS, INPUT)), tf.float32)
        for found, expected in zip(dynamic(x), train(x, driver="static"), strict=True):
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
