"""Factors that are constants, a change of sign and the 2 of x + x among them, go where they cost least.

    reduce_to(neg(x))              =>   neg(reduce_to(x))              on what is left of a sum
    mul(div(mul(x, C), y), D)      =>   div(mul(x, C * D), y)          into a factor that is there already
    add(x, broadcast(neg(y)))      =>   sub(x, broadcast(y))           into the sum that they reach

Derivatives are full of them: a mean, a root and a square leave one each. A factor goes through what is linear and has
no other reader, so that nothing is computed a second time; and what it goes into depends on no more than it did.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import DType, Op, Program, Value
from rnnc.ir.rewrite import with_args
from rnnc.passes.manager import PassContext, compiler_pass
from rnnc.passes.rewrites.blocks import Block, rewrite_blocks

# The operands in each of which alone an operation is linear.
LINEAR = {
    **dict.fromkeys(
        ("reshape", "broadcast", "transpose", "div", "masked", "reduce_sum", "reduce_mean", "reduce_to"), (0,)
    ),
    **dict.fromkeys(("mul", "contract"), (0, 1)),
}
SUMS = ("reduce_sum", "reduce_mean", "reduce_to")
FAR = 16  # operations on the way from one factor to another: that through a norm has eight
HALVES = (2.0**-14, 2.0**15)  # constants that every float type holds
MODERATE = 4.0  # what numbers on a way may be multiplied by: with more, halves that were in range may leave it


@compiler_pass
def scale(program: Program, context: PassContext) -> Program:
    """Constant factors and changes of sign go into other factors, behind sums and into differences."""
    return rewrite_blocks(program, lambda block: _Factors(block, context).move())


@dataclass(frozen=True)
class _Factor:
    """An operation that multiplies a value by a constant."""

    op: Op
    value: Value
    constant: float


def _is_moderate(constant: float) -> bool:
    return 1 / MODERATE <= abs(constant) <= MODERATE


class _Factors:
    """The factors of a block."""

    def __init__(self, block: Block, context: PassContext) -> None:
        self._graph, self._around, self._context = block.graph, block.around, context

    def move(self) -> None:
        """Put each where it costs least."""
        for add in self._graph.ops("add"):
            if add in self._graph:
                self._twice(add)
        for node in self._graph:  # operands come first: what goes behind a sum is looked at again there
            factor = self._factor(node) if node in self._graph else None
            if factor is not None and not self._into_factor(factor):
                self._behind_sums(factor)
        for node in self._graph:
            if isinstance(node, Op) and node.name == "neg":
                self._into_difference(node)

    # Factors ----------------------------------------------------------------------------------------------------------

    def _factor(self, node: object) -> _Factor | None:
        if not isinstance(node, Op) or len(node.outs) != 1 or node.out.type.dtype is not DType.FLOAT:
            return None
        match node:
            case Op(name="neg", args=(x,)):
                return _Factor(node, x, -1.0)
            case Op(name="add", args=(x, y)) if x is y:
                return _Factor(node, x, 2.0)
            case Op(name="mul", args=(x, y)):
                return self._by(node, x, self._constant(y)) or self._by(node, y, self._constant(x))
            case Op(name="div", args=(x, y)) if divisor := self._constant(y):
                return self._by(node, x, 1 / divisor)
            case _:
                return None

    def _by(self, op: Op, value: Value, constant: float | None) -> _Factor | None:
        return None if constant is None or value.type != op.out.type else _Factor(op, value, constant)

    def _constant(self, value: Value) -> float | None:
        op = self._graph.producer(value) or self._around(value)
        number = Attrs(op).scalar("value") if isinstance(op, Op) and op.name == "const" else None
        return None if isinstance(number, bool) or number is None else float(number)

    def _scaled(self, factor: _Factor, constant: float) -> None:
        """Put another factor where one is."""
        graph, op = self._graph, factor.op
        place = graph.place(op)
        graph.remove(op)
        if constant == -1.0:
            graph.op_at(place, "neg", factor.value, defines=op.out, spans=op.spans)
        else:
            number = graph.op_at(place, "const", value=constant, spans=op.spans)
            graph.op_at(place, "mul", factor.value, number, defines=op.out, spans=op.spans)

    # Where they go ----------------------------------------------------------------------------------------------------

    def _into_factor(self, factor: _Factor) -> bool:
        """Let a factor on the way to the value take this one in."""
        graph, found = self._graph, self._nearest(factor)
        if found is None:
            return False
        both, (reader, *_) = found.constant * factor.constant, graph.readers(found.op.out)
        assert isinstance(reader, Op)
        beside = reader is factor.op
        if beside and both == 1.0:  # nothing is left between the two, which `fold` sees
            return False
        if not HALVES[0] <= abs(both) <= HALVES[1] or not (
            beside or _is_moderate(factor.constant) or _is_moderate(found.constant)
        ):
            return False
        self._context.remark("scaled", "two constant factors are one", found.op.spans | factor.op.spans)
        if not beside and not _is_moderate(factor.constant):  # so the other one goes the way
            self._scaled(factor, both)
            self._reads(reader, found.op, found.value)
            return True
        if both != 1.0:
            self._scaled(found, both)
        else:
            self._reads(reader, found.op, found.value)
        made = graph.producer(factor.value)
        assert isinstance(made, Op)
        place = graph.place(made)
        graph.remove(made)
        graph.remove(factor.op)
        graph.insert(replace(made, outs=(factor.op.out,), spans=made.spans | factor.op.spans), place)
        return True

    def _nearest(self, factor: _Factor) -> _Factor | None:
        """The nearest factor on the way to the value, through what is linear and has no other reader."""
        pending, looked = deque([(factor.value, factor.op)]), 0
        while pending and (looked := looked + 1) <= FAR:
            value, reader = pending.popleft()
            op = self._graph.producer(value)
            if not isinstance(op, Op) or not self._is_only(reader, value):
                continue
            if (found := self._factor(op)) is not None:
                return found
            pending.extend((op.args[n], op) for n in LINEAR.get(op.name, ()))
        return None

    def _twice(self, add: Op) -> None:
        """What a sum of three has twice is added to itself first: `x + y + y`, the slope of a square beside others."""
        graph = self._graph
        for inner, twice in (add.args, add.args[::-1]):
            before = graph.producing_op(inner, "add")
            if before is None or graph.only_reader(inner) is not add or before.args.count(twice) != 1:
                continue
            other = before.args[1 - before.args.index(twice)]
            if other.type == add.out.type == twice.type:
                place = graph.place(add)
                graph.remove(before)
                graph.remove(add)
                graph.op_at(place, "add", twice, twice, defines=before.out, spans=before.spans)
                graph.op_at(place, "add", other, before.out, defines=add.out, spans=add.spans)
                return

    def _is_only(self, reader: Op, value: Value) -> bool:
        """Whether an operation alone reads a value, once, or as both of two equal summands."""
        if value in self._graph.results or self._graph.readers(value) != (reader,):
            return False
        return reader.name == "add" or reader.args.count(value) == 1

    def _behind_sums(self, factor: _Factor) -> None:
        """A sum of multiples is a multiple of the sum."""
        graph = self._graph
        sum_ = graph.only_reader(factor.op.out)
        if not isinstance(sum_, Op) or sum_.name not in SUMS or not _is_moderate(factor.constant):
            return
        place, spans = graph.place(sum_), sum_.spans | factor.op.spans
        graph.remove(sum_)
        graph.remove(factor.op)
        total = Value(sum_.out.type, sum_.out.name)
        graph.insert(replace(sum_, args=(factor.value,), outs=(total,)), place)
        moved = replace(factor.op, args=tuple(total if arg is factor.value else arg for arg in factor.op.args),
                        outs=sum_.outs)  # fmt: skip
        graph.insert(moved, place)
        self._context.remark("scaled", "a sum is multiplied by what its terms were", spans)
        self._behind_sums(_Factor(moved, total, factor.constant))

    def _into_difference(self, neg: Op) -> None:
        """A change of sign that only a sum or a difference meets turns one into the other."""
        graph = self._graph
        value, reader = neg.out, graph.only_reader(neg.out)
        while isinstance(reader, Op) and any(reader.args[n] is value for n in LINEAR.get(reader.name, ())):
            value, reader = reader.out, graph.only_reader(reader.out)
        if not isinstance(reader, Op) or reader.name not in ("add", "sub"):
            return
        first, second = reader.args
        if reader.name == "sub" and first is value:
            return
        args = (first, second) if second is value else (second, first)
        place = graph.place(reader)
        graph.remove(reader)
        graph.insert(replace(reader, name="add" if reader.name == "sub" else "sub", args=args), place)
        meets = graph.only_reader(neg.out)
        assert isinstance(meets, Op)
        self._reads(meets, neg, neg.args[0])
        self._context.remark("scaled", "a change of sign makes a sum a difference, or the other way", neg.spans)

    def _reads(self, reader: Op, op: Op, value: Value) -> None:
        """Let the only reader of an operation read its operand, and take the operation out."""
        place = self._graph.place(reader)
        self._graph.remove(reader)
        self._graph.insert(with_args(reader, tuple(value if arg is op.out else arg for arg in reader.args)), place)
        self._graph.remove(op)
