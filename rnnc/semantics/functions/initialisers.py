"""Initialisers: how the text says what `init_params` fills an array with."""

from __future__ import annotations

import math

from rnnc.ir.model import Initialiser
from rnnc.semantics.bodies.foreign import INITIALISERS
from rnnc.semantics.bodies.frames import Context
from rnnc.semantics.bodies.remedies import of_decimal_comma
from rnnc.semantics.expressions.arguments import Arguments
from rnnc.semantics.expressions.expressions import Expressions
from rnnc.semantics.functions.builtins import BUILTINS, builtin
from rnnc.semantics.near import did_you_mean
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import Absent, FnValue, Num, Value, describe
from rnnc.semantics.shapes.rules.elementwise import UNARY
from rnnc.syntax import ast

# kind → the numbers that it takes, by default
KINDS: dict[str, tuple[float, ...]] = {
    "zeros": (), "ones": (), "constant": (0.0,), "uniform": (0.0, 1.0), "normal": (0.0, 1.0),
    "truncated_normal": (0.0, 1.0), "glorot_uniform": (), "glorot_normal": (), "he_uniform": (), "he_normal": (),
    "lecun_uniform": (), "lecun_normal": (), "orthogonal": (1.0,), "identity": (1.0,),
    "exponential_uniform": (0.0, 1.0),
}  # fmt: skip
ZEROS = Initialiser("zeros")
GLOROT = Initialiser("glorot_uniform")


@builtin(*(kind for kind in KINDS if kind not in BUILTINS and kind != "identity"))
def _initialiser(a: Arguments) -> Value:
    """uniform(-0.1, 0.1): an initialiser with its numbers."""
    a.allow()
    numbers = list(KINDS[a.name])
    if len(a.operands) > len(numbers):
        raise _too_many(a, len(numbers))
    if len(a.operands) == 1 and len(numbers) == 2:
        raise _too_few(a)
    for i, operand in enumerate(a.operands):
        number = a.evaluate.number(operand.expression, operand.context)
        numbers[i] = float(a.known_number(number, f"each number of `{a.name}`", operand.span))
    _check_numbers(a, numbers)
    return Initialiser(a.name, tuple(numbers))


def _too_few(a: Arguments) -> Problem:
    """`normal(0.1)`: a deviation around zero is meant, as a rule, and `uniform(0.1)` is a range around it."""
    number, name = a.operands[0].span.text, a.name
    around, beside = f"{name}(-{number}, {number})", f"{name}({number}, 1)"
    if name.endswith("normal"):
        wants = "a mean and a deviation"
        fix = f"write `{name}(0, {number})` for the deviation, `{beside}` for the mean"
    else:
        wants = "the two ends of a range"
        fix = f"write `{around}`, or `{beside}`" if name == "uniform" and number[:1] != "-" else f"write `{beside}`"
    return Problem("E223", f"`{name}` wants {wants}, and this is one number", a.span, fix=fix)


def _check_numbers(a: Arguments, numbers: list[float]) -> None:
    """The ends of a range in their order, a deviation that is none below zero, and all of them finite."""
    if a.name.endswith("uniform") and numbers and not -math.inf < numbers[0] <= numbers[1] < math.inf:
        message = f"`{a.name}` draws between two numbers, the lower one first, not {numbers[0]:g} and {numbers[1]:g}"
        fix = f"write `{a.name}({numbers[1]:g}, {numbers[0]:g})`" if math.isfinite(numbers[0] - numbers[1]) else None
        raise Problem("E228", message, a.span, fix=fix)
    if a.name.endswith("normal") and numbers and not (math.isfinite(numbers[0]) and 0 <= numbers[1] < math.inf):
        message = f"`{a.name}` wants a mean and a deviation, which is at least 0, not {numbers[0]:g} and {numbers[1]:g}"
        raise Problem("E228", message, a.span, fix=f"write `{a.name}(0, 0.1)`, say")


