"""Symbolic sizes: integer polynomials over names and opaque quotients, in one canonical form.

Two sizes that are equal as polynomials are equal as values, so shape inference compares with `==`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal


@dataclass(frozen=True, slots=True)
class Quotient:
    """`left // right` or `left % right` where neither can be carried out symbolically."""

    op: Literal["//", "%"]
    left: Size
    right: Size

    def __str__(self) -> str:
        return f"({_operand(self.left)} {self.op} {_operand(self.right)})"


Atom = str | Quotient
Monomial = tuple[Atom, ...]  # sorted by text, with repetition: x*x*y


@dataclass(frozen=True)
class Size:
    """`terms` maps monomials to non-zero coefficients, sorted by text; the empty monomial is the constant."""

    terms: tuple[tuple[Monomial, int], ...]

    @staticmethod
    def of(value: int | str | Size) -> Size:
        """A constant, a symbol, or the size itself."""
        if isinstance(value, Size):
            return value
        if isinstance(value, str):
            return Size((((value,), 1),))
        return _make({(): value})

    @property
    def constant(self) -> int | None:
        """The number that this is, or None where it holds symbols."""
        if not self.terms:
            return 0
        if len(self.terms) == 1 and self.terms[0][0] == ():
            return self.terms[0][1]
        return None

    @property
    def is_negative(self) -> bool:
        """Is it below zero whatever its symbols stand for, which are at least 1?"""
        plain = all(isinstance(atom, str) for monomial, _ in self.terms for atom in monomial)
        return bool(self.terms) and plain and all(c < 0 for _, c in self.terms)

    @property
    def symbol(self) -> str | None:
        """The name that this is, or None where it is anything else."""
        match self.terms:
            case (((str() as name,), 1),):
                return name
            case _:
                return None

    @property
    def affine(self) -> tuple[str, int, int] | None:
        """(symbol, factor, offset) of `factor * symbol + offset`, or None where it is anything else."""
        match self.terms:
            case (((str() as name,), factor),):
                return name, factor, 0
            case (((), offset), ((str() as name,), factor)):
                return name, factor, offset
            case _:
                return None

    @cached_property
    def symbols(self) -> frozenset[str]:
        """Every name in it, those inside quotients too."""
        found: set[str] = set()
        for monomial, _ in self.terms:
            for atom in monomial:
                found |= {atom} if isinstance(atom, str) else atom.left.symbols | atom.right.symbols
        return frozenset(found)

    @cached_property
    def complexity(self) -> int:
        """How long it is: its factors, those inside quotients too, and the digits of its coefficients."""
        total = 0
        for monomial, coefficient in self.terms:
            total += 1 + coefficient.bit_length() // 32
            for atom in monomial:
                total += 1 if isinstance(atom, str) else atom.left.complexity + atom.right.complexity
        return total

    def evaluate(self, values: Mapping[str, int]) -> int:
        """The number for given symbols; KeyError names a symbol that is missing."""
        total = 0
        for monomial, coefficient in self.terms:
            product = coefficient
            for atom in monomial:
                product *= values[atom] if isinstance(atom, str) else _divide(atom, values)
            total += product
        return total

    def substitute(self, values: Mapping[str, Size]) -> Size:
        """The size with symbols replaced."""
        total = Size.of(0)
        for monomial, coefficient in self.terms:
            product = Size.of(coefficient)
            for atom in monomial:
                if isinstance(atom, str):
                    factor = values.get(atom, Size.of(atom))
                else:
                    left, right = atom.left.substitute(values), atom.right.substitute(values)
                    factor = left // right if atom.op == "//" else left % right
                product = product * factor
            total = total + product
        return total

    def __add__(self, other: int | Size) -> Size:
        sums = dict(self.terms)
        for monomial, coefficient in Size.of(other).terms:
            sums[monomial] = sums.get(monomial, 0) + coefficient
        return _make(sums)

    def __neg__(self) -> Size:
        return _make({m: -c for m, c in self.terms})

    def __sub__(self, other: int | Size) -> Size:
        return self + -Size.of(other)

    def __mul__(self, other: int | Size) -> Size:
        products: dict[Monomial, int] = {}
        for m1, c1 in self.terms:
            for m2, c2 in Size.of(other).terms:
                monomial = tuple(sorted(m1 + m2, key=str))
                products[monomial] = products.get(monomial, 0) + c1 * c2
        return _make(products)

    def __floordiv__(self, other: int | Size) -> Size:
        other = Size.of(other)
        exact = self._over(other)
        if exact is not None:
            return exact
        if self.constant is not None and other.constant is not None:
            return Size.of(self.constant // other.constant)
        whole, rest = self._split(other.constant)
        return whole + (Size((((Quotient("//", self, other),), 1),)) if rest == self else rest // other)

    def __mod__(self, other: int | Size) -> Size:
        other = Size.of(other)
        if self._over(other) is not None:
            return Size.of(0)
        if self.constant is not None and other.constant is not None:
            return Size.of(self.constant % other.constant)
        _, rest = self._split(other.constant)
        return Size((((Quotient("%", self, other),), 1),)) if rest == self else rest % other

    def _split(self, divisor: int | None) -> tuple[Size, Size]:
        """What a number divides, divided by it, and the rest, with coefficients from 0 to below the number: so that
        `(rows - 1) // 2 + 1` is `(rows + 1) // 2`."""
        if divisor is None or divisor < 0:
            return Size.of(0), self
        whole = _make({monomial: c // divisor for monomial, c in self.terms})
        return whole, _make({monomial: c % divisor for monomial, c in self.terms})

    def _over(self, other: Size) -> Size | None:
        """The quotient, where `other` is one term that divides every term. Raises ZeroDivisionError."""
        if other.constant == 0:
            raise ZeroDivisionError("size divided by zero")
        return _exact(self, *other.terms[0]) if len(other.terms) == 1 else None

    def __radd__(self, other: int) -> Size:
        return self + other

    def __rsub__(self, other: int) -> Size:
        return Size.of(other) - self

    def __rmul__(self, other: int) -> Size:
        return self * other

    def __str__(self) -> str:
        """Readable, and valid Python over the symbols: `2 * units`, `(units // heads) + 1`."""
        if not self.terms:
            return "0"
        parts = [_term(m, c) for m, c in reversed(self.terms)]
        return " + ".join(parts).replace("+ -", "- ")


def product(sizes: tuple[Size, ...]) -> Size:
    """The product of sizes (1 for none)."""
    total = Size.of(1)
    for size in sizes:
        total = total * size
    return total


def _make(terms: Mapping[Monomial, int]) -> Size:
    return Size(tuple(sorted(((m, c) for m, c in terms.items() if c), key=lambda t: (len(t[0]), str(t[0])))))


def _exact(size: Size, monomial: Monomial, coefficient: int) -> Size | None:
    """`size` over one term, where it divides every term."""
    divided: dict[Monomial, int] = {}
    for m, c in size.terms:
        rest = list(m)
        for atom in monomial:
            if atom not in rest:
                return None
            rest.remove(atom)
        if c % coefficient:
            return None
        divided[tuple(rest)] = c // coefficient
    return _make(divided)


def _divide(atom: Quotient, values: Mapping[str, int]) -> int:
    left, right = atom.left.evaluate(values), atom.right.evaluate(values)
    return left // right if atom.op == "//" else left % right


def _operand(size: Size) -> str:
    return str(size) if size.symbol is not None or (size.constant or 0) > 0 else f"({size})"


def _term(monomial: Monomial, coefficient: int) -> str:
    factors = [str(atom) for atom in monomial]
    if not factors:
        return str(coefficient)
    if coefficient == -1:
        return "-" + " * ".join(factors)
    return " * ".join(factors if coefficient == 1 else [str(coefficient), *factors])


ZERO, ONE = Size.of(0), Size.of(1)
