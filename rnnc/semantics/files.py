"""Files: their definitions as scopes, what they import, and what every file knows without an import."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from rnnc.diagnostics import DiagnosticError, Diagnostics, Note, Source, Use
from rnnc.resources import resource_text
from rnnc.semantics.heads import single
from rnnc.semantics.near import did_you_mean
from rnnc.semantics.problems import PRELUDE, Fatal, Problem, report
from rnnc.semantics.scopes.values import CellValue, FnValue, Library, Scope, Value
from rnnc.semantics.shapes.nodes import MAX_RANK
from rnnc.syntax import ast
from rnnc.syntax.errors.damage import damage_of
from rnnc.syntax.parse import parse
from rnnc.syntax.source import read_source
from rnnc.syntax.walk import heading

MAX_DEFINITIONS = 500
MAX_PARAMETERS = 500  # of one definition
MAX_FILES = 100  # that one file imports, and those again
MAX_IMPORTED = 300_000  # characters of all of them
LIBRARY = {"RNN": "examples/rnn.rnn", "GRU": "examples/gru.rnn", "LSTM": "examples/lstm.rnn"}


@lru_cache(maxsize=64)
def parsed(source: Source) -> ast.File:
    """A file that others read, parsed once. Raises DiagnosticError."""
    return parse(source)


def prelude() -> ast.File:
    """What every file knows without an import."""
    return parsed(Source(PRELUDE, resource_text("grammar/prelude.rnn")))


def imported_files(source: Source) -> set[Path]:
    """The files that a source imports, and those that these import, as far as they can be read."""
    found: set[Path] = set()
    waiting = [(source, Path(source.name).parent)]
    while waiting and len(found) <= MAX_FILES:
        text, folder = waiting.pop()
        for path in (folder / name for name in _imports(text)):
            if (whole := _whole(path)) not in found:
                found.add(whole)
                with suppress(DiagnosticError):
                    waiting.append((read_source(path), path.parent))
    return found


def _whole(path: Path) -> Path:
    """The path from the root on; as it is where the current folder has been deleted."""
    with suppress(OSError):
        return path.resolve()
    return path


def _imports(source: Source) -> list[str]:
    """The paths that a file imports from; none of one that cannot be read."""
    with suppress(DiagnosticError):
        definitions = parsed(source).definitions if "import" in source.text else ()
        return [d.path.value for d in definitions if isinstance(d, ast.Import)]
    return []


class Files:
    """Reads files (each once) into scopes."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        self.diagnostics = diagnostics
        self._files: dict[Path, Scope | None] = {}
        self._characters = 0  # of all imported files
        self._prelude: Scope | None = None

    def prelude(self) -> Scope:
        if self._prelude is None:
            scope = Library(LIBRARY, self._from_library)
            self._prelude = scope
            self._define(prelude(), scope, None)
        return self._prelude

    def _from_library(self, name: str) -> Value:
        """A cell that every file knows, from the examples."""
        scope = Scope(self.prelude())
        self._define(parsed(Source(LIBRARY[name], resource_text(LIBRARY[name]))), scope, None)
        value = scope.names[name]
        assert isinstance(value, CellValue)
        return value

    def file(self, file: ast.File, path: Path | None, lost: Collection[str] = ()) -> Scope:
        """The scope of a file that has been parsed; text without a path imports from the current folder. `lost` are
        names of what could not be read there."""
        scope = Scope(self.prelude())
        for name in lost:
            head = ast.Cell(name, (), (), span=file.span)
            scope.names[name] = CellValue(head, scope, name, damaged=True)
        if path is not None:
            self._files[_whole(path)] = None  # being read: an import of it is a circle
        self._define(file, scope, path)
        if path is not None:
            self._files[_whole(path)] = scope
        return scope

    def beside(self, file: ast.File, scope: Scope) -> Scope:
        """The scope of a file that knows what another one defines, and is not known there."""
        inner = Scope(scope)
        self._define(file, inner, None)
        return inner

    def _define(self, file: ast.File, scope: Scope, path: Path | None) -> None:
        if len(file.definitions) > MAX_DEFINITIONS + 1:
            spot = heading(file.definitions[MAX_DEFINITIONS])
            message, fix = f"a file has at most {MAX_DEFINITIONS} definitions", "split it, and `import` the parts"
            raise Fatal("E219", message, spot, fix=fix)
        for definition in file.definitions:
            if isinstance(definition, ast.Import):
                try:
                    self._import(definition, scope, path)
                except Fatal:
                    raise
                except Problem as problem:
                    report(self.diagnostics, problem)
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
                    scope.names[definition.name] = FnValue(
                        definition.name, definition, scope, damage_of(definition) is not None
                    )
                case ast.Cell() | ast.Network():
                    scope.names[definition.name] = CellValue(
                        definition,
                        scope,
                        definition.name,
                        definition.parameters,
                        damaged=damage_of(definition) is not None,
                    )
                case ast.Variant():
                    scope.names[definition.name] = CellValue(
                        ast.Cell(definition.name, definition.parameters, (), definition.doc, span=definition.span),
                        scope,
                        definition.name,
                        definition.parameters,
                        variant=definition,
                        damaged=damage_of(definition) is not None,
                    )

    def _check_parameters(self, parameters: tuple[ast.Parameter, ...]) -> None:
        if len(parameters) > MAX_PARAMETERS:
            message = f"a definition has at most {MAX_PARAMETERS} parameters"
            raise Fatal("E219", message, parameters[MAX_PARAMETERS].span, fix="give several values as one list")
        single(parameters, self.diagnostics)
        for parameter in parameters:
            if len(parameter.axes or ()) > MAX_RANK:
                message = f"this has {len(parameter.axes or ())} axes; at most {MAX_RANK} are possible"
                self.diagnostics.error("E314", message, parameter.span)

    # --- imports ---

    def _import(self, statement: ast.Import, scope: Scope, path: Path | None) -> None:
        beside = (Path() if path is None else path.parent) / statement.path.value
        target = _whole(beside)
        if target in self._files:
            imported = self._files[target]
            if imported is None:
                raise Problem(
                    "E233",
                    f"`{statement.path.value}` is being read already: imports run in a circle",
                    statement.path.span,
                )
        else:
            use = self.diagnostics.use
            self.diagnostics.use = use or Use(statement.path.span, Use(statement.span))  # of the person's own file
            try:
                imported = self._read(statement, beside, "the current" if path is None else "this file's")
            finally:
                self.diagnostics.use = use
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
            # Two imports of whole files may well bring the same definition, of a file that both import.
            if item.alias in scope.names and (statement.names or scope.names[item.alias] is not own[item.name]):
                notes = [Note("the other one", scope.spans[item.alias])] if item.alias in scope.spans else []
                fix = f"give it another name: `{item.name} as …`"
                if not statement.names:
                    fix = f'import what is used by its name: `import {item.name} as … from "{statement.path.value}"`'
                raise Problem("E231", f"`{item.alias}` is defined twice", item.span, notes=notes, fix=fix)
            scope.names[item.alias] = own[item.name]
            scope.spans[item.alias] = item.span

    def _read(self, statement: ast.Import, target: Path, whose: str) -> Scope:
        if len(self._files) > MAX_FILES or self._characters > MAX_IMPORTED:
            message = f"more than {MAX_FILES} files, or {MAX_IMPORTED} characters, are imported up to here"
            raise Fatal("E219", message, statement.path.span, fix="import what is used from fewer files")
        try:
            source = read_source(target)
            self._characters += len(source.text)
            file = parsed(source)
        except DiagnosticError as error:
            if any(d.span is None for d in error.diagnostics):
                messages = "; ".join(d.message for d in error.diagnostics)
                raise Problem("E235", messages, statement.path.span, fix=f"paths begin at {whose} folder") from None
            self.diagnostics.extend(error.diagnostics)
            raise Problem("E235", f"`{statement.path.value}` has errors of its own", statement.path.span) from None
        return self.file(file, target)
