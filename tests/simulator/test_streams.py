"""The stand-in's streams and cuBLAS refuse what real ones do, and do things no sooner than real ones have to."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from rnnc.resources import resource_text
from rnnc.simulator.cublas import FILE, INVALID_VALUE, NOT_SUPPORTED, Ctypes
from rnnc.simulator.cupy_like import Cupy, How


def late() -> Cupy:
    return Cupy(How(late=True))


def test_a_late_stream_does_nothing_before_it_is_waited_for() -> None:
    cupy, told = late(), list[str]()
    one, other = cupy.cuda.Stream(non_blocking=True), cupy.cuda.Stream(non_blocking=True)
    one.do(lambda: told.append("one"))
    event = one.record()
    one.do(lambda: told.append("after"))
    other.wait_event(event)
    other.do(lambda: told.append("other"))
    assert told == []
    cupy.cuda.get_current_stream().wait_event(other.record())
    assert told == ["one", "other"]
    cupy.cuda.runtime.deviceSynchronize()
    assert told == ["one", "other", "after"]


def test_an_event_is_the_moment_that_was_recorded_last() -> None:
    cupy, told = late(), list[str]()
    stream, event = cupy.cuda.Stream(), cupy.cuda.Event(disable_timing=True)
    stream.record(event)
    stream.do(lambda: told.append("late"))
    event.synchronize()
    assert told == []
    stream.record(event)
    event.synchronize()
    assert told == ["late"]


@pytest.mark.parametrize(
    "work",
    [
        lambda cupy: cupy.empty(3),
        lambda cupy: cupy.zeros(3),
        lambda cupy: cupy.asnumpy(np.ones(3)),
        lambda cupy: cupy.cuda.get_current_stream().synchronize(),
        lambda cupy: cupy.cuda.runtime.deviceSynchronize(),
    ],
)
def test_what_a_capture_refuses_ends_it(work: Callable[[Cupy], Any]) -> None:
    cupy = Cupy()
    with cupy.cuda.Stream(non_blocking=True) as stream:
        stream.begin_capture(cupy.cuda.runtime.streamCaptureModeThreadLocal)
        with pytest.raises(RuntimeError, match="not permitted when stream is capturing"):
            work(cupy)
        with pytest.raises(RuntimeError, match="invalidated"):
            stream.end_capture()
        work(cupy)
        stream.begin_capture()
        stream.end_capture()


def test_a_relaxed_capture_takes_memory() -> None:
    cupy = Cupy()
    with cupy.cuda.Stream(non_blocking=True) as stream:
        stream.begin_capture()
        cupy.empty(3)
        assert len(stream.end_capture()) == 0


def test_captures_that_cannot_begin_or_end() -> None:
    cupy = Cupy()
    null, stream = cupy.cuda.get_current_stream(), cupy.cuda.Stream(non_blocking=True)
    with pytest.raises(RuntimeError, match="default"):
        null.begin_capture()
    with pytest.raises(RuntimeError, match="captures nothing"):
        stream.end_capture()
    stream.begin_capture()
    with pytest.raises(RuntimeError, match="captures already"):
        stream.begin_capture()


def test_products_of_cupy_are_not_captured() -> None:
    cupy, x = Cupy(), np.eye(2)
    with cupy.cuda.Stream(non_blocking=True) as stream:
        stream.begin_capture()
        with pytest.raises(NotImplementedError, match="cuBLAS"):
            cupy.matmul(x, x, out=x)


# --- cuBLAS as modules call it ----------------------------------------------------------------------------------------


def blas(cupy: Cupy) -> Any:
    """That of a module."""
    space: dict[str, Any] = {
        "cp": cupy,
        "np": np,
        "ctypes": Ctypes(cupy.cuda.libraries),
        "os": os,
        "threading": threading,
        "_capability": lambda: (9, 0),
        "_address": lambda array: array.ctypes.data,
    }
    exec(compile(resource_text("templates/cuda/blas.py"), "blas.py", "exec"), space)
    return space["_Blas"]()


def orders(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Ways to lie in memory: rows side by side, or columns; the matrices of a stack one by one, or row by row."""
    rank = len(shape)
    return [(0, 1), (1, 0)] if rank == 2 else [(0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 0, 1)]


