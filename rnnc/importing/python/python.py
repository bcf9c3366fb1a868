"""What Python does with plain values: arithmetic, comparisons, truth, and the functions of its own that texts call."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence

from rnnc.diagnostics import Span
from rnnc.importing.python import words
from rnnc.importing.python.values import Finals, Given, Instance, Made, Record, Size, Tensor, Value, describe, problem
from rnnc.importing.python.words import PLAIN

MAX_ITEMS = 1000
MAX_NUMBER = 2**53
READ = "read are calls, names, numbers, strings, lists, and comprehensions over lists and `range`"
_NAMES = "abs enumerate float int len list max min range reversed round str sum tuple zip math.sqrt"
FUNCTIONS = frozenset(_NAMES.split())


def truth(given: Given) -> bool:
    """Whether a condition holds. E602: nobody knows."""
    if isinstance(given.value, PLAIN | list):
        return bool(given.value)
    raise problem("E602", f"a condition that is known is wanted here, not {describe(given.value)}", given.span)


def compared(left: Given, op: ast.cmpop, right: Given, span: Span) -> bool:
    a, b = left.value, right.value
    if (
        b is None
        and isinstance(a, Tensor | Finals | Made | Record | Instance | list)
        and isinstance(op, ast.Is | ast.IsNot)
    ):
        return isinstance(op, ast.IsNot)
    if isinstance(a, PLAIN) and isinstance(b, list) and isinstance(op, ast.In | ast.NotIn):
        return (a in [item.value for item in b]) is isinstance(op, ast.In)
    if isinstance(a, PLAIN) and isinstance(b, PLAIN):
        match op:
            case ast.Eq() | ast.Is():
                return a == b
            case ast.NotEq() | ast.IsNot():
                return a != b
            case _:
                pass
        if isinstance(a, int | float) and isinstance(b, int | float):
            match op:
                case ast.Lt():
                    return a < b
                case ast.LtE():
                    return a <= b
                case ast.Gt():
                    return a > b
                case ast.GtE():
                    return a >= b
                case _:
                    pass
    raise problem("E602", "this comparison is not evaluated", span, fix="compare numbers, strings, True, False, None")


def called(name: str, arguments: Sequence[Given], span: Span) -> Value:
    """A function of Python's own, of plain values and lists."""
    values = [argument.value for argument in arguments]
    numbers = [value for value in values if isinstance(value, int | float)]
    lists = [value for value in values if isinstance(value, list)]
    match name, values:
        case "range", [_, *_] if len(values) <= 3:
            return _range(values, span)
        case "list" | "tuple", [list()]:
            return lists[0]
        case "list" | "tuple", [Finals(is_plain=True) as finals]:
            return [Given(each, span) for each in finals.all()]
        case "reversed", [list()]:
            return lists[0][::-1]
        case "len", [list()]:
            return len(lists[0])
        case "enumerate", [list()]:
            return [Given([Given(k, span), item], span) for k, item in enumerate(lists[0])]
        case "zip", [list(), *_] if len(lists) == len(values):
            return [Given(list(items), span) for items in zip(*lists, strict=False)]
        case "sum" | "max" | "min", [list()]:
            return _folded(name, [item.value for item in lists[0]], span)
        case "max" | "min", [_, _, *_]:
            return _folded(name, values, span)
        case "int", [int() | float()]:
            return int(numbers[0])
        case "float", [int() | float()]:
            return float(numbers[0])
        case "str", [bool() | int() | float() | str() | None]:
            return str(values[0])
        case "round", [int() | float()]:
            return round(numbers[0])
        case "math.sqrt", [int() | float()] if numbers[0] >= 0:
            return math.sqrt(numbers[0])
        case "abs", [int() | float()]:
            return abs(numbers[0])
        case "range", _:
            raise problem("E602", "`range` takes one to three whole numbers", span)
        case "list" | "tuple", [value]:
            raise problem("E602", f"a list is wanted here, not {describe(value)}", arguments[0].span)
        case _:
            raise problem("E602", f"this call of `{name}` is not evaluated", span, fix="write what it gives")


def _range(values: Sequence[Value], span: Span) -> list[Given]:
    whole = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
    for value in values:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise problem("E602", f"a number is wanted here, not {describe(value)}", span)
    if len(whole) != len(values) or 0 in whole[2:]:
        raise problem("E602", "`range` takes one to three whole numbers", span)
    check_count(len(range(*whole)), span)
    return [Given(value, span) for value in range(*whole)]


def _folded(name: str, values: Sequence[Value], span: Span) -> Value:
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) != len(values) or (not numbers and name != "sum"):
        raise problem("E602", f"`{name}` is evaluated of numbers", span)
    return sum(numbers) if name == "sum" else max(numbers) if name == "max" else min(numbers)


def arithmetic(op: ast.operator, a: float, b: float, span: Span) -> int | float:
    try:
        match op:
            case ast.Add():
                return a + b
            case ast.Sub():
                return a - b
            case ast.Mult():
                return a * b
            case ast.Div():
                return a / b
            case ast.FloorDiv():
                return a // b
            case ast.Mod():
                return a % b
            case ast.Pow() if a < 0 and b != int(b):
                raise problem("E602", "a root of a number below zero", span)
            case ast.Pow() if abs(b) <= 64 and abs(a) <= MAX_NUMBER:
                return a**b
            case ast.Pow():
                raise problem("E602", "a power of these numbers is too large to evaluate: write the result", span)
            case _:
                raise problem("E602", "of arithmetic, + - * / // % ** are evaluated", span)
    except ArithmeticError as error:
        raise problem("E602", str(error), span) from error


def check_count(count: int, span: Span) -> None:
    if count > MAX_ITEMS:
        raise problem("E602", f"a list of more than {MAX_ITEMS} things", span)


def limited(value: float | str | None, span: Span) -> float | str | None:
    """Numbers that a description can hold."""
    if isinstance(value, int | float) and not abs(value) <= MAX_NUMBER:
        raise problem("E602", "a number that is too large", span)
    return value


def binary(op: ast.operator, left: Given, right: Given, span: Span) -> Value:
    """Arithmetic of numbers, lists one behind the other, and strings. E602: of something else."""
    a, b = left.value, right.value
    if isinstance(op, ast.Mult) and isinstance(a, int) and isinstance(b, list):
        a, b = b, a
    if isinstance(a, str) and (text := words.binary(op, a, b, span)) is not None:
        return text
    match op, a, b:
        case ast.Mult(), list(), int() if len(a) * max(b, 0) <= MAX_ITEMS:
            return a * b
        case ast.Add(), list(), list() if len(a) + len(b) <= MAX_ITEMS:
            return a + b
        case _, int() | float(), int() | float():
            return limited(arithmetic(op, a, b, span), span)
        case _ if isinstance(a, Size) or isinstance(b, Size):
            what = "how many rows, steps or features there are is known to no description"
            raise problem("E602", what, span, fix="write the number")
        case _:
            raise problem("E602", "this arithmetic is not evaluated", span, fix=READ)
