"""Values that every block of a team makes of all blocks' parts: the same numbers, one meeting, no race."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rnnc
from rnnc.compiler import compile_source
from rnnc.simulator.cupy_like import How
from rnnc.simulator.driver import DeviceModel
from rnnc.simulator.loader import load
from rnnc.syntax.source import Source, read_source
from tests.cuda.support import needs_compiler
from tests.cuda.teams import assert_same, meetings, plans, results
from tests.cuda.test_modules import EXAMPLES
from tests.support.shared_work import by_blocks, long_sums

HEAD = "cell C(units) {\n input x[input]\n state h[units]\n z = linear(x, h)\n"
CELLS = {
    "moments": f"{HEAD} u = z - mean(z)\n h' = tanh(u / sqrt(mean(u * u) + 0.01))\n output h'\n}}",
    "squares": f"{HEAD} u = z - mean(z)\n h' = tanh(u / sqrt(0.1 + sum(u ** 2)))\n"
    " output h', mean(z) as m, sum(u ** 2) as s\n}",
    "two means": f"{HEAD} u = z - mean(z)\n v = h - mean(z)\n"
    " h' = tanh(u + 0.1 * mean(v ** 2) + 0.1 * mean(u * u) * mean(u * u + v))\n output h'\n}",
    "used before": f"{HEAD} m = mean(z)\n u = z - m\n w = sum(tanh(h + m))\n"
    " h' = tanh(u + w * mean(u * u))\n output h'\n}",
    "softmax": f"{HEAD} h' = tanh(z) + softmax(z + h)\n output h'\n}}",
    "kinds": f"{HEAD} h' = tanh(z) * (0.1 * max(z) - 0.2 * min(h) + 0.1 * prod(1 + 0.1 * h) + h @ h / units)\n"
    " output h'\n}",
    "whole": f"{HEAD} n = sum(where(z > 0, 1, 0) * places(units))\n"
    " h' = tanh(z * where(n % 2 == 0, 1, -0.5))\n output h'\n}",
    "weights": "cell C(units) {\n input x[input]\n state h[units]\n param g[units] = uniform(0.5, 1)\n"
    " h' = tanh(linear(x, h) * g / sqrt(sum(g * g)) + sum(g * h) / units)\n output h'\n}",
    "heads": "cell C(units) {\n input x[input]\n state h[k: 3, units]\n z = linear(x, out = [k: 3, units]) + 0.5 * h\n"
    " h' = tanh(layer_norm(z, axis = units) + 0.1 * sum(h, units))\n output h'\n}",
    "one head": "cell C(units) {\n input x[input]\n state W[k: 1, v: units, units] = W0, h[k: 1, v: units]\n"
    " param W0[k: 1, v: units, units] = normal(0, 0.5)\n z = linear(x, bias = false, out = [k: 1, units])\n"
    " u = contract(W, z, over = units) + h\n c = u - mean(u, v)\n"
    " h' = tanh(c / sqrt(mean(c * c, v) + 0.1))\n W' = W - 0.1 * outer(h', z)\n output h'\n}",
    "carried": "cell C(units) {\n input x[input]\n state h[units], m[]\n z = linear(x, h)\n m' = 0.5 * m + mean(z)\n"
    " h' = tanh(z - m')\n output h', m'\n}",
}


@cache
def text(cell: str, strategy: str, units: int) -> str:
    with long_sums():  # of two elements
        return compile_source(
            Source("cell.rnn", CELLS[cell]), None, {"units": units, "strategy": strategy}, target="cuda"
        ).text


def loaded(cell: str, strategy: str, how: How, units: int = 5) -> ModuleType:
    return load(text(cell, strategy, units), "cell", how)


@cache
def expected(cell: str, rows: int, units: int = 5) -> Any:
    return results(rnnc.compile(CELLS[cell], units=units), rows)


@needs_compiler
@pytest.mark.parametrize("warps", [False, True], ids=["threads", "warps"])
@pytest.mark.parametrize(
    ("strategy", "multiprocessors"), [("block", 1), ("persistent", 2), ("persistent", 7), ("cluster", 2)]
)
@pytest.mark.parametrize("cell", CELLS)
def test_parts_make_the_same_numbers(cell: str, strategy: str, multiprocessors: int, warps: bool) -> None:
    """In one block, in several, and in some without features; race mode looks at every access."""
    how = How(race=multiprocessors < 7, device=DeviceModel(multiprocessors=multiprocessors))
    module = loaded(cell, strategy, how)
    assert "Totals totals" in module._KERNELS["forward_loop_1"]
    if warps:
        by_blocks(vars(module))
    assert_same(results(module, 3), expected(cell, 3), 1e-11)
    assert any(plan is not None and plan.parts for plan in plans(module))


@needs_compiler
@pytest.mark.parametrize("multiprocessors", [2, 5, 16])
@pytest.mark.parametrize("far", [10, 1e3, 1e4])
def test_squares_around_a_mean_keep_their_digits(far: float, multiprocessors: int) -> None:
    """Of numbers that lie thousands of times as far from zero as from one another: as if summed twice."""
    cell = "cell C {\n input x[units]\n state s[]\n u = x - mean(x)\n s' = mean(u * u)\n output s'\n}"
    source = compile_source(Source("cell.rnn", cell), None, {"strategy": "persistent"}, target="cuda").text
    module = load(source, "cell", How(device=DeviceModel(multiprocessors=multiprocessors)))
    x = (far + np.random.default_rng(0).standard_normal((9, 3, 333))).astype(np.float32)
    found = module.forward({}, x)[0]
    assert np.allclose(found, np.var(x.astype(np.float64), axis=-1), rtol=2e-6)


NAMED = """
cell C(units) {
  input x[input]
  state h[units]
  param joint_1[units], total_0[units], totals[units], middle[units]
  z = linear(x, h)
  u = (z - mean(z)) * joint_1 + totals
  h' = tanh(u * mean((u - mean(u)) ** 2) + total_0 + middle)
  output h'
}
"""

BEHIND = """
cell A(units) {
  input x[input]
  state c[units]
  param w[units, k: units] = uniform(-0.5, 0.5)
  p = tanh(c + linear(x, out = units))
  c' = 0.5 * c + cumsum(tanh(p @ w))
  output c'
}
cell B(units) {
  input y[input]
  state h[units]
  h' = tanh(linear(y, h) * 0.3 + mean(y))
  output h'
}
network Net {
  input x[input]
  a = A(9)(x)
  b = B(3)(a)
  output b, end: last(b)
}
"""


@needs_compiler
@pytest.mark.parametrize(("strategy", "multiprocessors"), [("block", 1), ("persistent", 2)])
@pytest.mark.parametrize("cell", [NAMED, BEHIND], ids=["names", "a layer behind another one"])
def test_totals_are_nothing_else(cell: str, strategy: str, multiprocessors: int) -> None:
    """No array of a description has their names; what a layer below has left is read before it is written again."""
    options = {"units": 5} if cell is NAMED else {}
    with long_sums():
        source = compile_source(Source("cell.rnn", cell), None, {**options, "strategy": strategy}, target="cuda").text
    module = load(source, "cell", How(race=True, device=DeviceModel(multiprocessors=multiprocessors)))
    module._Launch._is_less = lambda *_: True  # loops together wherever that can be
    assert_same(results(module, 3), results(rnnc.compile(cell, **options), 3), 1e-10)


@pytest.mark.parametrize(("kernel", "count"), [("forward", 3), ("train", 3), ("backward", 5)])
def test_a_layer_norm_lstm_meets_three_times(kernel: str, count: int) -> None:
    """For h, for the four gates' means and deviations, and for those of c."""
    found = compile_source(read_source(EXAMPLES / "layer_norm_lstm.rnn"), None, {"units": 64}, target="cuda").text
    (loop,) = [one for one in found.split('extern "C"') if f" {kernel}_loop_1(" in one]
    assert loop.count("team.meet();") + loop.count("team.arrive();") == count


def test_what_a_block_has_made_itself_waits_for_no_other_block() -> None:
    """A sum by a warp is read by a thread of the same block, and by those that make the block's part of a mean; an axis
    of size 1 changes nothing. All meet for the mean with the squares around it, for h, and for W."""
    text = compile_source(Source("cell.rnn", CELLS["one head"]), None, {"units": 64}, target="cuda").text
    assert meetings(text) == (3, 3)
