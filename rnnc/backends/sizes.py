"""Sizes as expressions of Python over the variables of a generated function."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rnnc.backends.escape import Names
from rnnc.ir.size import Size


class Sizes:
    """Symbols of sizes as Python variables, and sizes as expressions over them."""

    def __init__(self, symbols: Sequence[str], names: Names) -> None:
        self.variables = {symbol: names.new(symbol) for symbol in symbols}
        self._as_sizes = {symbol: Size.of(name) for symbol, name in self.variables.items()}

    def named(self) -> list[str]:
        """The line that gives the sizes `s` of a function their names, where there are any."""
        return [f"{', '.join(self.variables.values())}, = s"] if self.variables else []

    def text(self, size: Size) -> str:
        return str(size.substitute(self._as_sizes))


def times(sizes: Iterable[str]) -> str:
    """The product of sizes, which are given as text."""
    parts = tuple(sizes)
    if len(parts) == 1:
        return parts[0]
    return " * ".join(part if part.isidentifier() or part.isdigit() else f"({part})" for part in parts) or "1"
