"""Devices before sm_80, which lack instructions of later ones: what the prelude does instead, and what is refused."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest

from rnnc.compiler import compile_source
from rnnc.simulator.cupy_like import How
from rnnc.simulator.driver import DeviceModel
from rnnc.simulator.launch import Kernels
from rnnc.simulator.loader import load
from rnnc.simulator.nvrtc import compile_kernels
from rnnc.simulator.source import prelude
from rnnc.syntax.source import read_source
from tests.cuda.test_modules import EXAMPLES
from tests.simulator.texts import FRAGMENTS

PRODUCT = """
template <typename T> __device__ void product16(const T* a, const T* b, float* out) {
  const int group = threadIdx.x / 4, place = threadIdx.x % 4;
  unsigned fa[4], fb[2];
  fragments(a, b, fa, fb);
  float here[4] = {1.0f, 1.0f, 1.0f, 1.0f}, there[4] = {1.0f, 1.0f, 1.0f, 1.0f};
  rnnc_by_lanes<T>(here, fa, fb);
  mma_m16n8k16<T>(there, fa, fb);
  for (int i = 0; i < 4; ++i) out[(group + i / 2 * 8) * 8 + place * 2 + i % 2] = here[i] - there[i];
  for (int i = 0; i < 4; ++i) out[128 + (group + i / 2 * 8) * 8 + place * 2 + i % 2] = here[i];
}
extern "C" __global__ void mma_f16(const f16* a, const f16* b, float* out) { product16(a, b, out); }
extern "C" __global__ void mma_bf16(const bf16* a, const bf16* b, float* out) { product16(a, b, out); }
"""


def by_lanes() -> str:
    """The function of the prelude that only the compiler for early devices sees."""
    found = re.search(r"template <typename T>\n[^\n]*rnnc_by_lanes.*?\n}\n", prelude(), re.DOTALL)
    assert found
    return found[0]


@pytest.mark.skipif(shutil.which("g++") is None, reason="CUDA on the CPU needs g++")
@pytest.mark.parametrize("kernel", ["mma_f16", "mma_bf16"])
def test_lanes_multiply_as_tensor_cores_do(kernel: str) -> None:
    """Fragments lie as in the one instruction; the sums differ by roundings."""
    rng = np.random.default_rng(0)
    whole = [rng.integers(-8, 8, shape) for shape in ((16, 16), (16, 8))]  # which both types hold
    wide = [a.astype(np.float32) for a in whole]
    bits = [a.view(np.uint32) >> 16 if kernel == "mma_bf16" else a.astype(np.float16).view(np.uint16) for a in wide]
    out = np.empty((2, 16, 8), np.float32)
    Kernels(prelude() + by_lanes() + FRAGMENTS + PRODUCT).get(kernel)(
        1, 32, (*(b.astype(np.uint16) for b in bits), out)
    )
    assert not out[0].any()
    assert np.array_equal(out[1], 1 + whole[0] @ whole[1])


@pytest.mark.parametrize("arch", ["sm_70", "sm_75"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_kernels_compile_for_them(dtype: str, arch: str) -> None:
    pytest.importorskip("cupy_backends.cuda.libs.nvrtc", exc_type=ImportError)
    module = load(text(), "lstm")
    for program in ("forward_loop_1", "backward_loop_1"):
        found = compile_kernels(module._code(dtype, program), (arch,))
        assert all(kernel.spill_stores == kernel.spill_loads == 0 for kernel in found)


def test_a_device_that_is_too_old() -> None:
    module = load(text(), "lstm", How(device=DeviceModel(compute_capability="61")))
    params = module.init_params(units=4, input=3)
    with pytest.raises(RuntimeError, match=r"compute capability 7\.0 \(Volta\) or newer, and device 0 has 6\.1"):
        module.forward(params, np.zeros((1, 2, 3), np.float32))


def text() -> str:
    return compile_source(read_source(EXAMPLES / "lstm.rnn"), None, {}, target="cuda").text
