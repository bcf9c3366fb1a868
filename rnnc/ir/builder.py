"""Builds nodes: the one place where an operation meets its shape rule."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from rnnc.ir.operations import TABLE
from rnnc.ir.program import NO_SPANS, AttrValue, DType, Node, Op, Spans, Type, Value


class Builder:
    """Appends nodes to a list. `spans` are attached to every node that is built meanwhile."""

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
