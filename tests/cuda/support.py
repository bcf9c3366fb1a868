"""Programs as the CUDA target writes them, run on the CPU; many share one compilation by g++."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from rnnc.backends.cuda.program import write_program
from rnnc.backends.cuda.unit import Kernels
from rnnc.backends.escape import identifier
from rnnc.ir.binding import bind
from rnnc.ir.program import Program
from rnnc.resources import resource_text
from rnnc.simulator.cupy_like import Cupy, How

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="kernels run on the CPU by g++")

Key = tuple[str, str]
Arrays = Mapping[Key, Any]
REALS = {"float32": "float", "float64": "double"}


def text_of(kernels: Kernels, dtype: str) -> str:
    """All kernels as one text, as NVRTC gets those of one program."""
    texts = [text for program in kernels.programs.values() for text in program]
    parts = [resource_text(f"templates/cuda/{name}.cuh") for name in ("prelude", "math")]
    return "\n".join([parts[0], f"typedef {REALS[dtype]} real;", parts[1], *texts])


@dataclass
class Batch:
    """Programs whose kernels are compiled together, when the first one runs."""

    how: How = field(default_factory=How)
    kernels: Kernels = field(default_factory=Kernels)
    written: dict[str, tuple[Program, str]] = field(default_factory=dict[str, tuple[Program, str]])
    texts: dict[str, str] = field(default_factory=dict[str, str])  # of all kernels, by dtype

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
        space: dict[str, Any] = {"cp": cupy, "np": np}
        exec(compile(text, key, "exec"), space)
        name, values, dt = identifier(program.name), tuple(numbers.values()), np.dtype(dtype)
        launch = self._launcher(cupy, dtype)
        parameters = {p.name: given[p.role, p.name] for p in program.inputs_of("param", "fixed")}
        packed = space[f"_pack_{name}"](parameters, values, dt, launch)
        others = {f"{role}:{port}": array for (role, port), array in given.items()}
        with np.errstate(all="ignore"):
            found = space[f"_run_{name}"](packed, values, bound.time, bound.batch, dt, others, launch)
        return {tuple(key.split(":", 1)): array for key, array in found.items()}  # type: ignore[misc]

    def _launcher(self, cupy: Cupy, dtype: str) -> Callable[..., None]:
        if dtype not in self.texts:
            self.texts[dtype] = text_of(self.kernels, dtype)
        module = cupy.RawModule(code=self.texts[dtype])
        functions: dict[str, Any] = {}

        def launch(name: str, threads: int, *arguments: Any) -> None:
            if threads:
                passed = (np.int64(a) if isinstance(a, int) else np.uint64(0) if a is None else a for a in arguments)
                if name not in functions:
                    functions[name] = module.get_function(name)
                functions[name]((2,), (32,), tuple(passed))  # fewer threads than elements: they go round

        return launch


def _prepared(array: Any, dtype: str) -> Any:
    if array is None:
        return None
    array = np.array(array, order="C")
    return array.astype({"f": dtype, "i": np.int32}.get(array.dtype.kind, array.dtype))
