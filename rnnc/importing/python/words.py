"""Strings that Python puts together of what is known: `'l%d' % k`, `'l' + str(k)`, `'l{}'.format(k)`, `f'l{k}'`,
`'_'.join(names)`."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from string import Formatter

from rnnc.diagnostics import Span
from rnnc.importing.python.evaluates import Evaluates
from rnnc.importing.python.values import Given, Names, Value, describe, problem

MOST_LETTERS = 1000
READ = "read are `%`, `+`, `.format(…)`, `.join(…)`, f-strings and `str(…)` of what is known"
PLAIN = bool | int | float | str | None
_CHANGES = ("lower", "upper", "title", "capitalize", "strip", "lstrip", "rstrip", "replace", "removeprefix")


def binary(op: ast.operator, text: str, other: Value, span: Span) -> str | None:
    """`'l' + name`, `'l%d' % k`, `'l' * 2`; None where this is none of strings."""
    match op, other:
        case ast.Add(), str():
            return _limited(text + other, span)
        case ast.Mult(), int() if 0 <= other <= MOST_LETTERS:
            return _limited(text * other, span)
        case ast.Mod(), bool() | int() | float() | str() | None | list():
            return _percent(text, other, span)
        case _:
            return None


def put_together(ev: Evaluates, node: ast.JoinedStr, names: Names) -> str:
    """An f-string."""
    parts: list[str] = []
    for part in node.values:
        if not isinstance(part, ast.FormattedValue):
            parts.append(str(ev.given(part, names).value))
            continue
        value = _plain(ev.given(part.value, names))
        spec = put_together(ev, part.format_spec, names) if isinstance(part.format_spec, ast.JoinedStr) else ""
        shown = {ord("r"): repr, ord("s"): str, ord("a"): ascii}.get(part.conversion)
        parts.append(_formatted("{:" + spec + "}", [shown(value) if shown is not None else value], {}, ev.span(node)))
    return _limited("".join(parts), ev.span(node))


def method(ev: Evaluates, text: str, name: str, node: ast.Call, names: Names) -> Value:
    """`'l{}'.format(k)`, `'_'.join(names)`, and what changes letters."""
    span = ev.span(node)
    given = [ev.given(each, names) for each in node.args]
    named = {keyword.arg: ev.given(keyword.value, names) for keyword in node.keywords if keyword.arg is not None}
    if name == "format" and len(named) == len(node.keywords):
        plain = {key: _plain(value) for key, value in named.items()}
        return _formatted(text, [_plain(each) for each in given], plain, span)
    if name == "join" and len(given) == 1 and isinstance(items := given[0].value, list):
        words = [item.value for item in items if isinstance(item.value, str)]
        if len(words) == len(items):
            return _limited(text.join(words), span)
    words = [each.value for each in given if isinstance(each.value, str)]
    if name in _CHANGES and not named and len(words) == len(given):
        try:
            return _limited(getattr(text, name)(*words), span)
        except TypeError:
            pass
    raise problem("E602", f"`.{name}` of {describe(text)} is not evaluated here", span, fix=READ)


def _plain(given: Given) -> PLAIN:
    if isinstance(given.value, PLAIN):
        return given.value
    raise problem("E602", f"{describe(given.value)} in a string is not evaluated", given.span, fix=READ)


def _percent(text: str, other: PLAIN | list[Given], span: Span) -> str:
    """`'%s_%d' % (name, k)`. Widths are small, and none is an argument."""
    values = tuple(_plain(each) for each in other) if isinstance(other, list) else other
    if re.search(r"\d{4}|%[^a-zA-Z%]*\*", text) is None:
        try:
            return _limited(text % values, span)
        except (TypeError, ValueError, KeyError):
            pass
    raise problem("E602", "this `%` of a string is not evaluated", span, fix=READ)


def _formatted(text: str, given: Sequence[PLAIN], named: Mapping[str, PLAIN], span: Span) -> str:
    """`text.format(…)` of plain values: no parts of these, and small widths."""
    try:
        fields = [(name, spec or "") for _, name, spec, _ in Formatter().parse(text) if name is not None]
        if all(re.fullmatch(r"\w*", name) and not re.search(r"[{}]|\d{4}", spec) for name, spec in fields):
            return _limited(text.format(*given, **named), span)
    except (ValueError, TypeError, KeyError, IndexError):
        pass
    raise problem("E602", "this format of a string is not evaluated", span, fix=READ)


def _limited(text: str, span: Span) -> str:
    if len(text) > MOST_LETTERS:
        raise problem("E602", f"a string of more than {MOST_LETTERS} letters", span)
    return text
