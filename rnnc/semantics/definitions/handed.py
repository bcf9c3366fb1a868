"""States that layers of a network hand on: what those of one begin as, and what they are after its last step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from rnnc.diagnostics import Note, Span
from rnnc.ir.program import Value as IrValue
from rnnc.semantics.bodies.frames import Begins, Body, Context, Indices, InstanceState, StateSlot, key_text
from rnnc.semantics.bodies.instances import STATES, wrong_count
from rnnc.semantics.definitions.statements import Statements
from rnnc.semantics.expressions.arguments import Arguments
from rnnc.semantics.expressions.expressions import Expressions
from rnnc.semantics.near import did_you_mean
from rnnc.semantics.problems import Fatal, Problem, Told, report
from rnnc.semantics.scopes.values import Instance, LayerPart, Tensor, Value
from rnnc.semantics.shapes.lower import Lowering, operation
from rnnc.semantics.shapes.nodes import Graph, Node, Rule
from rnnc.semantics.shapes.shaped import Shape
from rnnc.syntax import ast
from rnnc.syntax.walk import called_in

_MOST = 6  # states that a message names


def slots_in(body: Body) -> list[StateSlot]:
    """The states that the text of a cell declares; `step`, where it is read, is the loop's own."""
    return [slot for slot in body.all_states() if slot is not body.step]


def of_list(e: ast.Expr, c: Context, evaluate: Expressions) -> list[tuple[Node, Span]]:
    """The values of a list of states, and where each stands."""
    value = evaluate.value(e, c)
    if not isinstance(value, tuple):
        raise Problem("E213", "all states are a list", e.span, fix="`f.states'`, or `[a, b]` in declared order")
    spans = [item.span for item in e.items] if isinstance(e, ast.List) else []
    spans = spans if len(spans) == len(value) else [e.span] * len(value)
    return [(evaluate.to_node(v, span, c), span) for v, span in zip(value, spans, strict=True)]


def listed(a: Arguments) -> list[tuple[Node, Span]]:
    """The values of `states = …`, and where each stands."""
    return of_list(a.options[STATES].value, a.context, a.evaluate)


def refuse_lists(a: Arguments) -> None:
    """Report a list of states among the inputs."""
    for i, operand in enumerate(a.operands):
        if operand.label is None and isinstance(a.value(i), tuple):
            fix = f"what states begin with has a name: `{STATES} = {operand.span.text}`"
            raise Problem("E213", f"an input of `{a.name}` is a tensor, not a list", operand.span, fix=fix)


def refuse_beside(a: Arguments) -> None:
    """Report a state that is given by its name beside the list of all."""
    other = next((name for name in a.options if name != STATES), None)
    if other is not None:
        fix = f"leave `{other} = …` out, or give each by its name"
        raise Problem("E222", f"`{other}` is given twice: it is one of `states`", a.name_span(other), fix=fix)


