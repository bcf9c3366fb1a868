"""What the host's side of a module asks of CuPy: what each version has, on which device, and from whom arrays come."""

from __future__ import annotations

import ast
import ctypes
import re
from collections import Counter
from functools import lru_cache, reduce
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rnnc.backends.cuda.straight import block
from rnnc.compiler import compile_source
from rnnc.simulator.cupy_like import Function, How
from rnnc.simulator.driver import DeviceModel
from rnnc.simulator.loader import load
from rnnc.syntax.source import Source
from rnnc.verify.proving.halves import TF32, products_in
from tests.cuda.support import needs_compiler

CELL = "cell C(units) {\n input x[input]\n state h[units]\n h' = tanh(linear(x, h))\n output h'\n}"
STACK = """network Stack(units = 3) {
  input x[3]
  output stack(C(units), 4)(x)
}
"""


@lru_cache
def text(strategy: str = "auto") -> str:
    return compile_source(Source("c.rnn", CELL), None, {"strategy": strategy}, target="cuda").text


def module(strategy: str = "auto", how: How | None = None) -> ModuleType:
    return load(text(strategy), "c", how)


def given(loaded: ModuleType, dtype: str = "float32") -> tuple[dict[str, Any], Any]:
    params = loaded.init_params(seed=0, dtype=dtype, input=3, units=4)
    return params, np.random.default_rng(0).standard_normal((2, 5, 3)).astype(dtype)


def test_cupy_has_what_modules_ask_it_for() -> None:
    cupy = pytest.importorskip("cupy")
    names = sorted(set(re.findall(r"(?<![\w.])cp((?:\.[A-Za-z]\w*)+)", text().partition("_PRELUDE =")[0])))
    names += sorted(set(re.findall(r"(?<![\w.])cp((?:\.[A-Za-z]\w*)+)", text().rpartition("_KERNELS =")[2])))
    asked = {name for name in names if not name.startswith(".cuda.cublas")}  # a library that is not needed here
    assert ".cuda.driver.funcSetAttribute" in asked
    for name in asked:
        reduce(getattr, name.strip(".").split("."), cupy)


def test_no_part_of_a_module_takes_a_name_of_another() -> None:
    """Parts are put together as they stand, so the later one would win without a word."""
    found = Counter(node.name for node in ast.parse(text()).body if isinstance(node, ast.FunctionDef | ast.ClassDef))
    assert [name for name, count in found.items() if count > 1] == []


@needs_compiler
def test_a_kernel_that_meets_is_compiled_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """CuPy 12 and 13 would link it with a library of the toolkit; the launch is cooperative."""
    cooperative, call = list[bool](), Function.__call__

    def noted(kernel: Function, *arguments: Any, **how: Any) -> None:
        cooperative.append(how.get("enable_cooperative_groups", False))
        call(kernel, *arguments, **how)

    monkeypatch.setattr(Function, "__call__", noted)
    loaded = module("persistent", How(device=DeviceModel(multiprocessors=2)))
    params, x = given(loaded)
    loaded.forward(params, x)
    (launch,) = (built for built in loaded._BUILT.values() if isinstance(built, loaded._Launch))
    assert [team.blocks > 1 for team in launch.plans.values()] == [True]
    assert cooperative.count(True) == 1


@needs_compiler
def test_plans_and_threads_share_what_a_kernel_may_have() -> None:
    """A smaller plan must not take away what a larger one, in another thread, is about to launch with."""
    loaded = module("block")
    vars(loaded)["_REGISTERS"] = ()
    launch = loaded._launcher(np.dtype("float32"))
    loops = [loaded._Loop(((units, units, 1),), units, 0, 1, False, 1, 1, ()) for units in (170, 200)]
    plans = [launch.team("forward_loop_1", 2, loop) for loop in loops]
    assert plans[0].kept == plans[1].kept
    assert 48 << 10 < plans[0].shared < plans[1].shared
    for plan in plans[::-1]:
        assert launch._loop("forward_loop_1", plan).max_dynamic_shared_size_bytes == launch.room.shared


def test_bfloat16_needs_a_cupy_that_knows_it() -> None:
    loaded = module()
    brains = np.zeros((2, 5, 3), pytest.importorskip("ml_dtypes").bfloat16)
    loaded.cp.ndarray = type("ndarray", (), {})  # arrays of NumPy are those of the host
    assert loaded._borrowed(brains) is brains
    loaded.cp.__version__ = "13.6.0"
    for asks in (lambda: loaded._borrowed(brains), lambda: loaded.init_params(dtype="bfloat16", input=3, units=4)):
        with pytest.raises(ImportError, match=r"bfloat16 needs CuPy 14, and this is 13\.6\.0: pip install -U"):
            asks()


