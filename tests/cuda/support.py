"""Programs as the CUDA target writes them, run on the CPU; many share one compilation by g++."""

from __future__ import annotations

import collections
import itertools
import os
import shutil
import threading
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from rnnc.backends.cuda.kernels.shared import Kernels
from rnnc.backends.cuda.program import write_program
from rnnc.backends.escape import identifier
from rnnc.ir.binding import bind
from rnnc.ir.program import Program
from rnnc.resources import resource_text
from rnnc.simulator.cublas import Ctypes
from rnnc.simulator.cupy_like import Cupy, How
from tests.support.shared_work import short_parts, whole_warps

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="kernels run on the CPU by g++")

Key = tuple[str, str]
Arrays = Mapping[Key, Any]
REALS = {"float16": "float", "float32": "float", "float64": "double"}
ITEMS = {**REALS, "float16": "f16"}
SHARING = resource_text("templates/cuda/sharing.py")
STEPS = "\n".join(resource_text(f"templates/cuda/{name}.py") for name in ("graphs", "blas"))


def text_of(kernels: Kernels, dtype: str) -> str:
    """All kernels as one text, as NVRTC gets those of one program."""
    texts = [text for program in kernels.programs.values() for text in program]
    parts = (
        resource_text(f"templates/cuda/{name}.cuh")
        for name in ("math", "teams", "joining", "registers", "exchange", "tiles")
    )
    prelude = resource_text("templates/cuda/prelude.cuh")
    return "\n".join([prelude, f"typedef {REALS[dtype]} real; typedef {ITEMS[dtype]} item;", *parts, *texts])


@lru_cache(maxsize=1)
def planner() -> dict[str, Any]:
    """The module's own planner."""
    space: dict[str, Any] = {"collections": collections, "itertools": itertools}
    for name in ("lying", "costs", "buffers", "teams"):
        exec(compile(resource_text(f"templates/cuda/{name}.py"), f"{name}.py", "exec"), space)
    return space


@dataclass
class Batch:
    """Programs whose kernels are compiled together, when the first one runs."""

    how: How = field(default_factory=How)
    strategy: str = "step"
    threads: int = 64  # of a block of a loop's kernel
    part: int | None = None  # the length of parts of lines, where it is not the one that modules choose
    lanes: int | None = None  # of reductions, likewise
    kernels: Kernels = field(init=False)
    written: dict[str, tuple[Program, str]] = field(default_factory=dict[str, tuple[Program, str]])
    texts: dict[str, str] = field(default_factory=dict[str, str])  # of all kernels, by dtype

    def __post_init__(self) -> None:
        self.kernels = Kernels(self.strategy)

    def add(
        self, key: str, program: Program, sizes: tuple[str, ...] = (), absent: frozenset[Key] = frozenset()
    ) -> None:
        """Write a program, to be run under `key`."""
        written = write_program(program, sizes, self.kernels, nullable=absent)
        self.written[key] = program, "\n".join([*written.pack, *written.run])

    def run(
        self, key: str, arrays: Arrays, dtype: str = "float64", sizes: Mapping[str, int] | None = None
    ) -> dict[Key, Any]:
        """The outputs of a program; ports without arrays are absent."""
        program, text = self.written[key]
        given = {(p.role, p.name): _prepared(arrays.get((p.role, p.name)), dtype) for p in program.inputs}
        numbers = dict(sizes or {})
        bound = bind([(p, a) for p in program.inputs if (a := given[p.role, p.name]) is not None], numbers)
        cupy = Cupy(self.how)
        space: dict[str, Any] = {
            "cp": cupy,
            "np": np,
            "collections": collections,
            "threading": threading,
            "warnings": warnings,
            "os": os,
            "ctypes": Ctypes(cupy.cuda.libraries),
            "_attributes": cupy.how.device.attributes,
            "_capability": lambda: (9, 0),
            "_THREADS": 32,
            "_Loop": planner()["_Loop"],
        }
        exec(compile(f"{SHARING}\n{STEPS}\n{text}", key, "exec"), space)
        space |= {"_CAPTURED": 2, "_address": cupy.address}
        if self.part is not None:
            short_parts(space, self.part)
        if self.lanes is not None:
            whole_warps(space, self.lanes)
        name, values, dt = identifier(program.name), tuple(numbers.values()), np.dtype(dtype)
        launch = self._launcher(cupy, dtype, space)
        parameters = {p.name: given[p.role, p.name] for p in program.inputs_of("param", "fixed")}
        packed = space[f"_pack_{name}"](parameters, values, dt, launch)
        others = {f"{role}:{port}": array for (role, port), array in given.items()}
        with np.errstate(all="ignore"):
            found = space[f"_run_{name}"](packed, values, bound.time, bound.batch, dt, others, launch)
        return {tuple(key.split(":", 1)): array for key, array in found.items()}  # type: ignore[misc]

    def _launcher(self, cupy: Cupy, dtype: str, space: dict[str, Any]) -> Launch:
        if dtype not in self.texts:
            self.texts[dtype] = text_of(self.kernels, dtype)
        module = cupy.RawModule(code=self.texts[dtype])
        return Launch(cupy, module, planner()["_ITEMS"][dtype], self.strategy, self.threads, space)


