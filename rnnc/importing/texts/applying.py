"""Calls of layers and of functions on what other layers give, and what they give themselves."""

from __future__ import annotations

import ast
from typing import Protocol

from rnnc.diagnostics import DiagnosticError, Span
from rnnc.importing.python import classes, words
from rnnc.importing.python.evaluates import Evaluates, Resolves
from rnnc.importing.python.values import (
    Applied,
    Broken,
    Final,
    Finals,
    Given,
    Incoming,
    Instance,
    Made,
    Names,
    Record,
    Reference,
    Size,
    Steps,
    Tensor,
    Value,
    as_tensor,
    describe,
    problem,
)  # fmt: skip
from rnnc.importing.texts.along import width_of
from rnnc.importing.texts.arrays import ARRAYS, LIKE, MAKERS, OPAQUE, SIZES, UNREAD, WAYS, ZEROS, made
from rnnc.importing.texts.finals import several
from rnnc.importing.texts.functions import TOGETHER, check_known, written_out
from rnnc.importing.texts.fused import check_turned, is_over_steps
from rnnc.importing.texts.left import check_left
from rnnc.importing.texts.reads import Reads
from rnnc.importing.texts.steps import CELLS, together
from rnnc.importing.texts.tensors import Tensors

# Operators between what layers give, as layers of Keras.
OPERATOR_LAYERS: dict[type[ast.operator], str] = {
    ast.Add: "keras.layers.add", ast.Sub: "keras.layers.subtract", ast.Mult: "keras.layers.multiply",
}  # fmt: skip
DATA = ("inputs", "input")  # what the parameter is called that takes what a layer is called on
BEGINS = ("initial_state", "hx")
STATES_OF_CELLS = ("get_initial_state", "zero_state")  # methods of cells and layers that give zeros


class Applies(Reads, Protocol):
    """Makes what texts call, and knows what layers are called on."""

    @property
    def tensors(self) -> Tensors:
        """Who reads expressions over what layers give."""
        ...

    def bound(self, reference: Reference, node: ast.Call, names: Names, where: Span) -> Made | Applied:
        """The object that a call of a library's name makes. E603: no library has the name."""
        ...

    def incoming(self, text: str, name: str) -> Incoming:
        """What comes in wherever a script calls models on this expression, with a name for where it is the first."""
        ...


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
        case Applied(layer=Given(value=Made() as made)) if _gives_both(made):
            return Reference(WAYS)
        case Made() | Applied() if k == 0 and not rest:
            return whole.value
        case Applied():
            return Reference(UNREAD)
        case Incoming() as data if not rest:
            return data.part(k)
        case Size(tensor=tensor, axis=None) if not rest:
            return Size(tensor, k)
        case Reference(path=path) if path == ZEROS:
            return whole.value
        case Finals(count=count, is_plain=True) as finals if count > 1 and k < count and not rest:
            return finals.at(k)
        case _:
            return Reference(OPAQUE)


def member(ev: Resolves, base: Given, place: Given) -> Value:
    """One of a list, a dictionary, or sizes, by its place or key."""
    match base.value, place.value:
        case Record(fields=fields), str() | int() as key if str(key) in fields:
            return ev.entry(fields[str(key)]).value
        case list() as items, int() as k if -len(items) <= k < len(items):
            return items[k].value
        case Reference(path=path), _ if path.startswith(OPAQUE):
            return Reference(path if path == ZEROS else OPAQUE)
        case Size(tensor=tensor, axis=None), int() as k:
            return size(tensor, k)
        case Steps(last=last), -1:
            return last
        case _:
            what = f"`[{place.span.text}]` of {describe(base.value)} is not evaluated here"
            raise problem("E602", what, base.span)


def _gives_both(made: Made) -> bool:
    """Whether a layer gives the outputs of both directions apart: `Bidirectional(…, merge_mode=None)`."""
    merge = made.arguments.get("merge_mode") if made.constructor.name == "Bidirectional" else None
    return merge is not None and merge.value is None


