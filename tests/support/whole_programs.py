"""Programs that every backend runs whole, forward and backward: the zoo, and some in the words of the language."""

from __future__ import annotations

from collections.abc import Callable

from rnnc.ir.program import Program
from tests.autodiff.zoo import ZOO
from tests.semantics.support import model


def over_time() -> Program:
    """Sums, means, extremes and softmax over each row's own steps."""
    return model(
        """network N {
  input x[3]
  y = RNN(2)(x)
  w = softmax(sum(y), time)
  output a: mean(y, time), b: max(y, time) - min(x, time) @ R, c: sum(w * y, time), w, v: softmax(y, time)
  param R[3, 2]
}
"""
    ).forward


def begins_with_another() -> Program:
    """A layer whose state begins with what another layer gives."""
    text = "network N {\n input x[3]\n a = RNN(2)(x)\n y = RNN(2)(x, h = tanh(last(a)))\n output y\n}\n"
    return model(text).forward


PROGRAMS: dict[str, Callable[[], Program]] = {**ZOO, "over_time": over_time, "begins_with_another": begins_with_another}
