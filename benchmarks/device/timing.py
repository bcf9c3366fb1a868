"""Times on a device: kernels, wall and a captured graph apart, in turn with all others, as medians.

- *wall*: from the call until the device has done all of it.
- *kernel*: between two events on the stream, with the device kept busy until the host has launched everything, so that
  no launch is waited for. Where the queue is full before that, it is: such a figure is marked.
- *graph*: one launch of the call, captured.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from benchmarks.device.case import Contender, Mode

Result = TypeVar("Result")
KINDS = ("kernel", "wall", "graph")
SPIN = """
extern "C" __global__ void spin(unsigned long long nanoseconds) {
  unsigned long long start, now;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(start));
  do asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now)); while (now - start < nanoseconds);
}
"""


@dataclass
class Times:
    """Seconds of one contender in each round, by kind, and what is to be said of them."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    notes: list[str] = field(default_factory=list[str])

    def median(self, kind: str) -> float | None:
        found = self.seconds[kind]
        return statistics.median(found) if found else None


class Clock(Protocol):
    """How a call is timed; the tests have one that needs no device."""

    def prepare(self, contender: Contender, mode: Mode) -> tuple[Callable[[], dict[str, float]], list[str]]:
        """Warm up. Gives what takes one sample, seconds by kind, and notes."""
        ...

    def tidy(self) -> None:
        """Give memory back between rows."""
        ...


def in_turn(
    clock: Clock, contenders: Sequence[Contender], mode: Mode, budget: float, least: int = 5, most: int = 51
) -> list[Times | Exception]:
    """Samples of all contenders, round by round; who fails drops out and leaves its exception."""
    prepared = [tried(lambda contender=contender: clock.prepare(contender, mode)) for contender in contenders]
    found = [one if isinstance(one, Exception) else Times(notes=one[1]) for one in prepared]
    started, rounds = time.perf_counter(), 0
    while rounds < least or (rounds < most and time.perf_counter() - started < budget):
        for place, one in enumerate(prepared):
            times = found[place]
            if isinstance(one, Exception) or isinstance(times, Exception):
                continue
            sample = tried(one[0])
            if isinstance(sample, Exception):
                found[place] = sample
                continue
            for kind, seconds in sample.items():
                times.seconds[kind].append(seconds)
        rounds += 1
        if rounds >= 3 and time.perf_counter() - started > 3 * budget:
            break  # calls that take longer than the budget has room for
    return found


def tried(work: Callable[[], Result]) -> Result | Exception:
    """What a contender gives; its own failure is a result, too."""
    try:
        return work()
    except Exception as error:
        return error


class DeviceClock:
    """Times by CUDA's events, on a stream of its own that CuPy and PyTorch share."""

    def __init__(self, cupy: Any) -> None:
        self.cupy = cupy
        self.stream = cupy.cuda.Stream(non_blocking=True)
        self._spin = cupy.RawKernel(SPIN, "spin")

    def on_stream(self, library: str) -> AbstractContextManager[Any]:
        """Work of a library goes to the stream. JAX has its own."""
        if library == "torch":
            import torch

            return torch.cuda.stream(torch.cuda.ExternalStream(self.stream.ptr))
        return self.stream

    def tidy(self) -> None:
        """Libraries keep memory that others need."""
        gc.collect()
        self.cupy.get_default_memory_pool().free_all_blocks()
        if "torch" in sys.modules:
            sys.modules["torch"].cuda.empty_cache()

    def prepare(self, contender: Contender, mode: Mode) -> tuple[Callable[[], dict[str, float]], list[str]]:
        """Three untimed calls, a capture, and a look at whether the kernels can be timed on their own."""
        call, notes = contender.call(mode), list[str]()
        self._finish()  # what it was built from may still be under way on another stream
        with self.on_stream(contender.library):
            for _ in range(2):
                call()
            self._finish()
            before = time.perf_counter()
            kept = call()
            queue = time.perf_counter() - before
            self._finish()
            del kept
        ours = contender.library in ("cupy", "torch")
        graph = self._captured(contender, call, notes) if ours else None
        if ours and not self._kernel(contender, call, queue)[1]:
            notes.append("kernel time includes launches: the queue was full, or the device was waited for")

        def sample() -> dict[str, float]:
            found = {"wall": self._wall(contender, call)}
            if ours:
                found["kernel"] = self._kernel(contender, call, queue)[0]
            if graph is not None:
                found["graph"] = self._wall(contender, graph)
            return found

        return sample, notes

    def _finish(self) -> None:
        self.cupy.cuda.runtime.deviceSynchronize()

    def _wall(self, contender: Contender, call: Callable[[], Any]) -> float:
        with self.on_stream(contender.library):
            self._finish()
            before = time.perf_counter()
            kept = call()
            self._finish()
            seconds = time.perf_counter() - before
            del kept
        return seconds

    def _kernel(self, contender: Contender, call: Callable[[], Any], queue: float) -> tuple[float, bool]:
        """Seconds, and whether everything was launched while the device was still kept busy."""
        start, end = self.cupy.cuda.Event(), self.cupy.cuda.Event()
        with self.stream:
            self._spin((1,), (1,), (self.cupy.uint64(int(min(0.5, 2 * queue + 1e-4) * 1e9)),))
            start.record(self.stream)
        with self.on_stream(contender.library):
            kept = call()
        queued = not start.done
        end.record(self.stream)
        end.synchronize()
        del kept
        return self.cupy.cuda.get_elapsed_time(start, end) / 1e3, queued

    def _captured(self, contender: Contender, call: Callable[[], Any], notes: list[str]) -> Callable[[], Any] | None:
        """What launches the call as a graph; None, and a note, where it cannot be captured."""
        try:
            return self._torch_graph(call) if contender.library == "torch" else self._cupy_graph(call)
        except Exception as error:
            notes.append(f"no graph: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
            return None

    def _cupy_graph(self, call: Callable[[], Any]) -> Callable[[], Any]:
        """The graph's memory is a pool of its own, which was filled by a call before."""
        pool = self.cupy.cuda.MemoryPool()
        with self.cupy.cuda.using_allocator(pool.malloc), self.stream:
            call()
            self._finish()
            self.stream.begin_capture()
            try:
                kept = call()
            finally:
                graph = self.stream.end_capture()
        state = (pool, kept)  # as long as the graph

        def launch() -> Any:
            graph.launch(self.stream)
            return state

        launch()
        self._finish()
        return launch

    def _torch_graph(self, call: Callable[[], Any]) -> Callable[[], Any]:
        import torch

        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            kept = call()

        def launch() -> Any:
            graph.replay()
            return kept

        return launch
