"""A cell reads its variables at every call, as those of tf.nn do, and packs them once where they are read once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tensorflow.support import compiled, module, tf

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:UserWarning")
GRU = module("gru")
X = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
H = np.zeros((3, 4), np.float32)


def cell() -> Any:
    made = GRU.Cell(4, seed=1)
    made.build([None, 5])
    return made


def total(of: Any) -> Any:
    return tf.reduce_sum(of(X, H)[0] ** 2)


def scale(of: Any, factor: float) -> None:
    for variable in of.variables:
        variable.assign(variable * factor)


def gradients(of: Any) -> Any:
    with tf.GradientTape() as tape:
        loss = total(of)
    return tape.gradient(loss, of.trainable_variables)


def after_an_assignment(of: Any) -> Any:
    before = total(of)
    scale(of, 2.0)
    return before, total(of)


def after_a_call_without_tape(of: Any) -> Any:
    return total(of), gradients(of)


def under_two_tapes(of: Any) -> Any:
    return gradients(of), gradients(of)


def in_two_steps(of: Any) -> Any:
    for _ in range(2):
        for variable, gradient in zip(of.trainable_variables, gradients(of), strict=True):
            variable.assign_sub(0.1 * gradient)
    return total(of)


def in_a_loop(of: Any) -> Any:
    found = total(of)
    for _ in tf.range(3):
        scale(of, 1.5)
        found = total(of)
    return found


def in_a_branch(of: Any) -> Any:
    found = total(of)
    if found > 0:
        scale(of, 0.0)
        found = total(of)
    return found


def under_a_driver(of: Any) -> Any:
    before = tf.nn.dynamic_rnn(of, tf.stack([X, X], 1), dtype=tf.float32)[0]
    scale(of, 2.0)
    return before, tf.nn.dynamic_rnn(of, tf.stack([X, X], 1), dtype=tf.float32)[0]


@pytest.mark.parametrize(
    "use",
    [
        after_an_assignment,
        after_a_call_without_tape,
        under_two_tapes,
        in_two_steps,
        in_a_loop,
        in_a_branch,
        under_a_driver,
    ],
)
def test_a_function_does_as_eager_code(use: Callable[[Any], Any]) -> None:
    eager, traced = cell(), cell()
    expected, found = tf.nest.flatten(use(eager)), tf.nest.flatten(tf.function(lambda: use(traced))())
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5, atol=1e-6)
    for one, other in zip(eager.variables, traced.variables, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5, atol=1e-6)


def test_resource_variables_after_what_a_call_depends_on() -> None:
    with tf.Graph().as_default(), tf.Session() as session, tf.variable_scope("s", use_resource=True):
        made = cell()
        before = total(made)
        with tf.control_dependencies([before]):
            changed = [variable.assign(variable * 0.0).op for variable in made.variables]
        with tf.control_dependencies(changed):
            after = total(made)
        session.run(tf.global_variables_initializer())
        first, second = session.run([before, after])
    assert first > 0
    assert second == 0


REPLICAS = """
import sys, numpy as np, tensorflow as tf
sys.path.insert(0, sys.argv[1])
import gru_tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
with strategy.scope():
    cell = gru_tf.Cell(4, seed=1)
    cell.build([None, 5])
def gradients():
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(cell(tf.ones([2, 5]), tf.ones([2, 4]))[0])
    return tape.gradient(loss, cell.trainable_variables)
for found in tf.function(lambda: strategy.run(gradients))():
    one, other = strategy.experimental_local_results(found)
    assert np.array_equal(one, other)
print("ok")
"""


def test_replicas_have_gradients(tmp_path: Path) -> None:
    (tmp_path / "gru_tf.py").write_text(compiled("gru").text)
    done = subprocess.run(
        [sys.executable, "-c", REPLICAS, str(tmp_path)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.stdout.endswith("ok\n"), done.stdout + done.stderr


def test_a_cell_keeps_no_graph_of_a_function() -> None:
    made = cell()
    for _ in range(2):
        tf.function(lambda: total(made)).get_concrete_function()
    assert made._cell_held.packed == []


@pytest.mark.parametrize("resource", [False, True])
@pytest.mark.parametrize("loops", ["v1", "v2"])
def test_what_is_read_once_is_packed_once(resource: bool, loops: str) -> None:
    """Under a driver, which caches what it makes, and with variables that are no resources; outside of its loop."""
    (tf.disable_control_flow_v2 if loops == "v1" else tf.enable_control_flow_v2)()
    try:
        with tf.Graph().as_default() as graph, tf.variable_scope("s", use_resource=resource):
            made, x = GRU.Cell(4), tf.placeholder(tf.float32, [None, None, 5])
            tf.nn.dynamic_rnn(made, x, dtype=tf.float32)
            packed = [op.name for op in graph.get_operations() if "/weights" in op.name]
            assert packed
            assert all(op._get_control_flow_context() is None for op in graph.get_operations() if op.name in packed)
            made(X, H)
            tf.nn.static_rnn(made, [tf.constant(X)] * 2, dtype=tf.float32)
            assert [op.name for op in graph.get_operations() if "/weights" in op.name] == packed
    finally:
        tf.enable_control_flow_v2()


def test_a_checkpoint_holds_the_variables(tmp_path: Path) -> None:
    made, other = cell(), GRU.Cell(4, seed=2)
    other.build([None, 5])
    path = tf.train.Checkpoint(cell=made).save(str(tmp_path / "c"))
    tf.train.Checkpoint(cell=other).restore(path).assert_existing_objects_matched().assert_consumed()
    for one, two in zip(made.variables, other.variables, strict=True):
        assert np.array_equal(one.numpy(), two.numpy())


def test_a_saved_model_holds_the_variables(tmp_path: Path) -> None:
    import tensorflow

    holder: Any = tensorflow.Module()
    holder.cell = cell()
    holder.run = tf.function(lambda x: holder.cell(x, H)[0], input_signature=[tf.TensorSpec([3, 5])])
    tensorflow.saved_model.save(holder, str(tmp_path))
    loaded = tensorflow.saved_model.load(str(tmp_path))
    np.testing.assert_allclose(loaded.run(X).numpy(), holder.run(X).numpy(), rtol=1e-6)
