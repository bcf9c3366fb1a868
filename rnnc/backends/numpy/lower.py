"""What NumPy wants said otherwise: rewrites of a program before it is written, all of them exact in binary arithmetic.

- A sigmoid is (tanh(x / 2) + 1) / 2. Where x is a sum of products, the half goes into the weights, which are prepared
  once; so a gate costs one tanh and two cheap ufuncs.
- A tanh of every part of one array is one tanh of the array.
- A product with the transpose of a weight, once a step, wants the transpose as an array of its own.
- An elementwise operation on concatenations that were only built for it is one operation a part: copying the parts
  together costs more than a call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rnnc.ir.builder import Builder
from rnnc.ir.operations import TABLE
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Axis, Loop, Node, Op, Program, Type, Value, reads
from rnnc.ir.rewrite import use_counts
from rnnc.ir.size import Size

Segments = tuple[tuple[Size, float], ...]  # factors along the last axis


def lower(program: Program) -> Program:
    """The program as NumPy wants it."""
    for rewrite in (_Sigmoids, _Parts, _Transposes):
        program = rewrite(program).run()
    return program


class _Lowering:
    """One rewrite: goes through the blocks and edits lists of nodes. `early` are nodes that come before a node at the top."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.uses: Counter[Value] = use_counts(program)
        self.definitions = {out: node for node in _all(program.nodes) for out in node.outs}
        self.constant = _constants(program)

    def run(self) -> Program:
        nodes: list[Node] = []
        for node in self.program.nodes:
            self.early = Builder()
            new = self.block([node], None) if isinstance(node, Op) else [self.loop(node)]
            nodes += [*self.early.nodes, *new]
        return replace(self.program, nodes=tuple(nodes))

    def loop(self, loop: Loop) -> Loop:
        return replace(loop, body=tuple(self.block(loop.body, loop)))

    def block(self, nodes: Sequence[Node], loop: Loop | None) -> list[Node]:
        found: list[Node] = []
        for node in nodes:
            found += self.op(node, loop) if isinstance(node, Op) else [self.loop(node)]
        return found

    def op(self, op: Op, loop: Loop | None) -> list[Node]:
        raise NotImplementedError


def _all(nodes: Sequence[Node]) -> list[Node]:
    found: list[Node] = []
    for node in nodes:
        found.append(node)
        if isinstance(node, Loop):
            found += _all(node.body)
    return found


def _constants(program: Program) -> set[Value]:
    """The values at the top level that depend on parameters alone."""
    known = {port.value for port in program.inputs_of("param", "fixed")}
    for node in program.nodes:
        if isinstance(node, Op) and known.issuperset(reads(node)):
            known.update(node.outs)
    return known


# --- sigmoids -------------------------------------------------------------------------------------------------------


@dataclass
class _Edits:
    """Arguments that get a factor: (operation, position) -> factors of its last axis."""

    at: dict[tuple[Op, int], Segments] = field(default_factory=dict[tuple[Op, int], Segments])


