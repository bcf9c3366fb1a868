"""Symbolic sizes: equal polynomials are equal, and whatever is done symbolically agrees with numbers."""

from __future__ import annotations

import operator
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnc.ir.size import Quotient, Size

A, B = Size.of("a"), Size.of("b")
NUMBERS = {"a": 6, "b": 4}
SIZES = st.recursive(
    st.sampled_from([A, B]) | st.integers(-3, 6).map(Size.of),
    lambda inner: st.builds(lambda f, x, y: f(x, y), st.sampled_from([operator.add, operator.mul]), inner, inner),
    max_leaves=5,
)


def test_equal_polynomials_are_equal() -> None:
    assert (A + 1) * (A - 1) == A * A - 1
    assert 2 * A + 3 * A == A * 5
    assert (A - A).constant == 0
    assert A * B == B * A


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (4 * A, "4 * a"),
        (A + 1, "a + 1"),
        (A - B - 2, "-b + a - 2"),
        (A // B + 1, "(a // b) + 1"),
        ((A + 1) % 2, "((a + 1) % 2)"),
        (Size.of(0), "0"),
    ],
)
def test_texts_read_well_and_mean_the_size(size: Size, text: str) -> None:
    assert str(size) == text
    assert eval(text, {}, dict(NUMBERS)) == size.evaluate(NUMBERS)


@pytest.mark.parametrize(
    ("left", "right", "quotient"),
    [
        (4 * A, 2, 2 * A),
        (A * B, B, A),
        (6 * A * B + 4 * B, 2 * B, 3 * A + 2),
        (Size.of(7), 2, Size.of(3)),
        (Size.of(0), A, Size.of(0)),
        (2 * A + 1, 2, A),
        (A - 1, 2, (A + 1) // 2 - 1),
        (5 * A + B - 3, 2, 2 * A + (A + B + 1) // 2 - 2),
    ],
)
def test_what_divides_is_divided(left: Size, right: Size | int, quotient: Size) -> None:
    assert left // right == quotient


@pytest.mark.parametrize(("left", "right"), [(A, 2), (A + 1, A), (A, A + 1), (Size.of(7), A)])
def test_what_does_not_divide_stays_a_quotient(left: Size, right: Size | int) -> None:
    for found in (left // right, left % right):
        (((atom,), _),) = found.terms
        assert isinstance(atom, Quotient)


@pytest.mark.parametrize("divide", [operator.floordiv, operator.mod])
def test_division_by_zero_is_refused(divide: Callable[[Size, int], Size]) -> None:
    with pytest.raises(ZeroDivisionError, match="divided by zero"):
        divide(A, 0)


@pytest.mark.parametrize(
    ("size", "affine"),
    [(A, ("a", 1, 0)), (3 * A - 2, ("a", 3, -2)), (A * A, None), (A + B, None), (Size.of(3), None), (A // 2, None)],
)
def test_affine_sizes_are_taken_apart(size: Size, affine: tuple[str, int, int] | None) -> None:
    assert size.affine == affine


@given(SIZES, SIZES, st.sampled_from([operator.add, operator.sub, operator.mul, operator.floordiv, operator.mod]))
def test_arithmetic_agrees_with_numbers(left: Size, right: Size, operate: Callable[..., Size]) -> None:
    numbers = left.evaluate(NUMBERS), right.evaluate(NUMBERS)
    if operate in (operator.floordiv, operator.mod) and (right.constant == 0 or numbers[1] == 0):
        return
    found = operate(left, right)
    assert found.evaluate(NUMBERS) == operate(*numbers)
    assert found.substitute({n: Size.of(v) for n, v in NUMBERS.items()}).constant == operate(*numbers)
    assert eval(str(found), {}, dict(NUMBERS)) == operate(*numbers)
