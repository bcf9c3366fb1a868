"""Diagnostics as people read them (source lines with carets) and as editors do (one JSON object a line).

Text of a `.rnn` file can come from a stranger and end on a terminal: every character that would not simply be shown
there is spelled out (`screen`).
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from rnnc.diagnostics import Diagnostic, Note, Source, Span

Style = Literal["error", "warning", "note", "help", "message", "gutter"]
Paint = Callable[[str, Style], str]
JsonValue = str | int | None | list[dict[str, "str | int | None"]]

TAB = "    "
MAX_LINES = 6  # of one span; of a longer one the first and the last lines are shown
LONGEST = 160  # characters of a line; of a longer one the part around the span is shown
MARGIN = 20  # of which so many stand before a span that is as long


def plain(text: str, style: Style) -> str:
    """The `Paint` that adds no colour."""
    del style
    return text


# --- text --------------------------------------------------------------------------------------------------


def render(diagnostic: Diagnostic, paint: Paint = plain) -> str:
    """A diagnostic as text without a final newline: headline, place, excerpt with carets, notes, help."""
    severity = diagnostic.severity
    message = paint(screen(f": {diagnostic.message}"), "message")
    lines = [paint(f"{severity}[{diagnostic.code}]", severity) + message]
    if diagnostic.span is not None:
        lines += located(diagnostic.span, paint, severity)
    for note in diagnostic.notes:
        lines.append(paint("note", "note") + screen(f": {note.message}"))
        if note.span is not None:
            lines += located(note.span, paint, "note")
    if diagnostic.fix is not None:
        lines.append(paint("help", "help") + screen(f": {diagnostic.fix}"))
    return "\n".join(lines)


def located(span: Span, paint: Paint = plain, style: Style = "note") -> list[str]:
    """The place of a span (` --> file:line:col`), and its excerpt."""
    excerpts = list(excerpt(span))
    width = max(len(str(row.number)) for row in excerpts)
    lines = [" " * width + paint("-->", "gutter") + screen(f" {span}")]
    lines.append(paint(" " * width + " |", "gutter"))
    for row in excerpts:
        if row.skipped:
            lines.append(paint("...", "gutter"))
        lines.append(paint(f"{row.number:>{width}} |", "gutter") + f" {row.text}".rstrip())
        if row.carets:
            lines.append(paint(" " * width + " |", "gutter") + " " + " " * row.indent + paint("^" * row.carets, style))
    return lines


@dataclass(frozen=True, slots=True)
class Row:
    """A source line as shown; below it stand `carets` carets after `indent` blanks. `skipped`: lines before it are."""

    number: int
    text: str
    indent: int
    carets: int
    skipped: bool = False


def excerpt(span: Span) -> Iterator[Row]:
    """The lines of a span; carets stand under its characters, on each line from the first letter to the last."""
    (first, start), (last, stop) = _first_and_last(span)
    skip = range(first + MAX_LINES // 2, last - MAX_LINES // 2 + 1) if last - first >= MAX_LINES else range(0)
    for number in range(first, last + 1):
        if number in skip:
            continue
        line = span.source.line(number)
        lo = start if number == first else len(line) - len(line.lstrip())
        hi = stop if number == last else len(line.rstrip())
        left, right = _window(len(line), lo, hi)
        before, after = "…" if left else "", "…" if right < len(line) else ""
        carets = columns(screen(line[lo : min(hi, right)]))
        if first == last:
            carets = max(carets, 1)  # an empty span is a place too
        indent = len(before) + columns(screen(line[left:lo]))
        yield Row(number, before + screen(line[left:right]) + after, indent, carets, skipped=number - 1 in skip)


def _window(length: int, lo: int, hi: int) -> tuple[int, int]:
    """Which characters of a line are shown, with those of a span [lo, hi) as near to the middle as they can be."""
    if length <= LONGEST:
        return 0, length
    beside = (LONGEST - min(hi - lo, LONGEST - 2 * MARGIN)) // 2
    start = max(0, min(lo - beside, length - LONGEST))
    return start, start + LONGEST


def screen(text: str) -> str:
    """Text safe to show: tabs become blanks, what steers a terminal or the direction of writing is spelled out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def columns(text: str) -> int:
    """How many columns of a terminal screened text takes."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _visible(character: str) -> str:
    if character == "\t":
        return TAB
    if character == "\n" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
        return character
    return f"<U+{ord(character):04X}>"


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def _first_and_last(span: Span) -> tuple[tuple[int, int], tuple[int, int]]:
    """(line, 0-based column) of the first character and of the place after the last one that is no blank."""
    end = span.start + len(span.text.rstrip()) if span.text.strip() else span.start
    (first, start), (last, stop) = span.source.position(span.start), span.source.position(end)
    return (first, start - 1), (last, stop - 1)


# --- remarks under their lines -----------------------------------------------------------------------------


def annotate(
    source: Source, remarks: Iterable[tuple[int, str, Style]], paint: Paint = plain, shown: Container[int] | None = None
) -> Iterator[str]:
    """The lines of a source, each followed by the remarks (line, text, style) about it. `shown`: the numbers of the
    lines that are wanted, all without it; where others with text are left out stands one line of dots."""
    below: dict[int, list[tuple[str, Style]]] = {}
    for number, text, style in remarks:
        below.setdefault(number, []).append((text, style))
    lines = source.text.removesuffix("\n").split("\n")
    width = len(str(len(lines)))
    for is_shown, run in groupby(enumerate(lines, 1), lambda row: shown is None or row[0] in shown):
        rows = list(run)
        if not is_shown and any(line.strip() for _, line in rows):
            yield paint("...", "gutter")
            continue
        for number, line in rows:
            yield paint(f"{number:>{width}} |", "gutter") + f" {screen(line)}".rstrip()
            indent = " " * columns(screen(line[: len(line) - len(line.lstrip())]))
            for text, style in below.get(number, ()):
                yield paint(" " * width + " |", "gutter") + f" {indent}" + paint(screen(text), style)


# --- JSON --------------------------------------------------------------------------------------------------


def to_json(diagnostic: Diagnostic) -> str:
    """One line of JSON. Lines and columns are 1-based, the end is exclusive; without a place they are null."""
    record: dict[str, JsonValue] = {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        **_place(diagnostic.span),
        "notes": [_note(note) for note in diagnostic.notes],
        "fix": diagnostic.fix,
    }
    return json.dumps(record)


def _note(note: Note) -> dict[str, str | int | None]:
    return {"message": note.message, **_place(note.span)}


def _place(span: Span | None) -> dict[str, str | int | None]:
    if span is None:
        return dict.fromkeys(("file", "line", "column", "end_line", "end_column"))
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }
