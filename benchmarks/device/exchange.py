"""What it costs blocks to meet, and to read what all have written: the ways that there are, side by side.

    python -m benchmarks.device.exchange

needs a card with clusters, CuPy, and the folder `templates/`. Lines are microseconds of a step, medians of five runs
of 500 steps. *none* is the same loop without anything of other blocks: its sums of what was read.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

STEPS, ROUNDS = 500, 5
ROOT = Path(__file__).resolve().parents[2]
BARRIERS = ("bar_counter", "bar_flags1", "bar_flags8", "bar_flags1r")
EXCHANGES = ("none", "counter", "flags", "sentinel", "sentinel_fence", "ll64", "ll128")
TEAMS = ((1, 8), (1, 16), (1, 32), (1, 64), (2, 64), (1, 132), (4, 32))
WORDS = (384, 3072, 6144)  # of four bytes, of all teams together


def main() -> int:
    from benchmarks.device.card import card

    cupy = card()
    if cupy is None:
        return 1
    texts = [ROOT / "templates" / "cuda" / "prelude.cuh", Path(__file__).with_suffix(".cu")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in texts)
    modules = {
        size: cupy.RawModule(code=text.replace("CLUSTER, 1, 1", f"{size}, 1, 1"), options=("--std=c++17",))
        for size in (2, 4, 8, 16)
    }
    meetings(cupy, modules[8])
    exchanges(cupy, modules[8])
    clusters(cupy, modules)
    launches(cupy, modules[8])
    return 0


def timed(cupy: Any, call: Callable[[], None], count: int) -> float:
    """Microseconds of one of so many steps."""
    start, end = cupy.cuda.Event(), cupy.cuda.Event()
    found: list[float] = []
    call()
    for _ in range(ROUNDS):
        start.record()
        call()
        end.record()
        end.synchronize()
        found.append(cupy.cuda.get_elapsed_time(start, end) * 1e3 / count)
    return statistics.median(found)


def meetings(cupy: Any, module: Any) -> None:
    """Barriers alone: a counter, or a flag of each block, near one another or 32 bytes apart."""
    memory = cupy.zeros(1 << 16, cupy.uint32)
    for name in BARRIERS:
        kernel = module.get_function(name)
        for teams, blocks in TEAMS:

            def call(kernel: Any = kernel, teams: int = teams, blocks: int = blocks) -> None:
                memory.fill(0)
                given = (memory, np.int32(STEPS), np.int32(blocks))
                kernel.kernel((teams * blocks,), (256,), given, enable_cooperative_groups=True)

            print(f"{name:18}{teams} x {blocks:<5}{timed(cupy, call, STEPS):8.3f}", flush=True)


def exchanges(cupy: Any, module: Any) -> None:
    """Every block writes its share of some words, and reads all: behind a barrier, or until they are there."""
    memory, counters = cupy.zeros(1 << 21, cupy.uint32), cupy.zeros(1 << 16, cupy.uint32)
    wrong = cupy.zeros(4, cupy.uint32)
    for words in WORDS:
        for name in EXCHANGES:
            kernel = module.get_function(f"ex_{name}")
            kernel.max_dynamic_shared_size_bytes = 200 << 10
            for teams, blocks in ((1, 32), (2, 64), (1, 132)):
                own = words // teams

                def call(
                    name: str = name, kernel: Any = kernel, teams: int = teams, blocks: int = blocks, own: int = own
                ) -> None:
                    counters.fill(0)
                    memory.fill(0xFFFFFFFF if "sentinel" in name else 0)
                    given = (counters, memory, wrong, *map(np.int32, (STEPS, blocks, own)))
                    how = {"shared_mem": 8 * own + 64, "enable_cooperative_groups": True}
                    kernel.kernel((teams * blocks,), (256,), given, **how)

                taken = timed(cupy, call, STEPS)
                print(f"{name:18}{own:6} words  {teams} x {blocks:<5}{taken:8.3f}{_told(wrong)}", flush=True)


def clusters(cupy: Any, modules: dict[int, Any]) -> None:
    """The barrier of clusters, and words that go to the shared memory of all blocks of one."""
    memory, wrong = cupy.zeros(1 << 16, cupy.uint32), cupy.zeros(4, cupy.uint32)
    for size, module in modules.items():
        for name, words in (("bar_cluster", 0), *(("ex_cluster", words) for words in (384, 1536, 3072))):
            kernel = module.get_function(name)
            if size > 8:
                cupy.cuda.driver.funcSetAttribute(kernel.kernel.ptr, 14, 1)
            kernel.max_dynamic_shared_size_bytes = 200 << 10
            teams = 6 if size == 16 else 120 // size

            def call(kernel: Any = kernel, size: int = size, words: int = words, teams: int = teams) -> None:
                numbers = map(np.int32, (STEPS, size, words) if words else (STEPS, size))
                given = (memory, memory, wrong, *numbers) if words else (memory, *numbers)
                kernel((teams * size,), (256,), given, shared_mem=8 * words)

            taken = timed(cupy, call, STEPS)
            print(f"{name:18}{words:6} words  {teams} x {size:<5}{taken:8.3f}{_told(wrong)}", flush=True)


def launches(cupy: Any, module: Any) -> None:
    """A kernel that does nothing, launched one by one and 200 in a graph."""
    kernel, stream = module.get_function("empty"), cupy.cuda.Stream(non_blocking=True)

    def several() -> None:
        for _ in range(200):
            kernel((132,), (256,), (np.int32(1),))

    with stream:
        several()
        stream.synchronize()
        stream.begin_capture()
        several()
        graph = stream.end_capture()
        print(f"launches {timed(cupy, several, 200):8.3f}", flush=True)
        print(f"nodes of a graph {timed(cupy, lambda: graph.launch(stream), 200):8.3f}", flush=True)


def _told(wrong: Any) -> str:
    return "  wrong numbers" if int(wrong[0]) else ""


if __name__ == "__main__":
    sys.exit(main())
