"""Kernel text that cannot be compiled, arguments that do not fit, machines that lack something."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnc.resources import resource_text
from rnnc.simulator.arguments import ArgumentError
from rnnc.simulator.compile import CompilerMissing, build
from rnnc.simulator.launch import Kernels
from rnnc.simulator.source import KernelTextError, cpu_text, find_kernels, prelude
from tests.simulator.texts import CLUSTERED, SOUND

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="CUDA on the CPU needs g++")

SCALARS = """
extern "C" __global__ void scalars(int i, unsigned u, long long l, unsigned long long k, float f, double d, bool b,
                                   double* out) {
  out[0] = i; out[1] = u; out[2] = (double)l; out[3] = (double)k; out[4] = f; out[5] = d; out[6] = b;
}
"""
VALUES = (np.int32(-1), np.uint32(2**32 - 1), -(2**40), np.uint64(2**63), np.float32(0.1), 0.1, True)


@needs_compiler
def test_scalars_go_as_what_they_are() -> None:
    out = np.zeros(7)
    Kernels(SCALARS).get("scalars")(1, 1, (*VALUES, out))
    assert out.tolist() == [-1, 2**32 - 1, -(2**40), 2**63, float(np.float32(0.1)), 0.1, 1]


@needs_compiler
@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (0, 1, r"argument 1: the kernel takes int of 4 bytes, not int64"),
        (1, np.int32(1), r"argument 2: .*unsigned int of 4 bytes, not int32"),
        (4, 0.5, r"argument 5: .*float of 4 bytes, not float64"),
        (4, np.zeros(1, np.float32), r"argument 5: .*not an array of float32"),
        (5, "0.5", r"argument 6: .*float of 8 bytes, not '0.5'"),
        (7, np.zeros(7, np.float32), r"argument 8: .*pointer to float of 8 bytes, not an array of float32"),
        (7, np.zeros((7, 2))[:, 0], r"argument 8: the array is not contiguous"),
        (7, np.int64(0), r"argument 8: .*pointer to float of 8 bytes, not"),
    ],
)
def test_wrong_arguments(place: int, value: Any, message: str) -> None:
    values = [*VALUES, np.zeros(7)]
    values[place] = value
    with pytest.raises(ArgumentError, match=message):
        Kernels(SCALARS).get("scalars")(1, 1, values)


@needs_compiler
def test_wrong_launches() -> None:
    kernel, args = Kernels(SCALARS).get("scalars"), (*VALUES, np.zeros(7))
    with pytest.raises(ArgumentError, match="takes 8 arguments, not 7"):
        kernel(1, 1, args[:-1])
    with pytest.raises(ArgumentError, match="at most 1024 threads, not 2048"):
        kernel(1, (64, 32), args)
    with pytest.raises(ArgumentError, match="shared memory, not 300000"):
        kernel(1, 1, args, shared_mem=300000)
    with pytest.raises(ArgumentError, match="divides the grid, not 2"):
        kernel(3, 1, args, cluster=2)
    with pytest.raises(ArgumentError, match="schedule"):
        kernel(1, 1, args, schedule="lifo")  # type: ignore[arg-type]
    frozen = np.zeros(7)
    frozen.flags.writeable = False
    with pytest.raises(ArgumentError, match=r"argument 8: .*read-only"):
        kernel(1, 1, (*VALUES, frozen))
    with pytest.raises(KeyError, match="no kernel scalar; the text has scalars"):
        Kernels(SCALARS).get("scalar")


@needs_compiler
def test_memory_that_is_promised_to_be_apart() -> None:
    text = 'extern "C" __global__ void f(const float* __restrict__ a, const float* b, float* out) { *out = *a + *b; }'
    kernel, x = Kernels(text).get("f"), np.ones(4, np.float32)
    kernel(1, 1, (x[:2], x[:2], x[2:]))
    assert x.tolist() == [1, 1, 2, 1]
    kernel(1, 1, (x[2:], x[:2], x[:2]))
    assert x[0] == 3
    with pytest.raises(ArgumentError, match="argument 1 is __restrict__, but shares memory with argument 3"):
        kernel(1, 1, (x, x, x))


@needs_compiler
def test_broken_text_tells_the_line() -> None:
    text = prelude() + '\nextern "C" __global__ void f(float* x) {\n  x[0] = y;\n}\n'
    line = text.splitlines().index("  x[0] = y;") + 1
    with pytest.raises(KernelTextError, match=rf"kernels\.cu:{line}:\d+: error: 'y' was not declared"):
        Kernels(text).get("f")(1, 1, (np.zeros(1, np.float32),))


@pytest.mark.parametrize(
    "text",
    [
        'extern "C" __global__ void f() {\n  __shared__ float x[4];\n}',
        '// at the top\nextern __shared__ float x[];\nextern "C" __global__ void f() { x[0] = 1; }',
    ],
)
def test_shared_memory_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(KernelTextError, match=r"kernels\.cu:2: shared memory is declared inside a function, as"):
        cpu_text(text)


@needs_compiler
def test_macros_from_options() -> None:
    text = 'extern "C" __global__ void f(int* x) { x[0] = SIZE; }'
    out = np.zeros(1, np.int32)
    for size in (3, 4):
        Kernels(text, defines=(f"-DSIZE={size}",)).get("f")(1, 1, (out,))
        assert out[0] == size


@needs_compiler
def test_the_cache_knows_text_and_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("rnnc.simulator.compile._runtime", lambda compiler: Path("/dev/null"))
    built = [tmp_path / "never"]
    monkeypatch.setattr("rnnc.simulator.compile._compile_kernels", lambda *given: given[-1].touch())
    (tmp_path / "rnnc" / "simulator").mkdir(parents=True)
    built = [build(SCALARS), build(SCALARS), build(SCALARS, race=True), build(SCALARS + "\n")]
    assert built[0] == built[1]
    assert len({*built}) == 3
    assert all(path.is_relative_to(tmp_path) for path in built)


@needs_compiler
def test_without_a_folder_for_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file stands where it should be: what is built lies elsewhere, and is found there again."""
    (tmp_path / "rnnc").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert build(SCALARS) == build(SCALARS)
    assert build(SCALARS).exists()


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(CompilerMissing, match=r"g\+\+.*apt install g\+\+"):
        build(SCALARS)


def test_kernels_are_found() -> None:
    assert [(head.name, head.cluster) for head in find_kernels(CLUSTERED)] == [
        *(("neighbours", 4), ("leaves_early", 4), ("pushes", 4), ("pushes_unseen", 4), ("pushes_to", 4)),
        ("pushes_and_leaves", 4),
    ]
    assert [head.name for head in find_kernels(SOUND)][:2] == ["add", "row_sum"]
    assert find_kernels('/* extern "C" __global__ void f() */ __global__ void g() {}') == ()


def test_the_prelude_and_its_twin_have_the_same_functions() -> None:
    def functions(text: str) -> set[str]:
        outside = re.sub(r"namespace rnnc_cpu \{.*?\n\}  // namespace", "", text, flags=re.DOTALL)
        pattern = r"(?:__forceinline__|inline) (?:unsigned|void|float|double|bool|[TX]\*?) (\w+)\("
        return set(re.findall(pattern, outside)) - {"of", "product"}

    device = functions(prelude()) - {"rnnc_by_lanes"}  # only for devices before sm_80
    assert {"ld_acquire", "grid_barrier", "mma_m16n8k16", "cp_async_wait", "from_float", "cluster_rank"} <= device
    assert device == functions(resource_text("templates/cuda/cpu/prelude.h")) - {"of"}
