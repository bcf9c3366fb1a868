"""What is known at compile time, on its way to where it is shown or decides something."""

from __future__ import annotations

from typing import Protocol, TypeAlias

from rnnc.ir.size import Size
from rnnc.pictures.equations.formula import Formula, Items, Number, Open, Word
from rnnc.semantics.bodies.frames import Context
from rnnc.semantics.expressions.expressions import Expressions
from rnnc.semantics.scopes.values import Num, Tensor, Value, spelled, texts
from rnnc.syntax import ast


class Known:
    """A compile-time value, also a term that is absent."""

    def __init__(self, value: Value) -> None:
        self.value = value


Read: TypeAlias = Formula | Known


class Reads(Protocol):
    """What reads expressions, as what stands inside of an expression asks it."""

    evaluate: Expressions

    def read(self, e: ast.Expr, c: Context, /) -> Read:
        """A formula, or what is known at compile time."""
        ...

    def formula(self, e: ast.Expr, c: Context, /) -> Formula:
        """What an expression says, as it is shown."""
        ...


def shown(value: Read) -> Formula:
    """A compile-time value as a formula."""
    if not isinstance(value, Known):
        return value
    match value.value:
        case bool():
            return Word("true" if value.value else "false")
        case Num(value=Size() as size):
            return Open(size) if size.constant is None else Number(size.constant)
        case Num(value=int() | float() as number):
            return Number(number)
        case tuple() as items:
            return Items(tuple(shown(Known(v)) for v in items))
        case None:
            return Word("none")
        case str() as text:
            return Word(spelled(text))
        case Tensor():
            return Word("…")
        case other:
            return Word(texts([other])[0])
