"""Arrays for hand-built programs, and gradients by central differences of the interpreter in float64."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rnnc.autodiff import Differentiated
from rnnc.ir.interpreter import evaluate
from rnnc.ir.program import DType, Port, Program
from rnnc.ir.verifier import verify

Array = NDArray[np.generic]
Key = tuple[str, str]
Arrays = dict[Key, "Array | None"]

STEP = 1e-5  # of central differences: their error is about STEP**2 and the roundings' 1e-16 / STEP
DIRECTIONS = 3


@dataclass(frozen=True)
class Case:
    """A program with arrays for its ports, and cotangents for its float outputs and final states."""

    program: Program
    arrays: Arrays
    cotangents: Mapping[str, Array]

    def loss(self, arrays: Arrays) -> float:
        """The sum of outputs, weighted by the cotangents."""
        results = run(self.program, arrays)
        return float(
            sum(
                np.sum(results[role, name] * cotangent)
                for key, cotangent in self.cotangents.items()
                for role, name in [tuple(key.split(":", 1))]
            )
        )

    def gradients(self, both: Differentiated) -> dict[str, Array]:
        """What the backward program makes of the training program's tape."""
        return gradients(both, self.arrays, self.cotangents)

    @cached_property
    def slopes(self) -> dict[str, list[tuple[Array, float]]]:
        """For each float source: directions, and the slope of the loss along them by central differences."""
        rng = np.random.default_rng(7)
        found: dict[str, list[tuple[Array, float]]] = {}
        for port in sources(self.program):
            key = (port.role, port.name)
            array = self.arrays[key]
            if array is None:
                continue
            pairs: list[tuple[Array, float]] = []
            for _ in range(DIRECTIONS):
                direction = rng.standard_normal(array.shape)
                ahead = self.loss({**self.arrays, key: array + STEP * direction})
                behind = self.loss({**self.arrays, key: array - STEP * direction})
                pairs.append((direction, (ahead - behind) / (2 * STEP)))
            found[f"{port.role}:{port.name}"] = pairs
        return found


def sources(program: Program) -> list[Port]:
    """The ports that have gradients."""
    return [p for p in program.inputs_of("param", "input", "state") if p.value.type.dtype is DType.FLOAT]


def run(program: Program, arrays: Mapping[Key, Array | None]) -> dict[Key, Array]:
    """Evaluate a program that the verifier accepts; ports without arrays are absent."""
    verify(program)
    given = {(p.role, p.name): arrays.get((p.role, p.name)) for p in program.inputs}
    return evaluate(program, given)


def gradients(both: Differentiated, arrays: Arrays, cotangents: Mapping[str, Array]) -> dict[str, Array]:
    """Run both halves. Returns gradients by "role:name"."""
    forward = run(both.train, arrays)
    given = dict(arrays)
    given.update({key: value for key, value in forward.items() if key[0] == "tape"})
    given.update({("cotangent", name): value for name, value in cotangents.items()})
    return {name: array for (_, name), array in run(both.backward, given).items()}


def case(program: Program, *, time: int = 5, lengths: tuple[int, ...] | None = (5, 0, 3, 1), seed: int = 0) -> Case:
    """Random arrays for every port. Lengths may be absent (then there are four rows)."""
    rng = np.random.default_rng(seed)
    batch = 4 if lengths is None else len(lengths)
    arrays: Arrays = {}
    for port in program.inputs:
        shape = _shape(port, time, batch)
        key = (port.role, port.name)
        if port.role == "lengths":
            arrays[key] = None if lengths is None else np.array(lengths, dtype=np.int32)
        elif port.role == "mask":
            arrays[key] = (rng.random(shape) < 0.7).astype(np.float64)
        elif port.value.type.dtype is DType.INT:
            arrays[key] = rng.integers(0, 3, shape).astype(np.int32)
        else:
            arrays[key] = 0.8 * rng.standard_normal(shape)
    cotangents = {
        f"{p.role}:{p.name}": rng.standard_normal(_shape(p, time, batch))
        for p in program.outputs_of("output", "state")
        if p.value.type.dtype is DType.FLOAT
    }
    return Case(program, arrays, cotangents)


def _shape(port: Port, time: int, batch: int) -> tuple[int, ...]:
    type_ = port.value.type
    leads = ((time,) if type_.time else ()) + ((batch,) if type_.batch else ())
    return leads + tuple(size.evaluate({}) for size in type_.shape)
