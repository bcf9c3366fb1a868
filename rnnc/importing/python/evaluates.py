"""What is asked of whoever evaluates the expressions of a text, by those who read its parts."""

from __future__ import annotations

import ast
from typing import Protocol

from rnnc.diagnostics import Span
from rnnc.importing.python.values import Broken, Given, Names, Thunk, Value


class Evaluates(Protocol):
    """Gives expressions their values, each at its place."""

    @property
    def models(self) -> int:
        """How many functions of models are carried out, one in another."""
        ...

    def span(self, node: ast.AST) -> Span:
        """Where a node stands."""
        ...

    def given(self, node: ast.expr, names: Names) -> Given:
        """The value of an expression, with its place. Raises DiagnosticError."""
        ...

    def if_known(self, node: ast.expr, names: Names) -> Given:
        """The value of an expression, None where nothing tells it."""
        ...


class Resolves(Evaluates, Protocol):
    """Gives names their values, too."""

    @property
    def names_of_line(self) -> Names:
        """All names of the line that is evaluated."""
        ...

    def entry(self, entry: Given | Thunk | Broken) -> Given:
        """The value of a name. Raises DiagnosticError."""
        ...


class EvaluatesArguments(Evaluates, Protocol):
    """Knows, too, how libraries mean what they are given."""

    def argument(self, node: ast.expr, names: Names, library: str) -> Given:
        """The value of an argument of a constructor of a library. Raises DiagnosticError."""
        ...


class CarriesOut(Resolves, Protocol):
    """Carries out functions of the text, statement by statement."""

    @property
    def returned(self) -> Span | None:
        """Where the function that was carried out last tells what it gives."""
        ...

    def run(self, function: ast.FunctionDef, names: Names, *, of_model: bool) -> tuple[Names, Value]:
        """The names behind the last statement of a function, and its result. `of_model`: `models` counts it."""
        ...
