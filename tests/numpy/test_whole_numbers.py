"""Products of whole numbers and floats, in both types of floats."""

from __future__ import annotations

import numpy as np
import pytest

import rnnc

TEXT = """
cell Counted(n = 3, m = 2) {
  input x[n]
  state h[m: m, n], g[m: m], k[n]: int
  first = where(places(n: n) == 0, 1, 0)
  second = places(m: m)
  h' = 0.5 * h + outer(second, x)
  g' = tanh(h @ first) + contract(h, k, over = n) + linear(k)
  k' = k + first
  output y: x * first, z: sum(x * k), w: sum(h * k, n), v: outer(k, second), u: k @ places(n: n), t: h' + g'
}
"""


# What is made of weights and whole numbers alone is prepared before the loop, and products in it take its type.
PREPARED = """
cell Prepared(units = 3) {
  input x[units]
  state h[units]
  n[0] = h
  for i in 0..2 {
    n[i + 1] = tanh(linear(x, n[i], flag: 1 - i, shared over i, out = units))
  }
  h' = n[2]
  output h'
}
"""


@pytest.mark.parametrize("text", [TEXT, PREPARED], ids=["states", "weights"])
@pytest.mark.parametrize("batch", [1, 4])
def test_products_of_whole_numbers_and_floats(text: str, batch: int) -> None:
    module = rnnc.compile(text)
    params = module.init_params(seed=1, dtype="float64")
    x = np.random.default_rng(2).normal(size=(batch, 5, 3))
    found: list[dict[str, np.ndarray]] = []
    for dtype in (np.float64, np.float32):
        own = {name: array.astype(dtype) for name, array in params.items()}
        results, state, tape = module.forward_train(own, x.astype(dtype))
        outputs = results if isinstance(results, dict) else {"h": results}
        ones = {name: np.ones(a.shape, dtype) for name, a in outputs.items() if a.dtype == dtype}
        gradients = module.backward(own, tape, ones if isinstance(results, dict) else ones["h"])
        found.append(
            {
                **outputs,
                **(state if isinstance(state, dict) else {"state": state}),
                "dx": gradients["x"],
                **gradients["params"],
            }
        )
    for name, array in found[0].items():
        np.testing.assert_allclose(found[1][name], array, rtol=1e-4, atol=1e-4, err_msg=name)
