"""float32 whose products may be rounded to TF32, as the environment asks: what is rounded, and where nothing is."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from rnnc.compiler import compile_source
from rnnc.simulator.cublas import ASKED_FOR
from rnnc.simulator.cupy_cuda import DeviceModel
from rnnc.simulator.cupy_like import How
from rnnc.simulator.loader import load
from rnnc.syntax.source import Source
from rnnc.verify.proving.halves import TF32, products_in
from tests.cuda.support import needs_compiler

CELL = Source(
    "c.rnn", "cell C(units) {\n input x[units]\n state h[units]\n h' = tanh(x + linear(h, bias = false))\n output h'\n}"
)


def rounded(array: np.ndarray) -> np.ndarray:
    """To eleven digits, ties away from zero, as `cvt.rna.tf32.f32` does."""
    bits = array.astype(np.float32).view(np.uint32)
    return ((bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view(np.float32)


def by_hand(x: np.ndarray, weights: np.ndarray, found: np.ndarray, *, exact: bool) -> np.ndarray:
    """Each step from the state that was found before it: where that lies between two numbers of TF32, one more rounding
    in the order of sums would take the other one."""
    operand = (lambda array: array) if exact else rounded
    before = np.concatenate([np.zeros_like(x[:, :1]), found[:, :-1]], axis=1)
    sums = operand(before).astype(np.float64) @ operand(weights).astype(np.float64)
    return np.tanh(x + sums).astype(np.float32)


def forward(strategy: str, rows: int, units: int, capability: str = "90", dtype: str = "float32") -> Any:
    """The outputs of a module, and those by hand."""
    compiled = compile_source(CELL, None, {"strategy": strategy, "units": units}, target="cuda")
    device = DeviceModel(multiprocessors=2, compute_capability=capability)
    module = load(compiled.text, "c", How(device=device))
    vars(module)["_CAPTURED"] = 2  # of single steps
    random = np.random.default_rng(0)
    (name,) = module.init_params(seed=0, dtype=dtype)
    weights = (random.standard_normal((units, units)) / units**0.5).astype(dtype)
    x = random.standard_normal((rows, 6, units)).astype(dtype)
    return module.forward({name: weights}, x)[0], x, weights


@needs_compiler
@pytest.mark.parametrize(
    ("strategy", "rows", "units"), [("block", 3, 21), ("persistent", 19, 40), ("block", 70, 8), ("step", 3, 21)]
)
def test_products_of_loops_round_what_they_multiply(strategy: str, rows: int, units: int) -> None:
    """And nothing else: neither what a state keeps, nor sums."""
    with products_in(TF32):
        found, x, weights = forward(strategy, rows, units)
    np.testing.assert_allclose(found, by_hand(x, weights, found, exact=False), rtol=0, atol=2e-6)
    assert np.abs(found - by_hand(x, weights, found, exact=True)).max() > 2e-5


@needs_compiler
@pytest.mark.parametrize(
    ("asked", "capability", "dtype", "strategy"),
    [
        (None, "90", "float32", "block"),  # nobody has asked
        (TF32, "75", "float32", "block"),  # there are no such tensor cores
        (TF32, "90", "float64", "persistent"),
    ],
)
def test_elsewhere_nothing_is_rounded(asked: Any, capability: str, dtype: str, strategy: str) -> None:
    with products_in(asked):
        found, x, weights = forward(strategy, 3, 21, capability, dtype)
    np.testing.assert_allclose(found, by_hand(x, weights, found, exact=True), rtol=0, atol=2e-6)


def test_what_was_asked_for_before_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for before in ("1", "0"):
        monkeypatch.setenv(ASKED_FOR, before)
        with products_in(None):
            assert os.environ[ASKED_FOR] == "0"
        assert os.environ[ASKED_FOR] == before
    monkeypatch.delenv(ASKED_FOR)
    with products_in(TF32):
        assert os.environ[ASKED_FOR] == "1"
    assert ASKED_FOR not in os.environ
