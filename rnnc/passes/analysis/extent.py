"""How large values are, as far as symbolic sizes tell: the numbers behind the cost models."""

from __future__ import annotations

from collections.abc import Iterable

from rnnc.ir.program import Type, Value
from rnnc.ir.size import Monomial, Size, product


def features(type: Type) -> Size:
    """How many numbers one row has at one step."""
    return product(type.shape)


def row_cost(values: Iterable[Value]) -> Size:
    """What a row keeps at every step if these are stored as sequences; what has no batch counts as nothing."""
    total = Size.of(0)
    for value in values:
        if value.type.batch:
            total = total + features(value.type)
    return total


def at_most(left: Size, right: Size) -> bool:
    """Whether left <= right for all sizes that are at least one. False where that cannot be seen."""
    return all(coefficient >= 0 for _, coefficient in _above_one(right - left).terms)


def smaller(left: Size, right: Size) -> bool:
    """Whether left <= right for all sizes, and they differ for some."""
    return left != right and at_most(left, right)


def outgrows(large: Size, small: Size) -> bool:
    """Whether `large` is more than `small` for all sizes, or for all that are large enough."""
    return smaller(small, large) or _degree(large) > _degree(small)


def _degree(size: Size) -> int:
    return max((len(monomial) for monomial, _ in size.terms), default=0)


def _above_one(size: Size) -> Size:
    """The size as a polynomial in how far every atom lies above one."""
    total = Size.of(0)
    for monomial, coefficient in size.terms:
        total = total + _shifted(monomial) * coefficient
    return total


def _shifted(monomial: Monomial) -> Size:
    result = Size.of(1)
    for atom in monomial:
        result = result * (Size((((atom,), 1),)) + 1)
    return result
