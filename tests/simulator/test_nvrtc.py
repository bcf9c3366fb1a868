"""NVRTC compiles what the CPU runs, for both architectures, and counts registers; no GPU is needed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from rnnc.simulator.nvrtc import KernelResources, NvrtcMissing, compile_kernels, read_log
from rnnc.simulator.source import KernelTextError, find_kernels
from tests.simulator.texts import BROKEN, CLUSTERED, SOUND

needs_nvrtc = pytest.mark.skipif(importlib.util.find_spec("cupy") is None, reason="NVRTC comes with CuPy")


@needs_nvrtc
@pytest.mark.parametrize("arch", ["sm_80", "sm_90"])
@pytest.mark.parametrize("text", [SOUND, BROKEN])
def test_all_kernels_compile(text: str, arch: str) -> None:
    found = compile_kernels(text, [arch])
    assert {kernel.name for kernel in found} == {head.name for head in find_kernels(text)}
    assert {kernel.arch for kernel in found} == {arch}
    assert all(0 < kernel.registers <= 64 and not kernel.spill_stores for kernel in found)
    assert all(kernel.static_shared == 0 for kernel in found)


@needs_nvrtc
def test_clusters_need_sm_90() -> None:
    assert len(compile_kernels(CLUSTERED, ["sm_90"])) == 6
    with pytest.raises(KernelTextError, match="cluster"):
        compile_kernels(CLUSTERED, ["sm_80"])


@needs_nvrtc
def test_spills_are_seen() -> None:
    text = """
    extern "C" __global__ void __launch_bounds__(1024, 2) greedy(float* x) {
      float v[64];
      for (int i = 0; i < 64; ++i) v[i] = x[i * 1024 + threadIdx.x];
      __syncthreads();
      for (int i = 0; i < 64; ++i) x[i * 1024 + threadIdx.x] = v[63 - i] * v[(i * 7) % 64];
    }
    """
    (kernel,) = compile_kernels(text, ["sm_80"])
    assert kernel.registers == 32
    assert kernel.spill_stores > 0
    assert kernel.spill_loads > 0
    assert kernel.stack > 0


@needs_nvrtc
def test_what_only_one_compiler_refuses() -> None:
    text = 'extern "C" __global__ void f(double* x) {\n  x[0] = INFINITY + __builtin_expect(1, 1);\n}'
    with pytest.raises(KernelTextError, match=r"kernels\.cu\(2\): error: identifier \"INFINITY\" is undefined"):
        compile_kernels(text, ["sm_80"])


@needs_nvrtc
def test_what_the_compiler_said_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    text = 'extern "C" __global__ void f(double* x) { x[0] = 1; }'
    found = compile_kernels(text)
    asked = list[tuple[Any, ...]]()
    monkeypatch.setattr("rnnc.simulator.nvrtc.machine_code", lambda *given: asked.append(given) or (b"", ""))
    assert compile_kernels(text) == found
    assert not asked
    compile_kernels(text, ["sm_80"], ["-DN=1"])
    compile_kernels(f"{text}\n", ["sm_80"])
    assert len(asked) == 2


def test_a_log_is_read() -> None:
    log = """ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'f' for 'sm_80'
ptxas info    : Function properties for f
ptxas         .     16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Function properties for helper
ptxas         .     99 bytes stack frame, 99 bytes spill stores, 99 bytes spill loads
ptxas info    : Used 12 registers, used 0 barriers, 512 bytes smem, 376 bytes cmem[0]
ptxas info    : Compiling entry function 'g' for 'sm_80'
ptxas info    : Used 7 registers, used 0 barriers"""
    assert list(read_log(log)) == [
        KernelResources("f", "sm_80", 12, 16, 8, 12, 512),
        KernelResources("g", "sm_80", 7, 0, 0, 0, 0),
    ]


def test_without_nvrtc(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"No module named {name}")

    monkeypatch.setattr("rnnc.simulator.nvrtc.importlib.import_module", missing)
    with pytest.raises(NvrtcMissing, match="pip install cupy-cuda12x"):
        compile_kernels(SOUND)
