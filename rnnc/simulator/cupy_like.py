"""A stand-in for the part of CuPy that generated modules use: NumPy's arrays, and kernels on the CPU."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from rnnc.simulator.cublas import ASKED_FOR, multiply
from rnnc.simulator.cupy_cuda import Cuda
from rnnc.simulator.driver import DeviceModel
from rnnc.simulator.launch import Kernel, Kernels, Schedule
from rnnc.simulator.memory import memory_at
from rnnc.simulator.streams import Stream

_POISON = 0xFF  # NaN in every floating type
_DEFAULT_SHARED = 48 << 10  # bytes of dynamic shared memory that a kernel may use without asking for more


@dataclass(frozen=True)
class How:
    """How kernels are run: the schedule, whether every access is checked, when, and the device that is played."""

    schedule: Schedule = "fifo"
    race: bool = False
    late: bool = False  # streams do nothing before they are waited for
    device: DeviceModel = field(default_factory=DeviceModel)


class Cupy(ModuleType):
    """What `import cupy as cp` gives to a module that is loaded by `loader.load`. What is not here is NumPy's."""

    ndarray = np.ndarray
    __version__ = "13.0.0"

    def __init__(self, how: How | None = None) -> None:
        super().__init__("cupy")
        self.how = how or How()
        self.cuda = Cuda(self.how.device, late=self.how.late)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(np, name)
        if callable(found) and not isinstance(found, type):
            self._memory()
        return found

    def _memory(self) -> None:
        """What gives a new array takes memory from a pool."""
        self.cuda.streams.refuse("memory", relaxed=True)

    def empty(self, shape: Any, dtype: Any = float, order: Any = "C") -> Any:
        """New memory, poisoned: who reads what was never written sees NaN."""
        self._memory()
        out: Any = np.empty(shape, dtype, order)
        out.reshape(-1, order="A").view(np.uint8).fill(_POISON)
        return out

    def empty_like(self, array: Any, dtype: Any = None) -> Any:
        """As `empty`, with the shape and type of another array."""
        return self.empty(array.shape, dtype or array.dtype)

    def asnumpy(self, array: Any) -> Any:
        """A copy, as the way from a device makes one."""
        self.cuda.streams.refuse("copy to the host")
        return np.array(array)

    def get_array_module(self, *_: Any) -> Any:
        """The module of these arrays: this one."""
        return self

    def matmul(self, a: Any, b: Any, out: Any = None) -> Any:
        """NumPy's; CuPy has no products in a capture, and rounds float32 where the environment says so."""
        if self.cuda.get_current_stream().is_capturing():
            raise NotImplementedError("calling cuBLAS API during stream capture is currently unsupported")
        if out is None:
            out = self.empty((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]), a.dtype)
        elif not out.flags.c_contiguous:
            raise ValueError("the output of a product must be C-contiguous")
        rounds = out.dtype == np.float32 and os.environ.get(ASKED_FOR, "0") != "0"
        self.cuda.get_current_stream().do(lambda: multiply(a, b, out, rounds=rounds))
        return out

    def RawModule(  # the name is CuPy's
        self,
        *,
        code: str,
        options: Sequence[str] = (),
        backend: str = "nvrtc",
        enable_cooperative_groups: bool = False,
        **_: Any,
    ) -> RawModule:
        """Kernel text whose kernels run on the CPU."""
        return RawModule(self, code, tuple(options), enable_cooperative_groups)

    def RawKernel(  # the name is CuPy's
        self, code: str, name: str, options: Sequence[str] = (), *, enable_cooperative_groups: bool = False, **_: Any
    ) -> RawKernel:
        """One kernel of a kernel text."""
        return RawModule(self, code, tuple(options), enable_cooperative_groups).get_function(name)


class RawModule:
    """CuPy's `RawModule` on the CPU. Options that define macros count, others are the device compiler's business."""

    def __init__(self, cupy: Cupy, code: str, options: tuple[str, ...], cooperative: bool) -> None:
        self._cooperative = cooperative
        defines = tuple(option for option in options if option.startswith("-D"))
        self._cupy = cupy
        self._kernels = Kernels(code, race=cupy.how.race, defines=defines)

    def get_function(self, name: str) -> RawKernel:
        """A kernel by its name. Raises KeyError."""
        return RawKernel(self._cupy, self._kernels.get(name), self._cooperative)


class RawKernel:
    """CuPy's `RawKernel` on the CPU."""

    def __init__(self, cupy: Cupy, kernel: Kernel, cooperative: bool) -> None:
        self._cooperative = cooperative
        self._cupy = cupy
        self._kernel = kernel
        self._limit = _DEFAULT_SHARED
        self.name = kernel.head.name
        self.kernel = SimpleNamespace(ptr=id(self))  # what occupancy is asked for
        self.local_size_bytes = 0  # what registers do not hold: that is nobody's to say here

    @property
    def max_dynamic_shared_size_bytes(self) -> int:
        """How much dynamic shared memory a launch may ask for."""
        return self._limit

    @max_dynamic_shared_size_bytes.setter
    def max_dynamic_shared_size_bytes(self, size: int) -> None:
        most = self._cupy.how.device.shared_bytes
        if size > most:
            raise ValueError(f"kernel {self.name}: a block has at most {most} bytes of shared memory, not {size}")
        self._limit = size

    def __call__(
        self, grid: Any, block: Any, args: Sequence[Any], *, shared_mem: int = 0, stream: Stream | None = None
    ) -> None:
        """Launch, or inside a capture become part of the graph."""
        if shared_mem > self._limit:
            raise ValueError(
                f"kernel {self.name}: {shared_mem} bytes of shared memory, but max_dynamic_shared_size_bytes is"
                f" {self._limit}"
            )
        cluster = self._kernel.head.cluster
        if not self._cupy.cuda.driver.permits(self.kernel.ptr, cluster):
            raise ValueError(f"kernel {self.name}: a cluster of {cluster} blocks, which nobody has asked for")
        if self._cooperative:
            self._check_fit(math.prod(grid), math.prod(block), shared_mem)
        how, on = self._cupy.how, stream or self._cupy.cuda.get_current_stream()
        held = tuple(map(_borrowed, args)) if on.is_capturing() else tuple(args)
        on.do(lambda: self._kernel(grid, block, held, shared_mem, schedule=how.schedule))

    def _check_fit(self, blocks: int, threads: int, shared: int) -> None:
        """CuPy would shrink a cooperative grid that does not fit, with a warning; here that is an error."""
        device = self._cupy.how.device
        most = device.multiprocessors * device.blocks_per_multiprocessor(threads, shared)
        if blocks > most:
            raise ValueError(f"kernel {self.name}: a cooperative grid of {blocks} blocks, and {most} fit the device")


def _borrowed(argument: Any) -> Any:
    """An array's memory without the array: a graph has addresses, and keeps nothing alive."""
    array: Any = argument
    if not isinstance(argument, np.ndarray) or not array.size:
        return array
    memory = memory_at(array.ctypes.data, array.nbytes, array.dtype)
    return memory.reshape(array.shape, order="C" if array.flags.c_contiguous else "F")
