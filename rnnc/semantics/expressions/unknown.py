"""Names that are not known in an expression that was given up: whoever mends the first should hear of all."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager

from rnnc.diagnostics import Span
from rnnc.semantics.bodies.frames import Context
from rnnc.semantics.expressions.elaborates import Elaborates
from rnnc.semantics.expressions.names import Names, unknown_name
from rnnc.semantics.problems import Fatal, Problem, report
from rnnc.semantics.scopes.values import CellValue, Choice, FnValue, Instance, LayerValue
from rnnc.syntax import ast

_WORDS = ("==", "!=", "and", "or")  # beside them a name may be one of several choices, or decided at compile time
_OF_NAMES = frozenset({"E201", "E202", "E205"})


class UnknownNames:
    """Looks for them where a name can only be a value: beside an operator, or called. What is no function may have been
    meant otherwise, so what stands in its brackets is not looked at; nor are branches, of which one is read."""

    def __init__(self, names: Names, elaborator: Elaborates) -> None:
        self._names, self._elaborator = names, elaborator

    @contextmanager
    def told(self, e: ast.Expr, c: Context) -> Generator[None]:
        """While an expression is read: if that ends in a problem, the names behind it are reported as well."""
        try:
            yield
        except Fatal:
            raise
        except Problem as first:
            for problem in self._within(e, c, frozenset()):
                if not _contains(first.span, problem.span):  # what it says there is more than that
                    report(c.frame.graph.diagnostics, problem)
            raise

    def _within(self, e: ast.Expr, c: Context, bound: frozenset[str]) -> Iterator[Problem]:
        match e:
            case ast.Binary():
                for part in (e.left, e.right):
                    if isinstance(part, ast.Name):
                        yield from self._name(part, c, bound) if e.op not in _WORDS else ()
                    else:
                        yield from self._within(part, c, bound)
            case ast.Unary():
                yield from self._name(e.operand, c, bound) if isinstance(e.operand, ast.Name) else ()
                yield from self._within(e.operand, c, bound)
            case ast.As():
                yield from self._within(e.call, c, bound)
            case ast.Call():
                yield from self._call(e, c, bound)
            case ast.List():
                for item in e.items:
                    yield from self._within(item, c, bound)
            case ast.Comprehension():
                yield from self._within(e.value, c, bound | {clause.name for clause in e.clauses})
            case _:
                pass

    def _call(self, e: ast.Call, c: Context, bound: frozenset[str]) -> Iterator[Problem]:
        if isinstance(e.function, ast.Name):
            if e.function.id in bound:
                return
            try:
                function = self._names.name(e.function, c)
            except Problem:
                return
            if isinstance(function, Choice) and not function.among:
                yield self._elaborator.no_function(function.word, e, c)
            if not isinstance(function, FnValue | CellValue | LayerValue | Instance):
                return
        else:
            yield from self._within(e.function, c, bound)
        for argument in e.arguments:
            if isinstance(argument, ast.Argument):
                yield from self._within(argument.value, c, bound)

    def _name(self, e: ast.Name, c: Context, bound: frozenset[str]) -> Iterator[Problem]:
        if e.id in bound:
            return
        try:
            value = self._names.name(e, c)
            if isinstance(value, Choice) and not value.among:
                raise unknown_name(value.word, e.span, c)
        except Problem as problem:
            if problem.code in _OF_NAMES:
                yield problem


def _contains(outer: Span, span: Span) -> bool:
    return outer.source == span.source and outer.start <= span.start and span.end <= outer.end
