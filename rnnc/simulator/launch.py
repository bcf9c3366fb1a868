"""Kernels over NumPy arrays: compiled on first use, launched with CUDA's semantics, faults as exceptions."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import numpy as np

from rnnc.simulator import native
from rnnc.simulator.arguments import Argument, ArgumentError, Memory, Parameter, marshal
from rnnc.simulator.compile import build
from rnnc.simulator.faults import KINDS, Fault, KernelFault, read_index, read_line
from rnnc.simulator.source import KernelHead, find_kernels

Schedule = Literal["fifo", "reversed"] | tuple[Literal["random"], int]
Size = int | Sequence[int]

MAX_THREADS = 1024  # of a block
MAX_SHARED = 227 << 10  # bytes of a block on sm_90
MAX_CLUSTER = 16
MAX_RACE_THREADS = 8192  # of a grid in race mode: clocks are as long as the grid
_lock = Lock()  # the runtime knows one launch at a time


@dataclass(frozen=True)
class Kernels:
    """The kernels of a text, with or without the prelude in front. `race` is the default of its launches; `defines`
    are compiler options such as "-DSIZE=4"."""

    text: str
    race: bool = False
    defines: tuple[str, ...] = ()

    def get(self, name: str) -> Kernel:
        """One kernel. Raises KeyError with the names that there are."""
        heads = {head.name: head for head in find_kernels(self.text)}
        if name not in heads:
            raise KeyError(f"no kernel {name}; the text has {', '.join(heads) or 'none'}")
        return Kernel(self.text, heads[name], self.race, self.defines)


@dataclass(frozen=True)
class Kernel:
    """One kernel; a call is a launch."""

    text: str
    head: KernelHead
    race: bool
    defines: tuple[str, ...] = ()

    def __call__(
        self,
        grid: Size,
        block: Size,
        args: Sequence[Any],
        shared_mem: int = 0,
        cluster: int | None = None,
        schedule: Schedule = "fifo",
        race: bool | None = None,
        seconds: float = 300.0,
        cooperative: bool = True,
    ) -> int:
        """Run the kernel to its end; arrays are changed in place.

        `shared_mem` is in bytes, `cluster` in blocks (what the text declares, unless given); blocks of the grid may
        wait for one another where it is `cooperative`. In race mode every access to memory is checked. A launch that
        takes longer than `seconds` is a fault. Returns how often threads were
        switched. Raises KernelFault, ArgumentError, KernelTextError, CompilerMissing.
        """
        checked = self.race if race is None else race
        built = _build(self.text, self.head.name, checked, self.defines)
        arguments, memories = marshal(built.parameters, args, self.head.restrict)
        launch = native.Launch()
        launch.grid, launch.block = _size(grid), _size(block)
        launch.cluster = self.head.cluster if cluster is None else cluster
        launch.cooperative = cooperative
        launch.shared_bytes, launch.seconds = shared_mem, seconds
        launch.race = checked
        launch.schedule, launch.seed = _schedule(schedule)
        _check(launch)
        keep = _fill(launch, arguments, memories)
        report = native.Report()
        with _lock:
            failed = built.run(ctypes.byref(built.entry), ctypes.byref(launch), ctypes.byref(report))
        del keep
        if failed:
            raise KernelFault(self._fault(report, built.library))
        return int(launch.switches)

    def _fault(self, report: native.Report, library: Path) -> Fault:
        line = read_line(report.place, library)
        message = bytes(report.message).split(b"\0")[0].decode(errors="replace")
        if report.other and (other := read_line(report.other, library)) is not None:
            message += f", line {other}"
        lines = self.text.splitlines()
        source = lines[line - 1] if line is not None and line <= len(lines) else ""
        block, thread = read_index(list(report.block)), read_index(list(report.thread))
        return Fault(KINDS[int(report.kind)], self.head.name, block, thread, line, message, source)


def _size(size: Size) -> tuple[int, int, int]:
    sizes = (size,) if isinstance(size, int) else tuple(int(n) for n in size)
    if not 1 <= len(sizes) <= 3 or any(n < 1 for n in sizes):
        raise ArgumentError(f"a grid or block has one to three sizes of at least 1, not {size}")
    x, y, z = (*sizes, 1, 1)[:3]
    return x, y, z


def _schedule(schedule: Schedule) -> tuple[int, int]:
    if isinstance(schedule, tuple):
        return 2, schedule[1]
    if schedule not in ("fifo", "reversed"):
        raise ArgumentError(f'a schedule is "fifo", "reversed" or ("random", seed), not {schedule!r}')
    return ("fifo", "reversed").index(schedule), 0


def _check(launch: native.Launch) -> None:
    """The limits of a device, as far as they hold everywhere."""
    threads, blocks = int(np.prod(list(launch.block))), int(np.prod(list(launch.grid)))
    if threads > MAX_THREADS:
        raise ArgumentError(f"a block has at most {MAX_THREADS} threads, not {threads}")
    if launch.shared_bytes > MAX_SHARED:
        raise ArgumentError(f"a block has at most {MAX_SHARED} bytes of shared memory, not {launch.shared_bytes}")
    if not 1 <= launch.cluster <= MAX_CLUSTER or blocks % launch.cluster:
        raise ArgumentError(f"a cluster has 1 to {MAX_CLUSTER} blocks and divides the grid, not {launch.cluster}")
    if launch.race and threads * blocks > MAX_RACE_THREADS:
        raise ArgumentError(f"race mode takes at most {MAX_RACE_THREADS} threads, not {threads * blocks}")


def _fill(launch: native.Launch, arguments: list[Argument], memories: list[Memory]) -> tuple[Any, ...]:
    """Memory and arguments of a launch; what comes back must live as long as the launch."""
    ranges = (native.Range * max(1, len(memories)))()
    for slot, memory in zip(ranges, memories, strict=False):
        slot.host, slot.bytes, slot.alignment = memory.address, memory.bytes, memory.alignment
        slot.granule, slot.written, slot.argument = min(memory.granule, 8), memory.written, memory.argument
    values = [ctypes.create_string_buffer(argument.value, max(8, len(argument.value))) for argument in arguments]
    slots = (native.Argument * max(1, len(arguments)))()
    for slot, argument, value in zip(slots, arguments, values, strict=False):
        slot.range = -1 if argument.memory is None else argument.memory
        slot.offset, slot.value = argument.offset, ctypes.addressof(value)
    launch.ranges, launch.arguments = len(memories), len(arguments)
    launch.range, launch.argument = ranges, slots
    return ranges, slots, values


@dataclass(frozen=True)
class _Built:
    """A kernel in its library, which is linked to the runtime, whose functions are found through it."""

    library: Path
    entry: native.Entry
    parameters: tuple[Parameter, ...]
    run: Any


@lru_cache(maxsize=64)
def _library(text: str, race: bool, defines: tuple[str, ...]) -> Path:
    """Once for all kernels of a text."""
    return build(text, race=race, defines=defines)


@lru_cache(maxsize=1024)
def _build(text: str, name: str, race: bool, defines: tuple[str, ...]) -> _Built:
    library = _library(text, race, defines)
    loaded = ctypes.CDLL(str(library))
    entry = native.Entry.in_dll(loaded, f"rnnc_entry_{name}")
    listed = (entry.parameters[place] for place in range(entry.count))
    parameters = tuple(Parameter(p.kind.decode(), bool(p.pointer), bool(p.constant), p.bytes) for p in listed)
    return _Built(library, entry, parameters, loaded.rnnc_launch)
