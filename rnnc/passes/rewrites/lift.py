"""Computes values of a loop's body for all steps at once, outside the loop.

A node that leaves a loop gets operands with `time` and is otherwise the same node, but for two: `masked` by the loop's
own validity becomes `fill_past`, and `reduce_to` must be told that its result has time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rnnc.ir.operations import Builder
from rnnc.ir.program import Loop, Node, Op, Value
from rnnc.passes.analysis.freedom import is_masking


class Lifter:
    """Makes sequences of body values on demand, each once; the new nodes are collected in `builder.nodes`.

    `outer` gives the sequences that are known: those that the loop runs over, and whatever the caller adds. A body
    value that is neither known nor defined by a node of the body is captured and stands for itself.
    """

    def __init__(self, loop: Loop, outer: Mapping[Value, Value] | None = None) -> None:
        self.builder = Builder()
        self.outer: dict[Value, Value] = {param: seq for seq, param in loop.xs} | dict(outer or {})
        self._loop = loop
        self._defined: dict[Value, tuple[int, Node]] = {}  # by what, and at which place of the body
        self._places = 0
        self.extend(loop.body)

    def extend(self, nodes: Iterable[Node]) -> None:
        """Count further nodes, made of values of the body, among its own."""
        for node in nodes:
            self._defined.update((out, (self._places, node)) for out in node.outs)
            self._places += 1

    def know(self, value: Value, sequence: Value) -> None:
        """From now on `sequence` holds what `value` is at every step."""
        self.outer[value] = sequence

    def lift(self, values: Iterable[Value]) -> None:
        """Make sequences of values, in the order of the body. Their operands must be free of state."""
        pending = list(values)
        wanted: dict[int, Op] = {}
        while pending:
            value = pending.pop()
            if value in self.outer or value not in self._defined:
                continue
            place, node = self._defined[value]
            if not isinstance(node, Op):
                raise TypeError("a loop inside a loop's body cannot run for all steps at once")
            if place not in wanted:
                wanted[place] = node
                pending.extend(node.args)
        for place in sorted(wanted):
            self._emit(wanted[place])

    def sequence(self, value: Value) -> Value:
        """The value for all steps at once (itself where it is captured)."""
        self.lift([value])
        return self.outer.get(value, value)

    def _emit(self, op: Op) -> None:
        args = [self.outer.get(arg, arg) for arg in op.args]
        with self.builder.at(op.spans):
            if is_masking(op, self._loop):
                lengths = self._loop.lengths
                assert lengths is not None  # a loop has `valid` only where it has lengths
                outs = self.builder.ops("fill_past", args[0], lengths, hint=op.out.name, value=0.0)
            else:
                attrs = dict(op.attrs)
                if op.name == "reduce_to":
                    attrs["time"] = any(arg.type.time for arg in args)
                outs = self.builder.ops(op.name, *args, hint=op.outs[0].name, **attrs)
        self.outer.update(zip(op.outs, outs, strict=True))


def fill_past(builder: Builder, sequence: Value, lengths: Value | None, value: float, hint: str = "") -> Value:
    """The sequence with a number past every row's length; itself where the loop has no lengths or it has no rows."""
    if lengths is None or not sequence.type.batch:
        return sequence
    return builder.op("fill_past", sequence, lengths, hint=hint or sequence.name, value=value)
