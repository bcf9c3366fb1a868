"""Calls of what libraries have: how arguments find their parameters, and what happens to each."""

from __future__ import annotations

import ast

from rnnc.diagnostics import DiagnosticError, Span
from rnnc.importing.python.evaluates import EvaluatesArguments
from rnnc.importing.python.signature import DATA, LEFT_OUT, NOTED, SHAPES, WIDTHS
from rnnc.importing.python.values import Callee, Given, Made, Names, Reference, problem
from rnnc.semantics.near import did_you_mean


def bind(callee: Callee, node: ast.Call, ev: EvaluatesArguments, names: Names, where: Span) -> Made:
    """The object that a call makes. E604: arguments without a parameter, or the other way round; E606: an argument
    that means something which cannot be said."""
    if callee.signature is None:
        return Made(callee, {}, (), ev.span(node))
    passed = _assigned(callee, node, ev)
    arguments: dict[str, Given] = {}
    for name, value in passed.items():
        if name in callee.reads:
            arguments[name] = ev.argument(value, names, callee.library)
        elif name in NOTED:
            arguments[name] = _noted(value, ev, names, callee.library)
        elif name in WIDTHS and callee.library == "torch":
            arguments[name] = ev.if_known(value, names)
        elif name in SHAPES and isinstance(value, ast.Tuple | ast.List):
            arguments[name] = Given([ev.if_known(each, names) for each in value.elts], ev.span(value))
        elif name not in DATA:
            _left_out(callee, name, value, ev.span(value))
    for parameter in callee.parameters.values():
        if parameter.required and parameter.name not in passed and parameter.name not in DATA:
            raise problem(
                "E604", f"`{callee.name}` needs `{parameter.name}`", where, fix=f"{callee.name}{_shown(callee)}"
            )
    noted = [name for name, value in passed.items() if _is_noted(callee, name, value)]
    return Made(callee, arguments, tuple(noted), ev.span(node))


def _shown(callee: Callee) -> str:
    """The beginning of the signature, for messages."""
    text = " ".join((callee.signature or "").split())
    return f"({text if len(text) < 100 else text[:100].rpartition(',')[0] + ', …'})"


def _assigned(callee: Callee, node: ast.Call, ev: EvaluatesArguments) -> dict[str, ast.expr]:
    """Every argument under the name of its parameter."""
    places = [parameter.name for parameter in callee.parameters.values() if not parameter.keyword_only]
    if callee.several is not None:
        rest = ast.copy_location(ast.List(elts=node.args[len(places) :], ctx=ast.Load()), node)
        node = ast.Call(func=node.func, args=[*node.args[: len(places)], rest], keywords=node.keywords)
        places.append(callee.several)
    if len(node.args) > len(places):
        message = f"`{callee.name}` takes {len(places)} arguments in order, not {len(node.args)}"
        raise problem("E604", message, ev.span(node.args[len(places)]), fix=f"{callee.name}{_shown(callee)}")
    passed = dict(zip(places, node.args, strict=False))
    for keyword in node.keywords:
        span = ev.span(keyword)
        assert keyword.arg is not None, "calls are spread out"
        is_written = span.text.startswith(keyword.arg)  # else it stands in a dictionary, `**options`
        name = Span(span.source, span.start, span.start + len(keyword.arg)) if is_written else span
        if keyword.arg in passed:
            raise problem("E604", f"`{keyword.arg}` is given twice", name)
        if not callee.takes(keyword.arg):
            fix = did_you_mean(keyword.arg, callee.parameters) or f"{callee.name}{_shown(callee)}"
            raise problem("E604", f"`{callee.name}` has no argument `{keyword.arg}`", name, fix=fix)
        passed[keyword.arg] = keyword.value
    return passed


def _left_out(callee: Callee, name: str, value: ast.expr, span: Span) -> None:
    """An argument that is neither read nor data may be left out, or have its default."""
    if name in LEFT_OUT or _is_default(callee, name, value):
        return
    message = f"`{name}` of {callee.name} says what a description cannot hold"
    raise problem("E606", message, span, fix="leave the argument out, and change the description by hand")


def _is_default(callee: Callee, name: str, value: ast.expr) -> bool:
    try:
        return name in callee.parameters and ast.literal_eval(value) == callee.parameters[name].default
    except (ValueError, TypeError, SyntaxError):
        return False


def _is_noted(callee: Callee, name: str, value: ast.expr) -> bool:
    return name in LEFT_OUT and name not in callee.reads and not _is_default(callee, name, value)


def _noted(value: ast.expr, ev: EvaluatesArguments, names: Names, library: str) -> Given:
    """The value of an argument that need not be known: then it is a name that nothing gives a value."""
    try:
        return ev.argument(value, names, library)
    except DiagnosticError:
        return Given(Reference(ast.unparse(value)), ev.span(value))
