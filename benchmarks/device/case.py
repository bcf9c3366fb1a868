"""One comparison: parameters, input and cotangent, the same for all who take part; and how far off a result is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Literal

import numpy as np

from benchmarks.device.modules import parameters
from benchmarks.device.rows import Row

Mode = Literal["forward", "forward + backward"]
MODES: tuple[Mode, ...] = ("forward", "forward + backward")
LARGEST = 1 << 27  # elements of the largest array of a reference in float64: 1 GiB


class NotThere(Exception):
    """Somebody cannot take part; the message says why."""


@dataclass(frozen=True)
class Case:
    """`x` and `d_outputs` have time in front and are float32 on the device; `params` are NumPy's float32. All of them
    are numbers that the row's dtype has, so that errors are those of the computation."""

    row: Row
    module: ModuleType
    params: dict[str, Any]
    x: Any
    d_outputs: Any

    @property
    def arrays(self) -> Any:
        """The module's own library of arrays."""
        return self.module.cp

    def short(self) -> Case:
        """The first steps, as many as a reference has room for."""
        row = self.row
        step = row.batch * max(row.input, row.about.columns * row.units * (1 + row.both))
        steps = min(row.time, max(1, LARGEST // step))
        return replace(self, row=row.like(time=steps), x=self.x[:steps], d_outputs=self.d_outputs[:steps])


def make_case(row: Row, module: ModuleType) -> Case:
    """Random numbers, made on the device."""
    random = module.cp.random.default_rng(0)
    wide = row.units * (1 + row.both)

    def draw(features: int) -> Any:
        return random.standard_normal((row.time, row.batch, features), dtype=np.float32)

    params = {name: rounded(array, row.dtype) for name, array in parameters(module, row, "float32").items()}
    return Case(row, module, params, rounded(draw(row.input), row.dtype), rounded(draw(wide), row.dtype))


def rounded(array: Any, dtype: str) -> Any:
    """Float32 numbers, each the nearest that a dtype of arrays has."""
    if dtype == "float16":
        return array.astype(np.float16).astype(np.float32)
    if dtype == "bfloat16":  # the upper half of a float32; ties go to what is even
        bits = array.view(np.uint32)
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)
    return array


@dataclass(frozen=True)
class Contender:
    """`forward` and `train` are what is timed; `results` makes arrays of the host of what they return.

    `library` says whose streams it works on; `note` what it found to say of itself after it ran.
    """

    name: str
    forward: Callable[[], Any]
    train: Callable[[], Any]
    results: Callable[[Mode, Any], dict[str, Any]]
    library: Literal["cupy", "torch", "jax", "other"]
    note: Callable[[], str] = lambda: ""

    def call(self, mode: Mode) -> Callable[[], Any]:
        return self.forward if mode == "forward" else self.train


def deviation(found: dict[str, Any], reference: dict[str, Any]) -> float:
    """The largest of max |a - b| / max |b|."""
    pairs = [(np.asarray(found[name], np.float64), b) for name, b in reference.items()]
    return max(float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-300)) for a, b in pairs)
