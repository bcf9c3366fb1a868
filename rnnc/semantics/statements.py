"""Statements of a body: declarations first, then every equation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnc.diagnostics import Note, Span
from rnnc.ir.program import DType
from rnnc.semantics.definitions import report
from rnnc.semantics.expressions import Context
from rnnc.semantics.frames import Frame, Indices, InstanceState, Owner, StateSlot
from rnnc.semantics.initialisers import GLOROT, initialiser
from rnnc.semantics.nodes import Node
from rnnc.semantics.scope import Lazy, Problem, Scope, did_you_mean
from rnnc.semantics.values import CellValue, LayerValue, Many, Num, Shape, Shaped, Tensor, Value, describe
from rnnc.syntax import ast

if TYPE_CHECKING:
    from rnnc.semantics.elaborator import Elaborator

MAX_STATEMENTS = 200_000


def key_text(name: str, indices: Indices, primed: bool = False) -> str:
    """`ct[0,1]'`: how members are called in parameters, states and messages."""
    return name + (f"[{','.join(map(str, indices))}]" if indices else "") + ("'" if primed else "")


class Statements:
    """Reads the statements of one frame."""

    def __init__(self, elaborator: Elaborator) -> None:
        self.elaborator = elaborator
        self.diagnostics = elaborator.diagnostics
        self._forcing: list[Node] = []

    # --- reading ---

    def read(self, frame: Frame, scope: Scope, statements: tuple[ast.Statement, ...]) -> None:
        """Declare everything, then evaluate every equation."""
        self._declare(frame, scope, statements)
        for slot, item, inner in frame.initials:
            self._guarded(lambda slot=slot, item=item, inner=inner: self._initial(frame, slot, item, inner))
        for node in list(frame.pending):
            self._evaluate(frame, node)

    def _declare(self, frame: Frame, scope: Scope, statements: tuple[ast.Statement, ...]) -> None:
        for s in statements:
            if isinstance(s, ast.Equation) and s.kind == "let":
                self._guarded(lambda s=s: self._let(frame, scope, s))
        first = [s for s in statements if isinstance(s, ast.Declaration) and s.kind == "input"]
        uses = [s for s in statements if isinstance(s, ast.Use)]
        rest = [s for s in statements if s not in first]
        early = {id(s) for s in uses}
        for s in [*first, *rest]:
            frame.body.unrolled += 1
            if frame.body.unrolled > MAX_STATEMENTS:
                raise Problem("E219", f"this body unrolls to more than {MAX_STATEMENTS} statements", s.span)
            self._guarded(lambda s=s: self._statement(frame, scope, s))
        del early

    def _guarded(self, action: object) -> None:
        try:
            action()  # type: ignore[operator]
        except Problem as problem:
            if problem.code == "E219" or problem.code == "E405":
                raise
            report(self.diagnostics, problem)

    def _statement(self, frame: Frame, scope: Scope, s: ast.Statement) -> None:
        expressions, c = self.elaborator.expressions, Context(scope, frame)
        match s:
            case ast.Equation(kind="let"):
                pass
            case ast.Equation():
                self._equation(frame, scope, s)
            case ast.Declaration():
                for item in s.items:
                    self._guarded(lambda item=item: self._declaration(frame, scope, s.kind, item))
            case ast.Use():
                self._use(frame, scope, s)
            case ast.For():
                for value in expressions.list_of(s.values, c):
                    inner = Scope(scope)
                    inner.names[s.name] = value
                    self._declare(frame, inner, s.body)
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
                    raise Problem("E412", "`return` belongs in a function", s.span, fix="output …")
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
                raise Problem("E412", "this statement belongs in a layout", s.span)

    def _let(self, frame: Frame, scope: Scope, s: ast.Equation) -> None:
        name = s.target.name
        if s.target.indices or s.target.primed:
            raise Problem("E413", "a `let` names one compile-time value", s.target.span)
        if name in scope.names and name in scope.spans:
            raise Problem("E406", f"`{name}` is assigned twice", s.span, notes=[Note("first here", scope.spans[name])])
        scope.names[name] = Lazy(s.value, scope, frame, s.span)
        scope.spans[name] = s.target.span

    # --- declarations ---

    def _declaration(self, frame: Frame, scope: Scope, kind: str, item: ast.Declared) -> None:
        c = Context(scope, frame)
        indices = self.elaborator.expressions.indices(item.indices, c)
        match kind:
            case "input":
                self._input(frame, scope, item)
            case "state":
                self._state(frame, scope, item, indices)
            case _:
                self._param(frame, scope, item, indices, trained=kind == "param")

    def _input(self, frame: Frame, scope: Scope, item: ast.Declared) -> None:
        if frame.kind == "fn":
            raise Problem("E412", "a function has parameters, not inputs", item.span)
        if item.init is not None:
            raise Problem("E414", "an input has no initial value", item.span)
        node = self.elaborator.feed(frame, item, scope)
        frame.inputs.append((item.name, node))
        self._member(frame, item.name, False, (), node, item.span)

    def _axes(self, frame: Frame, scope: Scope, item: ast.Declared) -> Shape:
        c = Context(scope, frame)
        axes: list[Shaped] = []
        for axis in item.axes:
            if axis.label is None and isinstance(axis.size, ast.Name) and scope.find(axis.size.id) is None:
                known = frame.axes.get(axis.size.id)
                if known is not None:
                    axes.append(known)
                    continue
            axes.append(self.elaborator.expressions.axis(axis, c))
        for axis in axes:
            frame.axes.setdefault(axis.label, axis)
        return tuple(axes)

    def _state(self, frame: Frame, scope: Scope, item: ast.Declared, indices: Indices) -> None:
        if frame.kind != "cell":
            where = (
                "a network's states are those of its layers" if frame.kind == "network" else "a function has no state"
            )
            raise Problem("E412", where, item.span)
        graph = frame.graph
        node = graph.add("state", (), item.span, self._axes(frame, scope, item))
        node.name = frame.state_prefix + key_text(item.name, indices)
        self._member(frame, item.name, False, indices, node, item.span)
        dtype = DType.INT if item.dtype == "int" else DType.FLOAT
        init: Node | None = None
        slot = StateSlot(node.name, node, dtype, init, item.span)
        frame.states[item.name, indices] = slot
        frame.body.sink.append(slot)
        if item.init is not None:
            frame.initials.append((slot, item, scope))

    def _initial(self, frame: Frame, slot: StateSlot, item: ast.Declared, scope: Scope) -> None:
        """`state n[d] = 1`, `= start`: the value before the first step; it may read parameters."""
        assert item.init is not None
        value = self.elaborator.expressions.tensor(item.init, Context(scope, frame, Owner(item.name, None, {})))
        slot.init = frame.graph.add("equation", (value,), item.init.span, None, declared=slot.node.shape)
        slot.init.name = slot.name

    def _param(self, frame: Frame, scope: Scope, item: ast.Declared, indices: Indices, *, trained: bool) -> None:
        graph = frame.graph
        shape = self._axes(frame, scope, item)
        if frame.anonymous:
            raise Problem(
                "E403", f"`{item.name}` is named after an equation, and the call of `{frame.name}` has none", frame.span
            )
        c = Context(scope, frame)
        init = initialiser(self.elaborator.expressions, item.init, c) if item.init is not None else GLOROT
        if not trained and item.init is None:
            raise Problem(
                "E414", f"`{item.name}` is fixed, so its values must be given", item.span, fix="fixed m[n] = […]"
            )
        name = frame.prefix + key_text(item.name, indices)
        node = frame.body.registry.declare(
            name,
            graph,
            lambda: graph.add("param", (), item.span, shape),
            init=init,
            span=item.span,
            trained=trained,
            shareable=frame.shareable,
            fix=f"name one of the calls: `{frame.name}(…) as a`" if frame.kind == "fn" else "rename one",
        )
        self._member(frame, item.name, False, indices, node, item.span)

    def _use(self, frame: Frame, scope: Scope, s: ast.Use) -> None:
        if frame.kind == "fn":
            raise Problem("E412", "a function cannot use a cell", s.span)
        c = Context(scope, frame)
        key = key_text(s.target.name, self.elaborator.expressions.indices(s.target.indices, c))
        cell = self.elaborator.expressions.value(s.cell, c)
        if not isinstance(cell, CellValue | LayerValue):
            raise Problem("E239", f"`use` wants a cell, not {describe(cell)}", s.cell.span)
        if key in frame.instances:
            raise Problem(
                "E406", f"`{key}` is used twice", s.span, notes=[Note("first here", frame.instances[key].span)]
            )
        branch: list[object] = []
        if frame.kind == "cell":
            frame.body.sink.append(branch)  # type: ignore[arg-type]
        frame.instances[key] = InstanceState(key, cell, s.span, branch)  # type: ignore[arg-type]

    # --- equations ---

    def _equation(self, frame: Frame, scope: Scope, s: ast.Equation) -> None:
        indices = self.elaborator.expressions.indices(s.target.indices, Context(scope, frame))
        node = frame.graph.add("equation", (), s.span)
        node.name = frame.prefix + key_text(s.target.name, indices, s.target.primed)
        node.span = s.target.span
        node.attrs["statement"] = s
        self._member(frame, s.target.name, s.target.primed, indices, node, s.target.span)
        frame.pending[node] = (s, scope, indices)
        if s.kind == "gate":
            frame.gates.append(node.name)

    def _member(self, frame: Frame, name: str, primed: bool, indices: Indices, node: Node, span: Span) -> None:
        family = frame.members.setdefault((name, primed), {})
        other = family.get(indices)
        if other is None and not primed and name in frame.instances:
            raise Problem(
                "E406", f"`{name}` is an instance already", span, notes=[Note("here", frame.instances[name].span)]
            )
        if other is not None:
            node.poisoned = True
            raise Problem(
                "E406",
                f"`{key_text(name, indices, primed)}` is defined twice",
                span,
                notes=[Note("first here", other.span)],
                fix="every name is assigned once",
            )
        family[indices] = node

    def _evaluate(self, frame: Frame, node: Node) -> None:
        if node not in frame.pending:
            return
        s, scope, indices = frame.pending.pop(node)
        slot = frame.states.get((s.target.name, indices)) if s.target.primed else None
        if slot is not None:
            node.attrs["declared"] = slot.node.shape
            slot.next = node
        frame.graph.equation = node.name
        owner = Owner(s.target.name, s.target, dict(enumerate(indices)))
        try:
            value = self.elaborator.expressions.value(s.value, Context(scope, frame, owner))
            self._define(frame, node, s, indices, scope, value, owner)
        except Problem as problem:
            node.poisoned = True
            report(self.diagnostics, problem)
            if problem.code == "E405":
                raise
        frame.body.equations[node.name] = node

    def _define(
        self, frame: Frame, node: Node, s: ast.Equation, indices: Indices, scope: Scope, value: Value, owner: Owner
    ) -> None:
        if isinstance(value, Many) and not indices and not s.target.primed:
            frame.scope.names[s.target.name] = value
            del frame.members[s.target.name, False]
            node.shape = ()  # the name now means the outputs; the node is nobody's
            return
        if isinstance(value, CellValue | LayerValue):
            raise Problem(
                "E239",
                f"an equation gives a tensor, not {describe(value)}",
                s.value.span,
                fix=f"use {s.target.name} = …",
            )
        node.args = [self.elaborator.expressions.to_node(value, s.value.span, Context(scope, frame, owner))]
        node.name = frame.prefix + key_text(s.target.name, indices, s.target.primed)
        node.args[0].called = node.args[0].called or node.name

    def force(self, frame: Frame, node: Node, span: Span) -> None:
        """In a network an equation that is read is evaluated first, so that shapes flow forwards."""
        if node in self._forcing:
            raise Problem("E401", f"`{node.name}` needs itself", span, notes=[Note("defined here", node.span)])
        if node in frame.pending:
            self._forcing.append(node)
            equation = frame.graph.equation
            try:
                self._evaluate(frame, node)
            finally:
                self._forcing.pop()
                frame.graph.equation = equation

    # --- after all equations ---

    def finish(self, frame: Frame, definition: ast.Cell | ast.Network) -> None:
        """Outputs, carries, and what must hold of a whole body."""
        for statement, scope in frame.carries:
            self._guarded(lambda s=statement, scope=scope: self._carry(frame, s, scope))
        self._outputs(frame, definition)
        for (name, indices), slot in frame.states.items():
            if slot.next is None and (name, True) not in frame.members:
                shown = key_text(name, indices)
                self.diagnostics.error(
                    "E407",
                    f"the state `{shown}` has no `{shown}'`",
                    slot.span,
                    fix=f"write `{shown}' = …`: its value after the step",
                )
            elif slot.next is None:
                shown = key_text(name, indices, True)
                self.diagnostics.error("E407", f"the state `{key_text(name, indices)}` has no `{shown}`", slot.span)
        families = {name for name, _ in frame.states}
        for (name, primed), family in frame.members.items():
            if primed and name not in families:
                node = next(iter(family.values()))
                names = families | {n for n, p in frame.members if not p}
                self.diagnostics.error(
                    "E202",
                    f"`{name}` is no state, so it has no `{name}'`",
                    node.span,
                    fix=did_you_mean(name, families)
                    or (f"declare it: `state {name}[…]`" if name not in names else None),
                )
        for state in frame.instances.values():
            if state.applied is None and frame.kind == "cell":
                self.diagnostics.error("E415", f"`{state.key}` is never stepped", state.span, fix=f"y = {state.key}(x)")
        if frame.given is not None and not frame.body.probing and len(frame.given) > len(frame.inputs):
            self.diagnostics.error(
                "E223", f"`{frame.name}` takes {len(frame.inputs)} input(s), not {len(frame.given)}", frame.span
            )
        if not frame.inputs:
            self.diagnostics.error("E416", f"`{definition.name}` has no input", definition.span, fix="input x[input]")

    def _outputs(self, frame: Frame, definition: ast.Cell | ast.Network) -> None:
        if not frame.output_statements:
            self.diagnostics.error("E416", f"`{definition.name}` has no output", definition.span, fix="output h'")
            return
        (statement, scope), *more = frame.output_statements
        for other, _ in more:
            self.diagnostics.error(
                "E406",
                "a body has one `output` statement",
                other.span,
                notes=[Note("the other", statement.span)],
                fix="output a, b",
            )
        for item in statement.items:
            self._guarded(lambda item=item: self._output(frame, item, scope, len(statement.items) == 1))

    def _output(self, frame: Frame, item: ast.OutputItem, scope: Scope, alone: bool) -> None:
        name = item.name or _output_name(item.value)
        owner = Owner("output", None, {}) if frame.kind == "network" else None
        frame.graph.equation = "output"
        value = self.elaborator.expressions.value(item.value, Context(scope, frame, owner))
        if isinstance(value, Many):
            for part, inner in value.items:
                assert isinstance(inner, Tensor)
                frame.outputs.append((f"{name}.{part}" if name else part, inner.node))
            return
        node = self.elaborator.expressions.to_node(value, item.value.span, Context(scope, frame, owner))
        if name is None and not alone:
            raise Problem("E417", "one of several outputs needs a name", item.span, fix="output y: …, h'")
        name = name or "output"
        if name in dict(frame.outputs):
            raise Problem("E406", f"two outputs are called `{name}`", item.span, fix="output y: …")
        frame.outputs.append((name, node))

    def _carry(self, frame: Frame, s: ast.Carry, scope: Scope) -> None:
        state = frame.instances.get(s.base)
        if state is None or state.frame is None:
            raise Problem(
                "E201",
                f"`{s.base}` is no instance that is stepped here",
                s.span,
                fix=did_you_mean(s.base, frame.instances),
            )
        slot = next((v for (n, i), v in state.frame.states.items() if n == s.state and not i), None)
        if slot is None:
            names = [n for n, _ in state.frame.states]
            raise Problem("E201", f"`{s.base}` has no state `{s.state}`", s.span, fix=did_you_mean(s.state, names))
        owner = Owner(f"{s.base}.{s.state}", None, {})
        value = self.elaborator.expressions.tensor(s.value, Context(scope, frame, owner))
        slot.carry = frame.graph.add("equation", (value,), s.span, None, declared=slot.node.shape)
        slot.carry.name = slot.name


def _output_name(e: ast.Expr) -> str | None:
    match e:
        case ast.Name():
            return e.id
        case ast.Attribute():
            return e.name
        case _:
            return None


__all__ = ["Num", "Statements", "key_text"]
