"""A sigmoid is 1 / (1 + exp(-x)).

Where x is a sum of products, the sign goes into the weights, which are prepared once, or into gain and shift of a norm;
so a gate costs one exponential and two cheap ufuncs. A change of sign is exact.

(1 + tanh(x / 2)) / 2 takes NumPy two thirds of the time in float32, 1 to 4 % of a forward pass, but is right to a
rounding of 1 only: 0 from -17.3 on, which logarithms and quotients of gates, also those of callers, do not bear.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rnnc.backends.numpy.lowering.walk import Lowering, all_nodes
from rnnc.ir.operations import Builder
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Axis, Loop, Node, Op, Program, Value
from rnnc.ir.size import Size

Segments = tuple[tuple[Size, bool], ...]  # along the last axis: which parts change their sign


@dataclass
class Edits:
    """Arguments that change signs: (operation, position, parts of its last axis). One may do so several times: two
    parts of a product that are summed reach its weight one after the other."""

    at: list[tuple[Op, int, Segments]] = field(default_factory=list[tuple[Op, int, Segments]])


class Sigmoids(Lowering):
    def run(self) -> Program:
        """First find every sign that moves into weights, then write the program anew."""
        self.sequences = {
            param: seq for node in all_nodes(self.program.nodes) if isinstance(node, Loop) for seq, param in node.xs
        }
        self.signs: dict[tuple[Op, int], list[Segments]] = {}
        self.negated: set[Op] = set()
        for node in all_nodes(self.program.nodes):
            if isinstance(node, Op) and node.name == "sigmoid" and node not in self.negated:
                self._try(node)
        return super().run()

    def _try(self, sigmoid: Op) -> None:
        (x,) = sigmoid.args
        edits = Edits()
        if x.type.rank and self._push(x, ((x.type.shape[-1], True),), edits):
            self.negated.add(sigmoid)
            for op, position, segments in edits.at:
                self.signs.setdefault((op, position), []).append(segments)

    def _push(self, value: Value, segments: Segments, edits: Edits) -> bool:
        """Change signs of a value that has one reader by changing those of weights that it is made of."""
        if self.uses[value] != 1:
            return False
        if value in self.sequences:
            return self._push(self.sequences[value], segments, edits)
        op = self.definitions.get(value)
        if not isinstance(op, Op):
            return False
        if op.name in ("add", "sub"):
            return all(self._push_argument(op, position, segments, edits) for position in (0, 1))
        if op.name == "div":
            return self._push_argument(op, 0, segments, edits)
        if op.name == "mul":
            return any(self._push_factor(op, position, segments, edits) for position in (0, 1))
        if op.name == "contract":
            return self._push_product(op, segments, edits)
        if op.name == "split":
            return self._push_part(op, value, segments, edits)
        return False

    def _push_factor(self, op: Op, position: int, segments: Segments, edits: Edits) -> bool:
        """Through one side of a product; what was noted on a way that does not lead to the end is forgotten."""
        before = len(edits.at)
        if self._push_argument(op, position, segments, edits):
            return True
        del edits.at[before:]
        return False

    def _push_argument(self, op: Op, position: int, segments: Segments, edits: Edits) -> bool:
        arg = op.args[position]
        if arg in self.constant:
            edits.at.append((op, position, segments))
            return arg.type.rank <= 1 or arg.type.shape[-1] == op.out.type.shape[-1]
        return arg.type.rank > 0 and arg.type.shape[-1] == op.out.type.shape[-1] and self._push(arg, segments, edits)

    def _push_product(self, op: Op, segments: Segments, edits: Edits) -> bool:
        attrs = Attrs(op)
        last = attrs.text("out")[-1]
        for position, key in ((1, "b"), (0, "a")):
            others = attrs.text("a" if key == "b" else "b")
            if op.args[position] in self.constant and attrs.text(key)[-1] == last and last not in others:
                edits.at.append((op, position, segments))
                return True
        return False

    def _push_part(self, op: Op, part: Value, segments: Segments, edits: Edits) -> bool:
        (whole,) = op.args
        attrs = Attrs(op)
        if attrs.integer("axis") != whole.type.rank - 1:
            return False
        combined: list[tuple[Size, bool]] = []
        for out, size in zip(op.outs, attrs.sizes("sizes"), strict=True):
            combined += segments if out is part else [(size, False)]
        return self._push(whole, tuple(combined), edits)

    def op(self, op: Op, loop: Loop | None) -> list[Node]:
        args = list(op.args)
        for position in range(len(args)):
            for segments in self.signs.get((op, position), ()):
                args[position] = self._negated(args[position], segments, op)
        new = op if tuple(args) == op.args else replace(op, args=tuple(args))
        if op not in self.negated:
            return [new]
        b = Builder(op.spans)
        one = b.const(1.0)
        over = b.op("add", b.op("exp", new.args[0], hint=op.out.name), one)
        return [*b.nodes, Op("div", (one, over), op.outs, (), op.spans)]

    def _negated(self, value: Value, segments: Segments, op: Op) -> Value:
        """A weight with other signs, prepared with the other weights (or just before, at the top level)."""
        b = self.early
        with b.at(op.spans):
            if all(negative for _, negative in segments):
                return b.op("neg", value, hint=value.name)
            whole = self.definitions.get(value)
            if isinstance(whole, Op) and (parts := _signs_of_parts(whole, segments)) is not None:
                new = [b.op("neg", part, hint=part.name) if negative else part for part, negative in parts]
                joined = b.op("concat", *new, axis=value.type.rank - 1, hint=value.name)
                self.definitions[joined] = b.nodes[-1]  # the next change finds its parts
                return joined
            signs = [
                b.op("full", value=-1.0 if negative else 1.0, axes=(Axis("", size),)) for size, negative in segments
            ]
            vector = b.op("concat", *signs, axis=0, hint="signs")
            if value.type.rank > 1:
                ones = tuple(Axis("", Size.of(1)) for _ in range(value.type.rank - 1))
                vector = b.op("reshape", vector, axes=(*ones, *vector.type.axes))
            return b.op("mul", value, vector, hint=value.name)


def _signs_of_parts(whole: Op, segments: Segments) -> list[tuple[Value, bool]] | None:
    """The parts of a concatenation, and which of them change their sign; None where some would do so in part."""
    if whole.name != "concat" or Attrs(whole).integer("axis") != whole.out.type.rank - 1:
        return None
    found: list[tuple[Value, bool]] = []
    following = iter(segments)
    end, negative = next(following)
    start = Size.of(0)
    for part in whole.args:
        if start == end:
            size, negative = next(following, (Size.of(0), False))
            end = start + size
        found.append((part, negative))
        start = start + part.type.shape[-1]
    return found if start == end == whole.out.type.shape[-1] else None
