"""Generated CUDA modules on the CPU: their CuPy is the stand-in, and nobody else notices."""

from __future__ import annotations

import shutil
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from rnnc.simulator.cupy_like import Cupy, How
from rnnc.simulator.driver import DeviceModel
from rnnc.simulator.faults import KernelFault
from rnnc.simulator.loader import load
from rnnc.simulator.source import prelude

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="CUDA on the CPU needs g++")

MODULE = f'''
"""A generated module."""
import numpy as np
import cupy as cp
from cupy.cuda import Device

_PRELUDE = r"""{prelude()}"""

_KERNELS = r"""
extern "C" __global__ void twice(const float* x, float* out, int n) {{
  extern __shared__ float s[];
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) {{
    s[threadIdx.x] = x[i];
    out[i] = from_float<float>(FACTOR * s[threadIdx.x]);
  }}
}}
"""

_compiled = None

def twice(x, threads=64, shared=256):
    global _compiled
    if _compiled is None:
        module = cp.RawModule(code=_PRELUDE + _KERNELS, options=("-std=c++17", "-DFACTOR=2.0f"))
        _compiled = module.get_function("twice")
    x = cp.ascontiguousarray(cp.asarray(x, dtype=cp.float32))
    out = cp.empty(x.shape, cp.float32)
    if shared > 48 * 1024:
        _compiled.max_dynamic_shared_size_bytes = shared
    with Device() as device:
        assert device.attributes["MaxSharedMemoryPerBlockOptin"] == 227 * 1024
        _compiled((-(-x.size // threads),), (threads,), (x, out, np.int32(x.size)), shared_mem=shared)
    return out

def later():
    import cupy.cuda
    return cupy.cuda.Device().compute_capability

def other():
    import json
    return json
'''


@needs_compiler
def test_a_module_runs_on_the_cpu() -> None:
    before = sys.modules.get("cupy")
    module = load(MODULE, "twice")
    x = np.arange(100.0)
    assert np.array_equal(module.twice(x), 2 * x)
    assert module.later() == "90"
    assert module.other() is sys.modules["json"]
    assert sys.modules.get("cupy") is before


@needs_compiler
def test_shared_memory_is_asked_for() -> None:
    module = load(MODULE, "twice")
    assert module.twice(np.ones(3), shared=100 * 1024).tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match="a block has at most 232448 bytes"):
        module.twice(np.ones(3), shared=300 * 1024)
    fresh = load(MODULE, "twice")
    fresh.twice(np.ones(3))
    with pytest.raises(ValueError, match="max_dynamic_shared_size_bytes is 49152"):
        fresh._compiled((1,), (32,), (np.ones(3, np.float32),), shared_mem=50000)


@needs_compiler
def test_faults_pass_through_with_lines_of_both() -> None:
    module = load(MODULE, "twice", How(race=True))
    with pytest.raises(KernelFault, match=r"block \(0,0,0\), thread \(16,0,0\).*shared memory") as caught:
        module.twice(np.ones(64), shared=64)
    assert caught.value.fault.source.strip() == "s[threadIdx.x] = x[i];"
    assert "_compiled((-(-x.size // threads),)" in "".join(traceback.format_exception(caught.value))


@needs_compiler
def test_many_threads_at_once() -> None:
    module, x = load(MODULE, "twice"), np.arange(256.0)
    with ThreadPoolExecutor(4) as pool:
        for out in pool.map(lambda factor: module.twice(factor * x), range(8)):
            assert np.array_equal(out, 2 * x * (out[1] / 2))


@needs_compiler
def test_a_captured_graph_replays() -> None:
    cupy = Cupy()
    text = 'extern "C" __global__ void more(float* x) { x[threadIdx.x] += 1.0f; }'
    kernel, x = cupy.RawKernel(text, "more"), cupy.zeros(4, cupy.float32)
    with cupy.cuda.Stream(non_blocking=True) as stream:
        stream.begin_capture()
        kernel((1,), (4,), (x,))
        kernel((1,), (2,), (x,))
        graph = stream.end_capture()
    assert not x.any()
    for _ in range(3):
        graph.launch(stream)
    assert x.tolist() == [6, 6, 3, 3]
    assert len(graph) == 2


