"""On a card: the same kernels give the numbers that they give on the CPU, so the prelude and its twin agree."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

from rnnc.simulator.launch import Kernels
from tests.simulator.texts import CLUSTERED, SOUND

pytestmark = pytest.mark.gpu


def on_both(text: str, name: str, grid: int, block: int, args: tuple[Any, ...], shared: int = 0) -> list[Any]:
    """Pairs of each array after the launch, from the CPU and from the card."""
    cupy = importlib.import_module("cupy")
    there = [cupy.asarray(arg) if isinstance(arg, np.ndarray) else arg for arg in args]
    module = cupy.RawModule(code=text, options=("-std=c++17",), backend="nvrtc")
    module.get_function(name)((grid,), (block,), tuple(there), shared_mem=shared)
    Kernels(text).get(name)(grid, block, args, shared_mem=shared)
    pairs = zip(args, there, strict=True)
    return [(here, cupy.asnumpy(other)) for here, other in pairs if isinstance(here, np.ndarray)]


def test_rounding() -> None:
    x = np.random.default_rng(0).integers(0, 2**32, 2**16, dtype=np.uint32).view(np.float32)
    half, brain = np.zeros(x.size, np.uint16), np.zeros(x.size, np.uint16)
    args = (x, half, brain, np.zeros_like(x), np.zeros_like(x), np.int32(x.size))
    for here, there in on_both(SOUND, "rounding", x.size // 256, 256, args):
        assert np.array_equal(here, there, equal_nan=here.dtype == np.float32)


@pytest.mark.parametrize(
    ("name", "kind", "depth"),
    [("mma_f16", np.float16, 16), ("mma_loaded", np.float16, 16), ("mma_bf16", np.uint16, 16), ("mma_tf32", "f4", 8)],
)
def test_products(name: str, kind: Any, depth: int) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((16, depth)), rng.standard_normal((depth, 8))
    if kind is np.uint16:  # the upper halves of float32 numbers are bfloat16 numbers
        a, b = ((x.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16) for x in (a, b))
    args = (a.astype(kind), b.astype(kind), np.zeros((16, 8), np.float32))
    here, there = on_both(SOUND, name, 1, 32, args, 768)[-1]
    np.testing.assert_allclose(here, there, rtol=0, atol=1e-5)  # the card adds in another order


def test_warps() -> None:
    here, there = on_both(SOUND, "warps", 1, 32, (np.zeros(192, np.uint32),))[0]
    assert np.array_equal(here, there)


def test_recurrence() -> None:
    rng = np.random.default_rng(0)
    w, x = (rng.standard_normal(shape).astype(np.float32) / 4 for shape in ((16, 16), (10, 16)))
    args = (w, x, np.zeros((11, 16), np.float32), np.zeros(1, np.uint32), np.int32(16), np.int32(10))
    _, _, (here, there), counters = on_both(SOUND, "recur", 16, 64, args, 8)
    np.testing.assert_allclose(here, there, rtol=0, atol=1e-5)
    assert counters[0] == counters[1]


def test_clusters() -> None:
    here, there = on_both(CLUSTERED, "neighbours", 8, 32, (np.zeros(256, np.uint32),), 128)[0]
    assert np.array_equal(here, there)
