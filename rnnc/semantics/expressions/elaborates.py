"""What expressions ask of the elaboration around them: whatever reads bodies, of functions, of cells and of the frame
that an expression stands in."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from rnnc.diagnostics import Span
from rnnc.semantics.bodies.frames import Context, Frame, Indices
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import FnValue, Instance, LayerPart, Promise, Value
from rnnc.semantics.shapes.nodes import Node
from rnnc.syntax import ast


class ReadsInstances(Protocol):
    """Reads what `use f = …` names: `f.output`, `f.c'`, `f.low.c[0]`."""

    def inside(self, e: ast.Expr, c: Context) -> LayerPart | None:
        """The cell inside of an instance that an expression means, if it means one."""
        ...

    def attribute(self, base: Instance | LayerPart, e: ast.Attribute, c: Context) -> Value:
        """A state, a value or a part of an instance."""
        ...

    def member(self, e: ast.Attribute, indices: Indices, c: Context) -> Value:
        """A member of a family inside of an instance; None where the brackets are no such thing."""
        ...

    def subscript(self, base: Instance | LayerPart, indices: Indices, span: Span, c: Context) -> Value:
        """A layer of a stack, in a network."""
        ...

    def output_promise(self, cell: Value, span: Span) -> Promise:
        """The size of a cell's output, before the cell is stepped."""
        ...


class ForcesEquations(Protocol):
    """Reads an equation before its turn."""

    def force(self, frame: Frame, node: Node) -> None:
        """Read it now, if nobody has read it yet."""
        ...


class AppliesFunctions(Protocol):
    """Puts values through functions that a call is given as options: `activation = tanh`."""

    def apply(
        self, function: FnValue, node: Node, path: str, c: Context, span: Span, *, shared: bool, lent: str | None
    ) -> Node:
        """What a function makes of a node. `path` names its weights; `shared`, `lent`: whose else they are."""
        ...


class Elaborates(Protocol):
    """One elaboration, as expressions know it."""

    @property
    def builtins(self) -> Collection[str]:
        """The names of the functions that the language brings along."""
        ...

    @property
    def inner(self) -> ReadsInstances:
        """The instances of bodies."""
        ...

    @property
    def statements(self) -> ForcesEquations:
        """The equations of bodies."""
        ...

    @property
    def functions(self) -> AppliesFunctions:
        """The functions that are written in the language, and those that are given as options."""
        ...

    def call(self, e: ast.Call, c: Context) -> Value:
        """What a call gives, of whatever is called."""
        ...

    def named_call(self, e: ast.As, c: Context) -> Value:
        """What a call gives whose weights, or mask, have a name of their own."""
        ...

    def no_function(self, name: str, e: ast.Call, c: Context) -> Problem:
        """What to say of a call of a name that is not known."""
        ...
