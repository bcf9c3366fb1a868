"""The table of operations: one row each, with its shape rule, its value and its derivative; and what builds by it.

A row is written on feature axes. `infer` gives the types of the outputs; leading axes (time, batch) of the outputs are
the union of those of the arguments unless the rule says otherwise. `evaluate` is the meaning, in NumPy, on arrays whose
leading axes are spelled out by the types (the interpreter calls it; it is written to be obviously right).
`derive` builds, with a `Builder`, the cotangents of the arguments from those of the outputs (None: no gradient).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from rnnc.ir.program import NO_SPANS, AttrValue, DType, Node, Op, Spans, Type, Value

Kind = Literal[
    "elementwise",  # out[i] depends on args[i] only (sizes 1 broadcast)
    "reduction",  # folds feature axes
    "contraction",  # sums of products
    "view",  # the same numbers, arranged otherwise, without arithmetic
    "random",  # takes a mask
    "time",  # couples steps; only at program level
    "source",  # no arguments
]


class TypeMismatch(Exception):
    """An operation does not take these types; the message says why, `fix` what to write, in words for users."""

    def __init__(self, message: str, fix: str | None = None) -> None:
        super().__init__(message)
        self.fix = fix


Infer = Callable[[Sequence[Type], Mapping[str, AttrValue]], tuple[Type, ...]]
Evaluate = Callable[..., Any]  # evaluate(op, args, env) -> array or tuple of arrays; see interpreter.py
Derive = Callable[["Builder", Op, Sequence[Value | None]], Sequence[Value | None]]


@dataclass(frozen=True)
class Row:
    """One operation.

    `linear` lists the arguments in which it is linear while the others stand: in all of them together (add, concat), or
    in each by itself (mul, contract). `optional` lists the arguments that may be absent (None) at run time.
    """

    name: str
    kind: Kind
    infer: Infer
    evaluate: Evaluate
    derive: Derive | None  # None: piecewise constant (comparisons, floor, integers)
    linear: tuple[int, ...] = ()
    optional: tuple[int, ...] = ()


TABLE: dict[str, Row] = {}


def register(row: Row) -> Row:
    """Add a row; two rows of one name are a bug."""
    if row.name in TABLE:
        raise ValueError(f"operation {row.name} stands twice")
    TABLE[row.name] = row
    return row


class Builder:
    """Appends nodes to a list: the one place where an operation meets its shape rule.

    `spans` are attached to every node that is built meanwhile.
    """

    def __init__(self, spans: Spans = NO_SPANS) -> None:
        self.nodes: list[Node] = []
        self.spans = spans

    @contextmanager
    def at(self, spans: Spans) -> Generator[None]:
        """Attach other spans for a while."""
        before, self.spans = self.spans, spans
        try:
            yield
        finally:
            self.spans = before

    def ops(self, name: str, *args: Value, hint: str = "", **attrs: AttrValue) -> tuple[Value, ...]:
        """Append an operation and return all its outputs. Raises TypeMismatch."""
        types = TABLE[name].infer([a.type for a in args], attrs)
        outs = tuple(Value(t, hint) for t in types)
        self.nodes.append(Op(name, args, outs, tuple(sorted(attrs.items())), self.spans))
        return outs

    def op(self, name: str, *args: Value, hint: str = "", **attrs: AttrValue) -> Value:
        """Append an operation with one output."""
        (out,) = self.ops(name, *args, hint=hint, **attrs)
        return out

    def emit(self, node: Node) -> None:
        """Append a finished node."""
        self.nodes.append(node)

    def const(self, value: float | int | bool) -> Value:
        """A scalar: float, int or bool by the Python type."""
        return self.op("const", value=value)

    def zeros(self, type: Type) -> Value:
        """Zeros of a type (time and batch of `like` must come from elsewhere: see the op `zeros_like`)."""
        zero = {DType.FLOAT: 0.0, DType.INT: 0, DType.BOOL: False}[type.dtype]
        return self.op("full", value=zero, axes=type.axes)

    def sum(self, values: Sequence[Value]) -> Value:
        """Their sum, left to right."""
        total, *rest = values
        for value in rest:
            total = self.op("add", total, value)
        return total
