"""Cells whose loops become one kernel, what modules of them compute, and how those kernels were laid out."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rnnc
from rnnc.compiler import compile_source
from rnnc.simulator.cupy_like import How
from rnnc.simulator.loader import load
from rnnc.syntax.source import Source
from rnnc.verify.proving.halves import HALVES
from rnnc.verify.report import compare

# What a step may hold: one exchange and two, sums over features, matrices as states, a state without rows, projections.
CELLS = {
    "lstm": "cell C(units) {\n input x[input]\n state c[units], h[units]\n i = sigmoid(linear(x, h))\n"
    " f = sigmoid(linear(x, h))\n o = sigmoid(linear(x, h))\n c' = f * c + i * tanh(linear(x, h) as g)\n"
    " h' = o * tanh(c')\n output h'\n}",
    "gru": "cell C(units) {\n input x[input]\n state h[units]\n r = sigmoid(linear(x, h))\n u = sigmoid(linear(x, h))\n"
    " n = tanh(linear(x, q: r * h))\n h' = u * h + (1 - u) * n\n output h'\n}",
    "normed": "cell C(units) {\n input x[input]\n state h[units]\n h' = tanh(layer_norm(linear(x, h), eps = 0.01))\n"
    " output h'\n}",
    "attention": "cell C(units) {\n input x[input]\n state h[units], m[3, units]\n k = linear(x, h, out = units)\n"
    " a = softmax(m @ k)\n m' = 0.9 * m + outer(a, k)\n h' = tanh(linear(q: a @ m, h) + k)\n output h', a\n}",
    "projected": "cell C(units) {\n input x[input]\n state c[units], h[4]\n g = linear(x, h, out = units)\n"
    " c' = 0.5 * c + tanh(g) * sigmoid(peephole(c))\n h' = linear(c')\n output h', c'\n}",
    "joined": "cell C(units) {\n input x[input]\n state h[units]\n z = linear(x, h)\n"
    " a = where(places(units) == argmax(z), 0.5, 0.1 * max(h) - 0.2 * min(z))\n"
    " h' = tanh(z - mean(z)) * (a + 0.1 * prod(1 + 0.01 * h) * sum(z) / units)\n output h'\n}",
    "counting": "cell C(units) {\n input x[input]\n state h[units]\n"
    " h' = tanh(linear(x, h)) * where(step % 2 == 0, 1, 0.5)\n output h'\n}",
}

TOLERANCES = {half.name: half.tolerance for half in HALVES}


def half(dtype: str) -> Any:
    return np.dtype(pytest.importorskip("ml_dtypes").bfloat16) if dtype == "bfloat16" else np.dtype(dtype)


def loaded(
    cell: str, strategy: str, how: How | None = None, change: Callable[[str], str] = str, units: int = 6
) -> ModuleType:
    options = {"units": units, "strategy": strategy}
    text = compile_source(Source("cell.rnn", CELLS[cell]), None, options, target="cuda").text
    return load(change(text), "cell", how)


def results(
    module: ModuleType, rows: int, lengths: Any = None, dtype: Any = "float64", rounding: Any = None
) -> dict[str, np.ndarray]:
    """Outputs, states and all gradients of one call, for numbers that `rounding` can hold."""
    random = np.random.default_rng(0)

    def numbers(values: np.ndarray) -> np.ndarray:
        return values.astype(rounding or dtype).astype(dtype)

    shapes = module.init_params(seed=0, dtype=dtype, input=5)
    params = {name: numbers(random.standard_normal(p.shape) / (1 + p.shape[0] ** 0.5)) for name, p in shapes.items()}
    x = numbers(random.standard_normal((rows, 4, 5)))
    outputs, _, tape = module.forward_train(params, x, lengths=lengths)
    whole = outputs if isinstance(outputs, dict) else {"h": outputs}
    cotangents = {name: numbers(np.cos(np.arange(np.size(o))).reshape(o.shape)) for name, o in whole.items()}
    gradients = module.backward(params, tape, cotangents if isinstance(outputs, dict) else cotangents["h"])
    state = module.forward(params, x, lengths=lengths)[1]
    found = {f"output {name}": value for name, value in whole.items()}
    found |= {f"state {name}": value for name, value in _flat(state).items()}
    found |= {f"gradient {name}": value for name, value in gradients["params"].items()}
    found |= {f"gradient of state {name}": value for name, value in _flat(gradients["state"]).items()}
    found |= {"gradient x": gradients["x"]}
    return {name: value for name, value in found.items() if value is not None}


def _flat(state: Any) -> dict[str, Any]:
    return state if isinstance(state, dict) else {"": state}


def expected(cell: str, rows: int, lengths: Any = None, units: int = 6, rounding: Any = None) -> dict[str, np.ndarray]:
    return results(rnnc.compile(CELLS[cell], units=units), rows, lengths, rounding=rounding)


def assert_rounded(found: dict[str, np.ndarray], cell: str, rows: int, units: int = 6) -> None:
    """Arrays are rounded where they are stored, sums are float32: as `rnnc verify` wants it."""
    (dtype,) = {array.dtype for array in found.values()}
    for name, value in expected(cell, rows, units=units, rounding=dtype).items():
        row = compare(name, found[name], value, TOLERANCES[dtype.name])
        assert row.passed, row


def assert_same(found: dict[str, np.ndarray], reference: dict[str, np.ndarray], tolerance: float = 1e-12) -> None:
    assert found.keys() == reference.keys()
    for name, value in reference.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=tolerance, err_msg=name)


def plans(module: ModuleType) -> list[Any]:
    """How the loops of all calls so far ran."""
    launchers = (built for built in module._BUILT.values() if isinstance(built, module._Launch))
    return [plan for launcher in launchers for plan in launcher.plans.values()]


def meetings(module: str) -> tuple[int, int]:
    """How often the threads of a step meet, in the first loop forward and in the first one backward."""
    found = dict(re.findall(r'launch\.team\("(\w+)", B, .* meetings=(\d+),', module))
    return int(found["forward_loop_1"]), int(found["backward_loop_1"])


def replaced(pattern: str, text: str) -> Callable[[str], str]:
    """A change of a module, which has to have what is replaced."""

    def change(module: str) -> str:
        changed = re.sub(pattern, text, module)
        assert changed != module
        return changed

    return change
