"""Sound kernels: the same numbers as NumPy's, under every schedule, with and without checks of every access."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pytest

from rnnc.simulator.launch import Kernels, Schedule
from tests.simulator.texts import CLUSTERED, SOUND

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="CUDA on the CPU needs g++")

SCHEDULES: tuple[Schedule, ...] = ("fifo", "reversed", ("random", 1), ("random", 2))
KERNELS = Kernels(SOUND)
Array = np.ndarray[Any, np.dtype[Any]]


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same ones every time."""
    return np.random.default_rng(0)


def normal(rng: np.random.Generator, *shape: int) -> Array:
    """Random float32 numbers."""
    return rng.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("race", [False, True])
def test_vector_addition(rng: np.random.Generator, race: bool) -> None:
    a, b, out = normal(rng, 1001), normal(rng, 1001), np.empty(1001, np.float32)
    KERNELS.get("add")(4, 256, (a, b, out, np.int64(1001)), race=race)
    assert np.array_equal(out, a + b)


@pytest.mark.parametrize("race", [False, True])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_block_reduction(rng: np.random.Generator, schedule: Schedule, race: bool) -> None:
    x, out = normal(rng, 3, 500), np.empty(3, np.float32)
    KERNELS.get("row_sum")(3, 128, (x, out, np.int32(500)), shared_mem=16, schedule=schedule, race=race)
    np.testing.assert_allclose(out, x.sum(1), rtol=0, atol=1e-4)  # 500 numbers of size 1 in another order


@pytest.mark.parametrize("race", [False, True])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_persistent_recurrence(rng: np.random.Generator, schedule: Schedule, race: bool) -> None:
    n, steps = 16, 10
    w, x = normal(rng, n, n) / 4, normal(rng, steps, n)
    h, counter = np.zeros((steps + 1, n), np.float32), np.zeros(1, np.uint32)
    args = (w, x, h, counter, np.int32(n), np.int32(steps))
    KERNELS.get("recur")(n, 64, args, shared_mem=8, schedule=schedule, race=race)
    expected = np.zeros_like(h)
    for t in range(steps):
        expected[t + 1] = np.tanh(w @ expected[t] + x[t])
    np.testing.assert_allclose(h, expected, rtol=0, atol=1e-5)  # sums in another order, ten times fed back
    assert counter[0] == n * steps


@pytest.mark.parametrize("kernel", ["mma_f16", "mma_loaded"])
@pytest.mark.parametrize("race", [False, True])
def test_product_of_halves(rng: np.random.Generator, kernel: str, race: bool) -> None:
    a, b = (normal(rng, *shape).astype(np.float16) for shape in ((16, 16), (16, 8)))
    out = np.empty((16, 8), np.float32)
    KERNELS.get(kernel)(1, 32, (a, b, out), shared_mem=768, race=race)
    np.testing.assert_allclose(out, 1 + a.astype(float) @ b.astype(float), rtol=0, atol=1e-5)


def test_product_of_bfloats(rng: np.random.Generator) -> None:
    a, b = (bfloat(normal(rng, *shape)) for shape in ((16, 16), (16, 8)))
    out = np.empty((16, 8), np.float32)
    KERNELS.get("mma_bf16")(1, 32, (a, b, out))
    np.testing.assert_allclose(out, 1 + wide(a) @ wide(b), rtol=0, atol=1e-5)


def test_product_of_tf32(rng: np.random.Generator) -> None:
    a, b, out = normal(rng, 16, 8), normal(rng, 8, 8), np.empty((16, 8), np.float32)
    KERNELS.get("mma_tf32")(1, 32, (a, b, out))
    np.testing.assert_allclose(out, a.astype(float) @ b, rtol=0, atol=1e-2)  # 10 bits of mantissa
    assert not np.allclose(out, a.astype(float) @ b, rtol=0, atol=1e-6)


def bfloat(x: Array) -> Array:
    """The nearest bfloat16 numbers, ties to even, as their bits."""
    bits = x.view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def wide(bits: Array) -> Array:
    """The numbers of bfloat16 bits, as float64."""
    return (bits.astype(np.uint32) << 16).view(np.float32).astype(float)