def _too_many(a: Arguments, most: int) -> Problem:
    """`W = glorot_uniform(input, units)`: sizes, where an initialiser has its numbers."""
    owner, given = a.context.owner, len(a.operands)
    plain = a.name if most == 0 else f"{a.name}({', '.join(map(str, KINDS[a.name]))})"
    fix = f"write `{plain}`"
    if owner is not None and owner.name:
        sizes = ", ".join(o.span.text for o in a.operands[:4])
        fix = f"a weight is declared: `param {owner.name}[{sizes if len(sizes) < 30 else '…'}] = {plain}`"
    fix = of_decimal_comma([o.span for o in a.operands]) or fix
    takes = f"0 to {most} arguments" if most else "no arguments"
    return Problem("E223", f"`{a.name}` takes {takes}, not {given}: it fills what is declared", a.span, fix=fix)


def initialiser(evaluate: Expressions, e: ast.Expr, c: Context) -> Initialiser:
    """`glorot_uniform`, `uniform(0, 1)`, a number, or a list of numbers in row-major order."""
    if isinstance(e, ast.Name) and e.id in KINDS and isinstance(_found(c, e.id), FnValue | None):
        return Initialiser(e.id, KINDS[e.id])
    _refuse_computed(e)
    value = evaluate.value(e, c)
    match value:
        case Initialiser():
            return value
        case FnValue() if value.name in KINDS:
            return Initialiser(value.name, KINDS[value.name])
        case Num() if value.known is not None:
            return Initialiser("constant", (float(value.known),))
        case tuple():
            return Initialiser("values", tuple(_flatten(value, e)))
        case Absent() | None:
            return GLOROT
        case _:
            name = e.id if isinstance(e, ast.Name) else ""
            fix = _elsewhere(e) or did_you_mean(name, KINDS) or f"one of {', '.join(KINDS)}, a number, a list"
            raise Problem("E227", f"an initialiser is wanted here, not {describe(value)}", e.span, fix=fix)


def _refuse_computed(e: ast.Expr) -> None:
    """`log(uniform(1, 16))`, `log([1, 2, 3])`: what is computed of an initialiser, or of a whole list."""
    drawn = _drawn(e)
    if drawn is not None and drawn is not e:
        text = drawn.span.text
        fix = f"write `{text}`; other values are set in what `init_params` gives, `params[…] = …`"
        raise Problem("E227", f"an initialiser stands alone, so nothing is computed of `{text}`", e.span, fix=fix)
    for listed in _operands(e):
        if isinstance(listed, ast.List) and _is_elementwise(e):
            member = e.span.text.replace(listed.span.text, "v", 1)
            fix = f"write `[{member} for v in {listed.span.text}]`"
            raise Problem("E227", "of a list each number is computed for itself", e.span, fix=fix)


def _drawn(e: ast.Expr) -> ast.Expr | None:
    """The call of an initialiser in an expression."""
    if isinstance(e, ast.Call) and isinstance(e.function, ast.Name) and e.function.id in KINDS:
        return e
    return next((found for i in _operands(e) if (found := _drawn(i)) is not None), None)


def _operands(e: ast.Expr) -> list[ast.Expr]:
    match e:
        case ast.Binary():
            return [e.left, e.right]
        case ast.Unary():
            return [e.operand]
        case ast.Call():
            return [a.value for a in e.arguments if isinstance(a, ast.Argument)]
        case _:
            return []


def _is_elementwise(e: ast.Expr) -> bool:
    return isinstance(e, ast.Call) and isinstance(e.function, ast.Name) and e.function.id in UNARY


def _elsewhere(e: ast.Expr) -> str | None:
    """`"orthogonal"`, `xavier_uniform`: an initialiser in quotes, or under another name."""
    word = e.value if isinstance(e, ast.String) else e.id if isinstance(e, ast.Name) else ""
    plain = word if isinstance(e, ast.String) and word in KINDS else INITIALISERS.get(word.lower())
    return f"write `{plain}`" if plain else None


def _found(c: Context, name: str) -> object:
    found = c.scope.find(name)
    return None if found is None else found[1]


def _flatten(values: tuple[Value, ...], e: ast.Expr) -> list[float]:
    flat: list[float] = []
    for value in values:
        if isinstance(value, tuple):
            flat.extend(_flatten(value, e))
        elif isinstance(value, Num) and value.known is not None:
            flat.append(float(value.known))
        elif isinstance(value, bool):
            flat.append(float(value))
        else:
            raise Problem("E227", "a list of given values holds numbers only", e.span)
    return flat
