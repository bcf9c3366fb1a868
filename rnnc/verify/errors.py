"""What a comparison cannot go on with: arrays that do not fit, names that do not match."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from rnnc.diagnostics import Diagnostic, DiagnosticError, Note


class VerifyError(DiagnosticError):
    """One finding about arrays; codes E801 (sizes), E802 (layout), E803 (names), E804 (recording), E805 (options)."""

    def __init__(self, code: str, message: str, *, notes: Sequence[str] = (), fix: str | None = None) -> None:
        super().__init__([Diagnostic(code, message, None, tuple(Note(n) for n in notes), fix)])

    def __str__(self) -> str:
        """Message, notes and fix as one text."""
        (diagnostic,) = self.diagnostics
        fix = () if diagnostic.fix is None else (diagnostic.fix,)
        return "; ".join((f"{diagnostic.code} {diagnostic.message}", *(n.message for n in diagnostic.notes), *fix))


def near_misses(name: str, known: Iterable[str]) -> str:
    """`(did you mean …?)`, or nothing where no known name is close."""
    close = get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f" (did you mean {' or '.join(repr(c) for c in close)}?)" if close else ""
