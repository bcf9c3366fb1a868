"""Loops that do not need one another as one kernel: both directions of a layer, in one of the two or in both."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from rnnc.compiler import compile_source
from rnnc.diagnostics import Source
from rnnc.runtime import load_module
from rnnc.simulator.cupy_like import How
from rnnc.simulator.loader import load
from tests.cuda.support import needs_compiler

pytestmark = needs_compiler

CELLS = """
cell Rnn(units) {
  input x[input]
  state h[units]
  h' = tanh(linear(x, h))
  output h'
}
cell Two(units) {
  input x[input]
  state h[units], c[units]
  gate r = sigmoid(linear(x, h))
  n  = tanh(linear(x) + linear(rh: r * h, bias = false))
  c' = 0.5 * c + n
  h' = r * h + (1 - r) * tanh(c')
  output h'
}
cell Heads(units) {
  input x[input]
  state h[head: 2, unit: units]
  h' = tanh(linear(x, out = [head, unit]) + linear(h, per = head, out = [head, unit], bias = false) as rec)
  output merge(h', [head, unit])
}
"""
NETWORKS = {
    "unlike": "bidirectional(forward = Rnn(5), backward = Two(3))(x)",
    "heads": "bidirectional(Heads(3))(x)",
    "three": "concat(Rnn(5)(x) as a, Two(3)(x) as b, backward(Rnn(2))(x) as c)",
    "layers": "stack(bidirectional(Rnn(n)) for n in [3, 4])(x)",
}
STEPS, ROWS, INPUT = 5, 6, 3


@cache
def source(name: str) -> Source:
    body = f"network Net {{\n  input x[input]\n  y = {NETWORKS[name]}\n  output y, end: last(y)\n}}\n"
    return Source("net.rnn", CELLS + body)


@cache
def text(name: str, strategy: str) -> str:
    return compile_source(source(name), "Net", {"strategy": strategy}, target="cuda").text


@cache
def expected(name: str, with_lengths: bool) -> tuple[Any, Any, Any]:
    module = load_module(compile_source(source(name), "Net").text, "expected")
    return results(module, source(name), "float64", with_lengths)


def results(module: Any, of: Source, dtype: str, with_lengths: bool) -> tuple[Any, Any, Any]:
    draw = np.random.default_rng(0)
    x = draw.standard_normal((ROWS, STEPS, INPUT)).astype(dtype)
    lengths = np.array([5, 0, 3, 1, 5, 2]) if with_lengths else None
    params = load_module(compile_source(of, "Net").text, "weights").init_params(seed=1, dtype="float64", input=INPUT)
    params = {key: array.astype(dtype) for key, array in params.items()}
    y, final, tape = module.forward_train(params, x, lengths=lengths)
    cotangents = {key: np.cos(np.arange(array.size, dtype=dtype)).reshape(array.shape) for key, array in y.items()}
    gradients = module.backward(params, tape, cotangents)
    return y, final, gradients


def close(found: Any, wanted: Any, tolerance: float) -> None:
    if isinstance(wanted, tuple):
        for one, other in zip(found, wanted, strict=True):
            close(one, other, tolerance)
    elif isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for key in wanted:
            close(found[key], wanted[key], tolerance)
    elif wanted is not None:
        np.testing.assert_allclose(np.asarray(found, dtype="float64"), wanted, atol=tolerance, rtol=0)


@pytest.mark.parametrize("with_lengths", [False, True])
@pytest.mark.parametrize("strategy", ["block", "persistent"])
@pytest.mark.parametrize("name", NETWORKS)
def test_it_computes_what_numpy_does(name: str, strategy: str, with_lengths: bool) -> None:
    module = load(text(name, strategy), name, How(schedule="reversed"))
    close(results(module, source(name), "float64", with_lengths), expected(name, with_lengths), 1e-12)


def kernels(name: str, strategy: str = "persistent") -> list[str]:
    """The joint kernels that were launched."""
    module = load(text(name, strategy), name, How())
    launcher, found = module._launcher("float64"), []
    loop = launcher.loop
    launcher.loop = lambda name, *rest: (found.append(name), loop(name, *rest))
    results(module, source(name), "float64", True)
    return [kernel for kernel in found if "_joint_" in kernel]


@pytest.mark.parametrize(("name", "count"), [("unlike", 2), ("layers", 4), ("three", 2)])
def test_it_is_launched(name: str, count: int) -> None:
    """For training and for the backward pass, once for each layer."""
    assert len(kernels(name)) == count


def test_all_meet_at_once() -> None:
    """A step of one meeting beside one of two has two."""
    lines = text("unlike", "persistent").partition('"train_joint_loop_1": ')[2].partition('""",')[0].split("\n")
    assert sum("team.meet();" in line or "team.wait();" in line for line in lines) == 2


@pytest.mark.parametrize("schedule", ["fifo", ("random", 1)], ids=str)
def test_no_schedule_and_no_race_changes_numbers(schedule: Any) -> None:
    module = load(text("unlike", "persistent"), "unlike", How(schedule=schedule, race=True))
    close(results(module, source("unlike"), "float32", True), expected("unlike", True), 2e-5)


def test_a_device_without_room_for_both_runs_one_after_the_other() -> None:
    module = load(text("unlike", "persistent"), "unlike", How())
    launcher = module._launcher("float64")
    launcher.together = lambda *_: None
    close(results(module, source("unlike"), "float64", True), expected("unlike", True), 1e-12)


def test_there_may_be_no_rows() -> None:
    module = load(text("unlike", "auto"), "unlike", How())
    params = module.init_params(seed=1, dtype="float64", input=INPUT)
    y, _ = module.forward(params, np.zeros((0, STEPS, INPUT)))
    assert {key: array.shape for key, array in y.items()} == {"y": (0, STEPS, 8), "end": (0, 8)}
