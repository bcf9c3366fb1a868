"""Small programs, written by hand in a few lines: for tests of one thing at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from rnnc.diagnostics import Source, Span
from rnnc.ir.operations import Builder
from rnnc.ir.program import Axis, Carry, DType, Loop, Op, Port, Program, Role, Spans, Type, Value, walk
from rnnc.ir.size import Size
from tests.support.random_programs import Arrays

N = Axis("n", Size.of(4))
SOURCE = Source("small.rnn", "abcdefghij\n" * 10)


class Small:
    """A program being written: ports of one vector size, a builder, and arrays for the ports."""

    def __init__(self) -> None:
        self.build = Builder()
        self.inputs: list[Port] = []
        self.outputs: list[Port] = []
        self.arrays: Arrays = {}
        self._rng = np.random.default_rng(1)

    def port(self, role: Role, name: str, *axes: Axis, batch: bool = False, time: bool = False) -> Value:
        """An input port, filled with numbers in (-1, 1); lengths with 3, 0, 2."""
        dtype = DType.INT if role == "lengths" else DType.FLOAT
        value = Value(Type(axes, dtype, batch=batch, time=time), name)
        self.inputs.append(Port(role, name, value))
        shape = [3] * time + [3] * batch + [a.size.constant or 0 for a in axes]
        numbers = np.array([3, 0, 2]) if role == "lengths" else self._rng.uniform(-1, 1, shape)
        self.arrays[role, name] = numbers
        return value

    def sequence(self, name: str = "x") -> Value:
        """An input float<TB>[n]."""
        return self.port("input", name, N, batch=True, time=True)

    def vector(self, name: str = "b") -> Value:
        """A parameter float[n]."""
        return self.port("param", name, N)

    def output(self, *values: Value) -> None:
        """Output ports y0, y1, …"""
        self.outputs += [Port("output", f"y{len(self.outputs) + i}", value) for i, value in enumerate(values)]

    def program(self) -> Program:
        return Program("small", tuple(self.inputs), tuple(self.build.nodes), tuple(self.outputs))


def element(sequence: Value, name: str = "") -> Value:
    """The parameter of a loop that stands for one element."""
    return Value(sequence.type.with_(time=False), name or sequence.name)


def collected(value: Value) -> Value:
    """The sequence that a loop makes of a value."""
    return Value(value.type.with_(time=True), value.name)


def carry(init: Value, param: Value, next_: Value, before: bool = False) -> Carry:
    """A carry with a final value of its own, and a sequence of what it was before each step."""
    return Carry(init, param, next_, Value(param.type, "final"), collected(param) if before else None)


def loop(
    xs: Sequence[tuple[Value, Value]], carries: Sequence[Carry], body: Builder, ys: Sequence[tuple[Value, Value]]
) -> Loop:
    """A loop without lengths."""
    return Loop(tuple(xs), tuple(carries), tuple(body.nodes), tuple(ys), name="loop")


def span(line: int) -> Spans:
    """A line of a source."""
    return frozenset({Span(SOURCE, 11 * line, 11 * line + 5)})


def counts(program: Program) -> Counter[str]:
    """How many of each operation there are, at any depth; loops count as "loop"."""
    return Counter(node.name if isinstance(node, Op) else "loop" for node in walk(program.nodes))
