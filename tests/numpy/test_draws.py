"""What a module draws: parameters as it begins, and masks."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

import rnnc
from tests.numpy.contract import INPUT, LSTM, UNITS, B, T, same

DROPPED = """
cell Dropped(units) {
  input x[input]
  state h[units]
  d  = dropout(x, keep = 0.5, mask = step)
  h' = tanh(linear(d, h))
  output h'
}
"""


@pytest.fixture(scope="module")
def dropped() -> ModuleType:
    return rnnc.compile(DROPPED)


def test_init_params(lstm: ModuleType) -> None:
    first = lstm.init_params(seed=3, units=UNITS, input=INPUT)
    assert {a.dtype for a in first.values()} == {np.dtype("float32")}
    assert same(first, lstm.init_params(seed=3, units=UNITS, input=INPUT))
    assert not same(first, lstm.init_params(seed=4, units=UNITS, input=INPUT))
    more = rnnc.compile(LSTM.replace("tanh(linear(x, h))", "tanh(linear(x, h) + peephole(c))"))
    extended = more.init_params(seed=3, units=UNITS, input=INPUT)
    assert set(extended) - set(first) == {"j.peephole"}
    assert all(np.array_equal(array, extended[name]) for name, array in first.items())
    with pytest.raises(TypeError, match=r"unknown size 'unit' \(did you mean 'units'"):
        lstm.init_params(unit=3, input=INPUT)
    with pytest.raises(TypeError, match="the size 'input' is missing"):
        lstm.init_params(units=3)
    with pytest.raises(TypeError, match="should be a whole number"):
        lstm.init_params(units=3.5, input=INPUT)
    with pytest.raises(TypeError, match="float32 or float64"):
        lstm.init_params(dtype="float16", units=3, input=INPUT)


def test_masks(dropped: ModuleType, x: np.ndarray) -> None:
    params = dropped.init_params(dtype="float64", units=UNITS, input=INPUT)
    (name,) = dropped.SPEC["masks"]
    with pytest.raises(ValueError, match="needs a seed, or a mask"):
        dropped.forward(params, x, training=True)
    drawn = dropped.forward(params, x, training=True, seed=7)
    assert same(drawn, dropped.forward(params, x, training=True, seed=7))
    assert not same(drawn, dropped.forward(params, x, training=True, seed=8))
    major = dropped.forward(params, x.swapaxes(0, 1).copy(), training=True, seed=7, time_major=True)
    np.testing.assert_allclose(major[0].swapaxes(0, 1), drawn[0], atol=1e-12)  # a mask belongs to its step and row
    ones = np.ones((T, B, INPUT))
    np.testing.assert_allclose(
        dropped.forward(params, x, training=True, masks={name: ones})[0], dropped.forward(params, 2 * x)[0], atol=1e-12
    )
    with pytest.raises(ValueError, match=r"masks\[.*\]: expected \[time=6, batch=3"):
        dropped.forward(params, x, training=True, masks={name: ones[1:]})
    with pytest.raises(ValueError, match="masks are for training=True"):
        dropped.forward(params, x, masks={name: ones})


def test_the_generator_is_philox(dropped: ModuleType) -> None:
    """Known answers of Philox4x32-10 (Salmon et al. 2011, Random123's kat_vectors), as bits of one word each."""
    words = (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)  # counter 0, key 0
    for threshold in (0.3, 0.5, 0.7, 0.9):
        drawn = dropped._draw(0, 0, threshold, (4,))
        assert drawn.tolist() == [word < threshold * 2**32 for word in words]
    assert dropped._draw(12345, 3, 0.25, (100, 100)).mean() == pytest.approx(0.25, abs=0.02)
    whole = dropped._draw(5, 0, 0.5, (6, 3, 4))
    assert np.array_equal(whole[:2], dropped._draw(5, 0, 0.5, (2, 3, 4)))
