"""Which definition of a file is meant."""

from __future__ import annotations

import re
from pathlib import Path

from rnnc.diagnostics import Diagnostics, Source, Span
from rnnc.semantics.near import did_you_mean
from rnnc.syntax import ast
from rnnc.syntax.walk import names_in


def definitions_of(file: ast.File) -> list[ast.Cell | ast.Variant | ast.Network]:
    """What a file offers to compile, in order."""
    return [d for d in file.definitions if isinstance(d, ast.Cell | ast.Variant | ast.Network)]


def choose(file: ast.File, path: Path | None, name: str | None, span: Span) -> str:
    """NAME; else the definition called like the file; else the only one, or the only one that no other is made of.
    Raises DiagnosticError."""
    names = [d.name for d in definitions_of(file)]
    diagnostics = Diagnostics()
    if name is not None:
        if name in names:
            return name
        fix = did_you_mean(name, names) or (f"there are {', '.join(names)}" if names else None)
        diagnostics.error("E241", f"there is no cell or network `{name}` in this file", None, fix=fix)
    elif not names:
        diagnostics.error(
            "E241", "this file defines no cell and no network", Span(span.source, 0, 0), fix="cell RNN(units) { … }"
        )
    else:
        if path is not None:
            wanted = _folded(path.stem)
            own = [n for n in names if _folded(n) == wanted]
            if len(own) == 1:
                return own[0]
        own = [n for n in names if n not in _used(file)] if len(names) > 1 else names
        if len(own) == 1:
            return own[0]
        fix = f"name it: {_named(span.source, names[0])}"
        diagnostics.error("E241", f"which one? This file defines {', '.join(names)}", None, fix=fix)
    diagnostics.raise_errors()
    raise AssertionError


def _named(source: Source, name: str) -> str:
    """How a definition is asked for, of a file, of the standard input and of a text."""
    return {"<stdin>": f"`-:{name}`", "<text>": f"`name={name!r}`, `%%rnnc {name}` in a notebook"}.get(
        source.name, f"FILE:{name}"
    )


def _used(file: ast.File) -> set[str]:
    """The names that definitions read which are not their own."""
    return {name for d in file.definitions for name in names_in(d) if not isinstance(d, ast.Import) and name != d.name}


def _folded(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()
