"""How wide the input is, where that decides the structure of a cell: a recording tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rnnc.compiler import model_of, path_of
from rnnc.diagnostics import DiagnosticError, Source, Span
from rnnc.semantics.scopes.choose import choose
from rnnc.syntax import ast
from rnnc.syntax.parse import parse
from rnnc.verify.records.recording import Recording


def with_width(
    source: Source, name: str | None, options: Mapping[str, object] | None, recording: Recording
) -> Mapping[str, object]:
    """The options, and the size of the input's last axis where the description needs it and nobody gives it."""
    given = dict(options or {})
    try:
        model_of(source, name, given)
    except DiagnosticError as error:
        axis = _input_axis(source, name)
        x = recording.arrays.get("x")
        undecided = any(found.code == "E207" for found in error.diagnostics)
        if undecided and axis is not None and axis not in given and x is not None and x.ndim:
            given[axis] = str(x.shape[-1])
    return given


def _input_axis(source: Source, name: str | None) -> str | None:
    """What the last axis of the first input is called, in the body of the definition itself."""
    file = parse(source)
    chosen = choose(file, path_of(source), name, Span(source, 0, 0))
    bodies = [d.body for d in file.definitions if isinstance(d, ast.Cell | ast.Network) and d.name == chosen]
    for declared in _inputs(statement for body in bodies for statement in body):
        size = declared.axes[-1].size if declared.axes else None
        return size.id if isinstance(size, ast.Name) else None
    return None


def _inputs(body: Iterable[ast.Statement]) -> list[ast.Declared]:
    return [item for s in body if isinstance(s, ast.Declaration) and s.kind == "input" for item in s.items]
