"""Names: scopes of compile-time values, and the library of a file's definitions."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnc.diagnostics import Diagnostics, Note, Span, Use
from rnnc.semantics.scopes.near import distance, is_near
from rnnc.semantics.scopes.values import Value
from rnnc.syntax import ast

if TYPE_CHECKING:
    from rnnc.semantics.bodies.frames import Frame


PRELUDE = "prelude.rnn"  # the source of what every file knows without an import
LONGEST = 60  # names for which near ones are looked for
CANDIDATES = 1000
NEAREST = 5
SUGGESTIONS = 50  # so many errors get one; behind so many, text is no description
_HEAD = re.compile(r"\w+[ \t]+(\w+)")


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
        self.loop: str | None = None  # the name that a loop or comprehension gives to a member, in the scope of a turn
        self.names: dict[str, Value | Lazy] = {}
        self.spans: dict[str, Span] = {}

    def find(self, name: str) -> tuple[Scope, Value | Lazy] | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names or scope.load(name):
                return scope, scope.names[name]
            scope = scope.parent
        return None

    def turn(self, name: str, value: Value) -> Scope:
        """The scope of one turn of a loop or comprehension over `name`."""
        inner = Scope(self)
        inner.loop, inner.names[name] = name, value
        return inner

    def turning(self, name: str) -> Scope | None:
        """The turn that gives `name` its value here: what stands nearest counts, before equations of that name too."""
        return next((s if s.loop == name else None for s in self.chain() if name in s.names), None)

    def chain(self) -> Iterator[Scope]:
        """This scope and all around it, from the inside out."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def load(self, name: str) -> bool:
        """Bring in a name that is only read when it is asked for, if there is one."""
        return False

    def all_names(self) -> set[str]:
        names = set(self.names)
        return names | self.parent.all_names() if self.parent else names


class Library(Scope):
    """The outermost scope: what the prelude defines, and cells that every file knows, read when they are asked for."""

    def __init__(self, offered: Collection[str], read: Callable[[str], Value]) -> None:
        super().__init__()
        self._offered = frozenset(offered)
        self._read = read

    def load(self, name: str) -> bool:
        if name not in self._offered:
            return False
        self.names[name] = self._read(name)
        return True

    def all_names(self) -> set[str]:
        return set(self.names) | self._offered


Fix = str | None | Callable[[], str | None]  # what would mend an error; in a function where finding it takes long


class Problem(Exception):
    """An error in the text, on its way to the diagnostics; the equation that holds it is given up."""

    def __init__(self, code: str, message: str, span: Span, *, fix: Fix = None, notes: Iterable[Note] = ()) -> None:
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


def did_you_mean(name: str, among: Iterable[str]) -> str | None:
    """`did you mean `units`?`, where something is near."""
    size = len(name)
    if size > LONGEST:
        return None
    near = [n for n in among if size <= 3 * len(n) and len(n) <= 3 * size]
    if len(near) > CANDIDATES:
        near = [n for n in near if n[:1] == name[:1]]
    folded = {n.lower(): n for n in sorted(near)[:CANDIDATES]}
    close = difflib.get_close_matches(name.lower(), folded, n=NEAREST, cutoff=0.6)
    meant = [n for n in close if folded[n] != name and is_near(name, n)]
    best = min(meant, key=lambda n: (distance(name.lower(), n), abs(len(n) - size)), default=None)
    return f"did you mean `{folded[best]}`?" if best else None


def report(diagnostics: Diagnostics, problem: Problem) -> None:
    """Add a problem to what is told; follow-ups of what has been told are left out."""
    if isinstance(problem, Told):
        return
    fix = problem.fix
    if callable(fix):
        fix = fix() if len(diagnostics) < SUGGESTIONS else None
    diagnostics.error(problem.code, problem.message, problem.span, notes=problem.notes, fix=fix, use=problem.use)


def heading(definition: ast.Definition) -> Span:
    """The name of a definition where it is defined (a variant stands under another name than the cell that it derives
    from): a whole body under carets says nothing."""
    span = definition.span
    found = _HEAD.match(span.source.text, span.start, span.end)
    return span if found is None else Span(span.source, found.start(1), found.end(1))


def statements_in(body: Iterable[ast.Statement]) -> Iterator[ast.Statement]:
    """All statements of a body, those in blocks too."""
    for s in body:
        yield s
        if isinstance(s, ast.For):
            yield from statements_in(s.body)
        elif isinstance(s, ast.If):
            yield from statements_in((*s.body, *s.orelse))


def defined_names(s: ast.Statement | ast.Declared) -> Iterator[str]:
    """Every name that a statement defines, those in its blocks too."""
    match s:
        case ast.Equation() | ast.Use():
            yield s.target.name
        case ast.Declared():
            yield s.name
        case ast.Declaration():
            for item in s.items:
                yield item.name
        case ast.For() | ast.If():
            for inner in s.body if isinstance(s, ast.For) else (*s.body, *s.orelse):
                yield from defined_names(inner)
        case _:
            pass
