"""The stand-in's `cupy.cuda`: one device, streams that do everything at once, graphs that replay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import local
from types import ModuleType, SimpleNamespace, TracebackType
from typing import Any


@dataclass(frozen=True)
class DeviceModel:
    """The device that is played: an H100 with few multiprocessors, since all their threads run on one core."""

    multiprocessors: int = 4
    shared_bytes: int = 227 << 10  # of a block, when asked for
    shared_per_multiprocessor: int = 228 << 10
    threads_per_multiprocessor: int = 2048
    compute_capability: str = "90"

    def attributes(self) -> dict[str, int]:
        """By the names of `cupy.cuda.Device().attributes`."""
        return {
            "MultiProcessorCount": self.multiprocessors,
            "MaxSharedMemoryPerBlock": 48 << 10,
            "MaxSharedMemoryPerBlockOptin": self.shared_bytes,
            "MaxSharedMemoryPerMultiprocessor": self.shared_per_multiprocessor,
            "MaxThreadsPerBlock": 1024,
            "MaxThreadsPerMultiProcessor": self.threads_per_multiprocessor,
            "MaxRegistersPerBlock": 65536,
            "MaxRegistersPerMultiprocessor": 65536,
            "MaxGridDimX": 2**31 - 1,
            "WarpSize": 32,
            "CooperativeLaunch": 1,
            "ComputeCapabilityMajor": int(self.compute_capability[:-1]),
            "ComputeCapabilityMinor": int(self.compute_capability[-1]),
        }

    def blocks_per_multiprocessor(self, threads: int, shared: int) -> int:
        """How many blocks fit at once, as threads and shared memory (1 KiB per block is the system's) allow."""
        return min(self.threads_per_multiprocessor // threads, self.shared_per_multiprocessor // (shared + 1024), 32)


class Cuda(ModuleType):
    """What `cupy.cuda` is to a loaded module."""

    def __init__(self, model: DeviceModel) -> None:
        super().__init__("cupy.cuda")
        self._model = model
        self._now = local()
        self._null = Stream(self)
        self.Event = Event
        self.Graph = Graph
        self.runtime = SimpleNamespace(getDevice=lambda: 0, getDeviceCount=lambda: 1, deviceSynchronize=lambda: None)
        self.driver = SimpleNamespace(occupancyMaxActiveBlocksPerMultiprocessor=self._occupancy)

    def Device(self, device: int | None = None) -> Device:  # the name is CuPy's
        """The one device, whose number is 0."""
        return Device(self._model, device or 0)

    def Stream(self, *_: Any, **__: Any) -> Stream:  # the name is CuPy's
        """A new stream."""
        return Stream(self)

    def get_current_stream(self) -> Stream:
        """This thread's current stream."""
        return getattr(self._now, "stream", self._null)

    def set_current_stream(self, stream: Stream) -> None:
        """Make a stream this thread's current one."""
        self._now.stream = stream

    def _occupancy(self, _: int, threads: int, shared: int) -> int:
        return self._model.blocks_per_multiprocessor(threads, shared)


class Device:
    """CuPy's `Device`."""

    def __init__(self, model: DeviceModel, number: int) -> None:
        if number != 0:
            raise ValueError(f"there is one device, 0, not {number}")
        self.id = number
        self.attributes = model.attributes()
        self.compute_capability = model.compute_capability

    def use(self) -> Device:
        """Make it current, which it is."""
        return self

    def synchronize(self) -> None:
        """Nothing is ever under way."""

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Graph:
    """What was captured, in order."""

    def __init__(self, work: list[Callable[[], object]]) -> None:
        self._work = work

    def launch(self, stream: Stream | None = None) -> None:
        """Do all of it again."""
        for one in self._work:
            one()


class Stream:
    """CuPy's `Stream`: what it is given is done at once, or kept while it captures a graph."""

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda
        self._before: list[Stream] = []
        self._captured: list[Callable[[], object]] | None = None
        self.ptr = id(self)

    def do(self, work: Callable[[], object]) -> None:
        """Work for the device."""
        if self._captured is None:
            work()
        else:
            self._captured.append(work)

    def begin_capture(self, mode: Any = None) -> None:
        """From here on work becomes part of a graph."""
        self._captured = []

    def end_capture(self) -> Graph:
        """The graph. Raises ValueError without a beginning."""
        if self._captured is None:
            raise ValueError("this stream captures nothing")
        work, self._captured = self._captured, None
        return Graph(work)

    def is_capturing(self) -> bool:
        """Whether work is kept for a graph."""
        return self._captured is not None

    def use(self) -> Stream:
        """Make it this thread's current stream."""
        self._cuda.set_current_stream(self)
        return self

    def record(self, event: Event | None = None) -> Event:
        """A moment on this stream."""
        return event or Event()

    def wait_event(self, event: Event) -> None:
        """Everything before is done already."""

    def synchronize(self) -> None:
        """Nothing is ever under way."""

    def __enter__(self) -> Stream:
        self._before.append(self._cuda.get_current_stream())
        return self.use()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cuda.set_current_stream(self._before.pop())


class Event:
    """CuPy's `Event`, always done."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.done = True

    def record(self, stream: Stream | None = None) -> None:
        """A moment on a stream."""

    def synchronize(self) -> None:
        """Nothing is ever under way."""
