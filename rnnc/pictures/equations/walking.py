"""Walks through formulas."""

from __future__ import annotations

from collections.abc import Iterator

from rnnc.pictures.equations import formula as f


def parts(formula: f.Formula) -> tuple[f.Formula, ...]:
    """What a formula is made of."""
    match formula:
        case f.Sum(terms):
            return tuple(t for _, t in terms)
        case f.Times(factors):
            return factors
        case f.Quotient(top, bottom):
            return top, bottom
        case f.Power(base, exponent):
            return base, exponent
        case f.Operator(_, left, right) | f.Contraction(left, right, _):
            return left, right
        case f.Not(test):
            return (test,)
        case f.Apply(_, arguments, _):
            return arguments
        case f.Run():
            return (*formula.arguments, *(value for _, value in formula.starts))
        case f.Over(_, argument, _, _):
            return (argument,)
        case f.Cases(rows, otherwise):
            return (*(p for row in rows for p in row), otherwise)
        case f.Part(base, _, _, _, _) | f.Pick(base, _):
            return (base,)
        case f.Items(items):
            return items
        case f.Product(_, _, operand, _):
            return (operand,)
        case _:
            return ()


def everything(formula: f.Formula) -> Iterator[f.Formula]:
    """A formula and all that is in it."""
    waiting = [formula]
    while waiting:
        current = waiting.pop()
        yield current
        waiting += reversed(parts(current))
