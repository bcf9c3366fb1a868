"""What no implementation can be faster than, from rates that this device was measured to have in the same run.

The input product at the rate of large products; then for each step the largest of: an exchange between all blocks, the
arithmetic of the products with the state, and the bytes that blocks must read. What has no product with its state has
no steps to wait for: its bytes at the rate of a copy.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.device.case import Mode
from benchmarks.device.rows import Row

ITEMS = {"float16": 2, "bfloat16": 2, "tf32": 4, "float32": 4, "float64": 8}
KEPT = 227 + 200  # KiB of weights that a multiprocessor can keep in shared memory and registers
KERNELS = """
extern "C" __global__ void meet(unsigned* counter, int times) {
  unsigned target = 0;
  for (int i = 0; i < times; ++i) grid_barrier(counter, gridDim.x, &target);
}
extern "C" __global__ void read_all(const float4* from, float* to, int count, int times) {
  float sum = 0;
  for (int i = 0; i < times; ++i) {
    for (int j = threadIdx.x; j < count; j += blockDim.x) {
      const float4 v = from[j];
      sum += v.x + v.y + v.z + v.w;
    }
    __syncthreads();
  }
  if (sum == 1234.5f) to[0] = sum;
}
"""


@dataclass(frozen=True)
class Rates:
    """Of the device: multiprocessors, seconds of one meeting of all blocks, bytes a second of a copy and of blocks that
    all read the same, and multiplications with additions (two operations each) a second by dtype."""

    multiprocessors: int
    meeting: float
    copy: float
    shared_reads: float
    products: dict[str, float] = field(default_factory=dict[str, float])


def floor(row: Row, mode: Mode, rates: Rates) -> float | None:
    """Seconds; None where the rate of products in this dtype is not known."""
    rate = rates.products.get(row.dtype)
    if rate is None:
        return None
    directions = 1 + row.both
    total = 0.0
    for layer in range(row.layers):
        inputs = row.input if layer == 0 else row.units * directions
        total += directions * _layer(row, mode, rates, rate, inputs)
    return total


def _layer(row: Row, mode: Mode, rates: Rates, rate: float, inputs: int) -> float:
    cell, item, lines = row.about, ITEMS[row.dtype], row.time * row.batch
    trains = mode != "forward"
    seconds = (3 if trains else 1) * 2 * lines * inputs * cell.columns * row.units / rate
    if not cell.products:
        elements = lines * row.units * (2 * cell.columns + 1)
        return seconds + (3 if trains else 1) * elements * item / rates.copy
    for columns in cell.products:
        seconds += row.time * step(row, rates, rate, columns, reads=1)
        if trains:  # the way back, in which all columns are read, and the gradients of the weights
            seconds += row.time * step(row, rates, rate, columns, reads=columns)
            seconds += 2 * lines * row.units * columns * row.units / rate
    return seconds


def step(row: Row, rates: Rates, rate: float, columns: int, reads: int) -> float:
    """Of one product with the state: by as few blocks as can keep its weights."""
    item = ITEMS[row.dtype]
    weights = columns * row.units**2 * item
    blocks = min(rates.multiprocessors, -(-weights // (KEPT << 10)))
    again = max(0, weights - rates.multiprocessors * (KEPT << 10))  # what nobody can keep is read in every step
    meeting = rates.meeting if blocks > 1 else 0.0
    arithmetic = 2 * row.batch * columns * row.units**2 / rate
    exchange = (blocks * row.batch * row.units * item * reads + again) / rates.shared_reads if blocks > 1 else 0.0
    return max(meeting, arithmetic, exchange)


def measure(cupy: Any, prelude: str, timed: Callable[[Callable[[], Any]], float], *, small: bool = False) -> Rates:
    """The rates of this device. `prelude` is that of a generated module; `timed` gives the seconds of a call."""
    processors = cupy.cuda.Device().attributes["MultiProcessorCount"]
    module = cupy.RawModule(code=f"{prelude}\n{KERNELS}", options=("--std=c++17",))
    meet, read = module.get_function("meet"), module.get_function("read_all")
    times, size = (4, 1 << 8) if small else (1000, 1 << 20)
    counter = cupy.zeros(32, cupy.uint32)

    def meeting() -> None:
        counter[...] = 0
        block, given = (32 if small else 256,), (counter, cupy.int32(times))
        meet.kernel((processors,), block, given, enable_cooperative_groups=True)

    around = timed(lambda: counter.fill(0))
    meeting_seconds = max(timed(meeting) - around, 1e-9) / times
    source, goal = cupy.zeros(size * (1 if small else 64), cupy.float32), cupy.zeros(4, cupy.float32)
    copied = cupy.empty_like(source)
    copy_seconds = timed(lambda: cupy.copyto(copied, source))

    def reading() -> None:
        read((processors,), (32 if small else 1024,), (source, goal, cupy.int32(size // 4), cupy.int32(times // 4)))

    read_bytes = processors * (size // 4) * 16 * (times // 4)
    return Rates(
        processors,
        meeting_seconds,
        2 * source.nbytes / copy_seconds,
        read_bytes / timed(reading),
        _products(cupy, timed, 32 if small else 8192),
    )


def _products(cupy: Any, timed: Callable[[Callable[[], Any]], float], size: int) -> dict[str, float]:
    """Operations a second of a large product in each dtype; bfloat16 and TF32 by PyTorch, where it is there. Of random
    numbers, since products of like ones take a device less power, and less time."""
    found: dict[str, float] = {}
    for dtype in ("float16", "float32", "float64"):
        a = cupy.random.default_rng(0).standard_normal((size, size), dtype=np.float32).astype(dtype)
        out = cupy.empty_like(a)
        found[dtype] = 2 * size**3 / timed(lambda a=a, out=out: cupy.matmul(a, a, out=out))
    try:
        import torch

        if torch.cuda.is_available():
            rounds = torch.backends.cuda.matmul.allow_tf32
            torch.backends.cuda.matmul.allow_tf32 = True
            for name, dtype in (("bfloat16", torch.bfloat16), ("tf32", torch.float32)):
                b = torch.randn((size, size), dtype=dtype, device="cuda")
                result = torch.empty_like(b)
                found[name] = 2 * size**3 / timed(lambda b=b, result=result: torch.matmul(b, b, out=result))
            torch.backends.cuda.matmul.allow_tf32 = rounds
    except ImportError:
        pass
    return found


def timer(cupy: Any) -> Callable[[Callable[[], Any]], float]:
    """The least of a few: a rate is what the device can do."""

    def timed(call: Callable[[], Any]) -> float:
        call()
        finish = cupy.cuda.runtime.deviceSynchronize
        seconds: list[float] = []
        for _ in range(7):
            finish()
            before = time.perf_counter()
            call()
            finish()
            seconds.append(time.perf_counter() - before)
        return min(seconds)

    return timed
