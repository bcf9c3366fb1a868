"""Where the parser cannot go on, what is wrong there, and how the tokens can be mended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from rnnc.diagnostics import Diagnostic, Span
from rnnc.syntax.errors.signs import CLOSERS, OPENERS, OPERAND_ENDS
from rnnc.syntax.tokens import Token


@dataclass(frozen=True, slots=True)
class Repair:
    """Tokens [start, end) are to be replaced."""

    start: int
    end: int
    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    diagnostic: Diagnostic
    repair: Repair | None = None


def problem(code: str, message: str, span: Span, fix: str | None = None, repair: Repair | None = None) -> Problem:
    """What is wrong at a place, and how its tokens are mended."""
    return Problem(Diagnostic(code, message, span, fix=fix), repair)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the parser stands: `tokens[at]` does not fit, the statement began at `first`; terminals that would fit
    here (`expected`) and that could have begun the statement (`starts`), and how those that are fixed are spelt."""

    tokens: Sequence[Token]
    at: int
    first: int
    expected: Set[str]
    starts: Set[str]
    spelling: Mapping[str, str]

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    @property
    def before(self) -> Token | None:
        """The token before, if it is of the same statement."""
        return self.tokens[self.at - 1] if self.at > self.first else None

    @property
    def after(self) -> Token:
        return self.tokens[min(self.at + 1, len(self.tokens) - 1)]

    @property
    def opened(self) -> int | None:
        """Where the bracket was opened in which this stands, within the statement."""
        depth = 0
        for at in range(self.at - 1, self.first - 1, -1):
            depth += (self.tokens[at].type in CLOSERS) - (self.tokens[at].type in OPENERS)
            if depth < 0:
                return at
        return None

    @property
    def is_after_operand(self) -> bool:
        return self.before is not None and self.before.type in OPERAND_ENDS and "NUMBER" not in self.expected

    def replaced(self, type_: str) -> Repair:
        """Another token in the place of this one."""
        token = self.token
        return Repair(self.at, self.at + 1, (Token(type_, self.spelling.get(type_, ""), token.span),))

    def inserted(self, type_: str) -> Repair:
        """A token more before this one."""
        start = self.token.span
        span = Span(start.source, start.start, start.start)
        return Repair(self.at, self.at, (Token(type_, self.spelling.get(type_, "\n"), span),))
