"""What is wrong where the grammar cannot go on: from the state of the parser to a message that helps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnnc.diagnostics import Diagnostic
from rnnc.syntax.tokens import Token


@dataclass(frozen=True, slots=True)
class Repair:
    """Tokens [start, end) are to be replaced, so that one slip is one diagnostic."""

    start: int
    end: int
    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    diagnostic: Diagnostic
    repair: Repair | None = None


def explain(
    tokens: Sequence[Token],
    at: int,
    first: int,
    expected: set[str],
    starts: set[str],
    spelling: object,
) -> Problem:
    token = tokens[at]
    return Problem(Diagnostic("E142", f"`{token.text}` is not expected here", token.span))
