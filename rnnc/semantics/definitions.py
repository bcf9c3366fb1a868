"""A file's definitions, its imports, and variants (`with`)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from rnnc.diagnostics import DiagnosticError, Diagnostics, Note, Source, Span
from rnnc.resources import resource_text
from rnnc.semantics.scope import PRELUDE, Fatal, Library, Problem, Scope, defined_names, did_you_mean, heading, report
from rnnc.semantics.values import CellValue, Choice, FnValue, Value, describe, open_size
from rnnc.syntax import ast
from rnnc.syntax.parse import parse
from rnnc.syntax.source import read_source

MAX_DEFINITIONS = 500
MAX_DERIVED = 40


@lru_cache(maxsize=64)
def parsed(source: Source) -> ast.File:
    """A file that others read, parsed once. Raises DiagnosticError."""
    return parse(source)


LIBRARY = {"RNN": "examples/rnn.rnn", "GRU": "examples/gru.rnn", "LSTM": "examples/lstm.rnn"}


class Definitions:
    """Reads files (each once) into scopes."""

    def __init__(self, diagnostics: Diagnostics, evaluate: Callable[[ast.Expr, Scope], Value]) -> None:
        self.diagnostics = diagnostics
        self._evaluate = evaluate
        self._files: dict[Path, Scope | None] = {}
        self._prelude: Scope | None = None
        self._variants: dict[str, ast.Variant] = {}
        self._running: list[ast.Variant] = []
        self._parameters: dict[int, tuple[ast.Variant, tuple[ast.Parameter, ...]]] = {}

    def prelude(self) -> Scope:
        if self._prelude is None:
            scope = Library(LIBRARY, self._from_library)
            self._prelude = scope
            file = parsed(Source(PRELUDE, resource_text("grammar/prelude.rnn")))
            self._define(file, scope, None)
        return self._prelude

    def _from_library(self, name: str) -> Value:
        """A cell that every file knows, from the examples."""
        scope = Scope(self.prelude())
        self._define(parsed(Source(LIBRARY[name], resource_text(LIBRARY[name]))), scope, None)
        value = scope.names[name]
        assert isinstance(value, CellValue)
        return value

    def file(self, file: ast.File, path: Path | None) -> Scope:
        """The scope of a file that has been parsed; text without a path imports from the current folder."""
        scope = Scope(self.prelude())
        if path is not None:
            self._files[path.resolve()] = None  # being read: an import of it is a circle
        self._define(file, scope, path)
        if path is not None:
            self._files[path.resolve()] = scope
        return scope

    def _define(self, file: ast.File, scope: Scope, path: Path | None) -> None:
        for definition in file.definitions:
            if isinstance(definition, ast.Import):
                try:
                    self._import(definition, scope, path)
                except Problem as problem:
                    report(self.diagnostics, problem)
        if len(file.definitions) > MAX_DEFINITIONS + 1:
            spot = heading(file.definitions[MAX_DEFINITIONS])
            message, fix = f"a file has at most {MAX_DEFINITIONS} definitions", "split it, and `import` the parts"
            raise Fatal("E219", message, spot, fix=fix)
        for definition in file.definitions:
            if isinstance(definition, ast.Import):
                continue
            if definition.name in scope.spans:
                self.diagnostics.error(
                    "E231",
                    f"`{definition.name}` is defined twice",
                    heading(definition),
                    notes=[Note("the other definition", scope.spans[definition.name])],
                    fix="call one of them differently",
                )
                continue
            scope.spans[definition.name] = heading(definition)
            self._check_parameters(definition.parameters)
            match definition:
                case ast.Fn():
                    scope.names[definition.name] = FnValue(definition.name, definition, scope)
                case ast.Cell() | ast.Network():
                    scope.names[definition.name] = CellValue(definition, scope, definition.name, definition.parameters)
                case ast.Variant():
                    scope.names[definition.name] = CellValue(
                        ast.Cell(definition.name, definition.parameters, (), definition.doc, span=definition.span),
                        scope,
                        definition.name,
                        definition.parameters,
                        variant=definition,
                    )

    def _check_parameters(self, parameters: tuple[ast.Parameter, ...]) -> None:
        first: dict[str, Span] = {}
        for parameter in parameters:
            if parameter.name in first:
                notes = [Note("first here", first[parameter.name])]
                self.diagnostics.error(
                    "E406", f"two parameters are called `{parameter.name}`", parameter.span, notes=notes
                )
            first.setdefault(parameter.name, parameter.span)

    # --- imports ---

    def _import(self, statement: ast.Import, scope: Scope, path: Path | None) -> None:
        beside = (Path() if path is None else path.parent) / statement.path.value
        target = beside.resolve()
        if target in self._files:
            imported = self._files[target]
            if imported is None:
                raise Problem(
                    "E233",
                    f"`{statement.path.value}` is being read already: imports run in a circle",
                    statement.path.span,
                )
        else:
            imported = self._read(statement, beside, "the current" if path is None else "this file's")
        own = imported.names
        names = statement.names or tuple(ast.ImportName(n, n, span=statement.span) for n in own)
        for item in names:
            if item.name not in own:
                raise Problem(
                    "E234",
                    f"`{statement.path.value}` does not define `{item.name}`",
                    item.span,
                    fix=did_you_mean(item.name, own),
                )
            if statement.names and item.alias in scope.names:
                notes = [Note("the other one", scope.spans[item.alias])] if item.alias in scope.spans else []
                fix = f"give it another name: `{item.name} as …`"
                raise Problem("E231", f"`{item.alias}` is defined twice", item.span, notes=notes, fix=fix)
            scope.names[item.alias] = own[item.name]
            scope.spans[item.alias] = item.span

    def _read(self, statement: ast.Import, target: Path, whose: str) -> Scope:
        try:
            file = parsed(read_source(target))
        except DiagnosticError as error:
            if any(d.span is None for d in error.diagnostics):
                messages = "; ".join(d.message for d in error.diagnostics)
                raise Problem("E235", messages, statement.path.span, fix=f"paths begin at {whose} folder") from None
            self.diagnostics.extend(error.diagnostics)
            raise Problem("E235", f"`{statement.path.value}` has errors of its own", statement.path.span) from None
        return self.file(file, target)

    # --- variants ---

    def resolved(self, cell: CellValue) -> CellValue:
        """A named variant as the cell that it derives from, with its `with` carried out."""
        variant = cell.variant
        if variant is None:
            return cell
        if variant in self._running:
            raise _circle(self._running[self._running.index(variant) :])
        if len(self._running) >= MAX_DERIVED:
            message = f"`{variant.name}` is at the end of more than {MAX_DERIVED} variants of variants"
            raise Fatal("E405", message, heading(variant))
        self._running.append(variant)
        try:
            scope = Scope(cell.scope)
            scope.names.update(cell.arguments)
            for parameter in variant.parameters:
                if parameter.name not in scope.names:
                    default = parameter.default
                    scope.names[parameter.name] = (
                        self._evaluate(default, scope) if default else open_size(parameter.name)
                    )
            base = self._evaluate(variant.base, scope)
        finally:
            self._running.pop()
        if not isinstance(base, CellValue):
            raise _no_cell(base, "a cell is wanted here", variant.base.span, cell.scope)
        base = self.resolved(base)
        own = {p.name for p in variant.parameters}
        given = {n: v for n, v in cell.bound if n not in own}
        definition = dataclasses.replace(base.definition, name=variant.name, doc=variant.doc or base.definition.doc)
        parameters = variant.parameters + tuple(p for p in base.parameters if p.name not in own)
        bound = {**{n: v for n, v in cell.bound if n in own}, **base.arguments, **given}
        return dataclasses.replace(
            base, definition=definition, name=variant.name, parameters=parameters, bound=tuple(bound.items())
        )

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
        base = self.resolved(base)
        body = derived_body(base.definition.body, e.body)
        merged = Scope(base.scope)
        outer: Scope | None = scope
        while outer is not None:
            for name, value in outer.names.items():
                if base.scope.find(name) is None and name not in merged.names:
                    merged.names[name] = value
            outer = outer.parent
        definition = dataclasses.replace(base.definition, body=body)
        dropped = (*base.dropped, *(t for s in e.body if isinstance(s, ast.Drop) for t in s.targets))
        return dataclasses.replace(base, definition=definition, scope=merged, derived=True, dropped=dropped)


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
        )
    return Problem("E237", f"{wanted}, not {describe(value)}", span)


def derived_body(body: tuple[ast.Statement, ...], changes: tuple[ast.Statement, ...]) -> tuple[ast.Statement, ...]:
    """Replace in all branches, drop, and add what replaces nothing."""
    for change in changes:
        match change:
            case ast.Equation(target=target):

                def replaces(s: ast.Statement, t: ast.Target = target) -> bool:
                    return isinstance(s, ast.Equation) and (s.target.name, s.target.primed) == (t.name, t.primed)

                body = _replace(body, replaces, change)
            case ast.Declaration(items=items):
                names = {i.name for i in items}
                for kind in (change.kind,):
                    body = _without_declared(body, kind, names)
                body = (change, *body)
            case ast.Output():
                body = _replace(body, lambda s: isinstance(s, ast.Output), change)
            case ast.Use(target=target):

                def same_use(s: ast.Statement, t: ast.Target = target) -> bool:
                    return isinstance(s, ast.Use) and s.target.name == t.name

                body = _replace(body, same_use, change)
            case ast.Layout(name=name):

                def same_layout(s: ast.Statement, n: str = name) -> bool:
                    return isinstance(s, ast.Layout) and s.name == n

                body = _replace(body, same_layout, change)
            case ast.Drop(targets=targets):
                for target in targets:
                    dropped = _dropped(body, target)
                    if dropped == body:
                        prime = "'" if target.primed else ""
                        names = sorted({n for s in body for n in defined_names(s)})
                        message = f"there is no `{target.name}{prime}` to drop"
                        raise Problem("E238", message, target.span, fix=did_you_mean(target.name, names))
                    body = dropped
            case _:
                body = (*body, change)
    return body


def _replace(
    body: tuple[ast.Statement, ...], replaces: Callable[[ast.Statement], bool], new: ast.Statement
) -> tuple[ast.Statement, ...]:
    found = False

    def visit(statements: tuple[ast.Statement, ...]) -> tuple[ast.Statement, ...]:
        nonlocal found
        result: list[ast.Statement] = []
        for s in statements:
            if replaces(s):
                found = True
                if isinstance(s, ast.Equation) and isinstance(new, ast.Equation) and s.target.indices:
                    # the member's own indices stay: the new right-hand side reads the same loop variables
                    target = dataclasses.replace(new.target, indices=new.target.indices or s.target.indices)
                    result.append(dataclasses.replace(new, target=target))
                else:
                    result.append(new)
            elif isinstance(s, ast.For):
                result.append(dataclasses.replace(s, body=visit(s.body)))
            elif isinstance(s, ast.If):
                result.append(dataclasses.replace(s, body=visit(s.body), orelse=visit(s.orelse)))
            else:
                result.append(s)
        return tuple(result)

    changed = visit(body)
    return changed if found else (*body, new)


def _dropped(body: tuple[ast.Statement, ...], target: ast.Target) -> tuple[ast.Statement, ...]:
    result: list[ast.Statement] = []
    for s in body:
        match s:
            case ast.Equation() | ast.Use() if s.target.name == target.name and s.target.primed == target.primed:
                continue
            case ast.Declaration() if not target.primed and any(i.name == target.name for i in s.items):
                items = tuple(i for i in s.items if i.name != target.name)
                if items:
                    result.append(dataclasses.replace(s, items=items))
            case ast.For():
                result.append(dataclasses.replace(s, body=_dropped(s.body, target)))
            case ast.If():
                result.append(dataclasses.replace(s, body=_dropped(s.body, target), orelse=_dropped(s.orelse, target)))
            case _:
                result.append(s)
    return tuple(result)


def _without_declared(body: tuple[ast.Statement, ...], kind: str, names: set[str]) -> tuple[ast.Statement, ...]:
    result: list[ast.Statement] = []
    for s in body:
        if isinstance(s, ast.Declaration) and s.kind == kind:
            items = tuple(i for i in s.items if i.name not in names)
            if items:
                result.append(dataclasses.replace(s, items=items) if items != s.items else s)
        elif isinstance(s, ast.For):
            result.append(dataclasses.replace(s, body=_without_declared(s.body, kind, names)))
        elif isinstance(s, ast.If):
            branches = (_without_declared(s.body, kind, names), _without_declared(s.orelse, kind, names))
            result.append(dataclasses.replace(s, body=branches[0], orelse=branches[1]))
        else:
            result.append(s)
    return tuple(result)
