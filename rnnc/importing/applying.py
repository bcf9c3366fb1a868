"""Calls of layers and of functions on what other layers give, and what they give themselves."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from rnnc.diagnostics import DiagnosticError
from rnnc.importing import classes
from rnnc.importing.tensors import ARRAYS, OPAQUE, SIZES, UNREAD, results
from rnnc.importing.values import (
    Applied,
    Finals,
    Given,
    Instance,
    Made,
    Names,
    Outputs,
    Reference,
    Tensor,
    Value,
    problem,
)  # fmt: skip

if TYPE_CHECKING:
    from rnnc.importing.evaluate import Evaluator

DATA = ("inputs", "input")  # what the parameter is called that takes what a layer is called on
BEGINS = ("initial_state", "hx")


def part(whole: Given, place: ast.expr) -> Value:
    """One of several values that a line takes apart, or all from one on; of what a driver gives the first are the
    outputs, and the others are tensors, which nobody reads."""
    rest = isinstance(place, ast.Slice)
    k: int = ast.literal_eval((place.lower or ast.Constant(0)) if isinstance(place, ast.Slice) else place)
    match whole.value:
        case list() as items if rest:
            return items[k:]
        case list() as items if k < len(items):
            return items[k].value
        case Made() | Applied() if k == 0 and not rest:
            return whole.value
        case Applied():
            return Reference(UNREAD)
        case _:
            return Reference(OPAQUE)


def holder(ev: Evaluator, function: ast.Attribute, names: Names) -> Tensor | Finals | Instance | None:
    """A tensor whose method is called, or an object of which one is called that gives itself; None for all others."""
    node = function.value
    if isinstance(node, ast.Name) and node.id not in names:
        return None
    try:
        value = ev.given(node, names).value
    except DiagnosticError:
        return None
    if isinstance(value, Instance):
        is_own = function.attr in value.fields or value.blueprint.method(function.attr) is not None
        return value if function.attr in classes.SELF and not is_own else None
    return value if isinstance(value, Tensor | Finals) else None


def method(
    ev: Evaluator, held: Tensor | Finals | Instance, function: ast.Attribute, node: ast.Call, names: Names
) -> Value:
    """`y.transpose(0, 1)`, `y.relu()`, `x.size(0)`, `model.to(device)`."""
    if isinstance(held, Instance):
        return held
    if function.attr in SIZES:
        return Reference(OPAQUE)
    args = [function.value, *node.args]
    found = ev.tensors.function(function.attr, args, node.keywords, node, names)
    if found is not None:
        return found
    path = ast.copy_location(ast.Name(id=f"‹{function.attr}›", ctx=ast.Load()), function)
    whole = ast.copy_location(ast.Call(func=path, args=args, keywords=node.keywords), node)
    own = Given(Reference(f"torch.{function.attr}"), ev.span(function))
    return ev.tensors.computed(whole, {**names, path.id: own})


def of_library(ev: Evaluator, function: Reference, node: ast.Call, names: Names) -> Value:
    """An object of the library's, or a function of tensors, or arrays that are no tensors of layers."""
    if not ev.knows(function):
        found = ev.tensors.function(function.last, node.args, node.keywords, node, names)
        found = found if found is not None else ev.tensors.computed(node, names)
        if found is not None:
            return found
        if function.path.startswith(OPAQUE) or function.last in ARRAYS:
            return Reference(OPAQUE)
    return ev.bind(function, node, ev, names, ev.span(node.func))


def applied(ev: Evaluator, made: Made, node: ast.Call, names: Names) -> Value:
    """What a layer gives that is called on something."""
    named = {keyword.arg: keyword.value for keyword in node.keywords}
    data = node.args[0] if node.args else next((named[name] for name in DATA if name in named), None)
    begin = next((named[name] for name in BEGINS if name in named), None)
    if made.constructor.library == "torch" and len(node.args) > 1:
        begin = node.args[1]
    inputs = ev.tensors.inputs(data, names) if data is not None else ()
    state = ev.tensors.state(begin, names) if begin is not None else None
    return results(Applied(Given(made, ev.span(node.func)), inputs, state), ev.span(node))


def outputs(ev: Evaluator, node: ast.Call, names: Names) -> Value:
    """`keras.Model(inputs, outputs)`."""
    named = [keyword.value for keyword in node.keywords if keyword.arg in ("outputs", "output")]
    found = ev.given([*named, *node.args[1:2]][0], names) if named or len(node.args) > 1 else None
    if found is not None and isinstance(found.value, list) and len(found.value) == 1:
        found = found.value[0]
    value = found.value if found is not None else None
    items = [item.value for item in value] if isinstance(value, list) else []
    tensors = tuple(item for item in items if isinstance(item, Tensor))
    if tensors and len(tensors) == len(items):
        return Outputs(tensors)
    if not isinstance(value, Tensor):
        raise problem(
            "E602", "a model that gives what layers give is read", ev.span(node), fix="Model(inputs, outputs)"
        )
    return value
