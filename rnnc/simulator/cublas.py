"""The stand-in's cuBLAS: products of matrices at addresses, with the library's own conventions.

What goes through CuPy is refused while a stream captures, as CuPy does; what a module gets with `ctypes` is not.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import local
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from rnnc.simulator.memory import memory_at
from rnnc.simulator.streams import RELAXED, Stream, Streams

INVALID_VALUE, INTERNAL_ERROR, NOT_SUPPORTED = 7, 14, 15  # statuses
DTYPES = {0: ("float32", 68), 1: ("float64", 70), 2: ("float16", 68), 14: ("bfloat16", 68)}  # what it adds up in
ADDED_IN_FULL = 16  # a mode in which parts of sums are not rounded to halves before they are added up
TF32 = 77  # what float32 may be added up in, too
ASKED_FOR = "CUPY_TF32"  # in the environment, for products that may round float32 to it
FILE = "cublas on the CPU"


class Cublas(ModuleType):
    """What `cupy.cuda.cublas` is to a loaded module."""

    def __init__(self, streams: Streams) -> None:
        super().__init__("cupy.cuda.cublas")
        self.__file__ = FILE
        self._streams, self._handles = streams, local()
        self.library = SimpleNamespace(
            cublasSetStream_v2=self._set_stream,
            cublasSetWorkspace_v2=self._set_workspace,
            cublasGetMathMode=self._mode,
            cublasSetMathMode=self._set_mode,
            cublasGemmEx=self._gemm,
            cublasGemmStridedBatchedEx=self._stacked,
        )

    def handle(self) -> int:
        """That of this thread."""
        if not hasattr(self._handles, "own"):
            self._handles.own = _Handle(self._streams.null)
        return id(self._handles.own)

    def _own(self, handle: Any) -> _Handle:
        if handle.value != self.handle():
            raise ValueError("a handle of another thread")
        return self._handles.own

    def _set_stream(self, handle: Any, stream: Any) -> int:
        own = self._own(handle)
        own.stream, own.room = self._streams.at(stream.value or 0), 0
        return 0

    def _set_workspace(self, handle: Any, place: Any, size: Any) -> int:
        if place.value is None or place.value % 16:  # the real one wants 256, which NumPy's memory may not have
            return INVALID_VALUE
        self._own(handle).room = size.value
        return 0

    def _mode(self, handle: Any, into: Any) -> int:
        into._obj.value = self._own(handle).mode
        return 0

    def _set_mode(self, handle: Any, mode: Any) -> int:
        self._own(handle).mode = getattr(mode, "value", mode)
        return 0

    def _gemm(self, *given: Any) -> int:
        handle, turn_a, turn_b, m, n, k, alpha, a, kind_a, ld_a, b, kind_b, ld_b, beta, c, kind_c, ld_c, *how = given
        return self._stacked(
            *(handle, turn_a, turn_b, m, n, k, alpha, a, kind_a, ld_a, ctypes.c_longlong(0)),
            *(b, kind_b, ld_b, ctypes.c_longlong(0), beta, c, kind_c, ld_c, ctypes.c_longlong(0), 1, *how),
        )

    def _stacked(self, *given: Any) -> int:
        handle, turn_a, turn_b, m, n, k, alpha, *arrays = given
        a, kind_a, ld_a, apart_a, b, kind_b, ld_b, apart_b, beta, c, kind_c, ld_c, apart_c, count, compute, _ = arrays
        own = self._own(handle)
        if alpha._obj.value != 1 or beta._obj.value != 0 or {kind_a, kind_b} != {kind_c} or min(m, n, k, count) < 0:
            return NOT_SUPPORTED
        name, sums = DTYPES[kind_c]
        if compute != sums and (name, compute) != ("float32", TF32):
            return NOT_SUPPORTED
        if own.stream.is_capturing() and own.stream.mode != RELAXED and not own.room:
            return INTERNAL_ERROR  # it would be memory of the graph's own
        dtype = _dtype(name)
        left = _Matrices(a, dtype, (m, k), turn_a, ld_a, apart_a, count)
        right = _Matrices(b, dtype, (k, n), turn_b, ld_b, apart_b, count)
        out = _Matrices(c, dtype, (m, n), 0, ld_c, apart_c, count)
        if not all(one.valid for one in (left, right, out)):
            return INVALID_VALUE
        rounds, parts = compute == TF32, 1 if own.mode & ADDED_IN_FULL or k < 2 else 2
        own.stream.do(lambda: multiply(left.array(), right.array(), out.array(), rounds=rounds, parts=parts))
        return 0


@dataclass
class _Handle:
    """Where products go, how much memory of the caller's they may use, and how they are added up."""

    stream: Stream
    room: int = field(default=0)
    mode: int = field(default=0)


class _Matrices:
    """Some matrices at an address, columns side by side; `turned`: those whose transposes they are."""

    def __init__(
        self, place: Any, dtype: Any, shape: tuple[int, int], turned: int, leading: int, apart: Any, count: int
    ) -> None:
        self._turned = turned
        self._rows, self._columns = shape[::-1] if turned else shape
        self._address, self._dtype, self._leading = place.value, dtype, leading
        self._apart, self._count = apart.value, count
        self.valid = self._address is not None and leading >= max(1, self._rows)

    def array(self) -> Any:
        """As NumPy has them, without a copy."""
        item, shape = self._dtype.itemsize, (self._count, self._rows, self._columns)
        strides = (self._apart * item, item, self._leading * item)
        size = item + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True)) if all(shape) else 0
        found: Any = np.lib.stride_tricks.as_strided(memory_at(self._address, size, self._dtype), shape, strides)
        return found.swapaxes(1, 2) if self._turned else found


def multiply(a: Any, b: Any, out: Any, *, rounds: bool = False, parts: int = 1) -> None:
    """Halves are added up in float32 and rounded once, or each of some parts of a sum; `rounds`: float32 is multiplied
    as TF32."""
    sums = np.promote_types(a.dtype, np.float32) if a.dtype.itemsize <= 2 else a.dtype
    a, b = (_rounded(x) if rounds else x.astype(sums, copy=False) for x in (a, b))
    if parts == 1 or out.dtype == sums:
        out[...] = np.matmul(a, b).astype(out.dtype, copy=False)
        return
    left, right = np.array_split(a, parts, -1), np.array_split(b, parts, -2)
    rounded = [np.matmul(*pair).astype(out.dtype).astype(sums) for pair in zip(left, right, strict=True)]
    out[...] = np.sum(rounded, axis=0).astype(out.dtype)


def _rounded(array: Any) -> Any:
    """Float32 numbers to eleven binary digits, to the nearest."""
    mantissa, exponent = np.frexp(array)
    return np.ldexp(np.rint(np.ldexp(mantissa, 11)), exponent - 11).astype(np.float32)


def _dtype(name: str) -> np.dtype[Any]:
    if name == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)


class Ctypes(ModuleType):
    """What `import ctypes` gives to a loaded module: the real one, but for libraries that are played."""

    def __init__(self, libraries: Mapping[str, Any]) -> None:
        super().__init__("ctypes")
        self._libraries = libraries

    def __getattr__(self, name: str) -> Any:
        return getattr(ctypes, name)

    def CDLL(self, path: str) -> Any:  # the name is that of ctypes
        """A library that is played, and no other one."""
        if path not in self._libraries:
            raise OSError(f"there is no library {path}")
        return self._libraries[path]