@needs_compiler
def test_arrays_of_another_device(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = module()
    params, x = given(loaded)
    packed = loaded.pack(params)
    expected = loaded.forward(packed, x)[0]
    far = np.array(x)
    monkeypatch.setitem(vars(loaded), "_device_of", lambda array: int(np.may_share_memory(array, far)))
    with pytest.raises(ValueError, match=r"input:x is on device 1, and the current one is 0: `with Device\(1\):`"):
        loaded.forward(packed, far, time_major=True)
    np.testing.assert_array_equal(loaded.forward(packed, x)[0], expected)
    monkeypatch.setitem(vars(loaded), "_device_of", lambda _: 1)
    with pytest.raises(ValueError, match=r"params\['h\.x'\] is on device 1"):
        loaded.forward(params, x)


@needs_compiler
def test_parameters_that_were_packed_on_another_device(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = module()
    params, x = given(loaded)
    packed = loaded.pack(params)
    loaded.forward(packed, x)
    first = loaded.cp.cuda.Device()

    class Other:
        id, attributes = 1, first.attributes

    monkeypatch.setattr(loaded.cp.cuda, "Device", Other)
    with pytest.raises(ValueError, match="params were packed on device 0, and the current one is 1"):
        loaded.forward(packed, x)


class Lent:
    """An array of another library, which says how else one could come by it."""

    def __init__(self, array: Any, device: int) -> None:
        self._array, self._device, self.asked = array, device, list[str]()
        self.dtype, self.shape = array.dtype, array.shape

    def __dlpack__(self, **more: Any) -> Any:
        self.asked.append("dlpack")
        return self._array.__dlpack__(**more)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._device, 0

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        self.asked.append("interface")
        raise RuntimeError("what PyTorch says of a tensor that needs a gradient")


@pytest.mark.parametrize("device", [1, 2, 3])  # the host, a device, and what both can read
def test_other_libraries_are_asked_by_dlpack(device: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which says on which stream to wait, and knows bfloat16; the older way is for those that have no other."""
    loaded = module()
    lent, taken = Lent(np.arange(3.0), device), list[int]()

    def from_device(value: Any) -> Any:
        taken.append(value.__dlpack_device__()[0])
        return np.arange(3.0)

    monkeypatch.setattr(loaded.cp, "from_dlpack", from_device, raising=False)
    assert loaded._borrowed(lent).tolist() == [0, 1, 2]
    assert lent.asked == (["dlpack"] if device != 2 else [])
    assert taken == ([2] if device == 2 else [])


def test_lengths_that_the_host_has_do_not_wait_for_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded, asked = module(), list[Any]()
    loaded.cp.ndarray = type("ndarray", (), {})  # arrays of NumPy are those of the host
    monkeypatch.setattr(loaded.cp, "asnumpy", lambda array: asked.append(array) or array, raising=False)
    for lengths in ([5, 3], (5, 3), np.array([5, 3]), Lent(np.array([5, 3]), 1)):
        assert loaded._on_host(lengths).tolist() == [5, 3]
    assert not asked
    monkeypatch.setattr(loaded.cp, "from_dlpack", lambda _: np.array([5, 3]), raising=False)
    assert loaded._on_host(Lent(np.array([5, 3]), 2)).tolist() == [5, 3]
    assert len(asked) == 1


@needs_compiler
def test_whether_products_round_is_asked_each_time() -> None:
    """CuPy's own decide it once for a process."""
    loaded = module("step")
    a = np.full((2, 4), 1 + 2**-13, np.float32)
    out = np.zeros((2, 2), np.float32)
    for dtype, expected in ((None, a.astype(float) @ a.T.astype(float)), (TF32, np.full((2, 2), 4.0)), (None, None)):
        with products_in(dtype):
            loaded._product(a, a.T, out)
        if expected is not None:
            np.testing.assert_allclose(out, expected, rtol=1e-7)
    assert (out != 4).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("mode", [0, 1, 16])
def test_products_of_halves_are_rounded_once(dtype: str, mode: int) -> None:
    """Also where several blocks have parts of a sum; the handle is CuPy's, which finds its mode as it was."""
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    loaded = module()
    blas = loaded._own(loaded._HANDLES, loaded._Blas)
    blas.library.cublasSetMathMode(blas.handle, mode)
    half, seen = loaded._named_dtype(dtype), ctypes.c_int(-1)
    small = 2.0 ** (-9 if dtype == "bfloat16" else -12)
    a = np.array([[1, small, small, -1, 0, 0]]).astype(half)
    for stack in ((), (2,)):
        out = np.zeros((*stack, 1, 1), half)
        loaded._product(np.broadcast_to(a, (*stack, 1, 6)).copy(), np.ones((*stack, 6, 1), half), out)
        np.testing.assert_array_equal(out.astype(float), 2 * small)
    blas.library.cublasGetMathMode(blas.handle, ctypes.byref(seen))
    assert seen.value == mode


def test_products_of_matrices_that_lie_anyhow() -> None:
    loaded = module()
    random = np.random.default_rng(0)
    a, b = random.standard_normal((3, 8, 10))[:, ::2, ::2], random.standard_normal((5, 3, 7)).transpose(1, 0, 2)
    out = np.zeros((3, 8, 14))
    loaded._product(a, b, out[:, ::2, ::2])
    np.testing.assert_allclose(out[:, ::2, ::2], a @ b)
    assert not out[:, 1::2].any()
    np.testing.assert_allclose(loaded._multiplied(a, b), a @ b)


def test_cupy_multiplies_where_the_library_is_not_found() -> None:
    loaded = module()
    del loaded.cp.cuda.cublas.library.cublasGemmEx
    a, out = np.eye(2), np.zeros((2, 2))
    with pytest.warns(UserWarning, match="products are CuPy's, which cannot be captured: "):
        loaded._product(a, a, out)
    loaded._product(a, 2 * a, out)  # without another word
    np.testing.assert_array_equal(out, 2 * a)


@needs_compiler
def test_layers_of_a_stack_share_their_kernels() -> None:
    """Their texts differ in names alone."""
    loaded = load(compile_source(Source("s.rnn", f"{CELL}\n{STACK}"), "Stack", {}, target="cuda").text, "s")
    alone = [name for name in loaded._KERNELS if "_loop_" in name and "joint" not in name]
    assert alone == ["forward_loop_1", "train_loop_1", "backward_loop_1"]
    numpy = load(compile_source(Source("s.rnn", f"{CELL}\n{STACK}"), "Stack", {}, target="numpy").text, "s")
    params = loaded.init_params(seed=1, dtype="float64")
    x = np.random.default_rng(0).standard_normal((2, 5, 3))
    for each in params.values():
        each += np.random.default_rng(1).standard_normal(each.shape)
    (found, _, tape), (expected, _, other) = loaded.forward_train(params, x), numpy.forward_train(params, x)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    slopes = np.cos(expected)
    gradients, wanted = loaded.backward(params, tape, slopes), numpy.backward(params, other, slopes)
    for name, gradient in gradients["params"].items():
        np.testing.assert_allclose(gradient, wanted["params"][name], atol=1e-11, err_msg=name)


@needs_compiler
def test_kernels_have_as_many_parameters_as_any_device_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel of all layers is several where it would have more: 4096 bytes before CUDA 12.1."""
    source = Source("s.rnn", f"{CELL}\n{STACK}")
    whole = load(compile_source(source, "Stack", {"strategy": "step"}, target="cuda").text, "whole")
    monkeypatch.setattr(block, "PARAMETERS", 12 * 8)
    cut = load(compile_source(source, "Stack", {"strategy": "step"}, target="cuda").text, "cut")
    counts = [
        [
            head.count(",") + 1
            for text in each._KERNELS.values()
            for head in re.findall(r"_bounds__\(256, 1\) \w+\((.*?)\) {", text, re.DOTALL)
        ]
        for each in (whole, cut)
    ]
    assert max(counts[0]) > 12
    assert max(counts[1]) <= 12
    params, x = whole.init_params(seed=1), np.random.default_rng(0).standard_normal((2, 5, 3)).astype("float32")
    for found, expected in zip(cut.forward_train(params, x)[:2], whole.forward_train(params, x)[:2], strict=True):
        pairs = zip(found.values(), expected.values(), strict=True) if isinstance(found, dict) else [(found, expected)]
        for got, wanted in pairs:
            np.testing.assert_array_equal(got, wanted)
