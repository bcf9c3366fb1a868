"""One slip is one error: what cannot be read is reported and given up, and what only follows from it is not told."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from rnnc.diagnostics import Diagnostics
from rnnc.semantics.bodies.frames import Frame
from rnnc.semantics.problems import Fatal, Problem, report
from rnnc.syntax import ast
from rnnc.syntax.walk import defined_names


@contextmanager
def guard(diagnostics: Diagnostics, frame: Frame, *statements: ast.Statement | ast.Declared) -> Generator[None]:
    """Report a problem, and go on. The names that the statements define are known to be broken then."""
    try:
        yield
    except Fatal:
        raise
    except Problem as problem:
        report(diagnostics, problem)
        frame.body.damaged = True
        frame.broken.update(name for s in statements for name in defined_names(s))
        declared = [d for s in statements for d in (s.items if isinstance(s, ast.Declaration) else (s,))]
        axes = [axis for d in declared if isinstance(d, ast.Declared) for axis in d.axes]
        frame.lost.update(axis.label for axis in axes if axis.label is not None)


def mentions_input(statements: tuple[ast.Statement, ...]) -> bool:
    """Is an input declared anywhere, readable or not?"""
    return any(_has_input(s) for s in statements)


def plain_inputs(statements: tuple[ast.Statement, ...]) -> list[str] | None:
    """The names of a body's inputs; None where they depend on `for` and `if`."""
    if any(_has_input(s) for s in statements if isinstance(s, ast.For | ast.If)):
        return None
    return plainly_declared("input", statements)


def plainly_declared(kind: str, statements: tuple[ast.Statement, ...]) -> list[str]:
    """The names of a body's inputs or states, beside those in `for` and `if`."""
    return [i.name for s in statements if isinstance(s, ast.Declaration) and s.kind == kind for i in s.items]


def _has_input(s: ast.Statement) -> bool:
    match s:
        case ast.Damaged():
            return True
        case ast.Declaration():
            return s.kind == "input"
        case ast.For():
            return mentions_input(s.body)
        case ast.If():
            return mentions_input(s.body) or mentions_input(s.orelse)
        case _:
            return False
