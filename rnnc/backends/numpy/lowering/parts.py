"""Whole arrays instead of parts, and parts instead of arrays that are only copied together.

- A tanh of every part of one array is one tanh of the array.
- An elementwise operation on concatenations that were built for it alone is one operation a part, where copying the
  parts together costs more than calls do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from rnnc.backends.numpy.lowering.walk import Lowering
from rnnc.ir.operations import Builder
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Loop, Node, Op, Program, Value
from rnnc.ir.size import Size


class Parts(Lowering):
    """Whole arrays instead of parts, and parts instead of arrays that are copied together."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.gone: set[Op] = set()
        self.kept: set[Value] = set()  # results of the block
        self.reader: dict[Value, Op] = {}  # of values with one reader in the block
        self.own: dict[Value, Op] = {}
        self._enter(program.nodes, {port.value for port in program.outputs})

    def _enter(self, nodes: Sequence[Node], kept: set[Value]) -> None:
        self.kept = kept
        self.reader = {a: node for node in nodes if isinstance(node, Op) for a in node.args if self.uses[a] == 1}
        self.own = {out: node for node in nodes if isinstance(node, Op) for out in node.outs}

    def loop(self, loop: Loop) -> Loop:
        around = self.kept, self.reader, self.own
        self._enter(loop.body, {value for value, _ in loop.ys} | {carry.next for carry in loop.carries})
        new = super().loop(loop)
        self.kept, self.reader, self.own = around
        return new

    def op(self, op: Op, loop: Loop | None) -> list[Node]:
        if op in self.gone:
            return []
        if op.name == "split":
            return self._tanh_ofall_nodes(op)
        if (
            len(op.args) == 2
            and (loop is not None or op.out.type.time)
            and op.name in ("add", "sub", "mul", "div", "masked")
        ):
            return self._one_a_part(op)
        return [op]

    def _tanh_ofall_nodes(self, op: Op) -> list[Node]:
        readers = [self.reader.get(part) for part in op.outs]
        if len(op.outs) < 2 or not all(r is not None and r.name == "tanh" and r.out not in self.kept for r in readers):
            return [op]
        found = [reader for reader in readers if reader is not None]
        self.gone.update(found)
        (whole,) = op.args
        b = Builder(op.spans.union(*(reader.spans for reader in found)))
        tanh = b.op("tanh", whole)
        return [*b.nodes, replace(op, args=(tanh,), outs=tuple(reader.out for reader in found))]

    def _one_a_part(self, op: Op) -> list[Node]:
        """f(concat(a, b), z) = concat(f(a, z's part), f(b, z's part)), where that makes fewer calls than copying."""
        wholes = [self._assembled(arg) for arg in op.args]
        axes = {axis for axis, _ in filter(None, wholes)}
        if len(axes) != 1:
            return [op]
        (axis,) = axes
        size = op.out.type.shape[axis]
        rows = [whole[1] if whole is not None else None for whole in wholes]
        if any(sum((part.type.shape[axis] for part in row), Size.of(0)) != size for row in rows if row is not None):
            return [op]
        partitions = [bounds for row in rows if row is not None and (bounds := _bounds(row, axis))]
        plans = [plan for bounds in partitions if (plan := self._plan(op, rows, bounds, axis)) is not None]
        # Whole sequences are so long that what counts is how much is copied, and not how many calls there are.
        whole_cost = 1 + sum(self._copies(row) for row in rows if row is not None) + 99 * op.out.type.time
        best = min(plans, key=lambda plan: plan.calls, default=None)
        if best is None or best.calls >= whole_cost:
            return [op]
        return self._build(op, best, axis)

    def _assembled(self, value: Value) -> tuple[int, list[Value]] | None:
        """The axis and the parts of a concatenation that nobody else reads; those inside it are opened."""
        node = self.own.get(value)
        if node is None or node.name != "concat" or self.uses[value] != 1 or value in self.kept:
            return None
        axis = Attrs(node).integer("axis")
        parts: list[Value] = []
        for arg in node.args:
            inner = self._assembled(arg)
            parts += inner[1] if inner is not None and inner[0] == axis else [arg]
        return axis, parts

    def _copies(self, parts: Sequence[Value]) -> int:
        """How many parts cannot be computed in their place."""
        return sum(not (part in self.own and self.uses[part] == 1 and part not in self.kept) for part in parts)

    def _plan(self, op: Op, rows: list[list[Value] | None], bounds: list[Size], axis: int) -> Plan | None:
        """The operands of each part, in a partition; None where the boundaries of an operand do not fit it."""
        columns: list[list[Pieces]] = []
        copies = 0
        for arg, row in zip(op.args, rows, strict=True):
            if row is None:
                spread = arg.type.rank > 0 and arg.type.shape[axis] == op.out.type.shape[axis]
                ranges = pairwise(bounds)
                columns.append([(Piece(arg, start, stop),) if spread else () for start, stop in ranges])
                continue
            groups = _pieces(row, bounds, axis)
            if groups is None:
                return None
            copies += sum(self._copies([piece.value for piece in group]) for group in groups if len(group) > 1)
            columns.append(groups)
        calls = list(zip(*columns, strict=True))
        return Plan(calls, len(set(calls)) + copies)

    def _build(self, op: Op, plan: Plan, axis: int) -> list[Node]:
        b = Builder(op.spans)
        made: dict[tuple[Pieces, ...], Value] = {}
        parts: list[Value] = []
        for call in plan.operands:
            if call not in made:
                args = [self._operand(b, arg, pieces, axis) for arg, pieces in zip(op.args, call, strict=True)]
                made[call] = b.op(op.name, *args, hint=op.out.name, **dict(op.attrs))
            parts.append(made[call])
        nodes: list[Node] = [*b.nodes, Op("concat", tuple(parts), op.outs, (("axis", axis),), op.spans)]
        for node in nodes:
            self.uses.update(node.args)
            if isinstance(node, Op):
                self.own.update((out, node) for out in node.outs)
        return nodes

    def _operand(self, b: Builder, arg: Value, pieces: Pieces, axis: int) -> Value:
        values = [self._piece(b, piece, axis) for piece in pieces] or [arg]
        return values[0] if len(values) == 1 else b.op("concat", *values, axis=axis)

    def _piece(self, b: Builder, piece: Piece, axis: int) -> Value:
        if piece.start is None:
            return piece.value
        return b.op("slice", piece.value, axis=axis, start=piece.start, stop=piece.stop)


