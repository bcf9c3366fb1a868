"""What `with { … }` adds and nothing reads: more often than not the name of what was to be replaced, misspelt."""

from __future__ import annotations

from collections.abc import Iterator

from rnnc.diagnostics import Diagnostics
from rnnc.semantics.near import did_you_mean
from rnnc.semantics.reads import along, is_read, read_by_users, read_by_variants, reads_of
from rnnc.semantics.scopes.values import CellValue, Scope
from rnnc.semantics.unread import called, warn_of_parameters
from rnnc.syntax import ast
from rnnc.syntax.walk import all_names_in, defined_names, names_in, nodes_in, statements_in

Bodies = list[tuple[ast.Statement, ...]]


def warn_of_unread_changes(file: ast.File, scope: Scope, diagnostics: Diagnostics) -> None:
    """A warning for each equation, input, weight or state that `with` adds to a cell of which nothing then reads it."""
    changes = [e for e in nodes_in(file) if isinstance(e, ast.With)]
    places = along(file)
    everywhere = [read for e in changes for read in reads_of(e.body, places)]
    outside = read_by_users(file)
    in_variants = read_by_variants(file)  # a compile-time value may be read in a layout
    for change in changes:
        bodies = _changed(change.base, scope)
        if bodies is None:
            continue
        reads = [*everywhere, *(read for body in bodies for read in reads_of(body, places))]
        before = {name for body in bodies for s in body for name in defined_names(s)}
        steps = {
            s.target.name for body in (*bodies, change.body) for s in statements_in(body) if isinstance(s, ast.Use)
        }
        anywhere = {name for body in bodies for name in all_names_in(body)} | in_variants
        told: set[str] = set()
        for s in statements_in(change.body):
            for what, item in _added(s):
                if item.name in before | outside | told or is_read(item.name, reads) or steps & _names(s):
                    continue
                if isinstance(s, ast.Equation) and s.kind == "let" and item.name in anywhere:
                    continue
                told.add(item.name)
                fix = did_you_mean(item.name, before) or "read it, or leave it out: it changes nothing"
                message = f"nothing reads the {what} `{item.name}`, which is new in this variant"
                code = "E420" if what == "equation" else "E424"
                diagnostics.warning(code, message, item.span, fix=fix)
    for variant in (d for d in file.definitions if isinstance(d, ast.Variant)):
        bodies = _changed(variant.base, scope)
        if bodies is not None:
            read = all_names_in((variant.base, tuple(p.default for p in variant.parameters), tuple(bodies)))
            warn_of_parameters(variant.parameters, set(read), diagnostics)


def _names(s: ast.Statement) -> set[str]:
    """What an equation reads: one that steps an inner cell is there for the states of that."""
    return set(names_in(s.value)) if isinstance(s, ast.Equation) else set()


def _added(s: ast.Statement) -> Iterator[tuple[str, ast.Target | ast.Declared]]:
    match s:
        case ast.Equation() if not s.target.primed:
            yield "equation", s.target
        case ast.Declaration():
            for item in s.items:
                yield called(s.kind), item
        case _:
            pass


def _changed(e: ast.Expr, scope: Scope) -> Bodies | None:
    """The text that a cell is made of; nothing where that is not known before somebody gives it."""
    match e:
        case ast.With():
            base = _changed(e.base, scope)
            return None if base is None else [*base, e.body]
        case ast.Call():
            return _changed(e.function, scope)
        case ast.Name():
            found = scope.find(e.id)
            value = None if found is None else found[1]
            if not isinstance(value, CellValue) or value.damaged:
                return None
            if value.variant is None:
                return [value.definition.body]
            return _changed(value.variant.base, value.scope)
        case _:
            return None
