"""Cells and networks: what their parameters may be given, and reading their bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from rnnc.diagnostics import Note, Span
from rnnc.semantics.bodies.frames import Around, Body, Context, Frame, InstanceState, Registry
from rnnc.semantics.bodies.guard import plain_inputs
from rnnc.semantics.bodies.remedies import as_truth
from rnnc.semantics.definitions.besides import besides
from rnnc.semantics.definitions.ending import Ending, wrong_inputs
from rnnc.semantics.definitions.nesting import Nesting
from rnnc.semantics.definitions.statements import Statements
from rnnc.semantics.definitions.taking import ONE_BY_ONE, Inputs, Taken, united
from rnnc.semantics.expressions.expressions import Expressions
from rnnc.semantics.functions.builtins import BUILTINS
from rnnc.semantics.near import did_you_mean
from rnnc.semantics.problems import Fatal, Problem, Told
from rnnc.semantics.scopes.values import (
    CellValue,
    Choice,
    FnValue,
    Instance,
    LayerValue,
    Num,
    Scope,
    Value,
    describe,
    open_size,
)
from rnnc.semantics.shapes.nodes import Graph, Node
from rnnc.syntax import ast
from rnnc.syntax.walk import statements_in

BODY_COST = 60  # in units of work


class Cells:
    """Checks what cells are given, and opens them."""

    def __init__(self, expressions: Expressions, statements: Statements, nesting: Nesting) -> None:
        self.expressions, self.statements, self.nesting = expressions, statements, nesting
        self.variants, self.work, self.diagnostics = expressions.variants, expressions.work, nesting.diagnostics

    def checked(self, parameter: ast.Parameter, value: Value, span: Span, known: Set[str] = frozenset()) -> Value:
        """A value for a parameter: of its kind, among its choices. `known` are names that it may have meant."""
        name = parameter.name
        if value is None and isinstance(parameter.default, ast.Constant) and parameter.default.value is None:
            return None  # whatever else it takes
        if parameter.choices:
            if isinstance(value, Choice) and value.word in parameter.choices:
                return Choice(value.word, parameter.choices)
            word = value.word if isinstance(value, Choice) else value.name if isinstance(value, FnValue) else ""
            if word in parameter.choices:
                return Choice(word, parameter.choices)
            if not (value is None and "none" in parameter.choices):
                fix = did_you_mean(word, parameter.choices) if word else None
                if isinstance(value, str) and value in parameter.choices:
                    fix = f"words stand without quotes: `{name} = {value}`"
                raise Problem("E217", f"`{name}` is one of {', '.join(parameter.choices)}", span, fix=fix)
        if parameter.kind == "cell" and not isinstance(value, CellValue | LayerValue):
            raise Problem(
                "E239",
                f"`{name}` wants a cell, not {describe(value)}",
                span,
                fix=_or_none(f"{name} = LSTM(units = 4)", value, "cell"),
            )
        used = _instance_in(value)
        if parameter.kind == "cell" and used is not None:
            message = f"`{name}` wants a cell, and `{used.key}` in it is an instance of several"
            raise Problem("E239", message, span, fix="an instance of one cell may be lent; other layers are made anew")
        if parameter.kind == "fn" and not isinstance(value, FnValue):
            fix = _or_none(f"{name} = tanh", value, "fn")
            raise Problem("E239", f"`{name}` wants a function, not {describe(value)}", span, fix=fix)
        if isinstance(value, Choice) and not parameter.choices:
            names = known | set(BUILTINS) if parameter.kind == "fn" else known
            raise Problem(
                "E201",
                f"`{value.word}` is not defined",
                value.span or span,
                fix=did_you_mean(value.word, names),
                missing=value.word,
            )
        default = parameter.default
        if isinstance(default, ast.Constant) and isinstance(default.value, bool) and not isinstance(value, bool):
            raise Problem("E224", f"`{name}` is true or false, not {describe(value)}", span, fix=as_truth(name, value))
        wants_number = isinstance(default, ast.Number) or (
            default is None and parameter.kind is None and not parameter.choices
        )
        if wants_number and isinstance(value, bool | str):
            raise Problem("E206", f"`{name}` is a number, not {describe(value)}", span)
        return value

    def open(
        self,
        body: Body,
        cell: CellValue,
        prefix: str,
        state_prefix: str,
        given: Sequence[Node] | None,
        span: Span,
        *,
        reverse: bool = False,
        shareable: bool = False,
        is_copy: bool = False,
        around: Around | None = None,
    ) -> Frame:
        """Read a cell's (or network's) body. `given` are its inputs; None: they stay open (the outermost)."""
        with self.nesting.reading(cell.name, span):
            self.work.spend(BODY_COST, span)
            cell = self.variants.resolved(cell)
            scope = Scope(cell.scope)
            frame = Frame(body, scope, prefix, body.kind, cell.name, span)
            frame.state_prefix = state_prefix
            frame.use = self.diagnostics.use
            if body.state_prefix is None:
                body.state_prefix = state_prefix
            if given is not None and not body.probing:
                given = self._handed(cell, frame, given)
            frame.given = list(given) if given is not None else None
            frame.cell = cell
            frame.reverse, frame.shareable, frame.is_copy = reverse, shareable, is_copy
            frame.around = around
            bound = cell.arguments
            frame.parameters = {p.name: p for p in cell.parameters}
            frame.dropped = {t.name: t.span for t in cell.dropped}
            for parameter in cell.parameters:
                scope.names[parameter.name] = self._parameter(parameter, bound, frame, scope, given is None, span)
            self.statements.read(frame, scope, cell.definition.body)
            Ending(self.expressions, self.diagnostics, frame, cell.definition).close()
            return frame

    def taken_by(
        self, layer: Value, span: Span, doubts: list[Problem], instances: Mapping[str, InstanceState] | None = None
    ) -> Inputs | None:
        """What a layer takes; None where nothing is known of it, for which `doubts` may have a reason."""
        match layer:
            case CellValue():
                try:
                    return self._inputs_of(layer, span)
                except Fatal:
                    raise
                except Problem as problem:
                    doubts.append(problem)
                    return None
            case Instance() if instances is not None:
                return self.taken_by(instances[layer.key].cell, span, doubts, instances)
            case LayerValue():
                return united([self.taken_by(part, span, doubts, instances) for _, part in layer.layers])
            case _:
                return None

    def _inputs_of(self, cell: CellValue, span: Span) -> Inputs | None:
        """What a cell takes, before it is opened; None where its text cannot be read, or it stands for any cell.
        Raises E223 where that hangs on what is not known before, such as the size of an input."""
        own, more = self._own_inputs(cell, span), self._besides(self.variants.resolved(cell), span)
        return None if own is None or more is None else united([own, more])

    def _besides(self, cell: CellValue, span: Span) -> Inputs | None:
        """What a cell or network takes besides, and hands on; None where nothing is known of a cell that it was given.
        Raises E223 as `_inputs_of` does."""
        definition, bound = cell.definition, cell.arguments
        cells: dict[str, Inputs] = {}
        for p in cell.parameters:
            value = bound.get(p.name)
            if value is None and p.name not in bound and p.kind == "cell" and p.default is not None:
                scope = Scope(cell.scope)
                body = Body("network", Graph(self.diagnostics, self.work), Registry(self.diagnostics))
                value = self.expressions.value(p.default, Context(scope, Frame(body, scope, "", "network", "", span)))
            values = value if isinstance(value, tuple) else (value,)
            layers = [each for each in values if isinstance(each, CellValue | LayerValue)]
            if layers:
                doubts: list[Problem] = []
                taken = [self.taken_by(layer, span, doubts) for layer in layers]
                if doubts:
                    raise doubts[0]
                if None in taken:
                    return None
                cells[p.name] = united(taken) or ()
        if not any(t.per_row for inputs in cells.values() for t in inputs):
            return ()
        self.work.spend(len(definition.body), span)
        return besides(definition.body, cells)

    def _handed(self, cell: CellValue, frame: Frame, given: Sequence[Node]) -> Sequence[Node]:
        """What is given to the inputs that are declared; the rest is handed on. Raises E223 where there are too few."""
        body, span, doubt = cell.definition.body, frame.span, Told(frame.span)
        try:
            more = self._besides(cell, span)
        except Fatal:
            raise
        except Problem as problem:
            more, doubt = None, problem
        own = self._own_inputs(cell, span) if more else None
        if own is not None and more:
            taken = united([own, more]) or ()
            frame.handed = {}
            if len(given) == len(taken):
                frame.handed = {t.name: node for t, node in zip(taken, given, strict=True) if t in more}
                return given[: len(own)]
            if len(given) != len(own):
                raise wrong_inputs(cell.name, cell.definition, [t.name for t in taken], len(given), span)
        inputs = plain_inputs(body)
        if inputs is not None and len(inputs) != len(given):
            if more is None and len(given) > len(inputs):
                raise doubt  # it may hand them on
            raise wrong_inputs(cell.name, cell.definition, inputs, len(given), span)
        return given

    def _own_inputs(self, cell: CellValue, span: Span) -> Inputs | None:
        """What it declares."""
        cell = self.variants.resolved(cell)
        declared = cell.definition.body
        if cell.unknown or any(isinstance(s, ast.Damaged) for s in statements_in(declared)):
            return None
        self.work.spend(len(declared), span)
        scope = Scope(cell.scope)
        body = Body("cell", Graph(self.diagnostics, self.work), Registry(self.diagnostics))
        frame = Frame(body, scope, "", body.kind, cell.name, span)
        hangs = plain_inputs(declared) is None
        for parameter in cell.parameters if hangs else ():
            scope.names[parameter.name] = self._parameter(parameter, cell.arguments, frame, scope, False, span)
        try:
            return tuple(Taken(item.name, item.per_row) for item in self.statements.inputs(frame, scope, declared))
        except Fatal:
            raise
        except Problem as problem:
            message = f"which inputs `{cell.name}` has is not known before it runs, so neither which of these it takes"
            notes = [Note("this decides it", problem.span)]
            raise Problem("E223", message, span, notes=notes, fix=ONE_BY_ONE) from problem

    def _parameter(
        self, parameter: ast.Parameter, bound: dict[str, Value], frame: Frame, scope: Scope, outermost: bool, span: Span
    ) -> Value:
        if parameter.name in bound:
            value = bound[parameter.name]
        elif isinstance(parameter.default, ast.Name) and parameter.default.id in parameter.choices:
            value = Choice(parameter.default.id, parameter.choices)  # not evaluated: `step` is also a value
        elif parameter.default is not None:
            value = self.expressions.value(parameter.default, Context(scope, frame))
            value = self.checked(parameter, value, parameter.default.span)
        elif parameter.kind is not None or parameter.choices:
            wanted = " or ".join(parameter.choices) or f"a {'function' if parameter.kind == 'fn' else 'cell'}"
            if not outermost:
                raise not_given(frame.name, parameter, f": {wanted}", span)
            message = f"`{frame.name}` wants `{parameter.name}` stated: {wanted}"
            raise Problem("E230", message, parameter.span, fix=f"give it: `-D '{parameter.name}=…'`")
        elif outermost:
            return open_size(parameter.name)
        else:
            raise not_given(frame.name, parameter, "", span)
        if isinstance(value, Num):
            return Num(value.value, parameter.name, given=value.given)
        return value


def not_given(cell: str, parameter: ast.Parameter, wanted: str, span: Span) -> Problem:
    """A cell is used without a parameter that has no default."""
    fix = f"give it: `{cell}({parameter.name} = {' or '.join(parameter.choices) or '…'})`"
    return Problem("E245", f"`{cell}` wants its parameter `{parameter.name}` stated{wanted}", span, fix=fix)


def _instance_in(value: Value) -> Instance | None:
    """One of several cells within a layer: its weights cannot be lent."""
    for _, layer in value.layers if isinstance(value, LayerValue) else ():
        used = layer if isinstance(layer, Instance) else _instance_in(layer)
        if used is not None:
            return used
    return None


def _or_none(fix: str, value: Value, kind: str) -> str:
    """What to give, or how to say that nothing may be given."""
    return f"{fix}; a parameter that may be none is declared as `name: {kind} = none`" if value is None else fix
