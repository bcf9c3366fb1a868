"""Variants (`with`): a cell as what it derives from, with equations replaced, added and dropped."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import replace

from rnnc.diagnostics import Span
from rnnc.semantics.near import did_you_mean
from rnnc.semantics.problems import Fatal, Problem, Work
from rnnc.semantics.scopes.replacing import changed
from rnnc.semantics.scopes.values import CellValue, Choice, Scope, Value, describe, open_size
from rnnc.syntax import ast
from rnnc.syntax.walk import heading, names_in, statements_in

Statements = tuple[ast.Statement, ...]

MAX_DERIVED = 40
STATEMENTS = 10  # of a body are looked at for one unit of work


class Variants:
    """Carries out `with`. `evaluate` reads an expression outside of any body."""

    def __init__(self, evaluate: Callable[[ast.Expr, Scope], Value], work: Work) -> None:
        self._evaluate = evaluate
        self._work = work
        self._running: list[ast.Variant] = []
        self._resolved: dict[int, tuple[CellValue, CellValue]] = {}  # by identity; what is kept has an id of its own
        self._parameters: dict[int, tuple[ast.Variant, tuple[ast.Parameter, ...]]] = {}
        self._words: dict[int, tuple[Statements, frozenset[str]]] = {}

    def resolved(self, cell: CellValue) -> CellValue:
        """A named variant as the cell that it derives from, with its `with` carried out (once)."""
        if cell.variant is None:
            return cell
        key = id(cell) if cell.bound else id(cell.variant)
        if key not in self._resolved:
            self._resolved[key] = cell, self._carried_out(cell, cell.variant)
        return self._resolved[key][1]

    def is_unknown(self, cell: Value) -> bool:
        """Does this stand for whatever cell somebody will give?"""
        return isinstance(cell, CellValue) and self.resolved(cell).unknown

    def _carried_out(self, cell: CellValue, variant: ast.Variant) -> CellValue:
        at = next((i for i, running in enumerate(self._running) if running is variant), None)
        if at is not None:
            raise _circle(self._running[at:])
        if len(self._running) >= MAX_DERIVED:
            message = f"`{variant.name}` is at the end of more than {MAX_DERIVED} variants of variants"
            raise Fatal("E405", message, heading(variant))
        self._running.append(variant)
        try:
            base = self.resolved(self._base(variant, cell))
        finally:
            self._running.pop()
        own = {p.name for p in variant.parameters}
        given = {n: v for n, v in cell.bound if n not in own}
        definition = replace(base.definition, name=variant.name, doc=variant.doc or base.definition.doc)
        parameters = variant.parameters + tuple(p for p in base.parameters if p.name not in own)
        bound = {**{n: v for n, v in cell.bound if n in own}, **base.arguments, **given}
        return replace(
            base, definition=definition, name=variant.name, parameters=parameters, bound=tuple(bound.items())
        )

    def _base(self, variant: ast.Variant, cell: CellValue) -> CellValue:
        """What a variant derives from, as its own parameters say."""
        scope = Scope(cell.scope)
        scope.names.update(cell.arguments)
        for parameter in variant.parameters:
            if parameter.name not in scope.names:
                default = parameter.default
                scope.names[parameter.name] = self._evaluate(default, scope) if default else open_size(parameter.name)
        base = self._evaluate(variant.base, scope)
        if not isinstance(base, CellValue):
            raise _no_cell(base, "a cell is wanted here", variant.base.span, cell.scope)
        return base

    def parameters_of(self, cell: CellValue) -> tuple[ast.Parameter, ...]:
        """Everything that can be given to a cell: of a variant, its own parameters and its base's."""
        if cell.variant is None:
            return cell.parameters
        if id(cell.variant) not in self._parameters:
            self._parameters[id(cell.variant)] = cell.variant, self.resolved(cell).parameters
        return self._parameters[id(cell.variant)][1]

    def derive(self, base: Value, e: ast.With, scope: Scope) -> CellValue:
        """`base with { … }`: the body with equations replaced, added and dropped."""
        if not isinstance(base, CellValue):
            raise _no_cell(base, "`with` changes a cell", e.base.span, scope)
        if base.unknown:
            return base
        base = self.resolved(base)
        body = self._changed(base.definition.body, e.body)
        merged = _merged(base.scope, scope, self._words_of(base.definition.body))
        definition = replace(base.definition, body=body)
        dropped = (
            *base.dropped,
            *(t for s in statements_in(e.body) if isinstance(s, ast.Drop) for t in s.targets if not t.path),
        )
        return replace(base, definition=definition, scope=merged, derived=True, dropped=dropped)

    def _words_of(self, body: Statements) -> frozenset[str]:
        """Every name that a body reads (found once)."""
        if id(body) not in self._words:
            self._words[id(body)] = body, frozenset(names_in(body))
        return self._words[id(body)][1]

    def _changed(self, body: Statements, changes: Statements) -> Statements:
        size = sum(1 for _ in statements_in(body))
        for n, change in enumerate(changes):
            self._work.spend(1 + (size + n) // STATEMENTS, change.span)
            body = changed(body, change)
        return body


def _merged(base: Scope, scope: Scope, own: Set[str]) -> Scope:
    """What a cell knows, and what is known where it is changed: the cell's own names come first. `own`: those in its
    text, where they may be sizes that its inputs bring, or labels of axes."""
    known = {id(s) for s in base.chain()}
    merged = Scope(base)
    for outer in scope.chain():
        if id(outer) in known:
            break  # and so are all that follow
        for name, value in outer.names.items():
            if name not in own and name not in merged.names and base.find(name) is None:
                merged.names[name] = value
    return merged


def _circle(variants: list[ast.Variant]) -> Problem:
    """Variants that derive from one another, told from the first one in the text on."""
    first = min(range(len(variants)), key=lambda i: variants[i].span.start)
    names = [v.name for v in variants[first:] + variants[:first]]
    head = variants[first]
    return Problem("E236", f"`{head.name}` derives from itself: {' → '.join([*names, head.name])}", heading(head))


def _no_cell(value: Value, wanted: str, span: Span, scope: Scope) -> Problem:
    if isinstance(value, Choice):
        return Problem(
            "E201",
            f"`{value.word}` is not defined",
            value.span or span,
            fix=did_you_mean(value.word, scope.all_names()),
            missing=value.word,
        )
    return Problem("E237", f"{wanted}, not {describe(value)}", span)