def holder(ev: Evaluates, function: ast.Attribute, names: Names) -> Tensor | Finals | Instance | Made | str | None:
    """A tensor or a string whose method is called, or an object of which one is called that gives itself; None for all
    others."""
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
    if isinstance(value, Made) and value.constructor.library == "torch" and function.attr in classes.SELF:
        return value
    if isinstance(value, Made) and function.attr in STATES_OF_CELLS:
        return value
    return value if isinstance(value, Tensor | Finals | str) else None


def method(
    ev: Applies, held: Tensor | Finals | Instance | Made | str, function: ast.Attribute, node: ast.Call, names: Names
) -> Value:
    """`y.transpose(0, 1)`, `y.relu()`, `x.size(0)`, `model.to(device)`."""
    if isinstance(held, Made) and function.attr in STATES_OF_CELLS:
        return Reference(ZEROS)
    if isinstance(held, Instance | Made):
        return held
    if isinstance(held, str):
        return words.method(ev, held, function.attr, node, names)
    if function.attr in SIZES:
        return _size(ev, held, function.attr, node, names)
    if function.attr in MAKERS:
        return made(function.attr)
    args = [function.value, *node.args]
    found = ev.tensors.function(function.attr, args, node.keywords, node, names)
    if found is not None:
        return found
    path = ast.copy_location(ast.Name(id=f"‹{function.attr}›", ctx=ast.Load()), function)
    whole = ast.copy_location(ast.Call(func=path, args=args, keywords=node.keywords), node)
    own = Given(Reference(f"torch.{function.attr}"), ev.span(function))
    result = ev.tensors.computed(whole, {**names, path.id: own})
    if result is None:
        raise several(ev.span(node))
    return result


def _size(ev: Evaluates, held: Tensor | Finals, method: str, node: ast.Call, names: Names) -> Value:
    """`x.size(0)`, `x.size()`, `x.dim()`."""
    tensor = as_tensor(held)
    if isinstance(held, Finals) and tensor is None and method == "size" and node.args:
        rows = -1 if held.ways else 0 if held.turned else 1
        return Size(held.at(0), 0) if ev.if_known(node.args[0], names).value == rows else Reference(OPAQUE)
    if tensor is None or method not in ("size", "get_shape"):
        return Reference(OPAQUE)
    axis = ev.if_known(node.args[0], names).value if node.args else None
    if axis is not None and not isinstance(axis, int):
        return Reference(OPAQUE)
    return size(tensor, axis) if axis is not None else Size(tensor)


def size(tensor: Tensor, axis: int) -> Size | int:
    """How long an axis is: a number where a layer of PyTorch tells how many features it gives."""
    wide = width_of(tensor) if axis == -1 and isinstance(tensor, Applied) else None
    return wide if wide is not None and wide > 1 else Size(tensor, axis)


def of_library(ev: Applies, function: Reference, node: ast.Call, names: Names) -> Value:
    """An object of the library's, or a function of tensors, or arrays that are no tensors of layers."""
    if not ev.knows(function):
        front, _, last = function.path.rpartition(".")
        if front == ZEROS and last in LIKE:  # a method of zeros
            return Reference(ZEROS)
        if last in MAKERS:
            return made(last)
        held = ev.if_known(node.args[0], names).value if last in TOGETHER and node.args else None
        if isinstance(held, Steps):
            return together(ev, held, last, node, names)
        node, names = written_out(ev, held, node, names)
        found = ev.tensors.function(function.last, node.args, node.keywords, node, names)
        found = found if found is not None else ev.tensors.computed(node, names)
        if found is not None:
            return found
        if last == "Variable" and node.args:
            return ev.given(node.args[0], names).value
        if function.path.startswith(OPAQUE) or last in ARRAYS:
            return made(last) if last in ARRAYS else Reference(OPAQUE)
        for argument in node.args:
            _check_known(argument, names)
        check_known(ev, function, node, names)
    return ev.bound(function, node, names, ev.span(node.func))


def _check_known(node: ast.expr, names: Names) -> None:
    """The error of a name whose value could not be read."""
    for each in ast.walk(node):
        entry = names.get(each.id) if isinstance(each, ast.Name) else None
        if isinstance(entry, Broken):
            raise entry.error