@dataclass
class Launch:
    """What generated functions launch kernels with; `threads` to a block, whatever the planner says."""

    cupy: Cupy
    module: Any
    item: Any  # numbers, as the planner sees them
    strategy: str
    threads: int
    space: dict[str, Any]  # of the functions of a module
    functions: dict[str, Any] = field(default_factory=dict[str, Any])
    teams: list[Any] = field(default_factory=list[Any])  # the plans that there were

    def __call__(self, name: str, threads: int, *arguments: Any) -> None:
        if threads:
            kernel, grid, passed = self.prepared(name, threads, arguments)
            kernel((grid,), (32,), passed)

    def tiles(self, name: str, tiles: Any, *arguments: Any) -> None:
        """As in a module, by fewer blocks."""
        if tiles.blocks:
            kernel, grid, passed = self.prepared(name, tiles.blocks, arguments)
            kernel((grid,), (self.space["_TILE_THREADS"],), passed, shared_mem=self.space["_TILE_BYTES"])

    def prepared(self, name: str, threads: int, arguments: Sequence[Any]) -> tuple[Any, int, tuple[Any, ...]]:
        """Fewer threads than elements."""
        return self._function(name), 2, tuple(map(_passed, arguments))

    def product(self, a: Any, b: Any, out: Any) -> None:
        """As in a module."""
        self.space["_product"](a, b, out)

    def multiplied(self, a: Any, b: Any) -> Any:
        """As in a module."""
        return self.space["_multiplied"](a, b)

    def steps(self, *loop: Any, **how: Any) -> Any:
        """As in a module."""
        return self.space["_steps"](self, *loop, **how)

    def team(self, name: str, rows: int, loop: Any) -> Any:
        """As the planner of a module decides for this device."""
        device, space = self.cupy.how.device, planner()
        room = space["_Room"](device.multiprocessors, device.shared_bytes, clusters=0)
        found = space["_team_plan"](self.strategy, room, self.item, rows, loop)
        self.teams.append(found)
        return found if rows else None

    def together(self, name: str, rows: int, loop: Any, loops: Sequence[Any]) -> Any:
        """Loops as one kernel wherever that fits."""
        return self.team(name, rows, loop)

    def loop(self, name: str, team: Any, *arguments: Any) -> None:
        """A loop as one kernel."""
        counters = np.zeros(32 * team.teams, np.uint32)
        numbers = (team.blocks, team.rows, team.heads, int(team.clustered), *team.numbers, *team.copies)
        function = self._function(name)
        if team.shared > 48 << 10:
            function.max_dynamic_shared_size_bytes = team.shared
        parts = np.full(team.parts, np.nan, np.float64 if self.item.bytes == 8 else np.float32)
        passed = (*map(_passed, arguments), counters, parts, *map(np.int32, numbers))
        how = {"shared_mem": team.shared, "enable_cooperative_groups": team.blocks > 1 and not team.clustered}
        function((team.blocks * team.teams,), (self.threads,), passed, **how)

    def _function(self, name: str) -> Any:
        if name not in self.functions:
            self.functions[name] = self.module.get_function(name)
        return self.functions[name]


def _passed(argument: Any) -> Any:
    return np.int64(argument) if isinstance(argument, int) else np.uint64(0) if argument is None else argument


def _prepared(array: Any, dtype: str) -> Any:
    if array is None:
        return None
    array = np.array(array, order="C")
    return array.astype({"f": dtype, "i": np.int32}.get(array.dtype.kind, array.dtype))
