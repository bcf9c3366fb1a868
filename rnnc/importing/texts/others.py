"""Objects and models of a text that are no part of what its description says: the last one is imported, and the others
are told."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from rnnc.diagnostics import DiagnosticError
from rnnc.importing.python.values import (
    Applied,
    Blueprint,
    Broken,
    Computed,
    Final,
    Finals,
    Functional,
    Given,
    Incoming,
    Instance,
    Made,
    Record,
    Remarks,
    Tensor,
    Thunk,
    Value,
    is_input,
)  # fmt: skip
from rnnc.importing.texts.evaluate import Evaluator
from rnnc.importing.texts.line import Line
from rnnc.importing.texts.reached import layers_in, reached, tensors_in


def other_objects(ev: Evaluator, lines: Sequence[Line], roots: Iterable[Value]) -> list[Line]:
    """The lines in front of the last one that make what the `roots`, which that one makes, are not made of, and no
    other such line reads."""
    told, ev.remarks = ev.remarks, Remarks()  # nobody needs to know how they would be read
    try:
        made = _made(ev, lines)
        part = _parts(ev, roots)
        inner = [each for _, values in made for each in values if isinstance(each, Functional)]
        # a model inside of another has tensors of its own
        part |= _parts(ev, [each for each in inner if _is_part(ev, each, part)])
        left = [(line, values) for line, values in made if not any(_is_part(ev, each, part) for each in values)]
        found: list[Line] = []
        for k, (line, values) in enumerate(left):
            later = _parts(ev, [each for _, several in left[k + 1 :] for each in several])
            if not any(_is_part(ev, each, later) for each in values):
                found.append(line)
        return found
    finally:
        ev.remarks = told


def layers_made(ev: Evaluator, lines: Iterable[Line], roots: Iterable[Value]) -> tuple[Made, ...]:
    """All layers that these lines make, and those of the `roots`, whether or not something reads them: libraries count
    them."""
    told, ev.remarks = ev.remarks, Remarks()
    try:
        entries = {id(entry): entry for line in lines for entry in line.names.values()}
        values = [*roots, *(_value(ev, entry) for entry in entries.values())]

        def inside(value: Value) -> Iterator[Value]:
            yield from _inside(ev, value)
            if isinstance(value, Functional):
                yield from value.inputs or ()

        return tuple(each for each in reached(values, inside) if isinstance(each, Made))
    finally:
        ev.remarks = told


def other_classes(classes: Sequence[Blueprint]) -> list[Blueprint]:
    """Those that the last one does not name, nor another of these that are left out."""
    by_name = {each.node.name: each for each in classes}
    found: list[Blueprint] = []
    used = {classes[-1].node.name}
    for each in reversed([*by_name.values()]):
        if each.node.name not in used:
            found.append(each)
        used |= {node.id for node in ast.walk(each.node) if isinstance(node, ast.Name) and node.id in by_name}
    return found[::-1]


def _made(ev: Evaluator, lines: Sequence[Line]) -> list[tuple[Line, list[Value]]]:
    """The lines that give objects names, and these; what is added to one (`model.add(…)`) belongs to its first line."""
    found: list[tuple[Line, list[Value]]] = []
    places: dict[str, int] = {}
    for line, after in zip(lines, [*(each.names for each in lines[1:]), {}], strict=True):
        if isinstance(line.value, ast.Name) and isinstance(line.statement, ast.Expr):  # `model.add(…)`
            if line.value.id in places:
                place = places[line.value.id]
                found[place] = found[place][0], [_value(ev, line.names.get(line.value.id))]
            continue
        targets = line.statement.targets if isinstance(line.statement, ast.Assign) else []
        own = [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
        values = [_value(ev, after.get(name)) for name in own]
        objects = [value for value in values if _is_object(value)]
        if objects and not isinstance(line.value, ast.Name):
            places |= dict.fromkeys(own, len(found))
            found.append((line, objects))
    return found


def _value(ev: Evaluator, entry: Given | Thunk | Broken | None) -> Value:
    try:
        found = ev.entry(entry).value if entry is not None else None
    except (DiagnosticError, RecursionError):
        return None
    return found.of if isinstance(found, Final | Finals) else found  # a module gives the states anyway


def _is_object(value: Value) -> bool:
    if isinstance(value, Made):
        return not is_input(Given(value, value.span))
    return (
        isinstance(value, Instance | Functional | Tensor)
        and not isinstance(value, Incoming)
        and not _is_what_comes_in(value)
    )


def _is_what_comes_in(value: Value) -> bool:
    return isinstance(value, Applied) and is_input(value.layer)


def _parts(ev: Evaluator, roots: Iterable[Value]) -> set[int]:
    """The objects that others are made of, by identity."""
    return {id(each) for each in reached(roots, partial(_inside, ev))}


def _inside(ev: Evaluator, value: Value) -> Iterator[Value]:
    """The tensors, layers and objects that a value is made of."""
    yield from tensors_in(value)
    match value:
        case Applied(layer=layer):
            yield layer.value
        case Computed(shares=shares):
            yield shares
        case _:
            yield from _fields(ev, value)


def _fields(ev: Evaluator, value: Value) -> Iterator[Value]:
    """The layers and objects that an object holds."""
    match value:
        case list():
            yield from (item.value for item in value)
        case Made(arguments=arguments):
            yield from (each.value for each in arguments.values())
        case Instance(fields=fields) | Record(fields=fields):
            yield from (_value(ev, each) for each in fields.values())
        case _:
            pass


def _is_part(ev: Evaluator, value: Value, part: set[int]) -> bool:
    """Whether a value is one of these, or what one of these gives of other data, or an object of the text with a layer
    among them, or without any layer, or a model all of whose layers are."""
    if isinstance(value, Applied) and not value.inputs and id(value.layer.value) in part:
        return True
    if isinstance(value, Functional):
        return all(id(each) in part for each in layers_in([value]) if _is_object(each))
    if not isinstance(value, Instance):
        return id(value) in part
    layers = [each for each in reached([value], partial(_fields, ev)) if isinstance(each, Made)]
    return not layers or any(id(each) in part for each in layers)
