"""Grows expressions of wanted axes: a production per construct, from leaves up to whole sub-expressions.

Values stay in domains where every function is smooth almost everywhere and nothing overflows. What jumps or has a kink
gets arguments with odd constants in them: two right programs may differ by a rounding, and must not be on different
sides of a jump for it (softmax sums to 1, or 1 - 1e-16).
"""

from __future__ import annotations

from collections.abc import Callable

from tests.support.cells.axes import Expr, Shape, Var, shown
from tests.support.cells.body import Body

Production = Callable[["Grower", Shape, int, bool], "Expr | None"]
PRODUCTIONS: list[Production] = []
LARGE = 60.0  # products of more are squashed first


def production(weight: int) -> Callable[[Production], Production]:
    """List a production, so many times."""

    def add(function: Production) -> Production:
        PRODUCTIONS.extend([function] * weight)
        return function

    return add


class Grower:
    """Writes expressions for one body. `known`: what stands around tells the axes, so a `linear` need not."""

    def __init__(self, body: Body, productions: list[Production] | None = None) -> None:
        self.body = body
        self.choices = body.choices
        self.productions = PRODUCTIONS if productions is None else productions

    def grow(self, shape: Shape, depth: int, known: bool = False) -> Expr:
        """An expression of exactly these axes."""
        self.body.budget -= 1
        if depth > 0 and self.body.budget > 0 and not self.choices.chance(6):
            made = self.choices.pick(self.productions)(self, shape, depth - 1, known)
            if made is not None:
                return made
        return self.leaf(shape)

    def leaf(self, shape: Shape) -> Expr:
        """A value that is there, or a new parameter; now and then times a number that lives in time."""
        body = self.body
        found = [v for v in body.readable(body.vars) if v.shape == shape]
        place = self.choices.below(len(found) + 1)
        if place < len(found):
            return Expr(body.read(found[place]), found[place].bound)
        if not shape and self.choices.chance(2):
            return self.number()
        if shape and self.choices.chance(6):
            return Expr(f"{self.choices.pick(('zeros', 'ones'))}({shown(shape)})", 1.0)
        if body.kind == "fn":
            return Expr("v", 4.0) if not shape else Expr(body.param(shape).name, 2.0)
        var = body.param(shape)
        scalar = self.scalar_leaf()
        return Expr(f"({body.read(var)} * {scalar.text})", 2 * scalar.bound)

    def scalar_leaf(self) -> Expr:
        """One number per row, from a value that is there."""
        body = self.body
        found = body.readable([v for v in body.vars if v.dtype == "float"])
        if not found:
            return self.number()
        var = self.choices.pick(found)
        return Expr(body.read(var), var.bound) if not var.shape else Expr(f"mean({body.read(var)})", var.bound)

    def number(self) -> Expr:
        names = ("0.5", "1.7", "0.3", "2.0", "-0.6", "pi / 4", *self.body.numbers)
        return Expr(f"({n})" if not (n := self.choices.pick(names)).isidentifier() else n, 2.0)

    def squashed(self, e: Expr) -> Expr:
        return e if e.bound <= LARGE else Expr(f"tanh({e.text})", 1.0)

    def small(self, e: Expr) -> Expr:
        """Between -2 and 2."""
        return e if e.bound <= 2 else Expr(self.choices.pick(("tanh({})", "sin({})", "atan({})")).format(e.text), 1.6)

    def pick_var(self, fits: Callable[[Var], bool]) -> Var | None:
        found = [v for v in self.body.readable(self.body.vars) if fits(v)]
        return self.choices.pick(found) if found else None
