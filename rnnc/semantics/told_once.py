"""A name that nothing defines is one slip, however often it is read: it is told where it is read first. One that is
likely misspelt is a slip at each place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rnnc.diagnostics import Diagnostic, Note, Span
from rnnc.semantics.near import Suggestion
from rnnc.syntax import ast

_SHOWN = 8  # lines that are named


def told_once(found: Sequence[Diagnostic], file: ast.File) -> list[Diagnostic]:
    """What is found, in the order of the text, with one error for each name that a definition of the file misses."""
    first: dict[tuple[str, str | None, str | None, int], int] = {}
    more: dict[int, list[int]] = {}
    left: list[Diagnostic] = []
    for d in found:
        definition = _definition(d.span, file) if _is_missing(d) else None
        if d.span is None or definition is None:
            left.append(d)
            continue
        key = (d.code, d.missing, d.fix, definition)  # a remedy may be one of its place
        if key in first:
            more.setdefault(first[key], []).append(d.span.line)
        else:
            first[key] = len(left)
            left.append(d)
    for at, lines in more.items():
        left[at] = replace(left[at], notes=(*left[at].notes, Note(_also(left[at], lines))))
    return left


def _is_missing(d: Diagnostic) -> bool:
    return d.missing is not None and not d.notes and not isinstance(d.fix, Suggestion)


def _also(d: Diagnostic, lines: list[int]) -> str:
    own = d.span.line if d.span is not None else 0
    others = sorted({line for line in lines if line != own})
    if not others:
        return "and once more in this line" if len(lines) == 1 else "and more often in this line"
    shown = [str(line) for line in others[:_SHOWN]] + ["…"] * (len(others) > _SHOWN)
    words = shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
    return f"also in line{'s' * (len(others) > 1)} {words}"


def _definition(span: Span | None, file: ast.File) -> int | None:
    """Which definition of a file a span stands in."""
    if span is None or span.source != file.span.source:
        return None
    return next((i for i, d in enumerate(file.definitions) if d.span.start <= span.start < d.span.end), None)
