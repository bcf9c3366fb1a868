"""What those who read one kind of expression ask of the evaluator, which they are parts of: the values inside of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from rnnc.diagnostics import Span
from rnnc.semantics.bodies.frames import Context, Indices
from rnnc.semantics.scopes.values import Num, Value
from rnnc.semantics.shapes.nodes import Node
from rnnc.semantics.shapes.shaped import Shaped
from rnnc.syntax import ast


class Evaluates(Protocol):
    """Reads the expressions that another one is made of."""

    def value(self, e: ast.Expr, c: Context) -> Value:
        """Whatever an expression means."""
        ...

    def tensor(self, e: ast.Expr, c: Context) -> Node:
        """An expression that must be a tensor (numbers count)."""
        ...

    def to_node(self, value: Value, span: Span, c: Context) -> Node:
        """A value as a tensor."""
        ...

    def truth(self, e: ast.Expr, c: Context) -> bool:
        """A condition."""
        ...

    def number(self, e: ast.Expr, c: Context) -> Num:
        """A number of compile time."""
        ...

    def integer(self, e: ast.Expr, c: Context) -> int:
        """A whole number that is known."""
        ...

    def indices(self, expressions: tuple[ast.Expr, ...], c: Context) -> Indices:
        """Which member of a family is meant."""
        ...

    def label(self, e: ast.Expr, c: Context) -> str | None:
        """The axis that an expression names, if it can name one."""
        ...


class ReadsAxes(Protocol):
    """Reads the axes that an expression brings into a body."""

    def own_axis(self, axis: ast.Axis, c: Context) -> Shaped:
        """An axis with its size, under the label that it has in this body."""
        ...

    def named_axis(self, e: ast.Expr, c: Context, operands: Callable[[], list[Node]]) -> Shaped:
        """An axis by its name, by its size, or by both."""
        ...
