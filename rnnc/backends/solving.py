"""Code that finds open sizes: straight lines, one for each symbol, from shapes that are known when a module runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rnnc.ir.size import Quotient, Size


@dataclass(frozen=True)
class Claim:
    """`number` is an expression for what `size` is at run time. A `certain` claim can be used in every call."""

    size: Size
    number: str
    certain: bool = True


@dataclass(frozen=True)
class Solution:
    """Lines that assign to the variables of symbols, in order, and the symbols that nothing determines."""

    lines: tuple[str, ...]
    unsolved: tuple[str, ...]


def solve(symbols: Sequence[str], variables: Mapping[str, str], claims: Sequence[Claim], missing: str) -> Solution:
    """Use each symbol's simplest claim. `missing` is the condition under which uncertain claims cannot be used."""
    known: dict[str, bool] = {}  # whether each is there in every call
    lines: list[str] = []
    named = {symbol: Size.of(variables[symbol]) for symbol in symbols}
    while True:
        found = _next(symbols, known, claims)
        if found is None:
            break
        symbol, claim, factor, rest = found
        known[symbol] = _certain(claim, symbol, known)
        text = claim.number
        if rest.terms:
            text = f"({text} - ({rest.substitute(named)}))"
        if factor != Size.of(1):
            text = f"{text} // ({factor.substitute(named)})"
        lines.append(f"{variables[symbol]} = {text if known[symbol] else f'None if {missing} else {text}'}")
    return Solution(tuple(lines), tuple(symbol for symbol in symbols if symbol not in known))


def _certain(claim: Claim, symbol: str, known: Mapping[str, bool]) -> bool:
    """Whether a claim tells a symbol in every call: what else it reads must be there, too."""
    return claim.certain and all(known[other] for other in claim.size.symbols if other != symbol)


def _next(
    symbols: Sequence[str], known: Mapping[str, bool], claims: Sequence[Claim]
) -> tuple[str, Claim, Size, Size] | None:
    """A symbol that can be found now: bare claims before others, certain ones before others, in the given order."""
    best: tuple[tuple[bool, bool, int], tuple[str, Claim, Size, Size]] | None = None
    for position, claim in enumerate(claims):
        for symbol in symbols:
            if symbol in known or set(claim.size.symbols) - set(known) != {symbol}:
                continue
            if (parts := _linear(claim.size, symbol)) is None:
                continue
            rank = (not _certain(claim, symbol, known), claim.size.symbol is None, position)
            if best is None or rank < best[0]:
                best = (rank, (symbol, claim, *parts))
    return None if best is None else best[1]


def _linear(size: Size, symbol: str) -> tuple[Size, Size] | None:
    """(factor, rest) with size = factor * symbol + rest, where it is linear in the symbol."""
    factor, rest = Size.of(0), Size.of(0)
    for monomial, coefficient in size.terms:
        if any(isinstance(atom, Quotient) and symbol in atom.left.symbols | atom.right.symbols for atom in monomial):
            return None
        count = monomial.count(symbol)
        if count > 1:
            return None
        left = list(monomial)
        if count:
            left.remove(symbol)
        term = Size(((tuple(left), coefficient),))
        if count:
            factor = factor + term
        else:
            rest = rest + term
    return (factor, rest) if factor.terms else None
