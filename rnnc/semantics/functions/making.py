"""Which calls make weights, or masks, as the text says: before anything of it is read."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from rnnc.semantics.bodies.frames import Context
from rnnc.semantics.functions.builtins import BUILTINS, MASKED, WEIGHTED
from rnnc.semantics.scopes.values import FnValue, Lazy, Scope
from rnnc.syntax import ast
from rnnc.syntax.walk import nodes_in, statements_in

_NAMED = ("peephole",)  # with a name of their own below the equation's, as functions of the language have


@dataclass(frozen=True)
class Making:
    """A call with weights: its name among those of its equation, what they are shared over, and whether it makes them
    (with `weights = f` it has those of another)."""

    name: str | None
    shared: tuple[str, ...]
    own: bool


def makings(e: ast.Expr, c: Context) -> list[Making]:
    """The calls of an expression that have weights, those of both branches of an `if` included."""
    named = {id(node.call): node.name for node in nodes_in(e) if isinstance(node, ast.As)}
    found: list[Making] = []
    for node in nodes_in(e):
        if not isinstance(node, ast.Call) or not isinstance(node.function, ast.Name):
            continue
        value = _function(node.function.id, c.scope)
        if value is None or not _makes(value, c):
            continue
        own = not any(isinstance(x, ast.Argument) and x.mark == "=" and x.name == "weights" for x in node.arguments)
        shared = next((x.names for x in node.arguments if isinstance(x, ast.SharedOver)), ())
        default = value.name if value.definition is not None or value.name in _NAMED else None
        found.append(Making(named.get(id(node), default), shared, own))
    return found


def _function(name: str, scope: Scope) -> FnValue | None:
    """The function that a name stands for."""
    found = scope.find(name)
    if found is None:
        return FnValue(name) if name in BUILTINS else None
    if isinstance(found[1], Lazy):
        written = found[1].expression
        return _function(written.id, found[1].scope) if isinstance(written, ast.Name) and written.id != name else None
    return found[1] if isinstance(found[1], FnValue) else None


def nothing_to_name(call: ast.Call, c: Context) -> bool:
    """Has a call neither weights nor a mask, whatever it is given? A name that stands for a function may stand for
    another one, and a layer has both."""
    if not isinstance(call.function, ast.Name):
        return False
    name = call.function.id
    if name in c.frame.instances:
        return c.frame.body.kind == "cell"
    value = None if c.scope.turning(name) is not None else _function(name, c.scope)
    if value is not None and value.damaged:
        return False  # nobody knows what its text was to have
    return value is not None and value.name == name and not _has(WEIGHTED | MASKED, value, set())


def _makes(function: FnValue, c: Context) -> bool:
    known, key = c.frame.body.registry.weighted, id(function.definition)
    if function.definition is None:
        return function.name in WEIGHTED
    if key not in known:
        known[key] = _has(WEIGHTED, function, set())
    return known[key]


def _has(what: Set[str], function: FnValue, seen: set[int]) -> bool:
    """Is it one of these, or does it declare weights, or call what has some? What it is given may have some, too."""
    definition = function.definition
    if definition is None or function.scope is None:
        return function.name in what
    if function.damaged:
        return True
    if id(definition) in seen:
        return False
    seen.add(id(definition))
    parameters = {p.name for p in definition.parameters}
    if any(isinstance(s, ast.Declaration) for s in statements_in(definition.body)):
        return True
    for node in nodes_in(definition.body):
        if isinstance(node, ast.Call) and isinstance(node.function, ast.Name):
            if node.function.id in parameters:
                return True
            value = _function(node.function.id, function.scope)
            if value is not None and _has(what, value, seen):
                return True
    return False
