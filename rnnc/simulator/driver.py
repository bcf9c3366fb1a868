"""The stand-in's driver: what kernels may do, and how many blocks and clusters of them a device runs at once."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

FILE = "libcuda.so.1"
INVALID_VALUE, INVALID_CLUSTER_SIZE = 1, 912  # statuses
NON_PORTABLE, DIMENSION = 14, 4  # numbers of a function's permission, and of a launch's size of clusters
PORTABLE = 8  # blocks of a cluster that need no permission


@dataclass(frozen=True)
class DeviceModel:
    """The device that is played: an H100 with few multiprocessors, since all their threads run on one core."""

    multiprocessors: int = 4
    shared_bytes: int = 227 << 10  # of a block, when asked for
    shared_per_multiprocessor: int = 228 << 10
    threads_per_multiprocessor: int = 2048
    compute_capability: str = "90"
    cluster: int = 16  # blocks that one may have
    groups: tuple[int, ...] = ()  # multiprocessors that a cluster can be spread over; all of them, if nothing is said

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
        }

    def clusters(self, blocks: int) -> int:
        """How many clusters of so many blocks run at once, if a multiprocessor runs one block."""
        return sum(size // blocks for size in self.groups or (self.multiprocessors,)) if blocks <= self.cluster else 0

    def blocks_per_multiprocessor(self, threads: int, shared: int) -> int:
        """How many blocks fit at once, as threads and shared memory (1 KiB per block is the system's) allow."""
        return min(self.threads_per_multiprocessor // threads, self.shared_per_multiprocessor // (shared + 1024), 32)


class Driver(ModuleType):
    """What `cupy.cuda.driver` is to a loaded module; `library` is the one behind it."""

    def __init__(self, model: DeviceModel) -> None:
        super().__init__("cupy.cuda.driver")
        self._model = model
        self._permitted = set[int]()
        self.library = SimpleNamespace(cuOccupancyMaxActiveClusters=self._active_clusters)

    def funcSetAttribute(self, function: int, attribute: int, value: int) -> None:  # the name is CuPy's
        """Kernels may be launched in clusters that not all devices have room for."""
        if attribute != NON_PORTABLE:
            raise ValueError(f"the stand-in does not know a function's attribute {attribute}")
        (self._permitted.add if value else self._permitted.discard)(function)

    def occupancyMaxActiveBlocksPerMultiprocessor(self, _: int, threads: int, shared: int) -> int:  # CuPy's name
        """How many blocks of a kernel one multiprocessor runs at once."""
        return self._model.blocks_per_multiprocessor(threads, shared)

    def permits(self, function: int, cluster: int) -> bool:
        """Whether a kernel may be launched in clusters of so many blocks."""
        return cluster <= PORTABLE or (cluster <= self._model.cluster and function in self._permitted)

    def _active_clusters(self, count: Any, function: Any, config: Any) -> int:
        asked = config._obj
        if asked.count != 1 or asked.attributes[0].name != DIMENSION:
            return INVALID_VALUE
        blocks = asked.attributes[0].size[0]
        if asked.grid[0] % blocks or not self.permits(function.value, blocks):
            return INVALID_CLUSTER_SIZE
        each = self._model.blocks_per_multiprocessor(asked.block[0], asked.shared)
        count._obj.value = self._model.clusters(blocks) * each
        return 0
