"""Statements of a body: declarations first, then every equation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from rnnc.diagnostics import Note
from rnnc.semantics.bodies import remedies
from rnnc.semantics.bodies.frames import (
    Context,
    Frame,
    Indices,
    Owner,
    ReadEquation,
    key_text,
)
from rnnc.semantics.bodies.guard import guard, mentions_input
from rnnc.semantics.bodies.other_steps import indexed
from rnnc.semantics.definitions.ahead import Ahead
from rnnc.semantics.definitions.declarations import Declarations
from rnnc.semantics.definitions.inputs import Inputs
from rnnc.semantics.definitions.members import define_member
from rnnc.semantics.definitions.nesting import Nesting
from rnnc.semantics.definitions.order import inputs_first
from rnnc.semantics.definitions.uses import Uses
from rnnc.semantics.expressions.expressions import Expressions
from rnnc.semantics.problems import Fatal, Problem, report
from rnnc.semantics.scopes.values import CellValue, LayerValue, Lazy, Many, Scope, Tensor, Value, describe
from rnnc.semantics.shapes.nodes import Node
from rnnc.syntax import ast


class Statements:
    """Reads the statements of one frame."""

    def __init__(self, expressions: Expressions, inputs: Inputs, nesting: Nesting) -> None:
        self.expressions, self.diagnostics = expressions, nesting.diagnostics
        self._declarations = Declarations(expressions, inputs)
        self._ahead = Ahead(nesting)
        self._uses = Uses(expressions, nesting.diagnostics)

    # --- reading ---

    def read(self, frame: Frame, scope: Scope, statements: tuple[ast.Statement, ...]) -> None:
        """Declare everything, then evaluate every equation."""
        frame.written = statements
        self._declare(frame, scope, statements)
        self._uses.close(frame)
        for node, (s, _, indices) in frame.pending.items():
            state = frame.states.get((s.target.name, indices)) if s.target.primed else None
            if state is not None:
                node.attrs["declared"] = state.node.shape
        for slot, item, inner in frame.initials:
            with guard(self.diagnostics, frame):
                self._declarations.initial(frame, slot, item, inner)
        self._ahead.offer(frame, self._evaluate)
        for node in frame.places:
            self._ahead.turn(frame, node)
            self._evaluate(frame, node)
        frame.equations.sort(key=lambda equation: frame.places[equation.node])

    def inputs(self, frame: Frame, scope: Scope, statements: tuple[ast.Statement, ...]) -> Iterator[ast.Declared]:
        """The inputs that a body declares, in the order in which they are given. Of all else only that is read which
        may decide which there are."""
        hang = [s for s in statements if isinstance(s, ast.If | ast.For) and mentions_input((s,))]
        for s in statements if hang else ():
            if isinstance(s, ast.Equation) and s.kind == "let":
                self._let(frame, scope, s)
            elif isinstance(s, ast.Use):
                self._uses.declare(frame, scope, s)
        for s in inputs_first(statements):
            if isinstance(s, ast.Declaration) and s.kind == "input":
                yield from s.items
            elif isinstance(s, ast.If) and s in hang:
                chosen = s.body if self.expressions.truth(s.test, Context(scope, frame)) else s.orelse
                yield from self.inputs(frame, scope, chosen)
            elif isinstance(s, ast.For) and s in hang:
                for value in self.expressions.list_of(s.values, Context(scope, frame)):
                    self.expressions.work.spend(1, s.span)
                    yield from self.inputs(frame, scope.turn(s.name, value), s.body)

    def _declare(self, frame: Frame, scope: Scope, statements: tuple[ast.Statement, ...]) -> None:
        for s in statements:
            with guard(self.diagnostics, frame, s):
                if isinstance(s, ast.Equation) and s.kind == "let":
                    self._let(frame, scope, s)
                elif isinstance(s, ast.Damaged):
                    frame.missing.update(s.words)
                    frame.lost.update(s.words)
                    frame.body.damaged = True
        for s in inputs_first(statements):
            self.expressions.work.spend(1, s.span)
            with guard(self.diagnostics, frame, s):
                self._statement(frame, scope, s)

    def _statement(self, frame: Frame, scope: Scope, s: ast.Statement) -> None:
        expressions, c = self.expressions, Context(scope, frame)
        match s:
            case ast.Equation(kind="let") | ast.Damaged():
                pass  # read already
            case ast.Equation():
                self._equation(frame, scope, s)
            case ast.Declaration():
                for item in s.items:
                    with guard(self.diagnostics, frame, item):
                        self._declarations.declare(frame, scope, s.kind, item)
            case ast.Use():
                self._uses.declare(frame, scope, s)
            case ast.For():
                for value in expressions.list_of(s.values, c):
                    self.expressions.work.spend(1, s.span)
                    self._declare(frame, scope.turn(s.name, value), s.body)
            case ast.If():
                self._declare(frame, scope, s.body if expressions.truth(s.test, c) else s.orelse)
            case ast.Output():
                frame.output_statements.append((s, scope))
            case ast.Carry():
                frame.carries.append((s, scope))
            case ast.Layout():
                frame.layouts.append((s, scope))
            case ast.Return():
                if frame.kind != "fn":
                    fix = f"write `output {s.value.span.text}`"
                    raise Problem("E412", "`return` belongs in a function", s.span, fix=fix)
                if frame.returned is not None:
                    raise Problem(
                        "E406",
                        "a function returns once",
                        s.span,
                        notes=[Note("the other return", frame.returned[0].span)],
                    )
                frame.returned = (s, scope)
            case ast.Drop():
                raise Problem("E412", "`drop` belongs in `with { … }`", s.span)
            case _:
                raise AssertionError(f"the grammar allows no {type(s).__name__} here")

    def _let(self, frame: Frame, scope: Scope, s: ast.Equation) -> None:
        name = s.target.name
        if s.target.indices or s.target.primed:
            raise Problem("E413", "a `let` names one compile-time value", s.target.span)
        if name in scope.names and name in scope.spans:
            notes = [Note("first here", scope.spans[name])]
            raise Problem("E406", f"`{name}` is defined twice", s.target.span, notes=notes, fix=remedies.ONCE)
        family = frame.members.get((name, False))
        if family:
            notes = [Note("first here", next(iter(family.values())).span)]
            raise Problem("E406", f"`{name}` is defined twice", s.target.span, notes=notes, fix=remedies.ONCE)
        evaluate = partial(self.expressions.value, s.value, Context(scope, frame))
        scope.names[name] = Lazy(s.value, scope, evaluate, s.span)
        frame.lets[name] = s.target.span
        scope.spans[name] = s.target.span

    # --- equations ---

    def _equation(self, frame: Frame, scope: Scope, s: ast.Equation) -> None:
        in_time = indexed(s.target, Context(scope, frame))
        if in_time is not None:
            raise in_time
        indices = self.expressions.members(s.target.indices, Context(scope, frame))
        node = frame.graph.add("equation", (), s.span)
        node.name = frame.prefix + key_text(s.target.name, indices, s.target.primed)
        node.span = s.target.span
        node.attrs["statement"] = s
        define_member(frame, s.target.name, s.target.primed, indices, node, s.target.span, scope)
        frame.pending[node] = (s, scope, indices)
        frame.places[node] = len(frame.places)
        if s.kind == "gate":
            frame.gates.append(node.name)

    def _evaluate(self, frame: Frame, node: Node) -> None:
        if node not in frame.pending:
            return
        s, scope, indices = frame.pending.pop(node)
        slot = frame.states.get((s.target.name, indices)) if s.target.primed else None
        if slot is not None:
            slot.next = node
        frame.graph.equation = node.name
        owner = Owner(s.target.name, s.target, dict(enumerate(indices)))
        frame.equations.append(ReadEquation(node, s, indices, Context(scope, frame, owner)))
        try:
            c = Context(scope, frame, owner)
            with self.expressions.unknown.told(s.value, c):
                value = self.expressions.value(s.value, c)
            self._define(frame, node, s, indices, scope, value, owner)
        except Fatal:
            raise
        except Problem as problem:
            node.poisoned = True
            frame.body.damaged = True
            report(self.diagnostics, problem)
        if node.args or node.poisoned:
            frame.body.equations[frame.in_this_run(node.name)] = node

    def _define(
        self, frame: Frame, node: Node, s: ast.Equation, indices: Indices, scope: Scope, value: Value, owner: Owner
    ) -> None:
        if not s.target.primed and _has_parts(value):
            self._define_parts(frame, node, s, indices, value)
            return
        if isinstance(value, CellValue | LayerValue):
            raise Problem(
                "E239",
                f"an equation gives a tensor, not {describe(value)}",
                s.value.span,
                fix=f"write `use {s.target.name} = {s.value.span.text}`"
                if frame.body.kind == "cell"
                else f"give it its input: `{s.target.name} = {s.value.span.text}(x)`",
            )
        node.args = [self.expressions.to_node(value, s.value.span, Context(scope, frame, owner))]
        node.name = frame.prefix + key_text(s.target.name, indices, s.target.primed)
        node.args[0].called = node.args[0].called or node.name

    def _define_parts(self, frame: Frame, node: Node, s: ast.Equation, indices: Indices, value: Value) -> None:
        """The name means several outputs or a list from now on; the node is nobody's."""
        early = next((n for n in frame.graph.nodes if node in n.args), None)
        if early is not None:
            what = f"`{key_text(s.target.name, indices)}` means {describe(value)}, and is read before it is defined"
            notes = [Note("defined here", s.span)]
            raise Problem("E213", what, early.span, notes=notes, fix="define it further up")
        node.shape = ()
        if isinstance(value, tuple):
            value = self._members(frame, s, indices, value)
        frame.parts[s.target.name, indices] = value
        family = frame.members[s.target.name, False]
        del family[indices]
        if not family:
            del frame.members[s.target.name, False]

    def _members(self, frame: Frame, s: ast.Equation, indices: Indices, values: tuple[Value, ...]) -> Value:
        """The tensors of a list as equations of their own: `r[0]`, `r[1]`, …"""
        found: list[Value] = []
        for k, value in enumerate(values):
            if not isinstance(value, Tensor):
                found.append(value)
                continue
            node = frame.graph.add("equation", (value.node,), s.value.span)
            node.name = frame.prefix + key_text(s.target.name, (*indices, k))
            value.node.called = value.node.called or node.name
            frame.body.equations[frame.in_this_run(node.name)] = node
            found.append(Tensor(node))
        return tuple(found)

    def force(self, frame: Frame, node: Node) -> None:
        """In a network an equation that is read is evaluated first, so that shapes flow forwards; in a cell, one of
        which a part is read, which may be a list or several outputs."""
        equation = frame.graph.equation
        self._evaluate(frame, node)
        frame.graph.equation = equation


def _has_parts(value: Value) -> bool:
    """Several outputs, or a list with a tensor in it."""
    return isinstance(value, Many) or (isinstance(value, tuple) and any(isinstance(v, Tensor) for v in value))
