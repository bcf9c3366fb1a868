"""Open sizes from actual shapes."""

from __future__ import annotations

import pytest

from rnnc.ir.size import Size
from rnnc.verify.errors import VerifyError
from rnnc.verify.sizes import Equation, shape_equations, solve

A, B, H = Size.of("a"), Size.of("b"), Size.of("heads")


def equation(size: Size, actual: int) -> Equation:
    return Equation(size, actual, "test")


@pytest.mark.parametrize(
    ("equations", "expected"),
    [
        ([(A + B, 9), (4 * A, 16)], {"a": 4, "b": 5}),
        ([(4 * A, 16), (A + B, 9)], {"a": 4, "b": 5}),
        ([(A * B, 20), (2 * B + 1, 11)], {"a": 4, "b": 5}),
        ([(A * A, 49)], {"a": 7}),
        ([(A * A + A, 12)], {"a": 3}),
        ([(A // H, 3), (H, 2), (A, 6)], {"a": 6, "heads": 2}),
        ([(A // 3, 2), (A % 3, 1)], {"a": 7}),
        ([(Size.of(3), 3)], {}),
        ([(5 - A, 1)], {"a": 4}),
    ],
)
def test_solved(equations: list[tuple[Size, int]], expected: dict[str, int]) -> None:
    assert solve([equation(*e) for e in equations], expected) == expected


@pytest.mark.parametrize(
    ("equations", "message"),
    [
        ([(4 * A, 18)], "4 \\* a cannot be for any a"),
        ([(A + 5, 3)], "cannot be for any a"),
        ([(A, 4), (2 * A, 9)], "is 9 long, but 2 \\* a is 8 with a = 4"),
        ([(A * A, 50)], "no a fits"),
        ([(A // 2, 3)], "do not determine a"),
        ([(A + B, 9)], "do not determine a, b"),
        ([(Size.of(4), 5)], "is 5 long, but the description has 4 there"),
    ],
)
def test_refused(equations: list[tuple[Size, int]], message: str) -> None:
    wanted = {symbol for size, _ in equations for symbol in size.symbols}
    with pytest.raises(VerifyError, match=message):
        solve([equation(*e) for e in equations], wanted)


def test_an_array_of_another_rank_only_has_to_hold_as_many_numbers() -> None:
    equations = list(shape_equations("x", (A, Size.of(2)), (12,)))
    assert solve(equations, ["a"]) == {"a": 6}


def test_undetermined_error_says_what_to_give() -> None:
    with pytest.raises(VerifyError) as caught:
        solve([], ["units"])
    assert caught.value.diagnostics[0].fix == "give -D units=…"
