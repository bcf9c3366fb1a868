"""A stand-in for the part of CuPy that generated modules use: NumPy's arrays, and kernels on the CPU."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType
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
    __version__ = "14.2.0"

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
        if str(a.dtype) == "bfloat16" and max(a.ndim, b.ndim) > 2:
            raise TypeError("CuPy has no products of stacks of bfloat16")
        if out is None:
            out = self.empty((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]), a.dtype)
        elif not out.flags.c_contiguous:
            raise ValueError("the output of a product must be C-contiguous")
        rounds = out.dtype == np.float32 and os.environ.get(ASKED_FOR, "0") != "0"
        self.cuda.get_current_stream().do(lambda: multiply(a, b, out, rounds=rounds))
        return out

    def address(self, array: Any) -> int:
        """Where an array is. Memory of a pool stays as it is until the stream has done its work, whoever forgets it."""
        self.cuda.streams.current.keep(array)
        return array.ctypes.data

    def RawModule(self, *, code: str, options: tuple[str, ...] = ()) -> RawModule:  # the name is CuPy's
        """Kernel text whose kernels run on the CPU."""
        return RawModule(self, code, options)

    def RawKernel(self, code: str, name: str, options: tuple[str, ...] = ()) -> RawKernel:  # the name is CuPy's
        """One kernel of a kernel text."""
        return RawModule(self, code, options).get_function(name)


class RawModule:
    """CuPy's `RawModule` on the CPU. Options that define macros count, others are the device compiler's business.

    Of CuPy's own arguments it takes those that every version takes the same way everywhere: with
    `enable_cooperative_groups` CuPy 12 and 13 link a library that is in CUDA's toolkit and in no package of Python's;
    a launch says the same without it.
    """

    def __init__(self, cupy: Cupy, code: str, options: Sequence[str]) -> None:
        if not isinstance(options, tuple):
            raise TypeError(f"options should be a tuple, and are a {type(options).__name__}")
        defines = tuple(option for option in options if option.startswith("-D"))
        self._cupy = cupy
        self._kernels = Kernels(code, race=cupy.how.race, defines=defines)

    def get_function(self, name: str) -> RawKernel:
        """A kernel by its name. Raises KeyError, and RuntimeError inside of a capture that is not relaxed."""
        self._cupy.cuda.streams.refuse("loading a module", relaxed=True)
        return RawKernel(self._cupy, self._kernels.get(name))


class RawKernel:
    """CuPy's `RawKernel` on the CPU."""

    def __init__(self, cupy: Cupy, kernel: Kernel) -> None:
        self._cupy = cupy
        self.name = kernel.head.name
        self.kernel = Function(cupy, kernel)
        self.num_regs = self.local_size_bytes = 0  # registers, and what they do not hold: nobody's to say here

    @property
    def max_dynamic_shared_size_bytes(self) -> int:
        """How much dynamic shared memory a launch may ask for."""
        return self.kernel.limit

    @max_dynamic_shared_size_bytes.setter
    def max_dynamic_shared_size_bytes(self, size: int) -> None:
        most = self._cupy.how.device.shared_bytes
        if size > most:
            raise ValueError(f"kernel {self.name}: a block has at most {most} bytes of shared memory, not {size}")
        self.kernel.limit = size

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], args: Sequence[Any], **how: Any) -> None:
        """Launch, or inside a capture become part of the graph."""
        self.kernel(grid, block, args, **how)


class Function:
    """CuPy's `Function`, which a `RawKernel` has under `kernel`."""

    def __init__(self, cupy: Cupy, kernel: Kernel) -> None:
        self._cupy, self._kernel = cupy, kernel
        self.limit = _DEFAULT_SHARED
        self.ptr = id(self)

    def __call__(
        self,
        grid: Sequence[int],
        block: Sequence[int],
        args: Sequence[Any],
        shared_mem: int = 0,
        stream: Stream | None = None,
        enable_cooperative_groups: bool = False,
    ) -> None:
        """Launch, or inside a capture become part of the graph."""
        name, device = self._kernel.head.name, self._cupy.how.device
        for what, sizes in (("grid", grid), ("block", block)):
            if not isinstance(sizes, tuple):
                raise TypeError(f"kernel {name}: the {what} should be a tuple, and is a {type(sizes).__name__}")
        _check_grid(name, grid)
        if shared_mem > self.limit:
            raise ValueError(
                f"kernel {name}: {shared_mem} bytes of shared memory, but max_dynamic_shared_size_bytes is {self.limit}"
            )
        cluster = self._kernel.head.cluster
        if not self._cupy.cuda.driver.permits(self.ptr, cluster):
            raise ValueError(f"kernel {name}: a cluster of {cluster} blocks, which nobody has asked for")
        if enable_cooperative_groups:
            # CuPy would shrink a grid that does not fit, with a warning; here that is an error.
            most = device.multiprocessors * device.blocks_per_multiprocessor(math.prod(block), shared_mem)
            if math.prod(grid) > most:
                raise ValueError(f"kernel {name}: a cooperative grid of {math.prod(grid)} blocks, and {most} fit")
        how, on = self._cupy.how, stream or self._cupy.cuda.get_current_stream()
        held = tuple(map(_borrowed, args)) if on.is_capturing() else tuple(args)
        together = enable_cooperative_groups
        on.do(lambda: self._kernel(grid, block, held, shared_mem, schedule=how.schedule, cooperative=together))


def _check_grid(name: str, grid: Sequence[int]) -> None:
    """What a device takes in each direction."""
    for axis, (size, most) in enumerate(zip(grid, (2**31 - 1, 65535, 65535), strict=False)):
        if size > most:
            raise ValueError(f"kernel {name}: {size} blocks along {'xyz'[axis]}, and a grid has at most {most}")


def _borrowed(argument: Any) -> Any:
    """An array's memory without the array: a graph has addresses, and keeps nothing alive."""
    array: Any = argument
    if not isinstance(argument, np.ndarray) or not array.size:
        return array
    memory = memory_at(array.ctypes.data, array.nbytes, array.dtype)
    return memory.reshape(array.shape, order="C" if array.flags.c_contiguous else "F")
