"""Generated kernels under random schedules and with every access checked; broken copies of them, which are caught."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import ModuleType

import numpy as np
import pytest

from rnnc.compiler import compile_source
from rnnc.simulator.cupy_like import How
from rnnc.simulator.faults import KernelFault
from rnnc.simulator.loader import load
from rnnc.syntax.source import Source, read_source
from tests.cuda.support import needs_compiler
from tests.cuda.test_modules import EXAMPLES
from tests.support.shared_work import share_out

pytestmark = needs_compiler

SOFTMAX = """cell Softmax(units) {
  input x[input]
  state h[units]
  score = linear(x, h, out = units)
  h' = softmax(score, units) * tanh(linear(z: x, out = units))
  output h'
}
"""
HOWS = [How(("random", 1)), How(("random", 2)), How("reversed", race=True), How(("random", 3), race=True)]


@cache
def text(cell: str) -> str:
    source = Source("softmax.rnn", SOFTMAX) if cell == "softmax" else read_source(EXAMPLES / f"{cell}.rnn")
    return compile_source(source, None, {"units": 3, "strategy": "step"}, target="cuda").text


def loaded(cell: str, how: How) -> ModuleType:
    """A module that shares work as for large sizes."""
    module = load(text(cell), cell, how)
    share_out(vars(module))
    return module


def results(module: ModuleType) -> Iterator[np.ndarray]:
    """Of all four programs."""
    params = module.init_params(seed=0, input=2)
    x, lengths = np.random.default_rng(0).standard_normal((3, 5, 2)).astype("float32"), np.array([5, 0, 3], np.int32)
    yield module.step(params, x[:, 0])[0]
    yield module.forward(params, x, None, lengths)[0]
    outputs, _, tape = module.forward_train(params, x, None, lengths)
    yield outputs
    gradients = module.backward(params, tape, np.ones_like(outputs))
    yield gradients["x"]
    yield from gradients["params"].values()


@pytest.mark.parametrize("how", HOWS, ids=lambda how: f"{how.schedule}{' race' * how.race}")
@pytest.mark.parametrize("cell", ["lstm", "softmax", "sru"])
def test_the_same_bits_in_any_order_of_threads(cell: str, how: How) -> None:
    for found, expected in zip(results(loaded(cell, how)), results(loaded(cell, How())), strict=True):
        np.testing.assert_array_equal(found, expected)


# What is broken in a linear recurrence and its gradient: what stands in kernels, what stands there then, and the fault.
COPIES = {
    "the state before another part": ("parts[((part - 1) * 2 + 0)", "parts[(part * 2 + 0)", "out of bounds"),
    "a state too many": ("if (part < joints)", "if (part <= joints)", "out of bounds"),
    "a part that is longer": ("within_(stop, T)", "within_(stop + 1, T)", "race"),
    "another line": ("const long long line = n % lines;", "const long long line = n % lines + 1;", "out of bounds"),
    "a scan of half a warp": ("for (int far = 1;", "if (lane < 16) for (int far = 1;", "divergence"),
    "a sum of half a warp": ("if (lanes > 1)", "if (lanes > 1 && lane < 16)", "no number"),  # the other half has ended
}


@pytest.mark.parametrize("what", COPIES)
def test_a_broken_copy_is_caught(what: str) -> None:
    right, wrong, kind = COPIES[what]
    module = loaded("sru", How(race=True))
    kernels = dict(module._KERNELS)
    module._KERNELS.update((program, text.replace(right, wrong)) for program, text in kernels.items())
    assert kernels != module._KERNELS
    if kind == "no number":
        assert any(np.isnan(array).any() for array in results(module))
        return
    with pytest.raises(KernelFault) as caught:
        list(results(module))
    assert caught.value.fault.kind == kind
    assert caught.value.fault.line is not None