class Starts:
    """What states of a layer begin as: some of one cell's by name, or all of the layer's as a list. In a network that
    is a layer itself, `around` says what the states of that one begin as, and goes before."""

    def __init__(
        self, call: Arguments, around: Begins | None, place: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._call, self._around, self._place = call, around, place
        self._values: list[tuple[Node, Span]] | None = None
        self._taken = 0
        self.unsure = False  # which states there are, since some of the layer could not be read
        if STATES in call.options:
            refuse_beside(call)

    def of(self, body: Body, prefix: str, graph: Graph) -> dict[StateSlot, Node]:
        """The starts of the cell that has just been read, in the graph of the network."""
        found: list[tuple[StateSlot, tuple[Node, Span]]] = []
        if STATES in self._call.options:
            slots = slots_in(body)
            found = list(zip(slots, self._all()[self._taken :], strict=False))
            self._taken += len(slots)
        elif self._call.options:
            names = {slot.name.removeprefix(prefix): slot for slot in body.all_states()}
            self._call.allow(*names, kind="state")
            found = [(names[name], (self._one(name), o.value.span)) for name, o in self._call.options.items()]
        own = {slot: _start(graph, body, slot, value, span) for slot, (value, span) in found}
        return own if self._around is None else own | self._around.of(body, prefix, graph)

    def _one(self, name: str) -> Node:
        e = self._call.options[name].value
        value = self._call.evaluate.value(e, self._call.context)
        if isinstance(value, tuple):
            fix = f"a list of all states is `{STATES} = …`; one of them `{e.span.text}[0]`"
            raise Problem("E213", f"the state `{name}` is a tensor, not a list", e.span, fix=fix)
        return self._call.evaluate.to_node(value, e.span, self._call.context)

    def _all(self) -> list[tuple[Node, Span]]:
        """The list, which is read where it stands, also while a network is read that the layer is made of."""
        if self._values is None:
            with self._place():
                try:
                    self._values = listed(self._call)
                except Fatal:
                    raise
                except Problem as problem:
                    report(self._call.context.frame.graph.diagnostics, problem)
                    raise Told(self._call.span) from problem
        return self._values

    def close(self) -> None:
        """Report a list of another length, once the whole layer has been read."""
        if STATES in self._call.options and not self.unsure and len(self._all()) != self._taken:
            raise wrong_count(self._call.name, self._taken, len(self._all()), self._call.options[STATES].value.span)


def _start(graph: Graph, body: Body, slot: StateSlot, value: Node, span: Span) -> Node:
    shape = body.graph.resolve_all(slot.node.shape or ())
    node = graph.add("equation", (value,), span, None, declared=shape, gives="begins as")
    node.name = slot.name
    return node


# --- what a layer leaves ---


def finals_of(graph: Graph, loops: Iterable[Node], prefix: str) -> dict[str, Node]:
    """The states of a layer after its last step, by names without its own: `c`, `[0].c`, `forward.c`."""
    found: dict[str, Node] = {}
    for loop in loops:
        body: Body = loop.attrs["body"]
        for slot in slots_in(body):
            shape = body.graph.resolve_all(slot.node.shape or ())
            node = graph.add("final", (loop,), loop.span, shape, slot=slot)
            node.name = f"{slot.name}'"
            found[slot.name.removeprefix(prefix).removeprefix(".")] = node
    return found


class Finals:
    """Reads `f.c'`, `f.states'`, `f[0].c'`, `f.forward.c'` in a network: states after the last step of each row."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def attribute(self, base: Instance | LayerPart, e: ast.Attribute, indices: Indices, c: Context) -> Value:
        """`base.name'`, `base.name'[k]`, or a part, `base.name`."""
        path = base.path if isinstance(base, LayerPart) else ""
        if e.primed and e.name == STATES and not indices:
            found = {n: v for n, v in self._states(base.key, e.span, c).items() if _is_in(n, path)}
            return tuple(Tensor(node) for node in found.values())
        return self._read(base, f"{path}.{key_text(e.name, indices)}".lstrip("."), e.primed, e.span, c)

    def subscript(self, base: Instance | LayerPart, indices: Indices, span: Span, c: Context) -> Value:
        """`f[0]` of a stack."""
        path = base.path if isinstance(base, LayerPart) else ""
        return self._read(base, f"{path}[{','.join(map(str, indices))}]", False, span, c)

    def _read(self, base: Instance | LayerPart, name: str, primed: bool, span: Span, c: Context) -> Value:
        states = self._states(base.key, span, c)
        if primed and name in states:
            return Tensor(states[name])
        if not primed and any(_is_in(n, name) for n in states):
            return LayerPart(base.key, name)
        shown = name if name.startswith("[") else f".{name}"
        if name in states or name == STATES:
            fix = f"`{base.key}{shown}'` is what its last step leaves"
            raise Problem(
                "E201",
                f"in a network `{base.key}{shown}` {'are' if name == STATES else 'is'} of no one step",
                span,
                fix=fix,
                missing=span.text,
            )
        if not c.frame.body.readable:
            raise Told(span)
        names = [f"`{base.key}{n if n.startswith('[') else '.' + n}'`" for n in states]
        there = f"after its last step there {'is' if len(names) == 1 else 'are'} {', '.join(names[:_MOST])}"
        fix = did_you_mean(name, states) or (there if names else "it has no states")
        raise Problem("E244", f"`{base.key}` has no `{name}{chr(39) * primed}`", span, fix=fix)

    def _states(self, key: str, span: Span, c: Context) -> dict[str, Node]:
        state = c.frame.instances[key]
        if state.applied is None:
            self._run(state, c)
        if state.again is not None:
            raise runs_again(state, state.again, span)
        state.read = span
        if state.finals is None:
            if not c.frame.body.readable:
                raise Told(span)
            if key in c.frame.running:
                raise _begins_with_itself(c.frame.running[c.frame.running.index(key) :], span)
            if state.applied is not None:
                notes = [Note("it runs here", state.applied)]
                fix = "`use` names the whole layer, `use f = backward(LSTM(units))`, and `f.states'` are its states"
                raise Problem(
                    "E415", f"`{key}` runs in another layer, which has its states", span, notes=notes, fix=fix
                )
            fix = f"`y = {key}(x)` runs it"
            raise Problem("E415", f"`{key}` has not run, so it leaves no states", span, fix=fix)
        return state.finals

    def _run(self, state: InstanceState, c: Context) -> None:
        """Equations that are read are evaluated first: here, one that runs the layer."""
        name = state.key.partition("[")[0]
        for node, (statement, _, _) in list(c.frame.pending.items()):
            if state.applied is None and name in called_in(statement.value):
                self._statements.force(c.frame, node)


def _begins_with_itself(circle: list[str], read: Span) -> Problem:
    """A layer begins with its own last states, or several with each other's."""
    first, *others = circle
    way = ", ".join(f"`{a}` begins with what `{b}` leaves" for a, b in zip(circle, [*others, first], strict=True))
    message = way if others else f"`{first}` begins with what it leaves itself"
    fix = "cut the circle: one begins with something else; `use g = f` is another layer with its weights"
    return Problem("E401", f"{message}, so none is the first" if others else message, read, fix=fix)


def runs_again(state: InstanceState, run: Span, read: Span) -> Problem:
    """Of a layer that runs several times somebody reads what it leaves."""
    fix = f"run another with its weights: `use g = {state.key}`"
    notes = [Note("the further run", run)]
    return Problem("E408", f"`{state.key}` runs twice: which of its states are meant?", read, notes=notes, fix=fix)


def _is_in(name: str, path: str) -> bool:
    """Does a state belong to that part of its layer?"""
    return not path or name.startswith((f"{path}.", f"{path}["))


def _shape(graph: Graph, node: Node) -> Shape | None:
    return node.shape


def _lower(lowering: Lowering, node: Node) -> IrValue:
    return lowering.level.final(node)


operation("final", Rule(_shape), _lower)
