"""Names, attributes and brackets: what the text refers to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import chain, islice

from rnnc.diagnostics import Note, Span
from rnnc.ir.program import DType
from rnnc.semantics.bodies import other_steps, remedies
from rnnc.semantics.bodies.frames import Body, Context, Indices, StateSlot
from rnnc.semantics.expressions.elaborates import Elaborates
from rnnc.semantics.expressions.evaluates import Evaluates
from rnnc.semantics.near import did_you_mean
from rnnc.semantics.problems import Problem, Told
from rnnc.semantics.scopes.values import (
    CellValue,
    Choice,
    FnValue,
    Instance,
    LayerPart,
    LayerValue,
    Lazy,
    Many,
    Num,
    Promise,
    Scope,
    Tensor,
    Value,
    describe,
)
from rnnc.semantics.shapes.nodes import Node
from rnnc.syntax import ast
from rnnc.syntax.walk import statements_in

_DECLARED = ("input", "state", "param")
CONSTANTS: dict[str, Value] = {"inf": Num(math.inf), "pi": Num(math.pi)}


class Names:
    """Looks names up: equations and states first, then instances, compile-time values, definitions, built-ins."""

    def __init__(self, evaluate: Evaluates, elaborator: Elaborates) -> None:
        self.evaluate, self.elaborator = evaluate, elaborator

    def read(self, found: tuple[Scope, Value | Lazy], span: Span) -> Value:
        scope, value = found
        if isinstance(value, CellValue | FnValue) and value.damaged:
            raise Told(span)
        if not isinstance(value, Lazy):
            return value
        if value.running:
            raise Problem("E204", "this `let` needs itself", value.span, notes=[Note("read here", span)])
        value.running = True
        try:
            result = value.evaluate()
        finally:
            value.running = False
        for name, entry in scope.names.items():
            if entry is value:
                if isinstance(result, Num):
                    result = Num(result.value, name)
                scope.names[name] = result
                break
        return result

    def name(self, e: ast.Name, c: Context) -> Value:
        turn = None if e.primed else c.scope.turning(e.id)
        if turn is not None:
            return self._known(e, turn, turn.names[e.id])
        node = self.member(e.id, e.primed, (), c)
        if node is not None:
            return Tensor(node)
        if not e.primed and (e.id, ()) in c.frame.parts:
            return c.frame.parts[e.id, ()]
        if e.id in c.frame.broken:
            raise Told(e.span)
        if c.frame.members.get((e.id, e.primed)) or e.id in c.frame.instance_families:
            shown = e.id + "'" * e.primed
            raise Problem("E203", f"`{shown}` is a family: which member?", e.span, fix=f"write `{shown}[k]`")
        if not e.primed:
            if e.id in c.frame.instances:
                return Instance(e.id)
            found = c.scope.find(e.id)
            if found is not None:
                return self._known(e, *found)
            if e.id in CONSTANTS:
                return CONSTANTS[e.id]
            if e.id == "step" and c.frame.body.kind == "cell":
                return Tensor(step_index(c.frame.body, e.span))
            if e.id in self.elaborator.builtins:
                return FnValue(e.id)
            if e.id in c.frame.missing:
                raise Told(e.span)
            return Choice(e.id, span=e.span)
        raise unknown_name(e.id, e.span, c, primed=True)

    def _known(self, e: ast.Name, scope: Scope, value: Value | Lazy) -> Value:
        known = self.read((scope, value), e.span)
        return Num(known.value, e.id) if isinstance(known, Num) and known.label is None else known

    def attribute(self, e: ast.Attribute, c: Context) -> Value:
        stranger = remedies.of_attribute(e, c, self._callable)
        if stranger is not None:
            raise stranger
        inner = self.elaborator.inner
        base = inner.inside(e.base, c) or self._whole(e.base, c)
        match base:
            case Instance() | LayerPart():
                return inner.attribute(base, e, c)
            case Many() if not e.primed:
                found = dict(base.items)
                if e.name in found:
                    return found[e.name]
                raise Problem(
                    "E201",
                    f"no output `{e.name}`; there are {', '.join(found)}",
                    e.span,
                    fix=did_you_mean(e.name, found),
                    missing=e.span.text,
                )
            case CellValue() | LayerValue() if e.name == "output" and not e.primed:
                return inner.output_promise(base, e.span)
            case Promise():
                if e.name == "size" and not e.primed:
                    return Num(base.size)
                raise Problem(
                    "E201",
                    f"an output has no `{e.name}` at compile time",
                    e.span,
                    fix="`.output.size`",
                    missing=e.span.text,
                )
            case Choice():
                raise unknown_name(base.word, base.span or e.base.span, c)
            case Tensor() if self._given_up(base.node, c):
                return Tensor(c.frame.graph.poison(e.span))
            case _:
                raise Problem(
                    "E201",
                    f"{describe(base)} has no `{e.name}`",
                    e.span,
                    fix=self._member_fix(e, base, c),
                    missing=e.span.text,
                )

    def _callable(self, c: Context) -> set[str]:
        """The names of this scope, and all functions."""
        return c.scope.all_names() | set(self.elaborator.builtins) | set(c.frame.instances)

    def _member_fix(self, e: ast.Attribute, base: Value, c: Context) -> str | None:
        if not isinstance(base, Tensor):
            return None
        if c.frame.body.kind == "network" and (e.primed or _is_layers(base.node)):
            return f"what a layer leaves is read by its name: `use f = …`, `y = f(x)`, then `f.{e.name}'`"
        call: object = e.base
        if isinstance(call, ast.Name) and isinstance(statement := base.node.attrs.get("statement"), ast.Equation):
            call = statement.value
        called = call.function if isinstance(call, ast.Call) else None
        if isinstance(called, ast.Name) and called.id in c.frame.instances and c.frame.body.kind == "cell":
            return f"what `{called.id}` has is read by its name: `{called.id}.{e.name}'` after the step"
        found = c.scope.find(e.name)
        if e.name in self.elaborator.builtins or (found is not None and isinstance(found[1], FnValue)):
            return remedies.of_method(e)
        if self.member(e.name, e.primed, (), c) is not None:
            return remedies.of_dot(e)
        parameter = c.frame.parameters.get(e.base.id) if isinstance(e.base, ast.Name) and c.frame.kind == "fn" else None
        return remedies.of_member(e, base.node.shape, parameter)

    def subscript(self, e: ast.Subscript, c: Context) -> Value:
        in_time = other_steps.indexed(e, c)
        if in_time is not None:
            raise in_time
        slices = [i for i in e.items if isinstance(i, ast.Slice)]
        places = tuple(i for i in e.items if not isinstance(i, ast.Slice))
        if slices and places:
            raise Problem("E215", "a member and a slice in one bracket", e.span, fix="`h[k][units = a:b]`")
        if slices:
            return self._sliced(e, slices, c)
        if isinstance(e.base, ast.Name) and c.scope.turning(e.base.id) is None and self._is_family(e.base, c):
            return self._of_family(e, e.base, self.evaluate.indices(places, c), c)
        if isinstance(e.base, ast.Attribute):
            found = self.elaborator.inner.member(e.base, self.evaluate.indices(places, c), c)
            if found is not None:
                return found
        base = self._whole(e.base, c)
        if isinstance(base, Instance | LayerPart) and c.frame.body.kind == "network":
            return self.elaborator.inner.subscript(base, self.evaluate.indices(places, c), e.span, c)
        if isinstance(base, tuple):
            return self._of_list(e, base, places, c)
        if isinstance(base, Tensor):
            if self._given_up(base.node, c):
                raise Told(e.span)
            at_run_time = len(places) == 1 and isinstance(self.evaluate.value(places[0], c), Tensor)
            fix = f"write `lookup({_called(e.base)}, {places[0].span.text})`" if at_run_time else None
            raise Problem("E215", "a tensor is not indexed by position", e.span, fix=fix or _by_axis(e, base.node, c))
        if isinstance(base, Choice):
            raise unknown_name(base.word, base.span or e.base.span, c)
        fix = f"a call has round brackets: `{e.base.span.text}(…)`" if isinstance(base, FnValue) else None
        raise Problem("E215", f"{describe(base)} has no members", e.span, fix=fix)

    def _sliced(self, e: ast.Subscript, slices: Sequence[ast.Slice], c: Context) -> Tensor:
        """Parts of a tensor, `h[units = a:b]`."""
        value = self.evaluate.value(e.base, c)
        if isinstance(value, tuple) and not any(isinstance(v, Tensor) for v in value):
            raise _sliced_list(e, slices[0])
        node = self.evaluate.to_node(value, e.base.span, c)
        for item in slices:
            node = self._slice(node, e, item, c)
        return Tensor(node)

    def _of_family(self, e: ast.Subscript, name: ast.Name, indices: Indices, c: Context) -> Value:
        """A member of a family of equations, instances or parts of layers."""
        key = f"{name.id}[{','.join(map(str, indices))}]"
        if not name.primed and key in c.frame.instances:
            return Instance(key)
        node = self.member(name.id, name.primed, indices, c)
        if node is not None:
            return Tensor(node)
        if not name.primed and (name.id, indices) in c.frame.parts:
            return c.frame.parts[name.id, indices]
        if c.frame.may_have_had(name.id):
            raise Told(e.span)
        raise no_member(name.id, name.primed, indices, c, e.span)

    def _of_list(self, e: ast.Subscript, base: tuple[Value, ...], places: Sequence[ast.Expr], c: Context) -> Value:
        """A member of a list, by its index."""
        if len(places) != 1:
            raise Problem("E215", "a list has one index", e.span)
        if isinstance(places[0], ast.Range):
            part = f"`[{_called(e.base)}[i] for i in {places[0].span.text}]`"
            raise Problem("E206", "an index is one number, not a range", places[0].span, fix=f"write {part}")
        index = self.evaluate.integer(places[0], c)
        if not -len(base) <= index < len(base):
            raise Problem("E216", f"index {index} is outside of this list of {len(base)}", places[0].span)
        return base[index]

    def _is_family(self, e: ast.Name, c: Context) -> bool:
        if any(c.frame.members.get((e.id, e.primed), {})) or e.id in c.frame.instance_families:
            return True
        return not e.primed and any(name == e.id and indices for name, indices in c.frame.parts)

    def _given_up(self, node: Node, c: Context) -> bool:
        """Is this made of what could not be read, or is not known yet?"""
        c.frame.graph.infer(node)
        return node.poisoned

    def _whole(self, e: ast.Expr, c: Context) -> Value:
        """What a part is taken of: of an equation, what it really gives."""
        name, places = (e.base, e.items) if isinstance(e, ast.Subscript) else (e, ())
        if isinstance(name, ast.Name) and not name.primed and c.scope.turning(name.id) is None:
            family = c.frame.members.get((name.id, False), {})
            items = tuple(i for i in places if not isinstance(i, ast.Slice))
            if family and len(items) == len(places):
                node = family.get(self.evaluate.indices(items, c) if any(family) else ())
                if node is not None:
                    self.elaborator.statements.force(c.frame, node)
        return self.evaluate.value(e, c)

    def _slice(self, node: Node, e: ast.Subscript, item: ast.Slice, c: Context) -> Node:
        if item.lo is not None and not item.is_range:
            self._known_place(node, e, item, item.lo, c)
        lo = self.evaluate.number(item.lo, c).size if item.lo is not None else None
        hi = self.evaluate.number(item.hi, c).size if item.hi is not None else None
        if not item.is_range and lo is not None:
            hi = None if lo.constant == -1 else lo + 1
        label = self.evaluate.label(ast.Name(item.axis, span=item.span), c) or item.axis
        start = item.span.start
        spots = {label: Span(item.span.source, start, start + len(item.axis))}
        drop = not item.is_range
        return c.frame.graph.add("slice", (node,), e.span, None, axis=label, lo=lo, hi=hi, drop=drop, spots=spots)

    def _known_place(self, node: Node, e: ast.Subscript, item: ast.Slice, place: ast.Expr, c: Context) -> None:
        """`x[n = i]`, of a place that is known at run time only."""
        if not isinstance(self.evaluate.value(place, c), Tensor):
            return
        named = f", axis = {item.axis}" if len(node.shape or (item,)) > 1 else ""
        fix = f"what stands at a place that changes is `lookup({_called(e.base)}, {place.span.text}{named})`"
        raise Problem("E206", "a place is known when the cell is compiled, and this is a tensor", place.span, fix=fix)

    def member(self, name: str, primed: bool, indices: Indices, c: Context) -> Node | None:
        """The node of an equation, a state, an input or a parameter of this body; None of what means several values."""
        node = c.frame.members.get((name, primed), {}).get(indices)
        if node is not None and c.frame.body.kind == "network":
            self.elaborator.statements.force(c.frame, node)
            if not primed and (name, indices) in c.frame.parts:
                return None  # it has turned out to mean several values
        return node


def _is_layers(node: Node) -> bool:
    """Is this what a layer gives?"""
    while node.op == "equation" and node.args:
        node = node.args[0]
    return node.op == "pick"


def no_member(name: str, primed: bool, indices: Indices, c: Context, span: Span) -> Problem:
    """E203, with some members that there are."""
    prime = "'" if primed else ""
    family = c.frame.members.get((name, primed), {})
    used = (key[len(name) :].replace(",", ", ") for key in c.frame.instances if key.startswith(f"{name}["))
    members = chain(("[" + ", ".join(map(str, k)) + "]" for k in family), () if primed else used)
    there = ", ".join(islice(members, 6)) or "none"
    lasts = [k[-1] for k in family if k]
    fix = None
    if len(family) > 1 and indices == (max(lasts) + 1,):
        fix = "`a..b` ends before `b`: for one member more write `a..b + 1`"
    elif len(family) > 1 and indices == (min(lasts) - 1,):
        fix = f"what the first of them is made of has an equation, too: `{name}{prime}[{indices[0]}] = …`"
    return Problem(
        "E203",
        f"the family `{name}{prime}` has no member [{', '.join(map(str, indices))}]",
        span,
        notes=[Note(f"members: {there}")],
        fix=fix,
    )


def step_index(body: Body, span: Span) -> Node:
    """`step`: an int32 state that counts, made when it is first read."""
    if body.step is None:
        graph = body.graph
        node = graph.add("state", (), span, ())
        one = graph.add("const", (), span, (), value=1)
        after = graph.add("elementwise", (node, one), span, ir="add")
        node.name = f"{body.state_prefix or ''}step"  # every layer of a network counts its own steps
        body.step = StateSlot(node.name, node, DType.INT, graph.add("const", (), span, (), value=0), span, after)
        body.states.append(body.step)
    return body.step.node


def unknown_name(name: str, span: Span, c: Context, *, primed: bool = False) -> Problem:
    """E201, with what it may have meant."""
    if c.frame.may_have_had(name) or (primed and c.frame.has_state(name)):
        return Told(span)  # its definition, or the state that lacks an equation, is reported
    if primed and (name, False) in c.frame.members:
        fix = f"read `{name}`, or declare it: `state {name}[…]`"
        return Problem("E202", f"`{name}` is no state, so there is no `{name}'`", span, fix=fix)
    if primed:
        near = partial(did_you_mean, name + "'", {n + "'" for n, _ in c.frame.states})
        return Problem("E201", f"`{name}'` is not defined", span, fix=near, missing=f"{name}'")
    if name in c.frame.dropped:
        notes = [Note("dropped here", c.frame.dropped[name])]
        fix = "replace what reads it, or drop that too"
        return Problem("E201", f"`{name}` is dropped, and yet it is read", span, notes=notes, fix=fix)
    if name == "step":
        return Problem(
            "E201", "`step` is not defined", span, fix="the index of the step is known in cells", missing=name
        )

    def meant() -> str | None:
        is_stepped = c.frame.body.kind == "cell" and _is_stepped(name, c)
        if is_stepped and did_you_mean(name, {n for n, _ in c.frame.states}) is None:
            return f"`{name}'` has an equation: declare the state, `state {name}[…]`"
        near = remedies.of_name(name, c) or remedies.of_label(name, span, c) or did_you_mean(name, _known_names(c))
        return near or remedies.of_weight(name) or remedies.of_own_names(name, c)

    return Problem("E201", f"`{name}` is not defined", span, fix=meant, missing=name)


def _is_stepped(name: str, c: Context) -> bool:
    """Does an equation say what a name becomes?"""
    equations = (s for s in statements_in(c.frame.written) if isinstance(s, ast.Equation))
    return any(s.target.primed and s.target.name == name for s in equations)


def _sliced_list(e: ast.Subscript, item: ast.Slice) -> Problem:
    """E213, of `rows[axis = 1:]`: a part of a compile-time list."""
    name = _called(e.base) if isinstance(e.base, ast.Name) else "list"
    lo = item.lo.span.text if item.lo is not None else "0"
    hi = item.hi.span.text if item.hi is not None else f"len({name})"
    fix = f"write `[{name}[i] for i in {lo}..{hi}]`"
    return Problem("E213", "a list has no axes to be cut along", e.span, fix=fix)


def _called(e: ast.Expr) -> str:
    """The text of a name, and a letter for all else."""
    return e.span.text if isinstance(e, ast.Name) else "v"


def _by_axis(e: ast.Subscript, node: Node, c: Context) -> str:
    """How a part of a tensor is written: with the name of its axis."""
    shape = node.shape or ()
    name = e.base.id if isinstance(e.base, ast.Name) else "x"
    if len(shape) == 1 and not shape[0].label.isidentifier():
        size, none = shape[0].size, "an axis is meant by its name, and this one has none"
        if node.op in _DECLARED:
            return f"{none}: declare `{name}[n: {size}]`, and write `{name}[n = k]`"
        return f"{none}: `relabel(…, n: {size})` gives it one"
    axis = shape[0].label if shape and shape[0].label.isidentifier() else "axis"
    steps = f"; steps are `last({name})` and `at({name}, k)`" if c.frame.body.kind == "network" else ""
    return f"name the axis: `{name}[{axis} = k]` or `{name}[{axis} = a:b]`{steps}"


def _known_names(c: Context) -> set[str]:
    return {n for n, _ in c.frame.members} | c.scope.all_names() | set(c.frame.instances) | c.frame.body_words()
