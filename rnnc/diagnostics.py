"""What the compiler tells people: spans in their text, and diagnostics about them.

Nothing here knows the language. Every layer reports through `Diagnostics`; the command line renders.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Source:
    """One file (or string) of text; `name` is what people see, `text` has universal newlines."""

    name: str
    text: str = field(repr=False)

    def line(self, number: int) -> str:
        """The text of a 1-based line, without its newline ("" past the end)."""
        starts = _line_starts(self.text)
        if not 0 < number <= len(starts):
            return ""
        end = starts[number] - 1 if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end]

    def position(self, offset: int) -> tuple[int, int]:
        """1-based (line, column) of a character offset."""
        offset = max(0, min(offset, len(self.text)))
        starts = _line_starts(self.text)
        number = bisect_right(starts, offset)
        return number, offset - starts[number - 1] + 1


@lru_cache(maxsize=16)
def _line_starts(text: str) -> tuple[int, ...]:
    """The offsets where lines begin. Kept, since a large file may have errors without number."""
    return (0, *(match.end() for match in re.finditer("\n", text)))


@dataclass(frozen=True, slots=True)
class Span:
    """Characters [start, end) of a source."""

    source: Source
    start: int
    end: int

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of the other."""
        return Span(self.source, self.start, other.end)

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Note:
    """A further remark on a diagnostic, with a place of its own where it has one."""

    message: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: `code` is stable ("E203"), `fix` says in words what would mend it. `mended`: there is no doubt what
    was meant, and the rest was read so; nothing else that is found follows from it. `missing`: the name that is not
    there, as what it is read."""

    code: str
    message: str
    span: Span | None = None
    notes: tuple[Note, ...] = ()
    fix: str | None = None
    severity: Severity = "error"
    mended: bool = False
    missing: str | None = None

    def __str__(self) -> str:
        """In one line: what, where and the remedy."""
        more = "; ".join(str(part) for part in (self.span, self.fix) if part is not None)
        return f"{self.code} {self.message}" + (f" ({more})" if more else "")


class DiagnosticError(Exception):
    """Raised where work cannot go on; carries every diagnostic found so far, of which each is a line of the message."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__(tuple(diagnostics))
        self.diagnostics = tuple(diagnostics)

    def __str__(self) -> str:
        return "\n".join(map(str, self.diagnostics))


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """A place that led to what is being read (a call, an import), and the one that led there. The outermost stands for
    the text that a person has before them."""

    span: Span
    above: Use | None = None

    def __iter__(self) -> Iterator[Use]:
        use: Use | None = self
        while use is not None:
            yield use
            use = use.above

    def to(self, other: Use | None) -> Use | None:
        """The outermost use that leads here and not there."""
        known = set(other) if other is not None else set[Use]()
        return next((use for use in self if use not in known and (use.above is None or use.above in known)), None)


class Diagnostics:
    """A growing list of diagnostics. One slip is one error: of findings with one code at one place the first is kept
    (an equation in a `for`, or a cell that is used twice, is read more than once). What is found in another file than
    the person's own carries a note about the place in theirs that led to it (`use`, as long as it is read)."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, Span | str], Diagnostic] = {}
        self._alike: dict[tuple[str, Span | str], Hashable] = {}
        self.use: Use | None = None

    def add(self, diagnostic: Diagnostic, use: Use | None = None, alike: Hashable = None) -> None:
        key = (diagnostic.code, diagnostic.span or diagnostic.message)
        if key not in self._items:
            self._items[key] = _with_use(diagnostic, use or self.use)
            if alike is not None:
                self._alike[key] = alike

    def error(
        self,
        code: str,
        message: str,
        span: Span | None = None,
        *,
        notes: Sequence[Note] = (),
        fix: str | None = None,
        use: Use | None = None,
        alike: Hashable = None,
        missing: str | None = None,
    ) -> None:
        """`alike`: errors that share it are most likely one slip; the first is told, with the places of the others."""
        self.add(Diagnostic(code, message, span, tuple(notes), fix, missing=missing), use, alike)

    def warning(self, code: str, message: str, span: Span, *, fix: str | None = None) -> None:
        """What is a slip more often than not, and compiles."""
        self.add(Diagnostic(code, message, span, (), fix, "warning"))

    def extend(self, diagnostics: Sequence[Diagnostic]) -> None:
        for diagnostic in diagnostics:
            self.add(diagnostic)

    def __iter__(self) -> Iterator[Diagnostic]:
        firsts: dict[Hashable, int] = {}
        found: list[Diagnostic] = []
        for key, diagnostic in sorted(self._items.items(), key=lambda item: _by_place(item[1])):
            alike = self._alike.get(key)
            if alike is None or alike not in firsts:
                firsts[alike] = len(found)
                found.append(diagnostic)
            else:
                first, place = found[firsts[alike]], Note("the same sizes meet here", diagnostic.span)
                found[firsts[alike]] = replace(first, notes=(*first.notes, place))
        return iter(found)

    def __len__(self) -> int:
        return len(self._items)

    @property
    def has_errors(self) -> bool:
        return any(d.severity == "error" for d in self._items.values())

    def raise_errors(self) -> None:
        """Raise `DiagnosticError` with everything found, if any of it is an error."""
        if self.has_errors:
            raise DiagnosticError(tuple(self))


def _with_use(diagnostic: Diagnostic, use: Use | None) -> Diagnostic:
    """A diagnostic with a note about the innermost use in the person's own file, if it is about another one."""
    if use is None or diagnostic.span is None:
        return diagnostic
    *uses, outermost = (u.span for u in use)
    own = outermost.source
    here = next((span for span in uses if span.source == own), None)
    if diagnostic.span.source == own or here is None or any(note.span == here for note in diagnostic.notes):
        return diagnostic
    return replace(diagnostic, notes=(*diagnostic.notes, Note("used here", here)))


def _by_place(diagnostic: Diagnostic) -> tuple[str, int, str]:
    span = diagnostic.span
    return (span.source.name, span.start, diagnostic.code) if span else ("", -1, diagnostic.code)