def test_copies_arrive_at_their_wait() -> None:
    given, out = np.arange(1, 9, dtype=np.uint32), np.empty(24, np.uint32)
    KERNELS.get("copies")(1, 1, (given, out), shared_mem=32)
    poison = 0xFFFFFFFF
    assert out.reshape(3, 8).tolist() == [
        [poison] * 8,
        [1, 2, 3, 4] + [poison] * 4,
        [1, 2, 3, 4, 5, 6, 0, 0],
    ]


def test_rounding_to_halves_and_bfloats(rng: np.random.Generator) -> None:
    bits = rng.integers(0, 2**32, 50000, dtype=np.uint32)
    every_half = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)  # that is finite and positive
    between = (every_half[:-1] + every_half[1:]) / 2  # ties
    near = np.nextafter(between, np.float32(np.inf))
    x = np.concatenate([bits.view(np.float32), every_half, between, -between, near])
    x = x[~np.isnan(x)]
    half, brain = np.empty(x.size, np.uint16), np.empty(x.size, np.uint16)
    wide_half, wide_brain = np.empty_like(x), np.empty_like(x)
    args = (x, half, brain, wide_half, wide_brain, np.int32(x.size))
    KERNELS.get("rounding")(-(-x.size // 256), 256, args)
    with np.errstate(over="ignore"):
        expected = x.astype(np.float16)
    assert np.array_equal(half, expected.view(np.uint16))
    assert np.array_equal(wide_half, expected.astype(np.float32))
    assert np.array_equal(brain, bfloat(x))
    assert np.array_equal(wide_brain, wide(brain).astype(np.float32))


def test_rounding_agrees_with_ml_dtypes(rng: np.random.Generator) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = normal(rng, 4096) * np.float32(10) ** rng.integers(-38, 38, 4096).astype(np.float32)
    brain = np.empty(x.size, ml_dtypes.bfloat16)
    others = np.empty(x.size, np.float16), np.empty_like(x), np.empty_like(x)
    KERNELS.get("rounding")(16, 256, (x, others[0], brain, *others[1:], np.int32(x.size)))
    assert np.array_equal(brain, x.astype(ml_dtypes.bfloat16))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_warps(schedule: Schedule) -> None:
    out = np.empty(192, np.uint32)
    KERNELS.get("warps")(1, 32, (out,), schedule=schedule)
    lane = np.arange(32)
    up, down, any_lane, ballot, halves, largest = out.reshape(6, 32)
    assert np.array_equal(up, np.where(lane >= 3, lane - 3, lane))
    assert np.array_equal(down, np.where(lane % 16 + 5 < 16, lane + 5, lane))
    assert np.array_equal(any_lane, lane // 8 * 8 + lane * 7 % 8)
    assert set(ballot) == {sum(1 << n for n in range(0, 32, 3))}
    assert np.array_equal(halves, np.where(lane < 16, lane ^ 1, 0xAAAA))
    assert set(largest) == {100}


@pytest.mark.parametrize("race", [False, True])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_clusters(schedule: Schedule, race: bool) -> None:
    out = np.empty((8, 32), np.uint32)
    Kernels(CLUSTERED).get("neighbours")(8, 32, (out,), shared_mem=128, schedule=schedule, race=race)
    neighbour = np.array([1, 2, 3, 0, 5, 6, 7, 4])
    assert np.array_equal(out, 100 * neighbour[:, None] + np.arange(32))


@pytest.mark.parametrize("race", [False, True])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_writes_into_shared_memory_of_others(schedule: Schedule, race: bool) -> None:
    out = np.empty((8, 32), np.uint32)
    Kernels(CLUSTERED).get("pushes")(8, 32, (out,), shared_mem=15 * 32, schedule=schedule, race=race)
    neighbour = np.array([3, 0, 1, 2, 7, 4, 5, 6])
    assert np.array_equal(out, 100 * neighbour[:, None] + np.arange(32))


def test_views_of_one_array_stay_together() -> None:
    memory = np.arange(96, dtype=np.float32)
    KERNELS.get("row_sum")(2, 32, (memory[:64], memory[62:64], np.int32(31)), shared_mem=16)
    assert memory.tolist() == [*range(62), sum(range(31)), sum(range(31, 62)), *range(64, 96)]
