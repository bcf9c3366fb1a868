"""Algebra of elementwise operations, as a table. The rules hold for infinities too, and keep derivatives at kinks."""

from __future__ import annotations

import math

from rnnc.passes.folding.patterns import Constants, pattern


def _keeps_sign(constants: Constants) -> bool:
    """Two summands of one sign: taking them together loses nothing."""
    return constants["C"] * constants["D"] >= 0


def _stays_moderate(constants: Constants) -> bool:
    """Two factors whose product no narrower float overflows or loses."""
    product = abs(constants["C"] * constants["D"])
    return product == 0 or 1e-30 < product < 1e30


def _has_exact_reciprocal(constants: Constants) -> bool:
    """A power of two, well inside of every float's range."""
    mantissa, exponent = math.frexp(constants["C"])
    return abs(mantissa) == 0.5 and abs(exponent) < 100


ALGEBRA = (
    # Neutral and absorbing elements.
    pattern("add(x, 0) -> x"),
    pattern("sub(x, 0) -> x"),
    pattern("sub(0, x) -> neg(x)"),
    pattern("mul(x, 1) -> x"),
    pattern("mul(x, -1) -> neg(x)"),
    pattern("mul(x, ZERO) -> ZERO"),
    pattern("mul(x, ZERO) -> zeros_like(x)"),
    pattern("div(x, 1) -> x"),
    pattern("div(x, -1) -> neg(x)"),
    pattern("div(ZERO, x) -> ZERO"),
    pattern("div(1, x) -> reciprocal(x)"),
    pattern("logical_and(x, True) -> x"),
    pattern("logical_and(x, x) -> x"),
    pattern("logical_or(x, False) -> x"),
    pattern("logical_or(x, x) -> x"),
    pattern("max(x, x) -> x"),
    pattern("min(x, x) -> x"),
    # Signs.
    pattern("neg(neg(x)) -> x"),
    pattern("neg(sub(x, y)) -> sub(y, x)"),
    pattern("neg(mul(x, C)) -> mul(x, -C)"),
    pattern("add(x, neg(y)) -> sub(x, y)"),
    pattern("sub(x, neg(y)) -> add(x, y)"),
    pattern("mul(neg(x), neg(y)) -> mul(x, y)"),
    pattern("mul(neg(x), C) -> mul(x, -C)"),
    pattern("div(neg(x), neg(y)) -> div(x, y)"),
    pattern("abs(neg(x)) -> abs(x)"),
    pattern("abs(abs(x)) -> abs(x)"),
    pattern("square(neg(x)) -> square(x)"),
    pattern("square(abs(x)) -> square(x)"),
    # Constants that meet.
    pattern("add(add(x, C), D) -> add(x, C + D)", _keeps_sign),
    pattern("mul(mul(x, C), D) -> mul(x, C * D)", _stays_moderate),
    pattern("div(x, C) -> mul(x, 1 / C)", _has_exact_reciprocal),
    # Powers.
    pattern("pow(x, 1) -> x"),
    pattern("pow(x, 2) -> square(x)"),
    pattern("pow(x, 0.5) -> sqrt(x)"),
    pattern("pow(x, -1) -> reciprocal(x)"),
    pattern("pow(x, -0.5) -> rsqrt(x)"),
    pattern("reciprocal(sqrt(x)) -> rsqrt(x)"),
    # Functions that change nothing the second time.
    pattern("relu(relu(x)) -> relu(x)"),
    pattern("floor(floor(x)) -> floor(x)"),
    pattern("ceil(ceil(x)) -> ceil(x)"),
    pattern("round(round(x)) -> round(x)"),
    pattern("stop_gradient(stop_gradient(x)) -> stop_gradient(x)"),
    pattern("logical_not(logical_not(x)) -> x"),
    # Choices.
    pattern("where(True, x, y) -> x"),
    pattern("where(False, x, y) -> y"),
    pattern("where(c, x, x) -> x"),
    pattern("where(logical_not(c), x, y) -> where(c, y, x)"),
)