@dataclass(frozen=True)
class Piece:
    """A value, or a range of it along the axis."""

    value: Value
    start: Size | None = None
    stop: Size | None = None


Pieces = tuple[Piece, ...]  # to be joined; none: the operand as it is


@dataclass(frozen=True)
class Plan:
    """An operation taken apart: the operands of each part, and what that costs."""

    operands: list[tuple[Pieces, ...]]
    calls: int


def _bounds(parts: Sequence[Value], axis: int) -> list[Size]:
    bounds = [Size.of(0)]
    for part in parts:
        bounds.append(bounds[-1] + part.type.shape[axis])
    return bounds


def _pieces(parts: Sequence[Value], bounds: Sequence[Size], axis: int) -> list[Pieces] | None:
    """What lies between each two boundaries: parts, or a range of one. None where a part crosses a boundary."""
    found: list[list[Piece]] = [[] for _ in bounds[1:]]
    offset, position = Size.of(0), 0
    for part in parts:
        stop = offset + part.type.shape[axis]
        if bounds[position] == offset and stop in bounds[position:]:  # whole stretches
            last = bounds.index(stop, position)
            for here in range(position, last):
                whole = last == position + 1
                found[here].append(
                    Piece(part) if whole else Piece(part, bounds[here] - offset, bounds[here + 1] - offset)
                )
            position = last
        elif stop == bounds[position + 1] or not _passes(parts, part, bounds[position + 1], axis):  # one of several
            found[position].append(Piece(part))
            position += stop == bounds[position + 1]
        else:
            return None
        offset = stop
    return [tuple(group) for group in found]


def _passes(parts: Sequence[Value], part: Value, bound: Size, axis: int) -> bool:
    """Whether no part ends at a boundary."""
    return bound not in _bounds(parts, axis)