class _Sigmoids(_Lowering):
    def run(self) -> Program:
        """First find every factor that moves into weights, then write the program anew."""
        self.sequences = {param: seq for node in _all(self.program.nodes) if isinstance(node, Loop) for seq, param in node.xs}
        self.factors: dict[tuple[Op, int], list[Segments]] = {}
        self.halved: set[Op] = set()
        for node in _all(self.program.nodes):
            if isinstance(node, Op) and node.name == "sigmoid" and node not in self.halved:
                self._try(node)
        return super().run()

    def _try(self, sigmoid: Op) -> None:
        (x,) = sigmoid.args
        edits = _Edits()
        if x.type.rank and self._push(x, ((x.type.shape[-1], 0.5),), edits):
            self.halved.add(sigmoid)
            for place, segments in edits.at.items():
                self.factors.setdefault(place, []).append(segments)

    def _push(self, value: Value, segments: Segments, edits: _Edits) -> bool:
        """Multiply a value that has one reader by multiplying weights that it is made of."""
        if self.uses[value] != 1:
            return False
        if value in self.sequences:
            return self._push(self.sequences[value], segments, edits)
        op = self.definitions.get(value)
        if not isinstance(op, Op):
            return False
        if op.name in ("add", "sub"):
            return all(self._push_argument(op, position, segments, edits) for position in (0, 1))
        if op.name == "mul":
            return any(self._push_argument(op, position, segments, edits) for position in (0, 1))
        if op.name == "contract":
            return self._push_product(op, segments, edits)
        if op.name == "split":
            return self._push_part(op, value, segments, edits)
        return False

    def _push_argument(self, op: Op, position: int, segments: Segments, edits: _Edits) -> bool:
        arg = op.args[position]
        if arg in self.constant:
            edits.at[op, position] = segments
            return arg.type.rank <= 1 or arg.type.shape[-1] == op.out.type.shape[-1]
        return arg.type.rank > 0 and arg.type.shape[-1] == op.out.type.shape[-1] and self._push(arg, segments, edits)

    def _push_product(self, op: Op, segments: Segments, edits: _Edits) -> bool:
        attrs = Attrs(op)
        last = attrs.text("out")[-1]
        for position, key in ((1, "b"), (0, "a")):
            others = attrs.text("a" if key == "b" else "b")
            if op.args[position] in self.constant and attrs.text(key)[-1] == last and last not in others:
                edits.at[op, position] = segments
                return True
        return False

    def _push_part(self, op: Op, part: Value, segments: Segments, edits: _Edits) -> bool:
        (whole,) = op.args
        attrs = Attrs(op)
        if attrs.integer("axis") != whole.type.rank - 1:
            return False
        combined: list[tuple[Size, float]] = []
        for out, size in zip(op.outs, attrs.sizes("sizes"), strict=True):
            combined += segments if out is part else [(size, 1.0)]
        return self._push(whole, tuple(combined), edits)

    def op(self, op: Op, loop: Loop | None) -> list[Node]:
        args = list(op.args)
        for position in range(len(args)):
            for segments in self.factors.get((op, position), ()):
                args[position] = self._scaled(args[position], segments, op)
        new = op if tuple(args) == op.args else replace(op, args=tuple(args))
        if op not in self.halved:
            return [new]
        b = Builder(op.spans)
        half = b.const(0.5)
        nodes = b.op("mul", b.op("tanh", new.args[0], hint=op.out.name), half)
        return [*b.nodes, Op("add", (nodes, half), op.outs, (), op.spans)]

    def _scaled(self, value: Value, segments: Segments, op: Op) -> Value:
        """A weight with a factor, prepared with the other weights (or just before, at the top level)."""
        b = self.early
        with b.at(op.spans):
            factors = {factor for _, factor in segments}
            if len(factors) == 1:
                return b.op("mul", value, b.const(factors.pop()), hint=value.name)
            parts = [b.op("full", value=factor, axes=(Axis("", size),)) for size, factor in segments]
            vector = b.op("concat", *parts, axis=0, hint="halves")
            if value.type.rank > 1:
                ones = tuple(Axis("", Size.of(1)) for _ in range(value.type.rank - 1))
                vector = b.op("reshape", vector, axes=(*ones, *vector.type.axes))
            return b.op("mul", value, vector, hint=value.name)


# --- parts ----------------------------------------------------------------------------------------------------------


