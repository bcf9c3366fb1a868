"""Equations that nothing reads: a slip more often than not, so `rnnc check` warns of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnnc.diagnostics import Diagnostics
from rnnc.syntax import ast
from rnnc.syntax.walk import names_in


def warn_of_unread(file: ast.File, diagnostics: Diagnostics) -> None:
    """A warning for each name of an equation that neither its definition nor a variant in the file reads."""
    elsewhere = {name for d in file.definitions if isinstance(d, ast.Variant) for name in names_in(d)}
    for definition in file.definitions:
        if not isinstance(definition, ast.Cell | ast.Network | ast.Fn):
            continue
        read = elsewhere | set(names_in(definition.body))
        steps = {s.target.name for s in _statements(definition.body) if isinstance(s, ast.Use)}
        told: set[str] = set()
        for s in _statements(definition.body):
            if not isinstance(s, ast.Equation) or s.target.primed or s.target.name in read | told:
                continue
            if steps & set(names_in(s.value)):
                continue  # it steps an inner cell, whose states may be all that is wanted
            told.add(s.target.name)
            fix = "read it, or leave it out: no module computes it, or has its weights"
            diagnostics.warning("E420", f"nothing reads `{s.target.name}`", s.target.span, fix=fix)


def _statements(body: Sequence[ast.Statement]) -> Iterator[ast.Statement]:
    for s in body:
        yield s
        if isinstance(s, ast.For):
            yield from _statements(s.body)
        elif isinstance(s, ast.If):
            yield from _statements(s.body)
            yield from _statements(s.orelse)
