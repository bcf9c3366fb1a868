"""Derivatives written as formulas: values with Python's operators, and the way back through broadcasting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rnnc.ir.operations.table import Builder, Derive
from rnnc.ir.program import AttrValue, DType, Op, Type, Value


@dataclass(frozen=True, eq=False)
class Term:
    """A value and the builder that appends what is done with it. Numbers become float constants."""

    builder: Builder
    value: Value

    def op(self, name: str, *others: Term | float, **attrs: AttrValue) -> Term:
        """An operation with this as its first argument."""
        return Term(self.builder, self.builder.op(name, self.value, *map(self._value, others), hint="", **attrs))

    def _value(self, other: Term | float) -> Value:
        return other.value if isinstance(other, Term) else self.builder.const(float(other))

    def _constant(self, number: float) -> Term:
        return Term(self.builder, self.builder.const(float(number)))

    def __neg__(self) -> Term:
        return self.op("neg")

    def __add__(self, other: Term | float) -> Term:
        return self.op("add", other)

    def __radd__(self, other: float) -> Term:
        return self._constant(other).op("add", self)

    def __sub__(self, other: Term | float) -> Term:
        return self.op("sub", other)

    def __rsub__(self, other: float) -> Term:
        return self._constant(other).op("sub", self)

    def __mul__(self, other: Term | float) -> Term:
        return self.op("mul", other)

    def __rmul__(self, other: float) -> Term:
        return self._constant(other).op("mul", self)

    def __truediv__(self, other: Term | float) -> Term:
        return self.op("div", other)

    def __gt__(self, other: Term | float) -> Term:
        return self.op("gt", other)

    def __ge__(self, other: Term | float) -> Term:
        return self.op("ge", other)

    def __le__(self, other: Term | float) -> Term:
        return self.op("le", other)

    def equals(self, other: Term | float) -> Term:
        return self.op("eq", other)

    def where(self, yes: Term | float, no: Term | float) -> Term:
        """`yes` where this condition holds, else `no`."""
        return self.op("where", yes, no)

    def to_float(self) -> Term:
        return self.op("cast", dtype=DType.FLOAT.value)


def fit(cotangent: Term, type: Type) -> Value:
    """The cotangent of an argument of that type: what broadcasting spread is summed up again."""
    have = cotangent.value.type
    if (have.axes, have.batch, have.time) == (type.axes, type.batch, type.time):
        return cotangent.value
    return cotangent.op("reduce_to", axes=type.axes, batch=type.batch, time=type.time).value


def is_float(value: Value) -> bool:
    """Only floats have cotangents."""
    return value.type.dtype is DType.FLOAT


def of_one_output(rule: Callable[[Builder, Op, Value], Sequence[Value | None]]) -> Derive:
    """The derivative of an operation with one output: asked only where a float's cotangent can reach a float."""

    def derive(builder: Builder, op: Op, d_outs: Sequence[Value | None]) -> Sequence[Value | None]:
        (d,) = d_outs
        if d is None or not is_float(op.out) or not any(map(is_float, op.args)):
            return [None] * len(op.args)
        return rule(builder, op, d)

    return derive