def applied(ev: Applies, made: Made, node: ast.Call, names: Names) -> Value:
    """What a layer gives that is called on something."""
    named = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
    data = node.args[0] if node.args else next((named[name] for name in DATA if name in named), None)
    begin = next((named[name] for name in BEGINS if name in named), None)
    rest = list(node.args[1:])
    is_cell = made.constructor.library == "torch" and made.constructor.name in CELLS
    if rest and (is_cell or made.constructor.states is not None or is_over_steps(made)) and begin is None:
        begin = rest.pop(0)
    check_turned(ev, made, node, names)
    if made.constructor.library != "tf":  # calls of single cells, whose data they are
        for each in rest:
            check_left(ev, made.constructor.name, "a further argument", each, names)
        for name, value in named.items():
            if name not in (*DATA, *BEGINS):
                check_left(ev, made.constructor.name, f"`{name}`", value, names)
    inputs = ev.tensors.inputs(data, names) if data is not None else ()
    state = (ev.tensors.of_cell if is_cell else ev.tensors.state)(made, begin, names) if begin is not None else None
    text = ast.unparse(data) if data is not None else "x"
    if not inputs and isinstance(data, ast.BinOp | ast.Subscript | ast.UnaryOp):
        ev.remarks.add(f"`{text}` is what comes in: whoever calls the module computes it")
    return results(Applied(Given(made, ev.span(node.func)), inputs, state, text), ev.span(node))


def with_data(ev: Applies, instance: Instance, node: ast.Call, names: Names) -> tuple[ast.Call, Names]:
    """A call of a model by a script, and its names, with what comes in wherever the script gives data."""
    function = instance.blueprint.method(*classes.RUNS)
    if ev.models or function is None:
        return node, names
    plain = [each.arg for each in (*function.args.posonlyargs, *function.args.args)][1:]
    held: dict[str, Given] = {}

    def given(name: str, value: ast.expr) -> ast.expr:
        found = ev.if_known(value, names).value
        is_data = isinstance(found, Reference) or (found is None and not isinstance(value, ast.Constant))
        if not is_data:
            return value
        text = ast.unparse(value)
        name = text if text.isidentifier() else name
        key = f"‹{text}›"
        held[key] = Given(ev.incoming(text, name), ev.span(value))
        return ast.copy_location(ast.Name(id=key, ctx=ast.Load()), value)

    args = [given(plain[k] if k < len(plain) else "x", each) for k, each in enumerate(node.args)]
    named = [ast.copy_location(ast.keyword(k.arg, given(k.arg or "x", k.value)), k) for k in node.keywords]
    whole = ast.copy_location(ast.Call(func=node.func, args=args, keywords=named), node)
    return whole, {**names, **held}


def results(applied: Applied, span: Span) -> Value:
    """What a call of a layer gives: its outputs, and the final states with them where the library says so."""
    made = applied.layer.value
    assert isinstance(made, Made)
    if made.constructor.states is None:
        return applied
    states = made.constructor.states(made)
    if made.constructor.library == "torch":
        count = _number(made, "num_layers") * (2 if _flag(made, "bidirectional") else 1)
        finals = [Given(Finals(applied, name, count), span) for name in states]
        return [Given(applied, span), finals[0] if len(finals) == 1 else Given(finals, span)]
    layers = [made.arguments["layer"].value] if made.constructor.name == "Bidirectional" else [made]
    if not any(isinstance(layer, Made) and _flag(layer, "return_state") for layer in layers):
        return applied
    ways = range(2 if made.constructor.name == "Bidirectional" else 1)
    return [Given(applied, span), *(Given(Final(applied, name, k), span) for k in ways for name in states)]


def _number(made: Made, name: str) -> int:
    value = made.arguments[name].value if name in made.arguments else 1
    return value if isinstance(value, int) and 0 < value < 1000 else 1


def _flag(made: Made, name: str) -> bool:
    return name in made.arguments and made.arguments[name].value is True
