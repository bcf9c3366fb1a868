"""Sound kernels with one thing broken in a copy: a barrier, a fence or an index. Each is caught, at a line."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pytest

from rnnc.simulator.faults import KernelFault
from rnnc.simulator.launch import Kernels
from tests.simulator.texts import SOUND

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="CUDA on the CPU needs g++")

UNFENCED = """target += gridDim.x;
    __syncthreads();
    if (threadIdx.x == 0) {
      atomicAdd(counter, 1u);
      while ((int)(ld_acquire(counter) - target) < 0) spin_pause();
    }
    __syncthreads();"""
BARRIER = "    __syncthreads();\n    if (threadIdx.x == 0) {\n      for"
GRID = "grid_barrier(counter, gridDim.x, &target);"
SUM = "sum = warp_sum(sum);\n"
# What is broken: the kernel, what stands there, what stands there then, and the fault.
COPIES = {
    "no barrier between warps": ("recur", BARRIER, BARRIER.split("\n", 1)[1], "race"),
    "a barrier for some threads": ("recur", BARRIER, f"    if (threadIdx.x < 40) {BARRIER.strip()}", "divergence"),
    "no barrier of the grid": ("recur", GRID, "__syncthreads();", "race"),
    "a barrier of the grid for more blocks": ("recur", GRID, GRID.replace("gridDim.x", "gridDim.x + 1"), "deadlock"),
    "no fence": ("recur", GRID, UNFENCED, "race"),
    "an index past the end": ("recur", "h[(t + 1) * n + row]", "h[(t + 2) * n + row]", "out of bounds"),
    "an index of another row": ("recur", "h[(t + 1) * n + row]", "h[(t + 1) * n + row / 2]", "race"),
    "a sum without its barrier": ("row_sum", "  __syncthreads();\n", "", "race"),
    "a shuffle of half a warp": ("row_sum", f"  {SUM}", f"  if (threadIdx.x % 32 < 16) {SUM}", "deadlock"),
}


def run(text: str, kernel: str, race: bool) -> None:
    """A launch of a kernel of four warps in all."""
    if kernel == "row_sum":
        args: tuple[Any, ...] = (np.ones((2, 100), np.float32), np.zeros(2, np.float32), np.int32(100))
    else:
        w, x, h = np.ones((2, 2), np.float32), np.ones((3, 2), np.float32), np.zeros((4, 2), np.float32)
        args = (w, x, h, np.zeros(1, np.uint32), np.int32(2), np.int32(3))
    Kernels(text).get(kernel)(2, 64, args, shared_mem=8, race=race)


@pytest.mark.parametrize("what", COPIES)
def test_a_broken_copy_is_caught(what: str) -> None:
    kernel, right, wrong, kind = COPIES[what]
    begin = SOUND.index(f"__global__ void {kernel}(")
    end = SOUND.index("\n}\n", begin)
    body = SOUND[begin:end]
    assert body.count(right) == 1
    with pytest.raises(KernelFault) as caught:
        run(SOUND[:begin] + body.replace(right, wrong) + SOUND[end:], kernel, race=True)
    assert caught.value.fault.kernel == kernel
    assert caught.value.fault.line is not None
    assert caught.value.fault.kind == kind


@pytest.mark.parametrize("kernel", ["recur", "row_sum"])
def test_the_kernels_themselves_are_sound(kernel: str) -> None:
    run(SOUND, kernel, race=True)
