"""Declarations of a body: inputs, states and parameters."""

from __future__ import annotations

from rnnc.ir.program import DType
from rnnc.semantics.bodies import remedies
from rnnc.semantics.bodies.frames import Context, Frame, Indices, Owner, StateSlot, key_text, nameless
from rnnc.semantics.definitions.inputs import Inputs
from rnnc.semantics.definitions.members import define_member, refuse_second
from rnnc.semantics.expressions.expressions import Expressions
from rnnc.semantics.functions.initialisers import GLOROT, initialiser
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import Scope
from rnnc.semantics.shapes.nodes import MAX_RANK, Node
from rnnc.semantics.shapes.shaped import Shape, Shaped
from rnnc.syntax import ast


class Declarations:
    """Reads what the statements of a frame declare."""

    def __init__(self, expressions: Expressions, inputs: Inputs) -> None:
        self.expressions, self.inputs = expressions, inputs

    def declare(self, frame: Frame, scope: Scope, kind: str, item: ast.Declared) -> None:
        c = Context(scope, frame)
        indices = self.expressions.members(item.indices, c)
        if item.per_row and kind != "input":
            raise Problem("E414", f"`{item.name}` cannot be `per row`: only inputs can", item.span)
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
        node = self.inputs.feed(frame, item, scope)
        frame.inputs.append((item.name, node))
        define_member(frame, item.name, False, (), node, item.span)

    def _axes(self, frame: Frame, scope: Scope, item: ast.Declared) -> Shape:
        c = Context(scope, frame)
        axes: list[Shaped] = []
        for axis in item.axes:
            if axis.label is None and isinstance(axis.size, ast.Name) and scope.find(axis.size.id) is None:
                known = frame.axes.get(axis.size.id)
                if known is not None:
                    axes.append(known)
                    continue
            axes += self.expressions.own_axes(axis, c)
        if len(axes) > MAX_RANK:
            raise Problem("E314", f"this has {len(axes)} axes; at most {MAX_RANK} are possible", item.span)
        named = item.axes if len(item.axes) == len(axes) else ()  # a list that a function was given stands for several
        for written, axis in zip(named, axes, strict=False):
            frame.axes.setdefault(written.label or _named(written.size) or axis.label, axis)
        return tuple(axes)

    def _state(self, frame: Frame, scope: Scope, item: ast.Declared, indices: Indices) -> None:
        if frame.kind != "cell":
            raise remedies.no_state(frame, item)
        graph = frame.graph
        node = graph.add("state", (), item.span, self._axes(frame, scope, item))
        node.name = frame.state_prefix + key_text(item.name, indices)
        dtype = DType.INT if item.dtype == "int" else DType.FLOAT
        define_member(frame, item.name, False, indices, self._found(frame, node, dtype), item.span)
        slot = StateSlot(node.name, node, dtype, None, item.span)
        frame.states[item.name, indices] = slot
        frame.body.sink.append(slot)
        if item.init is not None:
            frame.initials.append((slot, item, scope))

    def _found(self, frame: Frame, state: Node, dtype: DType) -> Node:
        """What equations find in a state: what the last step left there, or what this one is given, `f(x, h = …)`."""
        value, span = frame.body.found.pop(state.name, (None, state.span))
        if value is None:
            return state
        attrs = {"declared": state.shape, "gives": "this step is given", "dtype": dtype}
        node = frame.graph.add("found", (value,), span, None, **attrs)
        node.name = state.name
        return node

    def initial(self, frame: Frame, slot: StateSlot, item: ast.Declared, scope: Scope) -> None:
        """`state n[d] = 1`, `= start`: the value before the first step; it may read parameters."""
        assert item.init is not None
        registry = frame.body.registry
        before = set(registry.parameters)
        value = self.expressions.tensor(item.init, Context(scope, frame, Owner(item.name, None, {})))
        registry.of_beginnings |= registry.parameters.keys() - before
        slot.init = frame.graph.add(
            "equation", (value,), item.init.span, None, declared=slot.node.shape, gives="begins as"
        )
        slot.init.name = slot.name

    def _param(self, frame: Frame, scope: Scope, item: ast.Declared, indices: Indices, *, trained: bool) -> None:
        graph = frame.graph
        shape = self._axes(frame, scope, item)
        if frame.anonymous:
            raise nameless(frame)
        if item.dtype == "int":
            message = f"`{item.name}` cannot be `int`: only inputs and states can"
            raise Problem("E414", message, item.span, fix=_whole(item) if not trained else "leave `: int` out")
        c = Context(scope, frame)
        init = initialiser(self.expressions, item.init, c) if item.init is not None else GLOROT
        if not trained and item.init is None:
            raise Problem(
                "E414",
                f"`{item.name}` is fixed, so its values must be given",
                item.span,
                fix=f"write `fixed {item.span.text} = […]`",
            )
        refuse_second(frame, item.name, indices, item.span)
        name = frame.prefix + key_text(item.name, indices)
        node = frame.body.registry.declare(
            name,
            graph,
            lambda: graph.add("param", (), item.span, shape),
            init=init,
            span=item.span,
            place=frame.span if frame.kind == "fn" else item.span,
            trained=trained,
            shareable=frame.shareable,
            fix=f"name one of the calls: `{frame.name}(…) as a`" if frame.kind == "fn" else "rename one",
            lent=frame.lent,
        )
        define_member(frame, item.name, False, indices, node, item.span)


def _whole(item: ast.Declared) -> str:
    """What stands for a table of whole numbers, of one or more axes: numbers of the text are whole as they stand."""
    fix = "leave `: int` out, or write whole numbers as an equation"
    init = item.init
    if len(item.axes) != 1 or not isinstance(init, ast.List) or not all(isinstance(i, ast.Number) for i in init.items):
        return f"{fix}, `{item.name} = stack_axis(2, 0, 1, axis = n)`"
    axis = item.axes[0]
    shown = [number.span.text for number in init.items[:6]] + ["…"] * (len(init.items) > 6)
    label = axis.label or (axis.size.id if isinstance(axis.size, ast.Name) else "n")
    return f"{fix}, `{item.name} = stack_axis({', '.join(shown)}, axis = {label})`"


def _named(size: ast.Expr) -> str | None:
    """The name that a bare size is: what the text calls its axis, `n` of `v[n]`, whatever its caller's label."""
    return size.id if isinstance(size, ast.Name) else None
