"""`use f = …`: the instances of a body, in whatever order the text has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from contextlib import suppress

from rnnc.diagnostics import Diagnostics, Note
from rnnc.semantics.bodies.frames import Context, Frame, InstanceState, StateTree, key_text
from rnnc.semantics.bodies.guard import guard
from rnnc.semantics.expressions.expressions import Expressions
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import CellValue, Instance, LayerPart, LayerValue, Scope, describe
from rnnc.syntax import ast
from rnnc.syntax.walk import names_in, nodes_in, statements_in

_NO_MEMBER = "E203"  # of a family
_NOT_THERE = frozenset({"E201", _NO_MEMBER})  # an instance; a member


class Uses:
    """Declares the instances of a frame. One that is made of another waits for that one's `use`."""

    def __init__(self, expressions: Expressions, diagnostics: Diagnostics) -> None:
        self.expressions, self.diagnostics = expressions, diagnostics

    def declare(self, frame: Frame, scope: Scope, s: ast.Use) -> None:
        if frame.kind == "fn":
            raise Problem("E412", "a function cannot use a cell", s.span)
        branch: StateTree = []
        if frame.kind == "cell":
            frame.body.sink.append(branch)  # states stand where the text has the `use`
        if any(self._to_come(frame, scope, s)):
            frame.waiting.append((s, scope, branch))
            return
        try:
            self._define(frame, scope, s, branch)
        except Problem as problem:
            if problem.code != _NO_MEMBER:
                raise
            frame.waiting.append((s, scope, branch))  # for a member that stands further down

    def close(self, frame: Frame) -> None:
        """Every statement has been declared: make what waits, each as soon as what it is made of is there."""
        waiting, frame.waiting = frame.waiting, []
        found, turned = True, False
        while found:  # to and fro, since families are made from either end
            left = [entry for entry in waiting[:: -1 if turned else 1] if not self._is_made(frame, *entry)]
            found, waiting, turned = len(left) < len(waiting), left[:: -1 if turned else 1], not turned
        uses = {s.target.name: s for s, _, _ in reversed(waiting)}
        made_of = {name: [n for n in names_in(s.cell) if n in uses] for name, s in uses.items()}
        depths = _depths(made_of)
        keys = set[str]()
        for s, scope, _ in waiting:
            with suppress(Problem):  # told below
                keys.add(self._key(frame, s, scope))
        for s, scope, branch in sorted(waiting, key=lambda entry: depths[entry[0].target.name]):
            if s.target.name in frame.broken:
                continue
            with guard(self.diagnostics, frame, s):  # for itself, or for what is not there
                circle = _circle(s.target.name, made_of, frame.broken)
                if circle and (len(circle) > 1 or not s.target.indices or self._of_waiting(frame, s, scope, keys)):
                    frame.broken.update(circle)
                    raise _needs_itself(circle, uses)
                self._define(frame, scope, s, branch)

    def _is_made(self, frame: Frame, s: ast.Use, scope: Scope, branch: StateTree) -> bool:
        """Whether all is there that one is made of; it is made then, or an error of its own is told."""
        self.expressions.work.spend(1, s.span)
        own = {s.target.name} if s.target.indices else set[str]()  # of a family, whose members may make others
        if {*self._to_come(frame, scope, s)} - own:
            return False
        with guard(self.diagnostics, frame, s):
            try:
                self._define(frame, scope, s, branch)
            except Problem as problem:
                if problem.code in _NOT_THERE:
                    return False
                raise
        return True

    def _to_come(self, frame: Frame, scope: Scope, s: ast.Use) -> Iterator[str]:
        """Instances that it is made of, and whose `use` has not been read; names that mean something else are that."""
        names = {n for n in names_in(s.cell) if scope.find(n) is None}
        names -= {*frame.instances, *frame.instance_families, *frame.broken}
        if names:
            later = {other.target.name for other in statements_in(frame.written) if isinstance(other, ast.Use)}
            yield from names & later

    def _key(self, frame: Frame, s: ast.Use, scope: Scope) -> str:
        return key_text(s.target.name, self.expressions.indices(s.target.indices, Context(scope, frame)))

    def _of_waiting(self, frame: Frame, s: ast.Use, scope: Scope, keys: Set[str]) -> bool:
        """Is a member made of another that waits, so that there is a circle, and not of one that nothing makes?"""
        read = (e for e in nodes_in(s.cell) if isinstance(e, ast.Subscript) and isinstance(e.base, ast.Name))
        return any(self._key_of(e, frame, scope) in keys for e in read)

    def _key_of(self, e: ast.Subscript, frame: Frame, scope: Scope) -> str:
        places = tuple(i for i in e.items if not isinstance(i, ast.Slice))
        return key_text(e.base.span.text, self.expressions.indices(places, Context(scope, frame)))

    def _define(self, frame: Frame, scope: Scope, s: ast.Use, branch: StateTree) -> None:
        c = Context(scope, frame)
        key = self._key(frame, s, scope)
        cell = self.expressions.value(s.cell, c)
        weights_of: str | None = None
        if isinstance(cell, Instance):
            other = frame.instances[cell.key]
            cell, weights_of = other.cell, other.weights_of or other.key
        if not isinstance(cell, CellValue | LayerValue):
            fix = f"`use g = {cell.key}` is the whole layer with its weights" if isinstance(cell, LayerPart) else None
            raise Problem("E239", f"`use` wants a cell, not {describe(cell)}", s.cell.span, fix=fix)
        if key in frame.instances:
            raise Problem(
                "E406", f"`{key}` is used twice", s.span, notes=[Note("first here", frame.instances[key].span)]
            )
        if s.target.indices:
            frame.instance_families.add(s.target.name)
        frame.instances[key] = InstanceState(key, cell, s.span, branch, s.cell.span, weights_of)


def _depths(made_of: Mapping[str, list[str]]) -> dict[str, int]:
    """How many others each instance waits for, one for the other: what is not there is told of the last of them."""
    depths: dict[str, int] = {}
    for name in made_of:
        way: dict[str, None] = {}
        while name not in depths and name not in way and name in made_of:
            way[name] = None
            name = next((n for n in made_of[name] if n != name), "")
        first = depths.get(name, 0) + 1
        depths.update({passed: depth for depth, passed in enumerate(reversed(way), first)})
    return depths


def _circle(name: str, made_of: Mapping[str, list[str]], broken: Set[str]) -> list[str]:
    """The way from an instance back to it."""
    way: dict[str, None] = {}
    first = name
    while name in made_of and name not in way and name not in broken:
        way[name] = None
        name = next(iter(made_of[name]), "")
    return list(way) if way and name == first else []


def _needs_itself(circle: list[str], uses: Mapping[str, ast.Use]) -> Problem:
    first, *others = circle
    way = ", ".join(f"`{a}` is made of `{b}`" for a, b in zip(circle, [*others, first], strict=True))
    message = f"`use {first}` needs itself" + (f": {way}" if others else "")
    notes = [Note(f"`{name}` is part of the circle", uses[name].span) for name in others]
    return Problem("E204", message, uses[first].span, notes=notes, fix=f"give it a cell: `use {first} = GRU(8)`")
