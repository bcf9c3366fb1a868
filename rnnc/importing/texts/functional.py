"""Functional models of Keras, `keras.Model(inputs, outputs)`: what they give, and what they give of other tensors where
they stand inside another model."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from rnnc.diagnostics import Note, Span
from rnnc.importing.python.values import (
    Applied,
    Computed,
    Final,
    Finals,
    Functional,
    Given,
    Incoming,
    Made,
    Names,
    Outputs,
    Record,
    Tensor,
    Thunk,
    Value,
    as_tensor,
    is_input,
    problem,
)
from rnnc.importing.texts.left import check_left
from rnnc.importing.texts.reached import reached, tensors_in
from rnnc.importing.texts.reads import Reads
from rnnc.importing.texts.tensors import Tensors

INPUTS, OUTPUTS = ("inputs", "input"), ("outputs", "output")
CALLED_ON = ("inputs", "training", "mask")  # what calls of models may be given in order


class ReadsTensors(Reads, Protocol):
    """Knows what layers are called on."""

    @property
    def tensors(self) -> Tensors:
        """Who reads expressions over what layers give."""
        ...

    def incoming(self, text: str, name: str) -> Incoming:
        """What comes in wherever a script calls models on this expression, with a name for where it is the first."""
        ...


def made_of(ev: ReadsTensors, node: ast.Call, names: Names) -> Functional:
    """`keras.Model(inputs, outputs)`. E606: the outputs are made of something else than the inputs."""
    named = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
    told = _told(named, OUTPUTS, node.args[1:2])
    found = ev.given(told, names) if told is not None else Given(None, ev.span(node))
    items = found.value if isinstance(found.value, list) else [found]
    if told is not None:
        for each in items:
            ev.tensors.check_read(each.value, told)
    tensors = tuple(item.value for item in items if isinstance(item.value, Tensor))
    if not tensors or len(tensors) < len(items):
        raise problem(
            "E602", "a model that gives what layers give is read", ev.span(node), fix="Model(inputs, outputs)"
        )
    begin = _told(named, INPUTS, node.args[:1])
    inputs = _tensors(ev.if_known(begin, names).value) if begin is not None else None
    if inputs is not None and begin is not None:
        for each, tensor in zip(items, tensors, strict=True):
            _check(tensor, inputs, each, ev.span(begin))
    whole = tensors[0] if not isinstance(found.value, list) else Outputs(tensors)
    return Functional(inputs, whole, ev.span(node))


def _told(named: Mapping[str, ast.expr], words: Iterable[str], rest: list[ast.expr]) -> ast.expr | None:
    return next((named[word] for word in words if word in named), rest[0] if rest else None)


def _tensors(value: Value) -> tuple[Tensor, ...] | None:
    """The inputs of a model, in order; None where nothing tells them."""
    if isinstance(value, Record):
        return None
    items = [item.value for item in value] if isinstance(value, list) else [value]
    found = [as_tensor(item) for item in items]
    return tuple(each for each in found if each is not None) if found and None not in found else None


def key_of(tensor: Tensor) -> int:
    """What makes two tensors one: the object of an Input."""
    return id(tensor.layer.value) if isinstance(tensor, Applied) and is_input(tensor.layer) else id(tensor)


def _check(tensor: Tensor, inputs: tuple[Tensor, ...], output: Given, begin: Span) -> None:
    """E606: an output is made of what comes in otherwise than by the inputs."""
    known = {key_of(each) for each in inputs}

    def inside(value: Value) -> Iterable[Value]:
        return () if isinstance(value, Tensor) and key_of(value) in known else tensors_in(value)

    for each in reached([tensor], inside):
        if not isinstance(each, Applied) or key_of(each) in known or (each.inputs and not is_input(each.layer)):
            continue
        what = "what this model gives is made of something else than its inputs"
        fix = "Model([a, b], outputs) takes several"
        raise problem("E606", what, output.span, notes=(Note("the inputs", begin), Note("made of this", _span(each))),
                      fix=fix)  # fmt: skip


def _span(applied: Applied) -> Span:
    made = applied.layer.value
    return made.span if isinstance(made, Made) and is_input(applied.layer) else applied.layer.span


def called(ev: ReadsTensors, model: Functional, node: ast.Call, names: Names) -> Value:
    """What a model gives of other tensors, by the same layers; in a script, of data, what it gives."""
    named = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
    positional = dict(zip(CALLED_ON, node.args, strict=False))
    for name, value in {**positional, **named}.items():
        if name not in INPUTS:
            check_left(ev, "a model", f"`{name}`", value, names)
    for value in node.args[len(CALLED_ON) :]:
        check_left(ev, "a model", "a further argument", value, names)
    data = _told(named, INPUTS, node.args[:1])
    if data is None:
        return model.outputs
    given = ev.tensors.inputs(data, names)
    if not given:
        return _put(model, _incoming(ev, model, data, names), ev.span(node))
    if model.inputs is None or len(given) != len(model.inputs):
        count = "inputs that are not read here"
        if model.inputs is not None:
            count = f"{len(model.inputs)} input{'s' if len(model.inputs) > 1 else ''}"
        what = f"a model with {count} is called on {len(given)}"
        raise problem("E606", what, ev.span(node), notes=(Note("made here", model.span),))
    return _put(model, {key_of(old): new for old, new in zip(model.inputs, given, strict=True)}, ev.span(node))


def _incoming(ev: ReadsTensors, model: Functional, data: ast.expr, names: Names) -> dict[int, Tensor]:
    """What a script gives a model that no layer gives, in the places of the inputs: one for each expression."""
    whole = ev.if_known(data, names).value
    if isinstance(whole, Record):
        for entry in whole.fields.values():
            if isinstance(entry, Thunk) and ev.tensors.one(entry.node, entry.names) is not None:
                what = "a model that is called on a dictionary of what layers give is not read"
                raise problem("E602", what, ev.span(data), fix="give them as a list, in the order of its inputs")
    found = model.inputs if model.inputs is not None else _begins(model.outputs)
    several = data.elts if isinstance(data, ast.List | ast.Tuple) else [data]
    if len(several) == len(found):
        return {key_of(old): _of_text(ev, each) for old, each in zip(found, several, strict=True)}
    whole = _of_text(ev, data)  # which nothing here takes apart
    return {key_of(old): whole.part(k) for k, old in enumerate(found)}


def _of_text(ev: ReadsTensors, node: ast.expr) -> Incoming:
    text = ast.unparse(node)
    return ev.incoming(text, text if text.isidentifier() else "x")


def _begins(outputs: Tensor) -> list[Applied]:
    """The inputs that outputs are made of, in the order of the text, where a model does not tell its own."""
    found = [each for each in reached([outputs], tensors_in) if isinstance(each, Applied) and is_input(each.layer)]
    return sorted({key_of(each): each for each in found}.values(), key=lambda each: _span(each).start)


def _put(model: Functional, found: dict[int, Tensor], span: Span) -> Value:
    """What a model gives with these in the places of its inputs."""
    put = _Put(found)
    if isinstance(model.outputs, Outputs):
        return [Given(put.tensor(each), span) for each in model.outputs.parts]
    return put.tensor(model.outputs)


class _Put:
    """Tensors, with others in the place of some."""

    def __init__(self, found: dict[int, Tensor]) -> None:
        self._found = found

    def tensor(self, old: Tensor) -> Tensor:
        key = key_of(old)
        if key not in self._found:
            self._found[key] = self._new(old)
        return self._found[key]

    def _new(self, old: Tensor) -> Tensor:
        match old:
            case Applied(inputs=inputs, state=state):
                begin = Given(self._value(state.value), state.span) if state is not None else None
                return replace(old, inputs=tuple(map(self.tensor, inputs)), state=begin)
            case Computed(inputs=inputs, shares=shares, alike=alike):
                others = {
                    "shares": self.tensor(shares) if shares is not None else None,
                    "alike": self.tensor(alike) if alike is not None else None,
                }
                return replace(old, inputs=tuple(map(self.tensor, inputs)), **others)
            case Outputs(parts=parts):
                return Outputs(tuple(map(self.tensor, parts)))
            case Final(of=of):
                return replace(old, of=self._applied(of))
            case _:
                return old

    def _applied(self, of: Applied) -> Applied:
        found = self.tensor(of)
        assert isinstance(found, Applied), "layers leave states, which no input does"
        return found

    def _value(self, value: Value) -> Value:
        match value:
            case list():
                return [Given(self._value(each.value), each.span) for each in value]
            case Finals(of=of):
                return replace(value, of=self._applied(of))
            case _:
                tensor = as_tensor(value)
                return self.tensor(tensor) if tensor is not None else value
