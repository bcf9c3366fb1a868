"""The stand-in's `cupy.cuda`: one device, its streams, and cuBLAS."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

from rnnc.simulator.cublas import Cublas
from rnnc.simulator.streams import Event, Graph, Stream, Streams


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

    def __init__(self, model: DeviceModel, *, late: bool = False) -> None:
        super().__init__("cupy.cuda")
        self._model = model
        self.streams = Streams(late)
        self.cublas = Cublas(self.streams)
        self.get_cublas_handle = self.cublas.handle
        self.Event = Event
        self.Graph = Graph
        self.runtime = SimpleNamespace(
            getDevice=lambda: 0,
            getDeviceCount=lambda: 1,
            deviceSynchronize=self.streams.synchronize,
            streamCaptureModeGlobal=0,
            streamCaptureModeThreadLocal=1,
            streamCaptureModeRelaxed=2,
        )
        self.driver = SimpleNamespace(occupancyMaxActiveBlocksPerMultiprocessor=self._occupancy)

    def Device(self, device: int | None = None) -> Device:  # the name is CuPy's
        """The one device, whose number is 0."""
        return Device(self._model, device or 0)

    def Stream(self, *_: Any, **__: Any) -> Stream:  # the name is CuPy's
        """A new stream."""
        return self.streams.new()

    def get_current_stream(self) -> Stream:
        """This thread's current stream."""
        return self.streams.current

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
