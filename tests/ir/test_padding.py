"""Zeros around images under `same`, against TensorFlow's documented rule for `SAME`."""

from __future__ import annotations

from itertools import product

import pytest

from rnnc.ir.operations.convolution import Window
from rnnc.ir.size import Size


@pytest.mark.parametrize("stride", [1, 2, 3, 5])
def test_as_many_as_the_last_place_needs_and_the_smaller_half_before(stride: int) -> None:
    n = Size.of("n")
    for size, kernel, dilation in product(range(1, 12), range(1, 8), range(1, 4)):
        places = -(-size // stride)
        total = max((places - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
        window = Window((kernel,), (stride,), (dilation,), True)
        ((before, after),) = window.pads([n])  # the size may be open
        assert (before.evaluate({"n": size}), after.evaluate({"n": size})) == (total // 2, total - total // 2)
        assert window.places(0, n).evaluate({"n": size}) == places