@needs_compiler
def test_a_cooperative_grid_fits_the_device() -> None:
    cupy = Cupy(How(device=DeviceModel(multiprocessors=2)))
    text = 'extern "C" __global__ void mark(unsigned char* x) { x[blockIdx.x] = 1; }'
    kernel, x = cupy.RawKernel(text, "mark"), cupy.zeros(4, bool)
    kernel((4,), (1024,), (x,), enable_cooperative_groups=True)
    assert x.all()
    with pytest.raises(ValueError, match="a cooperative grid of 5 blocks, and 4 fit"):
        kernel.kernel((5,), (1024,), (x,), enable_cooperative_groups=True)


@needs_compiler
def test_only_a_cooperative_grid_meets() -> None:
    """On a device its blocks might wait for ever for one that has no room."""
    cupy = Cupy()
    text = 'extern "C" __global__ void meet(unsigned* x) { unsigned t = 0; grid_barrier(x, gridDim.x, &t); }'
    kernel, x = cupy.RawKernel(text, "meet"), cupy.zeros(1, cupy.uint32)
    kernel((2,), (32,), (x,), enable_cooperative_groups=True)
    assert x[0] == 2
    x[0] = 0
    with pytest.raises(KernelFault, match="a barrier of 2 blocks in a launch that is not cooperative"):
        kernel((2,), (32,), (x,))


def test_what_cupy_would_not_take() -> None:
    cupy = Cupy()
    text = 'extern "C" __global__ void mark(unsigned char* x) { x[blockIdx.x] = 1; }'
    with pytest.raises(TypeError, match="unexpected keyword argument 'enable_cooperative_groups'"):
        cupy.RawModule(code=text, enable_cooperative_groups=True)
    with pytest.raises(TypeError, match="options should be a tuple"):
        cupy.RawModule(code=text, options=["-std=c++17"])
    kernel, x = cupy.RawKernel(text, "mark"), cupy.zeros(4, bool)
    with pytest.raises(TypeError, match="the grid should be a tuple, and is a int"):
        kernel(4, (32,), (x,))
    with pytest.raises(ValueError, match="65536 blocks along y, and a grid has at most 65535"):
        kernel((1, 65536), (32,), (x,))
    brains = np.zeros((2, 2, 2), pytest.importorskip("ml_dtypes").bfloat16)
    with pytest.raises(TypeError, match="no products of stacks of bfloat16"):
        cupy.matmul(brains, brains)
    with cupy.cuda.Stream(non_blocking=True) as stream:
        stream.begin_capture(cupy.cuda.runtime.streamCaptureModeThreadLocal)
        with pytest.raises(RuntimeError, match="loading a module: operation not permitted"):
            cupy.RawKernel(text, "mark")


def test_memory_starts_poisoned() -> None:
    cupy = Cupy()
    assert np.isnan(cupy.empty((2, 3), cupy.float32)).all()
    assert np.isnan(cupy.empty_like(np.zeros(4, np.float16))).all()
    assert cupy.zeros(3, cupy.float32).tolist() == [0, 0, 0]
    assert cupy.empty((0, 3)).size == 0


def test_products_of_halves_are_rounded_once() -> None:
    cupy, ones = Cupy(), np.ones((1, 4096), np.float16)
    for out in (None, np.empty((1, 1), np.float16)):
        assert cupy.matmul(ones, ones.T * np.float16(1 + 2**-10), out=out) == 4100


def test_the_device_that_is_played() -> None:
    cupy = Cupy(How(device=DeviceModel(multiprocessors=2)))
    assert cupy.cuda.Device().attributes["MultiProcessorCount"] == 2
    assert cupy.cuda.driver.occupancyMaxActiveBlocksPerMultiprocessor(0, 256, 100 << 10) == 2
    assert cupy.get_array_module(np.zeros(1)) is cupy
    assert isinstance(cupy.asarray([1.0]), cupy.ndarray)
    event = cupy.cuda.get_current_stream().record()
    event.synchronize()
    with pytest.raises(ModuleNotFoundError, match="the stand-in for CuPy has no sparse"):
        load("from cupy.sparse import csr_matrix", "sparse")
