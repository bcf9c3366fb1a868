"""From NumPy arrays and scalars to a kernel's parameters, checked against what the compiler says the kernel takes."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np


class ArgumentError(TypeError):
    """An argument that the kernel does not take; the message says which, what it is and what it should be."""


@dataclass(frozen=True)
class Parameter:
    """A parameter as the compiler sees it. `kind`: f floating, i signed, u unsigned, b bool, h f16, B bf16, c any,
    x another type; `bytes` of the value, or of what the pointer points at."""

    kind: str
    pointer: bool
    constant: bool
    bytes: int

    def __str__(self) -> str:
        names = {"f": "float", "i": "int", "u": "unsigned int", "b": "bool", "h": "f16", "B": "bf16", "c": "char"}
        name = names.get(self.kind, "another type")
        sized = f"{name} of {self.bytes} bytes"
        return f"{'const ' if self.constant else ''}pointer to {sized}" if self.pointer else sized


@dataclass(frozen=True)
class Memory:
    """A stretch of the host's memory that arguments lie in; arrays that overlap share one."""

    address: int
    bytes: int
    alignment: int  # of its first byte, modulo 16, seen from the start of the array that owns the memory
    granule: int  # the smallest item in it, in bytes
    written: bool  # some parameter that points into it is not const
    argument: int  # the first one that lies in it, counted from 1


@dataclass(frozen=True)
class Argument:
    """Memory by its number with an offset in bytes, or a value with the exact bytes of its C type."""

    memory: int | None
    offset: int
    value: bytes


_Array = np.ndarray[Any, np.dtype[Any]]


def marshal(
    parameters: Sequence[Parameter], values: Sequence[Any], restrict: Sequence[bool] = ()
) -> tuple[list[Argument], list[Memory]]:
    """The arguments of a launch. Raises ArgumentError. As CuPy's RawKernel does, a Python int goes as 64 bits, a
    Python float as double, and NumPy scalars as what they are."""
    if len(parameters) != len(values):
        raise ArgumentError(f"the kernel takes {len(parameters)} arguments, not {len(values)}")
    arrays: dict[int, _Array] = {}
    for place, (parameter, value) in enumerate(zip(parameters, values, strict=True)):
        if isinstance(value, np.ndarray) and cast(_Array, value).size:
            arrays[place] = _array(place, parameter, cast(_Array, value))
    _check_aliases(parameters, arrays, restrict)
    memories, homes = _lay_out(parameters, arrays)
    arguments: list[Argument] = []
    for place, (parameter, value) in enumerate(zip(parameters, values, strict=True)):
        if place in arrays:
            home = homes[place]
            arguments.append(Argument(home, arrays[place].ctypes.data - memories[home].address, b""))
        else:
            arguments.append(Argument(None, 0, _scalar(place, parameter, value)))
    return arguments, memories


def _check_aliases(parameters: Sequence[Parameter], arrays: dict[int, _Array], restrict: Sequence[bool]) -> None:
    """What is written reaches a kernel by no second way that is `__restrict__`: a device may read it from a cache that
    sees no writes."""
    for one, other in itertools.permutations(arrays, 2):
        promised = one < len(restrict) and restrict[one]
        written = not (parameters[one].constant and parameters[other].constant)
        if promised and written and np.may_share_memory(arrays[one], arrays[other]):
            raise ArgumentError(
                f"argument {one + 1} is __restrict__, but shares memory with argument {other + 1}, and one is written"
            )


def _lay_out(parameters: Sequence[Parameter], arrays: dict[int, _Array]) -> tuple[list[Memory], dict[int, int]]:
    """Overlapping arrays merged into one stretch of memory; per argument, the number of its stretch."""
    memories: list[Memory] = []
    homes: dict[int, int] = {}
    for place in sorted(arrays, key=lambda p: arrays[p].ctypes.data):
        array, written = arrays[place], not parameters[place].constant
        if written and not array.flags.writeable:
            raise ArgumentError(f"argument {place + 1}: the kernel writes to it, and the array is read-only")
        one = Memory(array.ctypes.data, array.nbytes, _alignment(array), array.itemsize, written, place + 1)
        if memories and one.address < memories[-1].address + memories[-1].bytes:
            memories[-1] = _merged(memories[-1], one)
        else:
            memories.append(one)
        homes[place] = len(memories) - 1
    return memories, homes


def _merged(a: Memory, b: Memory) -> Memory:
    size = max(a.address + a.bytes, b.address + b.bytes) - a.address
    granule, argument = min(a.granule, b.granule), min(a.argument, b.argument)
    return Memory(a.address, size, a.alignment, granule, a.written or b.written, argument)


def _alignment(array: _Array) -> int:
    """Device memory starts at a multiple of 256 bytes, a view at its offset in it."""
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    return (array.ctypes.data - owner.ctypes.data) % 16


def _array(place: int, parameter: Parameter, array: _Array) -> _Array:
    if not parameter.pointer:
        raise ArgumentError(f"argument {place + 1}: the kernel takes {parameter}, not an array of {array.dtype}")
    if not (array.flags.c_contiguous or array.flags.f_contiguous):
        raise ArgumentError(f"argument {place + 1}: the array is not contiguous")
    if not _fits(parameter, array.dtype, pointer=True):
        raise ArgumentError(f"argument {place + 1}: the kernel takes {parameter}, not an array of {array.dtype}")
    return array


def _fits(parameter: Parameter, dtype: np.dtype[Any], *, pointer: bool) -> bool:
    if parameter.kind in "xc" and pointer:  # a vector, bytes: any array will do
        return True
    if dtype.itemsize != parameter.bytes:
        return False
    if parameter.kind == "h":
        return dtype == np.float16 or dtype == np.uint16
    if parameter.kind == "B":
        return str(dtype) == "bfloat16" or dtype == np.uint16
    same = {"f": "f", "i": "i", "u": "u", "b": "b"}
    return same.get(parameter.kind) == dtype.kind or (pointer and {parameter.kind, dtype.kind} <= {"i", "u", "b"})


def _scalar(place: int, parameter: Parameter, value: Any) -> bytes:
    if parameter.pointer:
        nothing = value is None or (
            getattr(value, "dtype", None) == np.uint64 and not value
        )  # an address of 64 zero bits
        if nothing or (isinstance(value, np.ndarray) and not value.size):
            return bytes(ctypes.sizeof(ctypes.c_void_p))
        raise ArgumentError(f"argument {place + 1}: the kernel takes {parameter}, not {value!r}")
    if isinstance(value, bool):
        value = np.bool_(value)
    elif isinstance(value, int) and not isinstance(value, np.generic):
        value = np.int64(value)
    elif isinstance(value, float) and not isinstance(value, np.generic):
        value = np.float64(value)
    if not isinstance(value, np.generic):
        raise ArgumentError(f"argument {place + 1}: the kernel takes {parameter}, not {value!r}")
    dtype: np.dtype[Any] = cast(Any, value).dtype
    if not _fits(parameter, dtype, pointer=False):
        raise ArgumentError(f"argument {place + 1}: the kernel takes {parameter}, not {dtype}")
    return value.tobytes()
