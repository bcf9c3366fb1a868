"""States before each step: taken from the results of the loop where it has them, and no second sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnc.compiler import compile_source
from rnnc.syntax.source import read_source
from tests.tensorflow.support import EXAMPLES, HELPERS, tf

ROWS = 3


def both(driver: str, steps: int, lengths: Any, reverse: bool, result: int | None) -> tuple[list[Any], int]:
    """What a running sum was before each step and after it, at the end; and how many sequences the loop kept."""
    x = tf.constant(np.random.default_rng(steps).standard_normal((steps, ROWS, 2)))
    kept: list[int] = []

    def counted(*loop: Any) -> Any:
        kept.append(len(loop[-1]))
        return HELPERS[f"_{driver}"](*loop)

    finals, befores, made = HELPERS["_steps"](
        counted, "sum", lambda valid, x, state: ([state + x], [state + x], {}), steps, lengths, reverse, True,
        [x], [(tf.constant(np.full((ROWS, 2), 0.5)), [ROWS, 2], True)], ((0, result),), [(tf.float64, [ROWS, 2], True)],
    )  # fmt: skip
    return [tensor.numpy() for tensor in (*finals, *befores, *made)], kept[0]


@pytest.mark.parametrize("driver", ["dynamic", "sliced", "static"])
@pytest.mark.parametrize("steps", [0, 1, 4, 6])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("ragged", [False, True])
def test_the_state_before_is_the_one_after_the_step_before(
    driver: str, steps: int, reverse: bool, ragged: bool
) -> None:
    lengths = tf.constant([steps, 0, steps // 2]) if ragged else None
    expected, two = both(driver, steps, lengths, reverse, None)
    found, one = both(driver, steps, lengths, reverse, 0)
    assert (two, one) == (2, 2 if ragged else 1)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_modules_say_which_result_a_state_becomes() -> None:
    """h' is an output, c' is not."""
    text = compile_source(read_source(EXAMPLES / "lstm.rnn"), target="tf").text
    assert "((0, None), (1, 0))," in text


def test_gradients_of_biases_are_sums_of_rows() -> None:
    text = compile_source(read_source(EXAMPLES / "lstm.rnn"), target="tf").text
    assert "tf.raw_ops.BiasAddGrad(" in text[text.index("def _run_backward") :]
