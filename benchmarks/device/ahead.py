"""Compiles kernels ahead, for `cubins.py`. Needs rnnc.

`compile_ahead` plays every call that will be made, on a stand-in for CuPy that launches nothing, and compiles what the
modules' own planners ask for.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.device.checks import SIZES, TOLERANCES, everything, numbers
from benchmarks.device.cubins import ARCHITECTURE, FOLDER, place
from benchmarks.device.modules import parameters
from benchmarks.device.plans import runs
from benchmarks.device.rounding import products_in, stored
from benchmarks.device.rows import Row


def compile_ahead(
    rows: Sequence[Row], checks: Iterable[tuple[str, str]], ways: Sequence[Row], folder: Path, jobs: int
) -> int:
    """Compile what rows and checks will launch on an H100 or H200, and rows in all `ways`; how many texts there are.
    Needs rnnc and NVRTC."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(jobs) as pool:
        work = [pool.submit(_row, row, folder) for row in rows]
        work += [pool.submit(_ways, row, folder) for row in ways]
        work += [pool.submit(_check, cell, strategy, folder) for cell, strategy in checks]
        for done in work:
            done.result()
    return len(list((folder / FOLDER).glob("*.cubin")))


def _row(row: Row, folder: Path) -> None:
    module = recording(folder, f"{row.module}_cuda")
    for dtype in dict.fromkeys((row.dtype, "float64")):
        if stored(dtype) not in module.REALS:
            continue
        with products_in(dtype):
            params = parameters(module, row, stored(dtype))
            x = np.zeros((1, row.batch, row.input), next(iter(params.values())).dtype)
            packed = module.pack(params)
            module.forward(packed, x, time_major=True)
            outputs, _, tape = module.forward_train(packed, x, time_major=True)
            module.backward(packed, tape, outputs, None)


def _ways(row: Row, folder: Path) -> None:
    warnings.simplefilter("ignore")  # ways that have no room say so
    with products_in(row.dtype):
        for _, _, call in runs(recording(folder, f"{row.module}_cuda"), row, 1):
            call(1)


def _check(cell: str, strategy: str, folder: Path) -> None:
    module = recording(folder, f"check_{cell}_{strategy}")
    for dtype in TOLERANCES:
        for size in SIZES:
            params, x, lengths = numbers(module, dtype, *size)
            with products_in(dtype):
                everything(module, params, x, lengths)
    everything(module, *numbers(module, "float32", 33, 12))


def recording(folder: Path, name: str) -> ModuleType:
    """A module of the folder on the stand-in, as an H100 runs it: kernels are compiled, and do nothing."""
    from rnnc.cli.loops import DEVICES
    from rnnc.simulator.cupy_like import How
    from rnnc.simulator.loader import load

    module = load((folder / f"{name}.py").read_text(encoding="utf-8"), name, How(device=DEVICES["h100"]))
    module.cp.RawModule = lambda *, code, options=(): _Compiled(folder, code)
    return module


class _Compiled:
    """CuPy's `RawModule`, of which nothing runs."""

    def __init__(self, folder: Path, code: str) -> None:
        from rnnc.simulator.nvrtc import machine_code, read_log

        log = place(folder, code).with_suffix(".log")
        if not log.exists():
            cubin, said = machine_code(code, ARCHITECTURE)
            _written(place(folder, code), cubin)
            _written(log, said.encode())
        self._stacks = {kernel.name: kernel.stack for kernel in read_log(log.read_text(encoding="utf-8"))}

    def get_function(self, name: str) -> _Kernel:
        return _Kernel(self._stacks[name])


class _Kernel:
    """CuPy's `RawKernel` and its `Function`, which does nothing."""

    def __init__(self, stack: int) -> None:
        self.local_size_bytes, self.max_dynamic_shared_size_bytes = stack, 0
        self.kernel, self.ptr = self, id(self)

    def __call__(self, *_: Any, **__: Any) -> None:
        return None


def _written(path: Path, content: bytes) -> None:
    own = path.with_suffix(f".{os.getpid()}")
    own.write_bytes(content)
    own.replace(path)
