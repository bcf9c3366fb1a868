"""How loops of a CUDA module would run on a device, as its own planner says, and what NVRTC makes of its kernels."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any, cast

from rnnc.backends.cuda.kernels.looped import Looped, TeamLoop
from rnnc.backends.cuda.module import loops
from rnnc.backends.cuda.report import remarks
from rnnc.cli.messages import Failure
from rnnc.compiler import Compiled
from rnnc.ir.size import Size
from rnnc.passes.manager import Remark
from rnnc.simulator.cupy_like import How
from rnnc.simulator.driver import DeviceModel
from rnnc.simulator.loader import load
from rnnc.simulator.nvrtc import KernelResources, NvrtcMissing, compile_kernels

KIB = 1 << 10
# Multiprocessors, and the shared memory that a block may have; and of which of them clusters are, as a device said.
_GROUPS = (*(18,) * 6, 16, 8)
DEVICES = {
    "a100": DeviceModel(108, 163 * KIB, 164 * KIB, compute_capability="80"),
    "h100": DeviceModel(132, 227 * KIB, 228 * KIB, groups=_GROUPS),
    "h200": DeviceModel(132, 227 * KIB, 228 * KIB, groups=_GROUPS),
}
HERE = "here"
Kept = tuple[tuple[int, int, int, int, int], ...]  # of each product, what registers hold of its weights
WAYS = ("step", "block", "persistent")  # the columns of estimates
KINDS = {"cluster": "block"}  # strategies that are one way of another

PLAN_HEADINGS = (
    *("loop", "dtype", "rows", "runs as", "teams x blocks", "rows of a team", "heads of a team", "at once"),
    *("weights kept", "in registers KiB", "in shared KiB", "exchanged through", "shared KiB", "meetings"),
    *("estimated us a step", *WAYS),
)
PRODUCT_HEADINGS = ("loop", "product", "columns", "sums of", "multiplied")
KERNEL_HEADINGS = ("kernel", "dtype", "architecture", "registers", "spilled bytes", "static shared bytes")
_MEMORIES = ("global memory", "shared memory")


@dataclass(frozen=True)
class Way:
    """One way to run a loop: the planner's team (None for single steps) and what it takes the step to cost."""

    name: str
    team: Any
    seconds: float

    @property
    def clustered(self) -> bool:
        """Whether each team is a cluster of blocks."""
        return self.team is not None and bool(self.team.clustered)


def device_model(name: str) -> DeviceModel:
    """A device by its name. Raises Failure where `here` is none."""
    if name != HERE:
        return DEVICES[name]
    try:
        found = import_module("cupy").cuda.Device()
        return DeviceModel(
            found.attributes["MultiProcessorCount"],
            found.attributes["MaxSharedMemoryPerBlockOptin"],
            found.attributes["MaxSharedMemoryPerMultiprocessor"],
            compute_capability=found.compute_capability,
        )
    except Exception as error:  # no CuPy, no driver, no device: each has its own kind of error
        raise Failure(f"there is no CUDA device here ({error}); name one: --device {'|'.join(DEVICES)}") from error


