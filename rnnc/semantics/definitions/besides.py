"""What cells and networks hand on: cells that are their parameters, and that their text gives no more than one value a
step, have what they take per row from whoever calls the whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeGuard

from rnnc.diagnostics import Span
from rnnc.semantics.definitions.taking import Inputs, Taken, named, sequences, united
from rnnc.semantics.problems import Problem
from rnnc.semantics.shapes.nodes import Node
from rnnc.syntax import ast
from rnnc.syntax.walk import names_in, nodes_in, statements_in


def besides(body: tuple[ast.Statement, ...], cells: Mapping[str, Inputs]) -> Inputs:
    """What cells that are parameters take per row and the text around them does not give. `cells`: the inputs of
    each, by the name of the parameter."""
    made = _made_of(body, cells)
    found: dict[Taken, None] = {}
    for call in _runs(body):
        taken = united([cells[name] for name in sorted(_of(call.function, made))]) or ()
        given = [a for a in call.arguments if isinstance(a, ast.Argument) and a.mark is None]
        if 0 < len(given) <= len(sequences(taken)):
            found |= dict.fromkeys(t for t in taken if t.per_row)
    return tuple(found)


def _made_of(body: tuple[ast.Statement, ...], cells: Mapping[str, Inputs]) -> dict[str, frozenset[str]]:
    """The parameters that layers are made of, by their names in the text: `use f = stack(inner, 2)`."""
    made = {name: frozenset({name}) for name in cells}
    parts = [(s.target.name, s) for s in statements_in(body) if _makes(s)]
    before = -1
    while before != sum(map(len, made.values())):  # one may be made of another further down
        before = sum(map(len, made.values()))
        for name, of in parts:
            made[name] = made.get(name, frozenset()) | _of(of, made)
    return made


def _makes(s: ast.Statement) -> TypeGuard[ast.Use | ast.Equation]:
    """Is a layer made here, and not run?"""
    return isinstance(s, ast.Use) or (isinstance(s, ast.Equation) and s.kind == "let")


def _of(node: ast.Node, made: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return frozenset(chain.from_iterable(made.get(name, ()) for name in names_in(node)))


def _runs(body: tuple[ast.Statement, ...]) -> Iterator[ast.Call]:
    """Calls that may run a layer: what they give is no layer that is called, nor a part of one."""
    lines = [s for s in statements_in(body) if not (_makes(s) or isinstance(s, ast.For | ast.If))]
    calls = [node for node in nodes_in(tuple(lines)) if isinstance(node, ast.Call)]
    making = {id(part) for call in calls for part in nodes_in(call.function)}
    yield from (call for call in calls if id(call) not in making)


def filled(
    inputs: Inputs | None, nodes: list[Node], handed: Mapping[str, Node], around: str, given: Sequence[str], span: Span
) -> list[Node]:
    """What a cell or layer is given within another: its own, and by name what the one around it hands on."""
    if inputs is None or len(nodes) != len(sequences(inputs)) or len(nodes) == len(inputs):
        return nodes
    lacking = [taken for taken in inputs if taken.per_row and taken.name not in handed]
    if lacking:
        message = f"`{around}` is given no {named(lacking)}, which a cell in it takes per row"
        call = ", ".join(dict.fromkeys((*given, *(taken.name for taken in inputs if taken.per_row))))
        fix = f"it hands on what it is given besides its own inputs: `({call})`"
        raise Problem("E223", message, span, fix=fix)
    places = iter(nodes)
    return [handed[taken.name] if taken.per_row else next(places) for taken in inputs]
