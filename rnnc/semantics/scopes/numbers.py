"""Arithmetic of compile-time numbers: whole numbers, fractions and open sizes."""

from __future__ import annotations

import re
from collections.abc import Callable

from rnnc.diagnostics import Span
from rnnc.ir.size import Size
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import Num, Value
from rnnc.syntax import ast

MAX_COMPLEXITY = 2_000

_ARITHMETIC: dict[str, Callable[[int | float, int | float], int | float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a // b if isinstance(a, int) and isinstance(b, int) and a % b == 0 else a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
}


def arithmetic(e: ast.Binary, left: Num, right: Num) -> Value:
    """Arithmetic of compile-time numbers; None where only a tensor can hold the result."""
    if e.op in ("<", "<=", ">", ">="):
        result = compare(e.op, left, right)
        if result is None:
            raise needs_value(left if left.known is None else right, e.span)
        return result
    if e.op == "@":
        raise Problem("E309", "`@` multiplies tensors, not numbers", e.span)
    a, b = left.value, right.value
    try:
        if isinstance(a, Size) or isinstance(b, Size):
            return _checked_size(_sizes(e.op, left, right), e)
        if e.op == "**":
            if abs(b) > 1024 or abs(a) > 1e154:
                raise OverflowError
            power = a**b
            if isinstance(power, complex):
                raise Problem("E218", "a root of a negative number", e.span)
            result = power
        else:
            result = _ARITHMETIC[e.op](a, b)
    except ZeroDivisionError:
        raise Problem("E218", "division by zero", e.span) from None
    except OverflowError:
        raise Problem("E218", "this number is too large", e.span) from None
    if isinstance(result, int) and abs(result) > 2**62:
        raise Problem("E218", "this number is too large", e.span)
    return Num(result)


def _checked_size(value: Value, e: ast.Binary) -> Value:
    """Arithmetic of open sizes ends before its terms are too many or too large to work with."""
    if isinstance(value, Num) and isinstance(value.value, Size) and value.value.complexity > MAX_COMPLEXITY:
        raise Problem("E218", "this size is too complicated", e.span, fix="give some of its parameters")
    return value


def _sizes(op: str, left: Num, right: Num) -> Value:
    a, b = left.size, right.size
    if a is None or b is None:
        return None
    if op == "/" and b.constant is not None and b.constant != 0 and (a % b).constant == 0:
        return Num(a // b)
    if op in ("*", "**") and a.complexity * b.complexity > MAX_COMPLEXITY:
        return None
    if op == "**" and b.constant is not None and 0 <= b.constant <= 8 and a.complexity**b.constant <= MAX_COMPLEXITY:
        power = Size.of(1)
        for _ in range(b.constant):
            power = power * a
        return Num(power)
    operation = {"+": a.__add__, "-": a.__sub__, "*": a.__mul__, "//": a.__floordiv__, "%": a.__mod__}.get(op)
    return Num(operation(b)) if operation else None


def compare(op: str, left: Num, right: Num) -> bool | None:
    a, b = left.known, right.known
    if a is None or b is None:
        if left.size is None or right.size is None:
            return None
        difference = (left.size - right.size).constant
        if difference is None:
            return None
        a, b = difference, 0
    return _COMPARISONS[op](a, b)


STATED = "the axes of an argument are known where it is made of what is declared, or by `out = …`"


def of_quotient(text: str) -> str | None:
    """The remedy where a quotient stands in the text of what should be whole."""
    return "`//` divides whole numbers, rounding down" if re.search(r"(?<!/)/(?!/)", text) else None


def needs_value(number: Num, span: Span) -> Problem:
    """A size steers something and must be given."""
    name = min(number.value.symbols) if isinstance(number.value, Size) and number.value.symbols else "it"
    if name.startswith("?"):
        return Problem("E207", "this size decides the structure here, and is not known yet", span, fix=STATED)
    return Problem(
        "E207",
        f"`{name}` must be given: it decides the structure here",
        span,
        fix=f"give it a value: `-D {name}=…` on the command line, or `{name} = …` where the cell is used",
    )
