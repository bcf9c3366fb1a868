"""What closes a body: its outputs, what inner states become, and what must hold of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from rnnc.diagnostics import Diagnostics, Note, Span
from rnnc.semantics.bodies import other_steps
from rnnc.semantics.bodies.frames import Context, Frame, Indices, Owner, StateSlot, key_text, member_text
from rnnc.semantics.bodies.guard import guard, mentions_input, plainly_declared
from rnnc.semantics.bodies.instances import STATES, meant, slots_of, wrong_count
from rnnc.semantics.definitions.handed import of_list
from rnnc.semantics.expressions.expressions import Expressions
from rnnc.semantics.near import did_you_mean
from rnnc.semantics.problems import Problem, Told, report
from rnnc.semantics.scopes.values import Many, Scope, Tensor
from rnnc.semantics.shapes.nodes import Node
from rnnc.syntax import ast
from rnnc.syntax.walk import heading


class Ending:
    """Closes one frame after all of its equations have been read."""

    def __init__(
        self, expressions: Expressions, diagnostics: Diagnostics, frame: Frame, definition: ast.Cell | ast.Network
    ) -> None:
        self.expressions, self.diagnostics = expressions, diagnostics
        self.frame, self.definition = frame, definition
        self._carries: dict[StateSlot, Span] = {}

    def close(self) -> None:
        """Read outputs and carries; check states, instances and inputs."""
        for statement, scope in self.frame.carries:
            with guard(self.diagnostics, self.frame):
                self._carry(statement, scope)
        self._outputs()
        self._states()
        self._instances()
        self._inputs()

    # --- states ---

    def _states(self) -> None:
        """Every state has its equation, and every primed equation its state."""
        missing = dict(self._without_equation())
        for (name, indices), node in self._strange_primes():
            states = {n for n, _ in self.frame.states}
            self.frame.body.damaged = True
            if name in states:  # a family, and no member of it
                self._no_member(name, indices, node)
                missing.pop((name, ()), None)
                continue
            near = did_you_mean(name, {n for n, _ in missing}) or did_you_mean(name, states)
            for key in [k for k in missing if near is not None and near.name == k[0]]:
                del missing[key]  # the one slip explains both
            if any(d.code == "E201" and d.missing == name for d in self.diagnostics):
                continue  # that asks for the state, too
            is_value, dropped = (name, False) in self.frame.members, self.frame.dropped.get(name)
            fix = near or (f"write `{name}`" if is_value else f"declare it: `state {name}[…]`")
            if name in {n for n, _ in self.frame.inputs}:
                fix = f"what a step hands on is a state: `state {name}[…]` in the place of the input"
            if dropped is not None:
                fix = f"drop its equation, too: `drop {name}'`"
            self.diagnostics.error(
                "E202",
                f"`{name}` is no state, so it has no `{name}'`",
                node.span,
                notes=[Note("the state is dropped here", dropped)] if dropped is not None else [],
                fix=fix,
            )
        for (name, indices), slot in missing.items():
            shown, after = member_text(name, indices), member_text(name, indices, True)
            other = other_steps.meant_after(name, self.frame)
            fix = f"write `{after} = …`{f' instead of `{other} = …`' if other else ''}: its value after the step"
            self.diagnostics.error("E407", f"the state `{shown}` has no equation `{after}`", slot.span, fix=fix)

    def _without_equation(self) -> Iterator[tuple[tuple[str, Indices], StateSlot]]:
        for key, slot in self.frame.states.items():
            if slot.next is None and not self.frame.may_have_had(key[0]):
                yield key, slot

    def _strange_primes(self) -> Iterator[tuple[tuple[str, Indices], Node]]:
        """The first of each name that is of no state. Beside states, a family may have others that are read: where it
        begins, `h'[-1] = x`."""
        frame, names = self.frame, {name for name, _ in self.frame.states}
        families = {name: family for (name, primed), family in frame.members.items() if primed}
        strange = [
            ((name, indices), node)
            for name, family in families.items()
            if not frame.may_have_had(name)
            for indices, node in family.items()
            if (name, indices) not in frame.states
        ]
        if not strange:
            return
        read = {arg for node in frame.graph.nodes for arg in node.args} | {node for _, node in frame.outputs}
        told: set[str] = set()
        for (name, indices), node in strange:
            if name not in told and (name not in names or node not in read):
                told.add(name)
                yield (name, indices), node

    def _no_member(self, name: str, indices: Indices, node: Node) -> None:
        shown, after = member_text(name, indices), member_text(name, indices, True)
        if (name, ()) in self.frame.states:
            fix = f"`{name}` is one state: write `{name}' = stack_axis(…)`, or declare `state {name}[k][…]` in a loop"
            self.diagnostics.error("E202", f"`{shown}` is no state, so it has no `{after}`", node.span, fix=fix)
            return
        members = ", ".join(f"`{key_text(*key)}`" for key in islice((k for k in self.frame.states if k[0] == name), 4))
        fix = f"declare it: `state {shown}[…]`; the states of that name are {members}"
        self.diagnostics.error("E202", f"`{shown}` is no state, so it has no `{after}`", node.span, fix=fix)

    # --- instances and inputs ---

    def _instances(self) -> None:
        frame = self.frame
        if frame.kind != "cell" or frame.body.damaged:
            return
        for state in frame.instances.values():
            if state.applied is None and not state.users.have_run:
                fix = f"`y = {state.key}(x)` steps it; an instance that is not wanted is left out"
                self.diagnostics.error("E415", f"`{state.key}` is never stepped", state.span, fix=fix)

    def _inputs(self) -> None:
        frame = self.frame
        given = frame.given if frame.given is not None and not frame.body.probing else []
        if len(given) > len(frame.inputs) and not frame.broken:
            names = [n for n, _ in frame.inputs]
            problem = wrong_inputs(frame.name, self.definition, names, len(given), frame.span)
            report(self.diagnostics, problem)
        if not mentions_input(self.definition.body):
            message = f"`{self.definition.name}` has no input, so it knows no batch and no time"
            self.diagnostics.error("E416", message, heading(self.definition), fix="write `input x[input]`")
        elif frame.given is None and frame.inputs and all("per_row" in node.attrs for _, node in frame.inputs):
            message = f"all inputs of `{self.definition.name}` come once per row, so it knows no time"
            fix = "an input that comes at every step is declared without `per row`"
            self.diagnostics.error("E416", message, heading(self.definition), fix=fix)

    # --- outputs and carries ---

    def _outputs(self) -> None:
        statements = self.frame.output_statements
        if not statements:
            if not self.frame.body.damaged:
                fix = f"write `output {self._usual_output()}`"
                message = f"`{self.definition.name}` has no output"
                self.diagnostics.error("E418", message, heading(self.definition), fix=fix)
            return
        (statement, scope), *more = statements
        for other, _ in more:
            note = Note("the other", statement.span)
            message = "a body has one `output` statement"
            self.diagnostics.error("E406", message, other.span, notes=[note], fix="write `output a, b`")
        for item in statement.items:
            with guard(self.diagnostics, self.frame):
                self._output(item, scope, len(statement.items) == 1)

    def _usual_output(self) -> str:
        """What a cell gives as a rule: `h'`, what its last state becomes, or its last equation."""
        states = [name for name, _ in self.frame.states]
        if states:
            return "h'" if "h" in states else f"{states[-1]}'"
        return self.frame.equations[-1].statement.target.name if self.frame.equations else "y"

    def _output(self, item: ast.OutputItem, scope: Scope, alone: bool) -> None:
        frame = self.frame
        name, e = written_output(item)
        c = Context(scope, frame, output_owner(name))
        name = name or _output_name(e)
        frame.graph.equation = "output"
        with self.expressions.unknown.told(e, c):
            value = self.expressions.value(e, c)
        if isinstance(value, Many):
            for part, node in parts(value, f"{name}." if name else ""):
                self._named_output(part, node, item)
            return
        node = self.expressions.to_node(value, e.span, c)
        if name is None and not alone:
            fix = f"write `output y: {item.value.span.text}`"
            raise Problem("E417", "one of several outputs needs a name", item.span, fix=fix)
        self._named_output(name or "output", node, item)

    def _named_output(self, name: str, node: Node, item: ast.OutputItem) -> None:
        if name in dict(self.frame.outputs):
            fix = f"name one of them: `other: {item.value.span.text}`"
            raise Problem("E406", f"two outputs are called `{name}`", item.span, fix=fix)
        self.frame.outputs.append((name, node))

    def _carry(self, s: ast.Carry, scope: Scope) -> None:
        frame, c = self.frame, Context(scope, self.frame)
        if frame.body.kind == "network":
            fix = "a cell carries the states of the cells that it uses: step them in a `cell`"
            raise Problem("E412", "`carry` belongs in a cell", s.target.span, fix=fix)
        parts = (s.target, *s.target.path)
        key, *path = (key_text(part.name, self.expressions.indices(part.indices, c)) for part in parts)
        state = frame.instances.get(key)
        if state is not None and state.applied is not None and self.expressions.variants.is_unknown(state.cell):
            self.expressions.tensor(s.value, Context(scope, frame, Owner(key, None, {})))
            return
        if frame.may_have_had(s.target.name) or (state is not None and state.frame is None and frame.body.damaged):
            raise Told(s.span)
        if state is None or state.frame is None:
            known = f"there are {', '.join(frame.instances)}" if frame.instances else None
            fix = did_you_mean(key, frame.instances) or known
            raise Problem(
                "E201", f"`{key}` is no instance that is stepped here", _first(s.target), fix=fix, missing=key
            )
        slots = slots_of(state)
        # `f.states[k]` keeps that name: a wrapper inside may carry the same state under its own
        written = ".".join(path)
        owned = Context(scope, frame, Owner(f"{key}.{written}", None, {}))
        if written == STATES:
            values = [value for value, _ in of_list(s.value, owned, self.expressions)]
            if len(values) != len(slots):
                raise wrong_count(key, len(slots), len(values), s.value.span)
            for (name, slot), value in zip(slots.items(), values, strict=True):
                self._carry_one(s, key, name, slot, value)
        else:
            name = meant(written, list(slots))
            if name is None:
                raise _no_state(key, written, list(slots), s.target.span)
            self._carry_one(s, key, name, slots[name], self.expressions.tensor(s.value, owned))

    def _carry_one(self, s: ast.Carry, key: str, name: str, slot: StateSlot, value: Node) -> None:
        if slot in self._carries:
            first, derived = self._carries[slot], self.frame.cell is not None and self.frame.cell.derived
            fix = f"`with` replaces it as it is written there, `carry {first.text} = …`" if derived else None
            notes = [Note("first here", first)]
            raise Problem("E406", f"`{key}.{name}` is carried twice", s.target.span, notes=notes, fix=fix)
        self._carries[slot] = s.target.span
        slot.carry = self.frame.graph.add("equation", (value,), s.span, None, declared=slot.node.shape)
        slot.carry.name = slot.name


def _no_state(key: str, written: str, states: list[str], span: Span) -> Problem:
    there = ", ".join(f"`{key}.{state}`" for state in states)
    fix = did_you_mean(written, states) or (f"its states: {there}" if states else "it has no states")
    return Problem("E244", f"`{key}` has no state `{written}`", span, fix=fix)


def _first(target: ast.Target) -> Span:
    """The instance of what is carried."""
    return Span(target.span.source, target.span.start, target.path[0].span.start - 1)


def parts(value: Many, path: str = "") -> Iterator[tuple[str, Node]]:
    """Several outputs, each under its path of names."""
    for name, inner in value.items:
        if isinstance(inner, Many):
            yield from parts(inner, f"{path}{name}.")
        elif isinstance(inner, Tensor):
            yield path + name, inner.node


def written_output(item: ast.OutputItem) -> tuple[str | None, ast.Expr]:
    """The name that is written, and what it names: `linear(h) as y` is `y: linear(h)`."""
    e = item.value
    return (e.name, e.call) if item.name is None and isinstance(e, ast.As) else (item.name, e)


def output_owner(name: str | None) -> Owner:
    """What weights in an output are named after: the name that is written."""
    return Owner(name or "output", None, {})


def _output_name(e: ast.Expr) -> str | None:
    match e:
        case ast.Name():
            return e.id
        case ast.Attribute():
            return e.name
        case _:
            return None


def wrong_inputs(cell: str, definition: ast.Cell | ast.Network, inputs: list[str], given: int, span: Span) -> Problem:
    """A cell is given more or fewer inputs than it has: more, where libraries hand states from step to step."""
    names = " and ".join(f"`{name}`" for name in inputs) or "none"
    message = f"`{cell}` has {len(inputs)} input{'s' * (len(inputs) != 1)} ({names}) but is given {given}"
    states = plainly_declared("state", definition.body) if given > len(inputs) else []
    call = ", ".join([*inputs, *(f"{state} = …" for state in states[-1:])])
    fix = f"its states are its own; one is given by name: `f({call})`" if states else None
    return Problem("E223", message, span, fix=fix)
