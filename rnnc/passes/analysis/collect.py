"""Which values of a loop's body are, or shall become, sequences outside of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rnnc.ir.program import Loop, Value


class Collector:
    """The sequences of a loop's values: those it runs over, those it collects already, and those it is asked to.

    Past a row's length a sequence that the loop collects is zero; one that it runs over is as it came; the states
    `before` each step keep the last value.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._inside = {*loop.params, *(out for node in loop.body for out in node.outs)}
        self._states = {carry.param for carry in loop.carries}
        self._sequences = {param: seq for seq, param in loop.xs}
        self._sequences.update((c.param, c.before) for c in loop.carries if c.before is not None)
        for value, seq in loop.ys:
            self._sequences.setdefault(value, seq)
        self._added: dict[Value, Value] = {}

    def is_inside(self, value: Value) -> bool:
        """Whether the body defines a value (its parameters included)."""
        return value in self._inside

    def missing(self, values: Iterable[Value]) -> list[Value]:
        """The values of the body that have no sequence yet, each once."""
        return [v for v in dict.fromkeys(values) if v in self._inside and v not in self._sequences]

    def add(self, values: Iterable[Value]) -> None:
        """Ask for sequences of values."""
        for value in self.missing(values):
            self._added[value] = self._sequences[value] = Value(value.type.with_(time=True), value.name)

    def sequence(self, value: Value) -> Value:
        """The sequence of a value that has one; what is captured stands for itself."""
        return self._sequences[value] if value in self._inside else value

    def apply(self, loop: Loop) -> Loop:
        """The loop (or what has become of it) with what was asked for."""
        carries = tuple(replace(c, before=self._added.get(c.param, c.before)) for c in loop.carries)
        more = tuple((value, seq) for value, seq in self._added.items() if value not in self._states)
        return replace(loop, carries=carries, ys=(*loop.ys, *more))
