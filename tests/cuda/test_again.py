"""What is read at several indices is in memory before it is written again and again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rnnc
from rnnc.compiler import compile_source
from rnnc.simulator.loader import load
from rnnc.syntax.source import Source, read_source
from tests.cuda.support import needs_compiler
from tests.cuda.test_teams import results
from tests.property.test_papers import PAPERS

ROTATIONS = read_source(PAPERS / "rotations.rnn")
# Each layer reads the one below twice, at neighbouring places: once cheaply, once with what is not computed twice.
PAIRS = """cell Pairs(n = 6, layers = 4) {{
  input x[input]
  state h[n: n]
  y[0] = h + 0.1 * linear(x, out = [n])
  for l in 0..layers {{
    up[l]    = concat(y[l][n = 1:], y[l][n = 0:1], axis = n)
    down[l]  = concat(y[l][n = -1:], y[l][n = :-1], axis = n)
    y[l + 1] = {function}(up[l] - 0.5 * down[l])
  }}
  h' = y[layers]
  output h'
}}"""


def pairs(function: str) -> Source:
    return Source("pairs.rnn", PAIRS.format(function=function))


@pytest.mark.parametrize(
    ("source", "name"),
    [(ROTATIONS, "EUNN"), (pairs("identity"), None), (pairs("tanh"), None)],
    ids=["eunn", "cheap", "costly"],
)
def test_text_grows_with_the_layers_and_not_with_what_doubles_in_each(source: Source, name: str | None) -> None:
    two, four, six = (len(compile_source(source, name, {"layers": n}, target="cuda").text) for n in (2, 4, 6))
    assert six - four < 2 * (four - two)


@needs_compiler
@pytest.mark.parametrize("strategy", ["block"])
@pytest.mark.parametrize("function", ["identity", "tanh"])
def test_it_computes_what_numpy_does(strategy: str, function: str) -> None:
    source = pairs(function)
    given: dict[str, Any] = {"layers": 4, "strategy": strategy}
    found = results(load(compile_source(source, None, given, target="cuda").text, "pairs"), 3)
    expected = results(rnnc.compile(source.text, layers=4), 3)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, atol=2e-5 * max(1, np.abs(array).max()), err_msg=name)
