"""Algebra of elementwise operations, as a table. The rules hold for infinities too, and keep derivatives at kinks."""

from __future__ import annotations

import math

from rnnc.passes.folding.patterns import Constants, Pattern


def _keeps_sign(constants: Constants) -> bool:
    """Two summands of one sign: taking them together loses nothing."""
    return constants["C"] * constants["D"] >= 0


def _stays_moderate(constants: Constants) -> bool:
    """Two factors whose product no narrower float overflows or loses."""
    return 1e-30 < abs(constants["C"] * constants["D"]) < 1e30


def _has_exact_reciprocal(constants: Constants) -> bool:
    """A power of two, well inside of every float's range."""
    mantissa, exponent = math.frexp(constants["C"])
    return abs(mantissa) == 0.5 and abs(exponent) < 100


ALGEBRA = (
    # Neutral and absorbing elements.
    Pattern("add(x, 0) -> x"),
    Pattern("sub(x, 0) -> x"),
    Pattern("sub(0, x) -> neg(x)"),
    Pattern("mul(x, 1) -> x"),
    Pattern("mul(x, -1) -> neg(x)"),
    Pattern("mul(x, ZERO) -> ZERO"),
    Pattern("mul(x, ZERO) -> zeros_like(x)"),
    Pattern("div(x, 1) -> x"),
    Pattern("div(x, -1) -> neg(x)"),
    Pattern("div(ZERO, x) -> ZERO"),
    Pattern("div(1, x) -> reciprocal(x)"),
    Pattern("logical_and(x, True) -> x"),
    Pattern("logical_and(x, x) -> x"),
    Pattern("logical_or(x, False) -> x"),
    Pattern("logical_or(x, x) -> x"),
    Pattern("max(x, x) -> x"),
    Pattern("min(x, x) -> x"),
    # Signs.
    Pattern("neg(neg(x)) -> x"),
    Pattern("neg(sub(x, y)) -> sub(y, x)"),
    Pattern("neg(mul(x, C)) -> mul(x, -C)"),
    Pattern("add(x, neg(y)) -> sub(x, y)"),
    Pattern("sub(x, neg(y)) -> add(x, y)"),
    Pattern("mul(neg(x), neg(y)) -> mul(x, y)"),
    Pattern("mul(neg(x), C) -> mul(x, -C)"),
    Pattern("div(neg(x), neg(y)) -> div(x, y)"),
    Pattern("abs(neg(x)) -> abs(x)"),
    Pattern("abs(abs(x)) -> abs(x)"),
    Pattern("square(neg(x)) -> square(x)"),
    Pattern("square(abs(x)) -> square(x)"),
    # Constants that meet.
    Pattern("add(add(x, C), D) -> add(x, C + D)", _keeps_sign),
    Pattern("mul(mul(x, C), D) -> mul(x, C * D)", _stays_moderate),
    Pattern("div(x, C) -> mul(x, 1 / C)", _has_exact_reciprocal),
    # Powers.
    Pattern("pow(x, 1) -> x"),
    Pattern("pow(x, 2) -> square(x)"),
    Pattern("pow(x, 0.5) -> sqrt(x)"),
    Pattern("pow(x, -1) -> reciprocal(x)"),
    Pattern("pow(x, -0.5) -> rsqrt(x)"),
    Pattern("reciprocal(sqrt(x)) -> rsqrt(x)"),
    # Functions that change nothing the second time.
    Pattern("relu(relu(x)) -> relu(x)"),
    Pattern("floor(floor(x)) -> floor(x)"),
    Pattern("ceil(ceil(x)) -> ceil(x)"),
    Pattern("round(round(x)) -> round(x)"),
    Pattern("stop_gradient(stop_gradient(x)) -> stop_gradient(x)"),
    Pattern("logical_not(logical_not(x)) -> x"),
    # Choices.
    Pattern("where(c, x, x) -> x"),
    Pattern("where(logical_not(c), x, y) -> where(c, y, x)"),
)