class _Parts(_Lowering):
    """Whole arrays instead of parts, and parts instead of arrays that are copied together."""

    def loop(self, loop: Loop) -> Loop:
        self.kept = {value for value, _ in loop.ys} | {carry.next for carry in loop.carries}
        self.reader = {a: node for node in loop.body if isinstance(node, Op) for a in node.args if self.uses[a] == 1}
        self.gone: set[Op] = set()
        self.own = {out: node for node in loop.body if isinstance(node, Op) for out in node.outs}
        return super().loop(loop)

    def op(self, op: Op, loop: Loop | None) -> list[Node]:
        if loop is None:
            return [op]
        if op in self.gone:
            return []
        if op.name == "split":
            return self._tanh_of_all(op)
        if len(op.args) == 2 and op.name in ("add", "sub", "mul", "div", "masked"):
            return self._one_a_part(op)
        return [op]

    def _tanh_of_all(self, op: Op) -> list[Node]:
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
        whole_cost = 1 + sum(self._copies(row) for row in rows if row is not None)
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

    def _plan(self, op: Op, rows: list[list[Value] | None], bounds: list[Size], axis: int) -> _Plan | None:
        """The operands of each part, in a partition; None where the boundaries of an operand do not fit it."""
        columns: list[list[tuple[Value, ...] | tuple[Size, Size] | None]] = []
        copies = 0
        for arg, row in zip(op.args, rows, strict=True):
            if row is None:
                spread = arg.type.rank and arg.type.shape[axis] == op.out.type.shape[axis]
                columns.append([(start, stop) if spread else None for start, stop in zip(bounds, bounds[1:], strict=False)])
                continue
            groups = _grouped(row, bounds, axis)
            if groups is None:
                return None
            copies += sum(self._copies(group) for group in groups if len(group) > 1)
            columns.append(list(groups))
        calls = list(zip(*columns, strict=True))
        return _Plan(bounds, calls, len(set(calls)) + copies)

    def _build(self, op: Op, plan: _Plan, axis: int) -> list[Node]:
        b = Builder(op.spans)
        made: dict[object, Value] = {}
        parts: list[Value] = []
        for call in plan.operands:
            if call not in made:
                args = [self._operand(b, arg, piece, axis) for arg, piece in zip(op.args, call, strict=True)]
                made[call] = b.op(op.name, *args, hint=op.out.name, **dict(op.attrs))
            parts.append(made[call])
        joined = Op("concat", tuple(parts), op.outs, (("axis", axis),), op.spans)
        nodes = [*b.nodes, joined]
        for node in nodes:
            assert isinstance(node, Op)
            self.uses.update(node.args)
            self.own.update((out, node) for out in node.outs)
        return nodes

    def _operand(self, b: Builder, arg: Value, piece: tuple[Value, ...] | tuple[Size, Size] | None, axis: int) -> Value:
        if piece is None:
            return arg
        first = piece[0]
        if isinstance(first, Size):
            return b.op("slice", arg, axis=axis, start=first, stop=piece[1])
        values = [value for value in piece if isinstance(value, Value)]
        return values[0] if len(values) == 1 else b.op("concat", *values, axis=axis)


@dataclass(frozen=True)
class _Plan:
    """An operation taken apart: for each part its operands (values to join, a range of the operand, or all of it)."""

    bounds: list[Size]
    operands: list[tuple[tuple[Value, ...] | tuple[Size, Size] | None, ...]]
    calls: int


def _bounds(parts: Sequence[Value], axis: int) -> list[Size]:
    bounds = [Size.of(0)]
    for part in parts:
        bounds.append(bounds[-1] + part.type.shape[axis])
    return bounds


def _grouped(parts: Sequence[Value], bounds: Sequence[Size], axis: int) -> list[tuple[Value, ...]] | None:
    """The parts between each two boundaries; None where a boundary goes through a part."""
    groups: list[tuple[Value, ...]] = []
    waiting = list(parts)
    offset = Size.of(0)
    for stop in bounds[1:]:
        group: list[Value] = []
        while waiting and offset != stop:
            group.append(waiting.pop(0))
            offset = offset + group[-1].type.shape[axis]
        if offset != stop or not group:
            return None
        groups.append(tuple(group))
    return None if waiting else groups


# --- transposes -----------------------------------------------------------------------------------------------------


class _Transposes(_Lowering):
    """`a @ w.T` in a loop: the transpose is prepared."""

    def op(self, op: Op, loop: Loop | None) -> list[Node]:
        if loop is None or op.name != "contract":
            return [op]
        attrs = Attrs(op)
        a, b, out = attrs.text("a"), attrs.text("b"), attrs.text("out")
        (x, weight) = op.args
        if weight not in self.constant or len(b) != 2 or b[0] not in out or b[1] not in a or a[-1] != b[1] or b[1] in out:
            return [op]
        with self.early.at(op.spans):
            turned = self.early.op("transpose", weight, perm=(1, 0))
            ready = Value(Type(turned.type.axes, turned.type.dtype), weight.name + "_T")
            self.early.emit(Op("numpy.contiguous", (turned,), (ready,)))
        changed = {**dict(op.attrs), "b": b[::-1]}
        return [replace(op, args=(x, ready), attrs=tuple(sorted(changed.items())))]


__all__ = ["TABLE", "lower"]