class Loops:
    """The loops of a compiled module, and the module itself, whose planner is asked."""

    def __init__(self, compiled: Compiled, device: DeviceModel) -> None:
        self.strategy, self.device = compiled.unit.strategy, device
        self.loops = loops(compiled.emitted)
        self.module: ModuleType = load(compiled.text, compiled.unit.model.name, How(device=device))
        self._compiled: dict[tuple[str, str, Kept], Sequence[KernelResources]] = {}  # loops with weights in registers

    @property
    def remarks(self) -> list[Remark]:
        """What there is to say at the lines of loops."""
        return remarks(self.loops)

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The numbers that the module knows: dtypes, and float32 whose products may be rounded to TF32."""
        return tuple(self.module._ITEMS)

    @property
    def open_sizes(self) -> list[str]:
        """The sizes that a plan depends on and that nobody has given."""
        kernels = [looped.kernel for looped in self.loops if looped.kernel is not None]
        sizes = [size for kernel in kernels for features, summed, _ in kernel.products for size in (features, summed)]
        sizes += [size for kernel in kernels for size in (kernel.work, kernel.sums, kernel.head_count)]
        return sorted({symbol for size in sizes for symbol in size.symbols})

    def plans(self, rows: Sequence[int], dtypes: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """A line for each kernel that is a loop (layers of a stack share one), or loop of the host, dtype and number of
        rows."""
        kernels = {(looped.kernel.name if looped.kernel else looped): looped for looped in reversed(self.loops)}
        for looped in reversed(kernels.values()):
            for dtype in dtypes:
                for number in rows:
                    yield self._plan(looped, dtype, number)

    def products(self) -> Iterator[tuple[str, ...]]:
        """A line for each product that steps as kernels hold."""
        found: dict[tuple[str, ...], None] = {}
        for looped in self.loops:
            for product in looped.products:
                how = f"{product.how}: {product.apart}" if product.apart else product.how
                found[_name(looped), product.name, str(product.columns), str(product.summed or ""), how] = None
        yield from found

    def kernels(self, dtypes: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """A line for each kernel that is a loop or spills, and for all others of a program, on the device's
        architecture; then for loops with the weights in registers that plans so far wanted. Raises NvrtcMissing."""
        arch = f"sm_{self.device.compute_capability}"
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # the compiler lets others run
            wanted = [
                (program, dtype, pool.submit(compile_kernels, self.module._code(dtype, program), (arch,)))
                for dtype, program in itertools.product(dtypes, self.module._KERNELS)
            ]
            for program, dtype, found in wanted:
                yield from _kernels(program, dtype, found.result())
        worst: dict[tuple[str, str], KernelResources] = {}
        for (name, dtype, kept), found in self._compiled.items():
            key = f"{name}, {self.module._registers(self._launcher(dtype).item, kept)} of weights", dtype
            for kernel in found:
                if key not in worst or _taken(kernel) > _taken(worst[key]):
                    worst[key] = replace(kernel, name=key[0])
        for (_, dtype), kernel in worst.items():
            yield from _kernels("_loop_", dtype, [kernel])

    def ways(self, looped: Looped, dtype: str, rows: int) -> list[Way]:
        """What there is to choose from."""
        if looped.kernel is None:
            return []
        kernel, launcher, loop = looped.kernel, self._launcher(dtype), self._loop(looped.kernel)
        found = [Way("step", None, self.module._step_cost(launcher.item, rows, loop, launcher.room.multiprocessors))]
        for name in ("block", "persistent"):
            asked = self.strategy if KINDS.get(self.strategy) == name else name
            crowd = {blocks: self.device.clusters(blocks) for blocks in self.module._BLOCKS if blocks > 1}
            plan = partial(self.module._team_plan, asked, launcher.room, launcher.item, rows, loop, crowd=crowd)
            asked = (partial(one, kernel.name, dtype) for one in (self._spills, self._taken))
            team = self.module._team_without_spills(plan, *asked)
            found += [] if team is None else [Way(name, team, team.seconds)]
        return found

    def _spills(self, name: str, dtype: str, team: Any) -> bool:
        """Whether registers do not hold what a plan wants them to; without NVRTC they are thought to."""
        found = self._resources(name, dtype, team.kept)
        if found:
            self._compiled[name, dtype, team.kept] = found
        return any(kernel.stack or _spilled(kernel) for kernel in found)

    def _taken(self, name: str, dtype: str, team: Any) -> int:
        """The registers that a plan's kernel takes; without NVRTC none."""
        return max((kernel.registers for kernel in self._resources(name, dtype, team.kept)), default=0)

    def _resources(self, name: str, dtype: str, kept: Kept) -> Sequence[KernelResources]:
        """What NVRTC makes of a loop's kernel; nothing without it."""
        if (name, dtype, kept) in self._compiled:
            return self._compiled[name, dtype, kept]
        try:
            found = compile_kernels(self.module._code(dtype, name, 1, kept), (f"sm_{self.device.compute_capability}",))
        except NvrtcMissing:
            return []
        return [kernel for kernel in found if kernel.name == name]

    def _loop(self, kernel: TeamLoop) -> Any:
        """A loop as the planner is told of it."""
        return self.module._Loop(**{name: _known(fact) for name, fact in kernel.facts.items()})

    def _launcher(self, dtype: str) -> Any:
        """The module's own, which says what the device has room for."""
        return self.module._launcher_of(dtype)

    def _figures(self, team: Any, kernel: TeamLoop, dtype: str) -> tuple[str, ...]:
        """Of a team: how many and how large, rows, heads, rows at once; of a block: products whose weights stay there
        for all steps, how much of them in registers and in shared memory, the memory through which it exchanges numbers
        with others, and all of its shared memory."""
        at_once, _, _, _, _, *places = team.numbers
        kept = places[::3]
        stay = f"{sum(place >= 0 for place in kept)} of {len(kept)}" if kept else ""
        heads = f"{team.heads} of {kernel.head_count}" if kernel.heads else ""
        bytes_kept = self.module._team_weights(self._launcher(dtype).item, team, self._loop(kernel).products)
        size = f"{team.teams} x {team.blocks}", str(team.rows), heads, str(at_once), stay
        copies: tuple[int, ...] = team.copies
        through = " and ".join(sorted({_MEMORIES[place >= 0] for place in copies[2::2]}))
        return *size, *(f"{number / KIB:.0f}" for number in bytes_kept), through, f"{team.shared / KIB:.0f}"

    def _plan(self, looped: Looped, dtype: str, rows: int) -> tuple[str, ...]:
        ways = self.ways(looped, dtype, rows)
        if looped.kernel is None or not ways:
            return _name(looped), dtype, str(rows), "step", *("",) * (len(PLAN_HEADINGS) - 4)
        wanted = KINDS.get(self.strategy, self.strategy)
        forced = [way for way in ways if way.name == wanted] or ways[:1]
        best = min(ways if self.strategy == "auto" else forced, key=lambda way: way.seconds)
        least = min(way.seconds for way in ways)
        costs = {way.name: f"{way.seconds / least:.1f}" for way in ways}
        return (
            *(_name(looped), dtype, str(rows), f"{best.name}{', clusters' if best.clustered else ''}"),
            *(self._figures(best.team, looped.kernel, dtype) if best.team is not None else ("",) * 9),
            *(str(looped.kernel.meetings), f"{best.seconds * 1e6:.1f}"),
            *(costs.get(name, "no room") for name in WAYS),
        )


