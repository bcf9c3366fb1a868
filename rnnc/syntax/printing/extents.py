"""Where the definitions of a file stand: their lines, with the docstring and the comments that belong to them."""

from __future__ import annotations

from rnnc.diagnostics import Source
from rnnc.syntax import ast
from rnnc.syntax.parse import parse
from rnnc.syntax.printing.comments import Landmarks


def definition_lines(source: Source) -> list[tuple[str, range]]:
    """The name and the 1-based lines of every definition, in order; imports are none. Raises DiagnosticError."""
    landmarks, lines = Landmarks(source), source.text.split("\n")
    found: list[tuple[str, range]] = []
    end = 0  # the last line of the definition before
    for definition in parse(source).definitions:
        span = definition.span
        if not isinstance(definition, ast.Import):
            start = landmarks.doc_before(span.start) if definition.doc is not None else span.start
            first = source.position(start)[0]
            while first - 1 > end and lines[first - 2].lstrip().startswith("#"):
                first -= 1
            found.append((definition.name, range(first, source.position(span.end)[0] + 1)))
        end = source.position(span.end)[0]
    return found
