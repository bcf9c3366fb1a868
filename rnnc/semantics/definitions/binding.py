"""Calls of cells: arguments are bound to parameters, or what is given is run."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from rnnc.diagnostics import Span
from rnnc.semantics.bodies.frames import Context, Frame
from rnnc.semantics.definitions.cells import Cells
from rnnc.semantics.definitions.running import apply
from rnnc.semantics.expressions.arguments import Arguments
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import CellValue, Instance, LayerValue, Lent, Many, Num, Tensor, Value
from rnnc.syntax import ast


def call_cell(cells: Cells, cell: CellValue, e: ast.Call, c: Context) -> Value:
    """Binding (`LSTM(4)`) or, where a tensor is given, stepping or running (`LSTM(4)(x)`)."""
    a = Arguments(cells.expressions, e, c, cell.name)
    values = [a.value(i) for i in range(len(a.operands))]
    if any(isinstance(v, Tensor | Many) for v in values):
        if c.frame.body.kind != "network":
            raise Problem(
                "E404",
                f"inside a cell an inner cell is used by name: `use f = {cell.name}(…)`, then `f(…)`",
                e.span,
                fix="its states are its own: `f.h`, and `f.h'` after the step",
            )
        with missing_at(e.function.span, e.span):
            return apply(cells, cell, a)
    if cell.unknown:
        return cell  # of the parameters of which nothing is known
    parameters = cells.variants.parameters_of(cell)
    names = [p.name for p in parameters]
    a.refuse_labels(names)
    a.refuse_sharing(cell=True)
    a.allow(*names, kind="parameter")
    bound = cell.arguments
    free = [n for n in names if n not in dict(cell.bound)]
    if len(values) > len(names):
        shown = ", ".join(names)
        message = f"`{cell.name}` has {len(names)} parameter{'s' * (len(names) != 1)} ({shown}), not {len(values)}"
        raise Problem("E223", message, e.span)
    positions = free if len(free) >= len(values) else names
    given: dict[str, Value] = dict(zip(positions, values, strict=False))
    for name in a.options:
        if name in given:
            raise Problem("E222", f"`{name}` is given twice", a.name_span(name))
        given[name] = a.choice(name, parameters[names.index(name)].choices)
    for name, value in given.items():
        parameter = parameters[names.index(name)]
        spot = a.options[name].value.span if name in a.options else a.operands[positions.index(name)].span
        value = cells.checked(parameter, _lent(value, c.frame), spot, c.scope.all_names())
        bound[name] = replace(value, given=value.given or spot) if isinstance(value, Num) else value
    return replace(cell, bound=tuple(bound.items()))


def _lent(value: Value, frame: Frame) -> Value:
    """An instance as an argument is its cell, with the weights that it has here."""
    match value:
        case Instance():
            state = frame.instances[value.key]
            if not isinstance(state.cell, CellValue):
                return value
            prefix = f"{frame.prefix}{state.weights_of or state.key}."
            return state.cell if state.cell.lent is not None else replace(state.cell, lent=Lent(prefix, state.users))
        case tuple():
            return tuple(_lent(each, frame) for each in value)
        case LayerValue():
            return replace(value, layers=tuple((name, _lent(each, frame)) for name, each in value.layers))
        case _:
            return value


@contextmanager
def missing_at(cell: Span, call: Span) -> Generator[None]:
    """A parameter that is missing where a cell is called is marked where the cell stands."""
    try:
        yield
    except Problem as problem:
        if problem.code == "E245" and problem.span == call:
            problem.span = cell
        raise
