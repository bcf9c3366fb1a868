"""What a rule sees of the program around an operation, and how it builds what shall stand there instead."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import AttrValue, DType, Op, Type, Value

Number = float | int | bool


class Site(Protocol):
    """The place of one operation.

    A rule looks at the definitions of arguments, builds operations, and returns the values that stand in for the
    outputs, or None where it does not apply. What it built is taken back where it then returns None, or a value
    of another type.
    """

    def definition(self, value: Value, *names: str) -> Op | None:
        """The operation that defines a value, if it has one of these names (any, if none are given)."""
        ...

    def ops(self, name: str, *args: Value, **attrs: AttrValue) -> tuple[Value, ...]:
        """Build an operation, itself simplified."""
        ...


Rule = Callable[[Site, Op], "Value | tuple[Value, ...] | None"]


def build(site: Site, name: str, *args: Value, **attrs: AttrValue) -> Value:
    """Build an operation with one output, itself simplified."""
    (out,) = site.ops(name, *args, **attrs)
    return out


VIEWS = frozenset({"reshape", "transpose", "slice", "flip", "broadcast"})


def number(site: Site, value: Value) -> Number | None:
    """The number that every element of a value is, where that is known.

    There is no constant with leads: what has them is zeros like something and, where it is no zero, a number more.
    """
    op = site.definition(value, "const", "full", "zeros_like", "add", *VIEWS)
    while op is not None and op.name in VIEWS:
        op = site.definition(op.args[0], "const", "full", "zeros_like", "add", *VIEWS)
    if op is None:
        return None
    if op.name == "add":
        zeros, more = (site.definition(arg) for arg in op.args)
        known = zeros is not None and zeros.name == "zeros_like" and more is not None and more.name == "const"
        return as_number(Attrs(more).scalar("value"), value.type.dtype) if known and more else None
    return as_number(0, value.type.dtype) if op.name == "zeros_like" else Attrs(op).scalar("value")


def is_exact_zero(site: Site, value: Value) -> bool:
    """Whether a value is zeros that stand for "nothing here", which not even infinity times zero disturbs.

    Differentiation makes these. A zero that a person wrote as a number is a factor like any other: 0 * inf is nan.
    """
    return site.definition(value, "full", "zeros_like") is not None and number(site, value) == 0


def uniform(site: Site, value: Number, type_: Type) -> Value | None:
    """A value of that type whose elements are all one number; None where the type has leads, which nothing here has."""
    if type_.batch or type_.time:
        return None
    value = as_number(value, type_.dtype)
    return build(site, "full", value=value, axes=type_.axes) if type_.axes else build(site, "const", value=value)


def is_held(value: Number) -> bool:
    """Whether there is such a constant: it is finite, and whole numbers have 32 bits."""
    return -(2**31) <= value < 2**31 if isinstance(value, int) else math.isfinite(value)


def as_number(value: Number, dtype: DType) -> Number:
    """The number in the Python type that stands for a dtype."""
    match dtype:
        case DType.FLOAT:
            return float(value)
        case DType.INT:
            return int(value)
        case DType.BOOL:
            return bool(value)
