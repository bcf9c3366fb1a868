"""`==` of compile-time values. What is of kinds that never stand for each other is a slip, and an error, in lists too:
a condition that is always false would choose another cell, and say nothing."""

from __future__ import annotations

from rnnc.diagnostics import Span
from rnnc.ir.model import Initialiser
from rnnc.semantics.bodies.frames import Context
from rnnc.semantics.expressions.names import unknown_name
from rnnc.semantics.near import did_you_mean
from rnnc.semantics.problems import Problem, Told, Work
from rnnc.semantics.scopes.numbers import compare, needs_value
from rnnc.semantics.scopes.values import CellValue, Choice, FnValue, LayerValue, Num, Value, describe, spelled
from rnnc.syntax import ast

# Beside one of these a value of another kind is never equal. Of the others one may be given in place of the other:
# numbers and lists, or functions, where an initialiser is wanted, functions and cells where something is called.
_ALONE = frozenset({"truth", "string"})


class Equality:
    """Compares what two expressions are known to be."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def holds(self, e: ast.Binary, left: Value, right: Value, c: Context) -> bool:
        _check_choices(e, left, right)
        if isinstance(left, Num) and isinstance(right, Num):
            result = compare("==", left, right)
            if result is None:
                raise needs_value(left if left.known is None else right, e.span)
            return result
        if isinstance(left, FnValue) and isinstance(right, FnValue):
            return left.name == right.name
        _check_known(e, left, right, c)
        _check_kinds(e, left, right)
        self._check_parts(e, left, right)
        return self._same(left, right, e.span)

    def _check_parts(self, e: ast.Binary, left: Value, right: Value) -> None:
        """E249, of members of lists that stand in the same place."""
        if isinstance(left, tuple) and isinstance(right, tuple) and len(left) == len(right):
            for a, b in zip(left, right, strict=True):
                self._work.spend(1, e.span)
                if _never_equal(a, b):
                    raise Problem("E249", _message(e, a, b), e.span)
                self._check_parts(e, a, b)

    def _same(self, a: Value, b: Value, span: Span) -> bool:
        """Are two values equal? Lists and cells are compared part by part, as far as there is work left for that."""
        self._work.spend(1, span)
        match a, b:
            case (tuple(), tuple()):
                return len(a) == len(b) and all(self._same(x, y, span) for x, y in zip(a, b, strict=True))
            case (CellValue(), CellValue()) if a is not b and (a.unknown or b.unknown):
                raise Told(span)
            case (CellValue(), CellValue()):
                return a is b or (
                    a.definition is b.definition
                    and [n for n, _ in a.bound] == [n for n, _ in b.bound]
                    and all(self._same(x, y, span) for (_, x), (_, y) in zip(a.bound, b.bound, strict=True))
                )
            case (LayerValue(), LayerValue()):
                return a is b or (
                    (a.kind, a.options, len(a.layers)) == (b.kind, b.options, len(b.layers))
                    and all(self._same(x, y, span) for (_, x), (_, y) in zip(a.layers, b.layers, strict=True))
                )
            case _:
                return type(a) is type(b) and a == b


def as_choice(e: ast.Expr, value: Value, beside: Value) -> Value:
    """Beside a parameter that takes one of a few words, such a word is itself, whatever else has that name here."""
    if isinstance(beside, Choice) and isinstance(e, ast.Name) and not e.primed and e.id in beside.among:
        return Choice(e.id, beside.among)
    return value


def _check_choices(e: ast.Binary, left: Value, right: Value) -> None:
    """What takes one of a few words is compared with one of them, or with none."""
    for one, other, spot in ((left, right, e.right), (right, left, e.left)):
        if not isinstance(one, Choice) or not one.among or other is None:
            continue
        word = other.word if isinstance(other, Choice) else other if isinstance(other, str) else ""
        if isinstance(other, Choice) and (word in one.among or {*other.among} & {*one.among}):
            continue  # of two parameters that share some words, either may have another one
        fix = did_you_mean(word, one.among) if word else None
        if isinstance(other, str) and word in one.among:
            fix = f"words stand without quotes: `{word}`"
        is_named = isinstance(other, Choice) and not _is_itself(spot, other)
        shown = f"`{spot.span.text}`, which is `{word}`," if is_named else f"`{spot.span.text}`"
        message = f"{shown} is none of the choices {', '.join(one.among)}"
        raise Problem("E217", message, spot.span, fix=fix)


def _check_known(e: ast.Binary, left: Value, right: Value, c: Context) -> None:
    """E201, of a word that nothing knows. Of two that stand here themselves, that which is no choice of a parameter was
    to be a name."""
    alone = [
        (value, spot)
        for value, other, spot in ((left, right, e.left), (right, left, e.right))
        if isinstance(value, Choice) and not value.among
        if not isinstance(other, Choice) or (_is_itself(e.left, left) and _is_itself(e.right, right))
    ]
    words = {word for parameter in c.frame.parameters.values() for word in parameter.choices}
    for value, spot in sorted(alone, key=lambda each: each[0].word in words):
        raise unknown_name(value.word, value.span or spot.span, c)


def _is_itself(e: ast.Expr, value: Value) -> bool:
    return isinstance(value, Choice) and isinstance(e, ast.Name) and value.word == e.id and value.span == e.span


def _check_kinds(e: ast.Binary, left: Value, right: Value) -> None:
    """E249, of a string and a function, a flag and a number, …, and of a parameter that is a size until it is given."""
    is_mistaken = _is_keyword(e.left, left, right) or _is_keyword(e.right, right, left)
    if is_mistaken or _never_equal(left, right):
        fix = _remedy(e, left, right) or _remedy(e, right, left, turned=True)
        raise Problem("E249", _message(e, left, right), e.span, fix=fix)


def _never_equal(left: Value, right: Value) -> bool:
    kinds = _kind(left), _kind(right)
    if None in kinds or kinds[0] == kinds[1]:
        return False
    return bool(_ALONE & {*kinds}) or {*kinds} == {"number", "cell"} or _is_open(left) or _is_open(right)


def _message(e: ast.Binary, left: Value, right: Value) -> str:
    return f"`{e.left.span.text} {e.op} {e.right.span.text}`: {describe(left)} never equals {describe(right)}"


def _kind(value: Value) -> str | None:
    match value:
        case bool():
            return "truth"
        case Num():
            return "number"
        case str():
            return "string"
        case tuple():
            return "list"
        case FnValue():
            return "function"
        case Initialiser():
            return "initialiser"
        case CellValue() | LayerValue():
            return "cell"
        case _:
            return None


def _is_open(value: Value) -> bool:
    return isinstance(value, Num) and value.known is None


def _is_keyword(e: ast.Expr, value: Value, other: Value) -> bool:
    """`"none"` beside a value that is none: anything else may be compared with it."""
    return isinstance(e, ast.String) and value == "none" and other is None


def _remedy(e: ast.Binary, value: Value, other: Value, *, turned: bool = False) -> str | None:
    """What to write for `value` beside the other one."""
    spot, beside = (e.right, e.left) if turned else (e.left, e.right)
    if isinstance(value, Num) and value.known is None:
        given = f'`{spot.span.text} = "{other}"`' if isinstance(other, str) else f"`{spot.span.text} = …`"
        return f"`{spot.span.text}` is a size until it is given: give it a default, {given} in the head"
    if isinstance(spot, ast.String) and isinstance(value, str) and not isinstance(other, tuple):
        is_number = isinstance(other, Num) and value.replace(".", "", 1).isdecimal()
        if is_number or (value.isidentifier() and not isinstance(other, Num)):
            return f"write `{value}`, without quotes"
    if isinstance(beside, ast.String):
        return None
    if isinstance(value, FnValue | CellValue) and isinstance(other, str) and isinstance(spot, ast.Name):
        return f"write `{spelled(spot.id)}`, if the string is meant"
    if isinstance(value, bool) and isinstance(other, Num) and other.known in (0, 1):
        plain = (other.known == 1) == (e.op == "==")
        return f"write `{spot.span.text}`" if plain else f"write `not {spot.span.text}`"
    return None
