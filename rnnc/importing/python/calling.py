"""Calls as Python makes them: `*` and `**` of arguments, parameters and their defaults, functions of the text."""

from __future__ import annotations

import ast

from rnnc.importing.python.evaluates import Evaluates, Resolves
from rnnc.importing.python.values import (
    Function,
    Given,
    Names,
    Partial,
    Record,
    Thunk,
    Value,
    describe,
    problem,
)  # fmt: skip

Entries = dict[str, "Given | Thunk"]


def spread(ev: Resolves, node: ast.Call, names: Names) -> tuple[ast.Call, Names]:
    """The call with `*list` and `**dict` written out, and the names that its arguments read then."""
    is_plain = all(keyword.arg is not None for keyword in node.keywords)
    if is_plain and not any(isinstance(argument, ast.Starred) for argument in node.args):
        return node, names
    held: dict[str, Given | Thunk] = {}

    def name_for(entry: Given | Thunk, place: ast.AST) -> ast.expr:
        if isinstance(entry, Thunk) and isinstance(entry.node, ast.Constant):
            return entry.node
        name = f"‹spread {len(held)}›"
        while name in names:
            name += "'"
        held[name] = entry
        return ast.copy_location(ast.Name(id=name, ctx=ast.Load()), place)

    arguments: list[ast.expr] = []
    for argument in node.args:
        if not isinstance(argument, ast.Starred):
            arguments.append(argument)
            continue
        found = ev.given(argument.value, names)
        if not isinstance(found.value, list):
            message = f"`*` of arguments wants a list that is known, not {describe(found.value)}"
            raise problem("E602", message, ev.span(argument), fix="write them out")
        arguments += [name_for(item, argument.value) for item in found.value]
    keywords: list[ast.keyword] = []
    for keyword in node.keywords:
        if keyword.arg is not None:
            keywords.append(keyword)
            continue
        found = ev.given(keyword.value, names)
        if not isinstance(found.value, Record):
            message = f"`**` of arguments wants a dictionary that is known, not {describe(found.value)}"
            raise problem("E602", message, ev.span(keyword), fix="write them out")
        for name, entry in found.value.fields.items():
            value = name_for(ev.entry(entry) if not isinstance(entry, Thunk) else entry, keyword.value)
            keywords.append(ast.copy_location(ast.keyword(arg=name, value=value), keyword))
    whole = ast.copy_location(ast.Call(func=node.func, args=arguments, keywords=keywords), node)
    return whole, {**names, **held}


def parameters_given(
    ev: Resolves, parameters: ast.arguments, node: ast.Call, names: Names, outside: Names, *, skip: int = 0
) -> Entries | None:
    """Every parameter with its argument or default; None where they do not fit. `skip`: how many stand in front that
    no call passes (`self`). What `*args` and `**kwargs` take is a list and a dictionary."""
    plain = [parameter.arg for parameter in (*parameters.posonlyargs, *parameters.args)][skip:]
    given = dict(zip(plain, node.args, strict=False))
    named = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
    known = {*plain, *(parameter.arg for parameter in parameters.kwonlyargs)}
    own: Entries = {name: Thunk(value, outside, ev.names_of_line) for name, value in defaults(parameters)}
    passed = {name: Thunk(value, names, ev.names_of_line) for name, value in {**given, **named}.items()}
    own |= {name: entry for name, entry in passed.items() if name in known}
    more = {name: entry for name, entry in passed.items() if name not in known}
    span = ev.span(node)
    if parameters.vararg is not None:
        rest = [ev.given(argument, names) for argument in node.args[len(plain) :]]
        own[parameters.vararg.arg] = Given(rest, span)
    elif len(node.args) > len(plain):
        return None
    if parameters.kwarg is not None:
        own[parameters.kwarg.arg] = Given(Record(more), span)
    elif more:
        return None
    return None if set(named) & set(given) or not known <= own.keys() else own


def taken_apart(ev: Evaluates, target: ast.expr, item: Given) -> dict[str, Given]:
    """`n`, or `n, m` of pairs."""
    if isinstance(target, ast.Name):
        return {target.id: item}
    parts = target.elts if isinstance(target, ast.Tuple | ast.List) else []
    values = item.value if isinstance(item.value, list) else []
    if not parts or len(parts) != len(values):
        raise problem("E602", "this does not take the values apart", ev.span(target))
    found: dict[str, Given] = {}
    for part, value in zip(parts, values, strict=True):
        found |= taken_apart(ev, part, value)
    return found


def defaults(parameters: ast.arguments) -> list[tuple[str, ast.expr]]:
    """The parameters of a function that have defaults."""
    plain = [*parameters.posonlyargs, *parameters.args]
    pairs = [*zip(plain[len(plain) - len(parameters.defaults) :], parameters.defaults, strict=True)]
    return [
        *((parameter.arg, value) for parameter, value in pairs),
        *((p.arg, v) for p, v in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True) if v is not None),
    ]


def substituted(ev: Resolves, function: Function, node: ast.Call, names: Names) -> Value:
    """`(lambda one: …)(cell)`, or a call of a function of the text that is an expression."""
    outside = {**function.names, **ev.names_of_line} if function.is_outermost else function.names
    own = parameters_given(ev, function.node.args, node, names, outside)
    if own is None:
        raise problem("E602", "this call of a function is not read", ev.span(node), fix="write the call out")
    return ev.given(function.node.body, {**outside, **own}).value


def partial(ev: Evaluates, node: ast.Call, names: Names) -> Partial:
    """`functools.partial(function, …)`."""
    if not node.args:
        raise problem("E602", "this `partial` is not read", ev.span(node), fix="write a `lambda`")
    function, *arguments = (ev.given(argument, names) for argument in node.args)
    return Partial(function, arguments, {k.arg: ev.given(k.value, names) for k in node.keywords if k.arg})