def lying(random: np.random.Generator, shape: tuple[int, ...], order: tuple[int, ...], dtype: str) -> Any:
    """Random whole numbers, with axes in memory in that order."""
    array = random.integers(-4, 5, [shape[axis] for axis in order]).astype(dtype)
    return array.transpose(np.argsort(order))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("stack", [(), (3,)])
@pytest.mark.parametrize("sizes", [(2, 3, 4), (1, 3, 4), (2, 1, 4), (2, 3, 1), (1, 1, 1)])
def test_matrices_in_any_order(sizes: tuple[int, int, int], stack: tuple[int, ...], dtype: str) -> None:
    """Whole numbers, so that sums are exact."""
    rows, summed, columns = sizes
    multiply, random = blas(Cupy()), np.random.default_rng(0)
    shapes = [(*stack, rows, summed), (*stack, summed, columns), (*stack, rows, columns)]
    for ways in product(*map(orders, shapes)):
        a, b, out = (lying(random, shape, way, dtype) for shape, way in zip(shapes, ways, strict=True))
        multiply.product(a, b, out)
        np.testing.assert_array_equal(out, np.matmul(a, b), err_msg=str(ways))


def test_stacks_of_more_than_one_axis_and_parts_of_arrays() -> None:
    multiply, random = blas(Cupy()), np.random.default_rng(0)
    a, b = random.standard_normal((2, 3, 4, 5)), random.standard_normal((2, 3, 5, 6))
    out = np.zeros((2, 3, 4, 8))
    multiply.product(a, b, out[..., 1:7])
    np.testing.assert_allclose(out[..., 1:7], np.matmul(a, b))
    assert not out[..., 0].any()
    assert not out[..., 7].any()
    multiply.product(a[:0], b[:0], out[:0])
    with pytest.raises(ValueError, match="equally far apart"):
        multiply.product(a[:, :2], b[:, :2], out[:, :2, :, 1:7])
    with pytest.raises(ValueError, match="without gaps"):
        multiply.product(a[0, 0, ::2, ::2], b[0, 0, :3], out[0, 0, :2, 1:7])


def test_nothing_to_sum_is_zero() -> None:
    out = np.ones((2, 3), np.float32)
    blas(Cupy()).product(np.ones((2, 0), np.float32), np.ones((0, 3), np.float32), out)
    assert not out.any()


def test_a_capture_wants_memory_for_products() -> None:
    cupy, x = Cupy(), np.eye(2)
    multiply = blas(cupy)
    with cupy.cuda.Stream(non_blocking=True) as stream:
        multiply.enter(stream, False)
        stream.begin_capture(cupy.cuda.runtime.streamCaptureModeThreadLocal)
        with pytest.raises(RuntimeError, match="status 14"):
            multiply.product(x, x, np.zeros((2, 2)))
        stream.end_capture()
        multiply.enter(stream)
        stream.begin_capture(cupy.cuda.runtime.streamCaptureModeThreadLocal)
        out = np.zeros((2, 2))
        multiply.product(x, x, out)
        graph = stream.end_capture()
        assert not out.any()
        graph.launch(stream)
        np.testing.assert_array_equal(out, x)


def test_arguments_that_the_library_refuses() -> None:
    cupy = Cupy()
    gemm, x = cupy.cuda.cublas.library.cublasGemmEx, np.eye(2)
    handle, place = ctypes.c_void_p(cupy.cuda.get_cublas_handle()), ctypes.c_void_p(x.ctypes.data)
    one, zero = ctypes.byref(ctypes.c_double(1)), ctypes.byref(ctypes.c_double(0))

    def call(leading: int, compute: int) -> int:
        operand = place, 1, leading
        return gemm(handle, 0, 0, 2, 2, 2, one, *operand, *operand, zero, *operand, compute, -1)

    assert call(1, 70) == INVALID_VALUE
    assert call(2, 68) == NOT_SUPPORTED
    with pytest.raises(OSError, match="no library"):
        Ctypes(cupy.cuda.libraries).CDLL("libm.so")
    assert Ctypes(cupy.cuda.libraries).CDLL(FILE) is cupy.cuda.cublas.library
