"""Classes of the text whose objects are models: `class Net(nn.Module)` with `forward`, `class Net(keras.Model)` with
`call`. What `__init__` and these do is carried out, statement by statement."""

from __future__ import annotations

import ast
from dataclasses import replace

from rnnc.diagnostics import DiagnosticError
from rnnc.importing.python.calling import parameters_given
from rnnc.importing.python.evaluates import CarriesOut, Evaluates, Resolves
from rnnc.importing.python.values import (
    Blueprint,
    Broken,
    Given,
    Incoming,
    Instance,
    Lost,
    Made,
    Method,
    Names,
    Record,
    Thunk,
    Value,
    problem,
)  # fmt: skip

RUNS = ("forward", "call")  # what calls of an object run
SELF = {"to", "cuda", "cpu", "eval", "train", "float", "double", "half", "requires_grad_", "apply"}  # give the object
MOST_DEEP = 20


def is_model(node: ast.ClassDef) -> bool:
    """Whether the objects of a class compute something."""
    return any(isinstance(each, ast.FunctionDef) and each.name in RUNS for each in node.body)


def made_of(ev: CarriesOut, blueprint: Blueprint, node: ast.Call, names: Names) -> Instance:
    """A new object, with the fields that `__init__` sets."""
    span = ev.span(node)
    constants = {
        target.id: Thunk(each.value, blueprint.names, blueprint.names)
        for each in blueprint.node.body
        if isinstance(each, ast.Assign)
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    empty = Instance(blueprint, constants, span)
    first = blueprint.method("__init__")
    if first is None:
        return empty
    after, _ = _run(ev, first, empty, node, names)
    entry = after.get(_self_of(first))
    made = ev.entry(entry).value if isinstance(entry, Given | Thunk) else None
    return replace(made, made=made.fields) if isinstance(made, Instance) else empty


def called(ev: CarriesOut, instance: Instance, node: ast.Call, names: Names) -> Value:
    """What an object gives that is called."""
    function = instance.blueprint.method(*RUNS)
    if function is None:
        what = f"`{instance.blueprint.node.name}` has neither `forward` nor `call`"
        raise problem("E602", what, ev.span(node.func))
    return method_called(ev, Method(instance, function), node, names)


def method_called(ev: CarriesOut, method: Method, node: ast.Call, names: Names) -> Value:
    _, result = _run(ev, method.node, method.instance, node, names)
    return result


def after(ev: CarriesOut, method: Method, node: ast.Call, names: Names) -> tuple[Given | None, Value]:
    """The object behind a call of one of its methods, which may set fields of it, and what the call gives."""
    found, result = _run(ev, method.node, method.instance, node, names)
    entry = found.get(_self_of(method.node))
    return ev.entry(entry) if isinstance(entry, Given | Thunk) else None, result


def sets(function: ast.FunctionDef) -> set[str]:
    """The fields of its object that a method sets."""
    own = _self_of(function)
    return {
        node.attr
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == own
    }


def _check_set(ev: Evaluates, instance: Instance, attribute: str, node: ast.expr) -> None:
    """E602: a field is read as `__init__` has left it, and another method, which is called, sets it, too."""
    if instance.fields.get(attribute) is not instance.made.get(attribute):
        return
    whole = ast.unparse(instance.blueprint.node)
    for each in instance.blueprint.node.body:
        if isinstance(each, ast.FunctionDef) and each.name != "__init__" and attribute in sets(each):
            reads = each.lineno <= node.lineno <= (each.end_lineno or each.lineno)
            if not reads and (each.name in RUNS or f".{each.name}(" in whole):
                what = f"`{attribute}` is set by `{each.name}`, too, and nothing tells which of the two comes first"
                fix = f"let `{each.name}` give it back: `{attribute} = self.{each.name}(…)`"
                raise Lost(problem("E602", what, ev.span(node), fix=fix).diagnostics)


def member(ev: Resolves, instance: Instance, attribute: str, node: ast.expr) -> Value:
    """`self.units`, `self.init_hidden`. Raises KeyError."""
    if attribute in instance.fields:
        if ev.models:
            _check_set(ev, instance, attribute, node)
        return ev.entry(instance.fields[attribute]).value
    method = instance.blueprint.method(attribute)
    if method is None:
        raise KeyError(attribute)
    return Method(instance, method)


def result_of(ev: CarriesOut, instance: Instance) -> Given:
    """What an object gives of what comes in: its function, called on its own parameters."""
    function = instance.blueprint.method(*RUNS)
    if function is None:
        raise problem("E602", f"`{instance.blueprint.node.name}` has neither `forward` nor `call`", instance.span)
    positional = [*function.args.posonlyargs, *function.args.args][1:]
    wanted = positional[: len(positional) - len(function.args.defaults)]
    names = {f"‹{each.arg}›": Given(Incoming(each.arg, k), instance.span) for k, each in enumerate(wanted)}
    arguments: list[ast.expr] = [ast.copy_location(ast.Name(id=name, ctx=ast.Load()), function) for name in names]
    call = ast.copy_location(
        ast.Call(func=ast.copy_location(ast.Name(id="self", ctx=ast.Load()), function), args=arguments, keywords=[]),
        function,
    )
    found = called(ev, instance, call, {**instance.blueprint.names, **names})
    return Given(found, ev.returned or instance.span)


def by_default(ev: CarriesOut, blueprint: Blueprint) -> Instance:
    """An object of a class that nothing in the text makes one of; E604 where that takes arguments."""
    first, name = blueprint.method("__init__"), blueprint.node.name
    if first is not None:
        plain = [*first.args.posonlyargs, *first.args.args][1:]
        wanted = [each.arg for each in plain[: len(plain) - len(first.args.defaults)]]
        if wanted:
            shown = ", ".join(f"{each}=…" for each in wanted)
            what = f"no line makes a `{name}`, which needs {', '.join(f'`{each}`' for each in wanted)}"
            raise problem("E604", what, ev.span(first), fix=f"put a line `model = {name}({shown})` behind the class")
    reference = ast.copy_location(ast.Name(id=name, ctx=ast.Load()), blueprint.node)
    return made_of(ev, blueprint, ast.copy_location(ast.Call(func=reference, args=[], keywords=[]), blueprint.node), {})


def places(ev: Resolves, instance: Instance) -> list[tuple[Made, str]]:
    """The layers of an object, and what PyTorch calls them: `encoder.lstm`, `layers.0`."""
    found: dict[int, tuple[Made, str]] = {}

    def visit(value: Value, path: str) -> None:
        match value:
            case Made():
                found.setdefault(id(value), (value, path))
                for name in ("layers", "args"):
                    held = value.arguments[name].value if name in value.arguments else None
                    is_named = isinstance(held, list) and len(held) == 1 and isinstance(held[0].value, Record)
                    visit(held[0].value if isinstance(held, list) and is_named else held, path)
            case Instance(fields=fields) | Record(fields=fields):
                for name, entry in fields.items():
                    if isinstance(entry, Broken):
                        continue
                    if isinstance(held := _value(ev, entry), Made | Instance | Record | list):
                        visit(held, f"{path}.{name}" if path else name)
            case list():
                for k, item in enumerate(value):
                    visit(item.value, f"{path}.{k}")
            case _:
                pass

    visit(instance, "")
    return [*found.values()]


def unknown(ev: Resolves, instance: Instance, front: str = "") -> list[str]:
    """The fields of an object that no library here knows, by the names that PyTorch has for layers."""
    found: list[str] = []
    for name, entry in instance.fields.items():
        try:
            held = ev.entry(entry).value
        except DiagnosticError as error:
            found += [f"{front}{name}"] if error.diagnostics[0].code == "E603" else []
            continue
        if isinstance(held, Instance):
            found += unknown(ev, held, f"{front}{name}.")
    return found


def _value(ev: Resolves, entry: Given | Thunk) -> Value:
    try:
        return ev.entry(entry).value
    except DiagnosticError:  # a field that nothing here can be
        return None


def _self_of(function: ast.FunctionDef) -> str:
    plain = [*function.args.posonlyargs, *function.args.args]
    return plain[0].arg if plain else "self"


def _run(
    ev: CarriesOut, function: ast.FunctionDef, instance: Instance, node: ast.Call, names: Names
) -> tuple[Names, Value]:
    """The names after the last statement of a method, and what it returns."""
    outside = instance.blueprint.names
    own = parameters_given(ev, function.args, node, names, outside, skip=1)
    if own is None:
        what = f"these arguments do not fit `{function.name}` of `{instance.blueprint.node.name}`"
        raise problem("E604", what, ev.span(node))
    itself = Given(instance, ev.span(node))
    names = {**outside, **own, _self_of(function): itself}
    return ev.run(function, names, of_model=function.name != "__init__")


def with_field(held: Given, name: str, entry: Given | Thunk | Broken) -> Given | None:
    """The object with another field; None where it is none whose fields are known."""
    match held.value:
        case Record(fields=fields, is_class=is_class):
            return Given(Record({**fields, name: entry}, is_class), held.span)
        case Instance(blueprint=blueprint, fields=fields, span=span, made=made):
            return Given(Instance(blueprint, {**fields, name: entry}, span, made), held.span)
        case _:
            return None