def _known(fact: Any) -> Any:
    """What the planner is told, of sizes that are all known."""
    if isinstance(fact, tuple):
        return tuple(map(_known, cast("tuple[Any, ...]", fact)))
    return fact.evaluate({}) if isinstance(fact, Size) else fact


def _kernels(program: str, dtype: str, kernels: Sequence[KernelResources]) -> Iterator[tuple[str, ...]]:
    """The table's lines for the kernels of a program on one architecture."""
    alone = [kernel for kernel in kernels if "_loop_" in program or _spilled(kernel)]
    others = [kernel for kernel in kernels if kernel not in alone]
    for kernel in alone:
        figures = kernel.registers, _spilled(kernel), kernel.static_shared
        yield kernel.name, dtype, kernel.arch, *map(str, figures)
    if others:
        most = max(kernel.registers for kernel in others), 0, max(kernel.static_shared for kernel in others)
        yield f"{program}: {len(others)} more, at most", dtype, others[0].arch, *map(str, most)


def _taken(kernel: KernelResources) -> tuple[int, int]:
    return _spilled(kernel), kernel.registers


def _spilled(kernel: KernelResources) -> int:
    return kernel.spill_stores + kernel.spill_loads


def _name(looped: Looped) -> str:
    """A loop by its kernel, or its program."""
    return f"{looped.program}, a loop of the host" if looped.kernel is None else looped.kernel.name
