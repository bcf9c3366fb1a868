"""Names: scopes of compile-time values, and the library of a file's definitions."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnc.diagnostics import Note, Span
from rnnc.semantics.values import Value
from rnnc.syntax import ast

if TYPE_CHECKING:
    from rnnc.semantics.frames import Frame


@dataclass(eq=False)
class Lazy:
    """A `let`: evaluated when it is first read, so lets may stand in any order."""

    expression: ast.Expr
    scope: Scope
    frame: Frame
    span: Span
    running: bool = False


class Scope:
    """A chain of name → value. The outermost is the prelude's, then a file's, then those of bodies and loops."""

    def __init__(self, parent: Scope | None = None) -> None:
        self.parent = parent
        self.names: dict[str, Value | Lazy] = {}
        self.spans: dict[str, Span] = {}

    def find(self, name: str) -> tuple[Scope, Value | Lazy] | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope, scope.names[name]
            scope = scope.parent
        return None

    def all_names(self) -> set[str]:
        names = set(self.names)
        return names | self.parent.all_names() if self.parent else names


class Problem(Exception):
    """An error in the text, on its way to the diagnostics; the equation that holds it is given up."""

    def __init__(
        self, code: str, message: str, span: Span, *, fix: str | None = None, notes: Iterable[Note] = ()
    ) -> None:
        self.code, self.message, self.span, self.fix, self.notes = code, message, span, fix, tuple(notes)
        super().__init__(message)


def did_you_mean(name: str, among: Iterable[str]) -> str | None:
    """`did you mean `units`?`, where something is near."""
    folded = {n.lower(): n for n in sorted(among)}
    close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    return f"did you mean `{folded[close[0]]}`?" if close else None
