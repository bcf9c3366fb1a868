"""Inputs: what the outer body gives, or inputs of the model, and the sizes that they bring."""

from __future__ import annotations

from rnnc.diagnostics import Note
from rnnc.ir.size import Size
from rnnc.semantics.bodies import remedies
from rnnc.semantics.bodies.frames import Context, Frame
from rnnc.semantics.expressions.expressions import Expressions
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import Num, Scope
from rnnc.semantics.shapes.nodes import MAX_RANK, Node
from rnnc.semantics.shapes.shaped import Shape, Shaped, show
from rnnc.syntax import ast


class Inputs:
    """Feeds declared inputs. `sizes` are given sizes of free axes of inputs (`-D input=40`)."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.sizes: dict[str, int] = {}
        self.used_sizes: set[str] = set()

    def feed(self, frame: Frame, declared: ast.Declared, scope: Scope) -> Node:
        """The node of an input: what the outer body gives, or an input of the model."""
        graph = frame.graph
        c = Context(scope, frame)
        index = len(frame.inputs)
        outer: Node | None = None
        if frame.given is not None and not frame.body.probing:
            if index >= len(frame.given):
                message = f"`{frame.name}` has an input `{declared.name}` that is not given"
                raise Problem("E223", message, frame.span)
            outer = frame.given[index]
            graph.infer(outer)
        known = graph.resolve_all(outer.shape) if outer is not None and outer.shape is not None else None
        if known is not None and len(known) != len(declared.axes):
            frame.broken.update(a.size.id for a in declared.axes if isinstance(a.size, ast.Name))
            wanted = f"[{', '.join(a.span.text for a in declared.axes)}]"
            message = f"`{declared.name}` of `{frame.name}` is {wanted}, but what it is given is {show(known)}"
            fix: str | None = None
            if outer is not None and outer.attrs.get("step") and len(declared.axes) == len(known) + 1:
                fix = f"a layer is given one step at a time; {remedies.PLACES}"
            fix = remedies.of_axes(known, declared) or fix
            raise Problem("E303", message, frame.span, notes=[Note("declared here", declared.span)], fix=fix)
        axes: list[Shaped] = []
        for i, axis in enumerate(declared.axes):
            size = axis.size
            if isinstance(size, ast.Name) and scope.find(size.id) is None:
                value = self._free_size(size.id, frame, known[i].size if known is not None else None)
                frame.scope.names[size.id] = Num(value, size.id)
            axes.append(self.expressions.axis(axis, c))
        shape: Shape = tuple(axes)
        if len(shape) > MAX_RANK:
            raise Problem("E314", f"this has {len(shape)} axes; at most {MAX_RANK} are possible", declared.span)
        for axis in shape:
            frame.axes.setdefault(axis.label, axis)
        if outer is not None:
            what = f"`{declared.name}` of `{frame.name}`"
            span = frame.span if declared.per_row else outer.span
            adopted = graph.add("adopt", (outer,), span, None, declared=shape, what=what)
            if declared.per_row:  # of a cell, steps are seen inside: what it is given is seen at its layer
                (outer if outer.attrs.get("step") else adopted).attrs["per_row"] = what
            return adopted
        node = graph.add("input", (), declared.span, shape, dtype=declared.dtype)
        if declared.per_row:
            node.attrs["per_row"] = f"`{declared.name}`"
        node.name = declared.name
        return node

    def _free_size(self, name: str, frame: Frame, known: Size | None) -> Size:
        if known is not None:
            return known
        if frame.given is not None:
            return frame.graph.placeholder().size
        if name in self.sizes:
            self.used_sizes.add(name)
            return Size.of(self.sizes[name])
        return Size.of(name)
