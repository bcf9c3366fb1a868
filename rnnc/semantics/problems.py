"""Errors in the text on their way to the diagnostics, and the work after which reading is given up."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rnnc.diagnostics import Diagnostics, Note, Span, Use

PRELUDE = "prelude.rnn"  # the source of what every file knows without an import
SUGGESTIONS = 50  # so many errors get one; behind so many, text is no description

Fix = str | None | Callable[[], str | None]  # what would mend an error; in a function where finding it takes long


class Problem(Exception):
    """An error in the text, on its way to the diagnostics; the equation that holds it is given up."""

    def __init__(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        fix: Fix = None,
        notes: Iterable[Note] = (),
        missing: str | None = None,
    ) -> None:
        self.missing = missing  # the name that is not there
        self.code, self.message, self.span, self.fix, self.notes = code, message, span, fix, tuple(notes)
        self.use: Use | None = None  # what led to the body that it is raised in
        super().__init__(message)


class Fatal(Problem):
    """A problem after which the whole definition is given up: work without end."""


class Told(Problem):
    """What cannot be read because of an error that has been reported: nobody needs to hear of it again."""

    def __init__(self, span: Span) -> None:
        super().__init__("", "", span)


class Work:
    """How much may still be done for one definition: whatever the text says, reading it comes to an end."""

    LIMIT = 250_000

    def __init__(self) -> None:
        self.limit = self.LIMIT
        self.spent = 0

    def spend(self, amount: int, span: Span) -> None:
        """Count units of work: statements, turns of loops, expressions, nodes. Raises Fatal E219 past the limit."""
        self.spent += amount
        if self.spent > self.limit:
            raise Fatal(
                "E219",
                f"this definition is too large: more than {self.limit} steps to read it",
                span,
                fix="unroll less: shorter ranges, fewer layers, fewer nested calls",
            )


def report(diagnostics: Diagnostics, problem: Problem) -> None:
    """Add a problem to what is told; follow-ups of what has been told are left out."""
    if isinstance(problem, Told):
        return
    fix = problem.fix
    if callable(fix):
        fix = fix() if len(diagnostics) < SUGGESTIONS else None
    diagnostics.error(
        problem.code,
        problem.message,
        problem.span,
        notes=problem.notes,
        fix=fix,
        use=problem.use,
        missing=problem.missing,
    )


def located(span: Span, calls: tuple[Span, ...]) -> tuple[Span, list[Note]]:
    """Where an error inside of functions is shown: at the user's own text, with the calls that led there."""
    notes: list[Note] = []
    rest = list(calls)
    while span.source.name == PRELUDE and rest:
        notes.append(Note("found in here, a function that the language brings along", span))
        span = rest.pop()
    return span, notes[:1] + [Note("called here", call) for call in reversed(rest)]
