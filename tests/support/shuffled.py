"""The same definitions with their equations in another order."""

from __future__ import annotations

import random
from collections.abc import Iterator

from rnnc.diagnostics import Source
from rnnc.semantics.scopes.choose import definitions_of
from rnnc.syntax import ast
from rnnc.syntax.parse import parse


def shuffled(source: Source, seed: int) -> Source:
    """Equations, and loops and cases of nothing else, change places within their bodies."""
    choice = random.Random(seed)
    text = source.text
    for definition in reversed(definitions_of(parse(source))):
        if isinstance(definition, ast.Cell | ast.Fn | ast.Network):
            text = _body(text, definition.body, choice)
    return Source(source.name, text)


def _body(text: str, statements: tuple[ast.Statement, ...], choice: random.Random) -> str:
    movable = [s for s in statements if _is_movable(s)]
    order = choice.sample(movable, len(movable))
    for place, moved in reversed(list(zip(movable, order, strict=True))):
        text = text[: place.span.start] + _inside(moved, choice) + text[place.span.end :]
    return text


def _inside(s: ast.Statement, choice: random.Random) -> str:
    """The text of a statement, shuffled inside where it is a loop."""
    text, start = s.span.source.text, s.span.start
    if isinstance(s, ast.For) and s.body:
        first, last = s.body[0].span.start, s.body[-1].span.end
        if all(isinstance(each, ast.Equation) for each in s.body):
            parts = [each.span.text for each in s.body]
            choice.shuffle(parts)
            return text[start:first] + "\n".join(parts) + text[last : s.span.end]
    return s.span.text


def _is_movable(s: ast.Statement) -> bool:
    return all(isinstance(each, ast.Equation) and each.kind != "let" for each in _plain(s))


def _plain(s: ast.Statement) -> Iterator[ast.Statement]:
    match s:
        case ast.For():
            for each in s.body:
                yield from _plain(each)
        case ast.If():
            for each in (*s.body, *s.orelse):
                yield from _plain(each)
        case _:
            yield s
