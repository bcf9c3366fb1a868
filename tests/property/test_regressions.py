"""Small cells and networks that something was wrong with once, as random ones found them: all checks of these hold."""

from __future__ import annotations

import pytest

from rnnc.verify.proving.halves import HALVES
from tests.cuda.support import needs_compiler
from tests.support.cell_checks import Plan, check_cell
from tests.support.cells import RandomSource
from tests.support.networks.checks import Way, check_network, check_on_cuda

CELLS = {
    "whole numbers that one constant cannot be": """
        cell C {
          input x[2]
          state h[2], c[]: int, d[]: int
          c' = (c + step) * 70_000 * 70_000 % 7
          d' = (d + c + 2_000_000_000 + 2_000_000_000) % 5 + (-(d * (-2_147_483_647))) % 3
          h' = tanh(h + x * c') + 0.1 * d'
          output h'
        }""",
    "one place of a weight, prepared ahead": """
        cell C(units) {
          input x[input]
          state h[units]
          param p[units], q[input, 1, units]
          e  = (p * mean(p))[units = 0]
          h' = tanh(sum(sum(q * e, input), axis = 1)) + 0 * h
          output h'
        }""",
    "a step counter as an output, with lengths": """
        cell C(units) {
          input x[input]
          state h[units], count[]: int
          count' = count + 1
          h'     = tanh(h + linear(x))
          output x, h', whole: step
        }""",
    "zoneout of values without rows or time, which a mask would bring": """
        cell C(units) {
          input x[input]
          state h[units], n[]
          param p[units] = 0.4
          z  = zoneout(tanh(p), 0.5 * p, 0.3)
          n' = zoneout(0.7, n, 0.2)
          h' = 0.5 * h + z * mean(x) + n
          output h', y: mean(z, units), n'
        }""",
    "truth values of a whole sequence, with lengths": """
        cell C(units) {
          input x[input]
          state h[units]
          param p[units]
          h' = where(not (p < 0.4 * mean(x) + 0.1), 0.9 * h, sin(p))
          output h'
        }""",
    "the gradient of a tie goes to the first of max": """
        cell C(units) {
          input x[input]
          state h[units], r[units]
          param p[units, input]
          h' = max(zeros(units), tanh(0 * (p @ x)) + h)
          r' = relu(r + zeros(units))
          output h', r'
        }""",
    "an axis is named by a number, through a function of the prelude": """
        cell C(units) {
          input x[input]
          state h[units]
          param p[3, units]
          h' = tanh(sum(log_softmax(p, 3), axis = 3) * mean(x)) + 0 * h
          output h'
        }""",
    "layers that count their steps": """
        cell L(units) {
          input x[input]
          state h[units]
          h' = tanh(linear(x, h)) * (1 + step % 2)
          output h'
        }
        network C(units = 2) {
          input x[input]
          y = stack(L(units), 2)(x)
          z = backward(L(units))(y)
          output z
        }""",
    "only the outer call is named by `as`": """
        cell C(units) {
          input x[input]
          state h[units]
          e  = linear(x, out = units) + linear(u: h * (linear(x, out = units) as a), out = units) as b
          h' = tanh(e + linear(u: linear(h, out = units), out = units) as c)
          output h'
        }""",
    "an output's cotangent that is read again after a result took its place": """
        cell L(units) {
          input x[input]
          state h[units]
          param p[units]
          e  = dropout(h, 0.3)
          h' = max(p, tanh(p * mean(x)) + h)
          output e + h'
        }
        network C(units = 2) {
          input x[input]
          y = L(units)(x)
          output last(y)
        }""",
    "a sigmoid of the sum of both parts of one product, its halves in the weights": """
        cell C(units) {
          input x[input]
          state c[units]
          e  = linear(u: x, x, out = units)
          c' = sigmoid(e) * c + (1 - sigmoid(e)) * mean(x)
          output e, c'
        }""",
}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", CELLS)
def test_a_cell_that_was_wrong(name: str, seed: int) -> None:
    source = RandomSource(CELLS[name], "C", sizes={"units": 2, "input": 3})
    check_cell(source, Plan(seed, slopes="tie" not in name))


NETWORKS = {
    "one step of a sequence that was turned around": """
        network N {
          input x[2]
          e = reverse(x)
          output t: at(e, -1), s: last(e), u: at(reverse(e) * e, -2)
        }""",
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_that_was_wrong(name: str) -> None:
    check_network(RandomSource(NETWORKS[name], "N"), Plan(0, tensorflow=False))


@needs_compiler
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_that_was_wrong_on_cuda(name: str) -> None:
    check_on_cuda(RandomSource(NETWORKS[name], "N"), 0, Way("persistent", "all"))


@needs_compiler
def test_a_softmax_over_the_only_step_of_a_row_has_no_slope_in_halves() -> None:
    """Its sum is 1 up to a rounding, which decided whether the sum was seen as one of a row without steps."""
    text = "network N {\n  input x[2]\n  d = dense(x, 3)\n  output softmax(d, time)\n}"
    check_on_cuda(RandomSource(text, "N"), 30, Way("step", "all", HALVES[0]))
