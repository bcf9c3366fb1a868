"""A compiled description: programs, and what the contract of a module says beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rnnc.ir.layout import WeightLayout
from rnnc.ir.program import Axis, Op, Program, Spans, Type, walk


@dataclass(frozen=True)
class Initialiser:
    """How `init_params` fills an array: `kind` and its numbers.

    zeros, ones, constant(c), uniform(a, b), normal(mean, std), truncated_normal(mean, std), glorot_uniform,
    glorot_normal, he_uniform, he_normal, lecun_uniform, lecun_normal, orthogonal(gain), identity(gain),
    exponential_uniform(a, b): exp of uniform(a, b); values(…): given numbers in row-major order.
    """

    kind: str
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True)
class ParameterInfo:
    """A parameter [axes], `fixed` where it is not trained. `fan_in_axes` of the axes are inputs (initialisers)."""

    name: str
    axes: tuple[Axis, ...]
    init: Initialiser
    trained: bool
    spans: Spans
    fan_in_axes: tuple[int, ...] = ()


@dataclass(frozen=True)
class PortInfo:
    """An input, state or output: its features, without batch and time. `sequence`: it has a time axis in `forward`."""

    name: str
    type: Type
    spans: Spans
    sequence: bool = True


@dataclass(frozen=True)
class MaskInfo:
    """A random site: the mask is drawn 1 with probability `keep`. per "step": [T, B, axes]; "sequence": [B, axes]."""

    name: str
    axes: tuple[Axis, ...]
    keep: float
    per: Literal["step", "sequence"]
    spans: Spans


@dataclass(frozen=True)
class Model:
    """One cell or network with its parameters bound.

    `forward` runs sequences; `step` one step (None, with `no_step` saying why, where the network cannot stream).
    Both take ports "param"/"fixed", "input", "state", "lengths" (forward only), "mask" and give "output", "state"
    and, where asked for, "expose". `options` are the compile-time parameters as text, in order. `sizes` names the
    symbols that stay open.
    """

    name: str
    kind: Literal["cell", "network"]
    doc: str
    forward: Program
    step: Program | None
    no_step: str
    parameters: tuple[ParameterInfo, ...]
    inputs: tuple[PortInfo, ...]
    states: tuple[PortInfo, ...]
    outputs: tuple[PortInfo, ...]
    exposed: tuple[PortInfo, ...]
    masks: tuple[MaskInfo, ...]
    layouts: tuple[WeightLayout, ...]
    options: tuple[tuple[str, str], ...]
    sizes: tuple[str, ...]
    equations: tuple[tuple[str, str], ...] = ()  # (name, source text), for comments and pictures

    def steps_picked(self) -> frozenset[int]:
        """The steps that a network picks by their numbers, `at(y, 4)`."""
        ats = (op for op in walk(self.forward.nodes) if isinstance(op, Op) and op.name == "at")
        return frozenset(index for op in ats if isinstance(index := op.attr("index"), int))

    def fewest_steps(self) -> int:
        """How far sequences have to reach, so that these steps are there; 0 where none is picked."""
        return max((k + 1 if k >= 0 else -k for k in self.steps_picked()), default=0)
