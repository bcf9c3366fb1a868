"""Functions of places: whole numbers along an axis, the place of the largest, ranks, and what stands at a place."""

from __future__ import annotations

from rnnc.semantics.expressions.arguments import Arguments
from rnnc.semantics.functions.arranging import axes_of
from rnnc.semantics.functions.builtins import ONE_AXIS, added, builtin
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import Num, Tensor, Value


@builtin("places", labels=0)
def _places(a: Arguments) -> Value:
    """places(slot: 5): 0, 1, … along a new axis, as whole numbers."""
    a.count(1)
    a.allow()
    return Tensor(a.context.frame.graph.add("places", (), a.span, axes_of(a)))


@builtin("argmax", "argmin", axes=ONE_AXIS)
def _best(a: Arguments) -> Value:
    """argmax(v, axis): the place of the largest value, the first of several; it has no gradient."""
    a.count(1, 2)
    a.allow("axis")
    return added(a, "best", a.node(0), smallest=a.name == "argmin", axis=a.axis(1) or a.axis())


@builtin("rank", axes=ONE_AXIS)
def _rank(a: Arguments) -> Value:
    """rank(v, axis): 0 for the largest value, 1 for the next, …; equal ones in their order. It has no gradient."""
    a.count(1, 2)
    a.allow("axis")
    return added(a, "rank", a.node(0), axis=a.axis(1) or a.axis())


@builtin("lookup")
def _lookup(a: Arguments) -> Value:
    """lookup(table, index, axis = row): the rows that whole numbers say, along the first axis if none is named."""
    a.count(2)
    a.allow("axis")
    axis = a.axis()
    _check_row(a, axis)
    return added(a, "lookup", *a.nodes(), axis=axis)


def _check_row(a: Arguments, label: str | None) -> None:
    """A number that is written down lies within the table."""
    index = a.value(1)
    if not isinstance(index, Num) or not isinstance(index.known, int):
        return
    table, graph = a.node(0), a.context.frame.graph
    graph.infer(table)
    rows = [x for x in graph.resolve_all(table.shape or ()) if label in (None, x.label)][:1]
    count = rows[0].size.constant if rows else None
    if count is not None and not 0 <= index.known < count:
        raise Problem("E307", f"a table of {count} rows has those from 0 to {count - 1}", a.operands[1].span)
