"""`linear(x, each = slot)`: axes that stay, with one weight and one bias for all their places."""

from __future__ import annotations

import numpy as np
import pytest

import rnnc
from tests.semantics.support import holds, model, outputs, parameters, run

SLOTS = """
cell Slots(slots = 3, d = 4) {
  input x[slot: slots, feature], c[context]
  state h[slot: slots, unit: d]
  h' = tanh(linear(x, h, c, each = slot))
  output h'
}
"""


def test_weights_have_no_axis_of_the_places() -> None:
    assert parameters(model(SLOTS)) == {
        "h.x": "[feature, 4]",
        "h.h": "[4, 4]",
        "h.c": "[context, 4]",
        "h.bias": "[4]",
    }
    holds(run(model(SLOTS)))


def test_every_place_is_a_row_of_a_cell_without_them() -> None:
    one = "cell One(d = 4) {\n  input x[f], c[g]\n  state h[d]\n  h' = tanh(linear(x, h, c))\n  output h'\n}\n"
    slots, alone = rnnc.compile(SLOTS), rnnc.compile(one)
    params = slots.init_params(seed=1, dtype="float64", feature=2, context=3)
    random = np.random.default_rng(2)
    x, c = random.normal(size=(2, 5, 3, 2)), random.normal(size=(2, 5, 3))
    found, _ = slots.forward(params, {"x": x, "c": c})
    for slot in range(3):
        wanted, _ = alone.forward(params, {"x": x[:, :, slot], "c": c})
        np.testing.assert_allclose(found[:, :, slot], wanted, atol=1e-12)


def test_initial_weights_are_those_of_one_place() -> None:
    """`lecun_uniform` draws by the number of inputs: 400, not 400 times the slots."""
    text = SLOTS.replace("each = slot", "each = slot, init = lecun_uniform")
    params = rnnc.compile(text).init_params(seed=1, feature=400, context=3)
    assert 0.9 * np.sqrt(3 / 400) < np.abs(params["h.x"]).max() <= np.sqrt(3 / 400)


@pytest.mark.parametrize(
    ("call", "weight", "bias"),
    [
        ("linear(m, each = [slot, group])", "[4, 4]", "[4]"),
        ("linear(m, each = slot, per = group)", "[2, 4, 4]", "[2, 4]"),
        ("linear(m, each = group, out = [unit, slot, group])", "[3, 4, 4, 3]", "[4, 3]"),
    ],
)
def test_axes_that_stay_and_axes_that_are_summed(call: str, weight: str, bias: str) -> None:
    of = model(
        "cell C(slots = 3, d = 4, g = 2) {\n  input x[g]\n  state m[group: g, slot: slots, unit: d]\n"
        f"  z = {call}\n  m' = z + m * sum(x)\n  output m'\n}}\n"
    )
    assert (parameters(of)["z.m"], parameters(of)["z.bias"]) == (weight, bias)
    holds(run(of))


def test_weights_may_be_normalised_shared_and_a_functions_own() -> None:
    of = model(
        "fn normed(V[rows, columns]) {\n  return V / sqrt(sum(V * V, rows) + 1e-3)\n}\n"
        "fn alike(v[node, f], n) {\n  return linear(v, each = node, out = [node, u: n])\n}\n"
        "cell C {\n  input x[slot: 3, u: 4]\n  state h[slot: 3, u: 4]\n"
        "  a  = linear(x, each = slot, weight = normed, out = [slot, u])\n"
        "  b  = linear(x: h, weights = a, each = slot, out = [slot, u])\n"
        "  h' = tanh(alike(a, 4) as low + alike(b, 4) as high)\n"
        "  output h'\n}\n"
    )
    assert {n: s for n, s in parameters(of).items() if len(s) > 3} == dict.fromkeys(
        ("a.x", "h.low.v", "h.high.v"), "[4, 4]"
    )
    holds(run(of))


def test_axes_that_stay_need_not_be_named() -> None:
    of = model(
        "cell C(d = 4) {\n  input x[slot: 3, feature], c[g]\n  state h[slot: 3, unit: d]\n"
        "  k  = linear(c, x, each = slot, out = [key: 2])\n"
        "  n  = linear(x, each = slot, out = d)\n"
        "  h' = relabel(n, slot: 3, unit: d) + h * sum(k, key)\n  output h', k\n}\n"
    )
    assert parameters(of)["k.c"] == "[g, 2]"
    assert outputs(of)["k"] == "[3, 2]"
    holds(run(of))


def test_a_function_along_an_axis_takes_a_sum_with_what_is_known() -> None:
    """Of the residual sum the axes are those of what is known in it."""
    of = model(
        "cell C(d = 4) {\n  input x[slot: 3, f]\n  state h[slot: 3, unit: d]\n"
        "  u  = linear(x, each = slot, out = [hidden: 5])\n  z  = sigmoid(linear(u, each = slot))\n"
        "  n  = tanh(linear(u, each = slot) * z)\n  h' = layer_norm((1 - z) * n + z * h, axis = unit)\n"
        "  output l2_normalize(linear(u, each = slot) + h', axis = unit)\n}\n"
    )
    assert parameters(of)["n.u"] == "[5, 4]"
    assert outputs(of) == {"output": "[3, 4]"}
    holds(run(of))
