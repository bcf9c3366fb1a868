"""A model's bodies as equations, the outermost first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rnnc.diagnostics import DiagnosticError, Diagnostics, Source
from rnnc.pictures.equations import formula as f
from rnnc.pictures.equations.expressions import Reader, parts_of
from rnnc.semantics.bodies.frames import Context, Frame, Owner, key_text
from rnnc.semantics.bodies.instances import STATES, meant, slots_of
from rnnc.semantics.definitions.ending import output_owner, written_output
from rnnc.semantics.elaborate import Reading
from rnnc.semantics.problems import PRELUDE, Problem, report
from rnnc.semantics.scopes.values import Tensor
from rnnc.semantics.shapes.nodes import Node
from rnnc.syntax import ast


def body_of(reading: Reading) -> f.Body:
    """The equations of a definition and of all that it is made of. Raises DiagnosticError."""
    reading.elaborator.work.spent = 0  # what is read a second time has its own budget
    try:
        return _Bodies(reading).body(reading.frame, "")
    except Problem as problem:
        diagnostics = Diagnostics()
        report(diagnostics, problem)
        raise DiagnosticError(list(diagnostics)) from problem


class _Bodies:
    def __init__(self, reading: Reading) -> None:
        self.reader = Reader(reading.elaborator)

    def body(self, frame: Frame, path: str) -> f.Body:
        order = {node: at for at, node in enumerate(frame.graph.nodes)}
        read = sorted(frame.equations, key=lambda e: order.get(e.node, 0))
        equations: list[f.Equation] = []
        for e in read:
            s = e.statement
            target = self.reader.ref(e.node, s.target.name, e.indices, s.target.primed, e.context)
            if not s.target.primed and (s.target.name, e.indices) in frame.parts:
                target = parts_of(frame, s.target.name, e.indices)
            kind = "gate" if s.kind == "gate" else "plain"
            equations.append(f.Equation(target, self.reader.formula(s.value, e.context), kind))
        for carry, scope in frame.carries:
            equations += self._carry(frame, carry, Context(scope, frame))
        inner = tuple((key, self.body(child, f"{path}{key}.")) for key, child in frame.children.items())
        return f.Body(
            frame.name,
            "network" if frame.body.kind == "network" else "cell",
            path,
            tuple(self._quantity(frame, name, (), node) for name, node in frame.inputs),
            tuple(self._quantity(frame, name, indices, slot.node) for (name, indices), slot in frame.states.items()),
            tuple(equations),
            tuple(self._outputs(frame)),
            self._functions(frame),
            inner,
        )

    def _quantity(self, frame: Frame, name: str, indices: tuple[int, ...], node: Node) -> f.Quantity:
        c = Context(frame.scope, frame)
        axes = tuple(str(axis) for axis in frame.graph.resolve_all(node.shape or ()))
        return f.Quantity(self.reader.ref(node, name, indices, False, c), axes)

    def _carry(self, frame: Frame, s: ast.Carry, c: Context) -> Iterator[f.Equation]:
        """What a state becomes, or every state of a list."""
        parts = (s.target, *s.target.path)
        key, *path = (key_text(part.name, self.reader.evaluate.indices(part.indices, c)) for part in parts)
        states, written = list(slots_of(frame.instances[key])), ".".join(path)
        value = self.reader.formula(s.value, Context(c.scope, frame, Owner(f"{key}.{written}", None, {})))
        each = [(meant(written, states) or written, value)]
        if written == STATES and isinstance(value, f.Items):
            each = list(zip(states, value.items, strict=True))
        for name, what in each:
            inner, _, local = f"{key}.{name}".rpartition(".")
            target = replace(self.reader.named_state(inner, local), when="now", key=(frame, key, name))
            yield f.Equation(target, what, "carry")

    def _outputs(self, frame: Frame) -> list[f.Equation]:
        """Outputs under their names; one that is a quantity is that quantity."""
        found: list[f.Equation] = []
        for statement, scope in frame.output_statements:
            for item in statement.items:
                name, e = written_output(item)
                value = self.reader.formula(e, Context(scope, frame, output_owner(name)))
                name = name or (value.name if isinstance(value, f.Ref | f.Pick) else "output")
                when: f.When = "now" if frame.kind == "cell" else ""
                found.append(f.Equation(f.Ref(name, (), when, key=("output", name)), value, "output"))
        return found

    def _functions(self, frame: Frame) -> tuple[f.FunctionText, ...]:
        """The functions of the user's own that are called here, each once, those that they call before them."""
        found: dict[str, f.FunctionText] = {}
        for call in frame.calls:
            self._function(call, found)
        return tuple(found.values())

    def _function(self, frame: Frame, found: dict[str, f.FunctionText]) -> None:
        if frame.returned is None or _of_prelude(frame.returned[0].span.source):
            return
        for inner in frame.calls:
            self._function(inner, found)
        if frame.name in found:
            return
        equations = tuple(
            f.Equation(
                self.reader.ref(e.node, e.statement.target.name, e.indices, False, e.context),
                self.reader.formula(e.statement.value, e.context),
            )
            for e in frame.equations
        )
        statement, scope = frame.returned
        value = self.reader.formula(statement.value, Context(scope, frame, Owner("", None, {})))
        tensors = (n for n in frame.parameters if isinstance(frame.scope.names.get(n), Tensor))
        found[frame.name] = f.FunctionText(frame.name, tuple(tensors), equations, value)


def _of_prelude(source: Source) -> bool:
    return source.name == PRELUDE
