"""The joint between a training program and its backward program: what is kept, how large it is, and who reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from rnnc.autodiff.partition import BYTES
from rnnc.ir.program import Port, Program, Spans, Type, Value, reads
from rnnc.ir.size import Size, product
from rnnc.ir.trim import trim_program


@dataclass(frozen=True, slots=True)
class TapeEntry:
    """One array on the tape. `every`: steps per entry of a sequence (K where one state per stretch is kept)."""

    port: str
    name: str
    type: Type
    spans: Spans
    every: int = 1


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that a reader of the source should know about the gradient of these lines."""

    code: str
    message: str
    spans: Spans


@dataclass(frozen=True)
class Differentiated:
    """A program with its tape, and the program that turns tape and cotangents into gradients."""

    train: Program
    backward: Program
    tape: tuple[TapeEntry, ...]
    remarks: tuple[Remark, ...] = field(default=())


class PerStep(NamedTuple):
    """What one array of the tape takes per step and row: its features, and their bytes with 4-byte floats.

    `every`: the bytes are spent once in so many steps.
    """

    name: str
    features: Size
    bytes: Size
    spans: Spans
    every: int


def tape_per_step(differentiated: Differentiated) -> list[PerStep]:
    """The sequences on the tape, in the order of their ports."""
    return [
        PerStep(e.name, features, features * BYTES[e.type.dtype], e.spans, e.every)
        for e in differentiated.tape
        if e.type.time
        for features in (product(e.type.shape),)
    ]


def prune_tape(train: Program, backward: Program) -> tuple[Program, Program]:
    """Both programs without the tape that `backward` no longer reads; the other ports keep order, from "0" again."""
    backward = trim_program(backward)
    read = {value for node in backward.nodes for value in reads(node)} | {p.value for p in backward.outputs}
    names = {port.name: str(n) for n, port in enumerate(p for p in backward.inputs_of("tape") if p.value in read)}
    train = replace(train, outputs=_renamed(train.outputs, names))
    return trim_program(train), replace(backward, inputs=_renamed(backward.inputs, names))


def tape_ports(values: Sequence[Value]) -> tuple[Port, ...]:
    """Ports "0", "1", … for values in order."""
    return tuple(Port("tape", str(n), value) for n, value in enumerate(values))


def _renamed(ports: Sequence[Port], names: Mapping[str, str]) -> tuple[Port, ...]:
    """The ports, those of the tape under new names; without a new name they go."""
    return tuple(
        replace(port, name=names[port.name]) if port.role == "tape" else port
        for port in ports
        if port.role != "tape" or port.name in names
    )
