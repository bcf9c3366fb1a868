"""Names of a description in kernels: whatever they mean there or in C++, kernels compile and compute the same."""

from __future__ import annotations

import re

import numpy as np
import pytest

import rnnc
from rnnc.backends import escape
from rnnc.backends.cuda.kernels.words import RESERVED, defined
from rnnc.backends.cuda.straight import implicit
from rnnc.backends.cuda.teams import team
from rnnc.compiler import compile_source
from rnnc.diagnostics import Source
from rnnc.simulator.loader import load

CELL = """
cell Cell(units = 5) {
  input x[units]
  state h[units], s[units]
  param w[units, units], v[units, units], a[units]
  u  = h @ w
  g  = sigmoid(linear(x, u) + a)
  m  = softmax(max(u * g, 0.1) @ v)
  s' = 0.9 * s + exp(m)
  h' = tanh(s' + clip(g, 0.1) * s)
  output h'
}
"""
OWN = ("x", "h", "s", "w", "v", "a", "u", "g", "m")
IMAGES = """
cell Images(row = 5, col = 4, channels = 3) {
  input x[row, col, of: 2]
  state h[row, col, channels]
  h' = tanh(conv(x, h, over = [row, col], kernel = [3, 3]))
  output h'
}
"""
SEQUENCES = """
cell Sequences(units = 4) {
  input x[units]
  state c[units], best[units] = -1e9
  gate f = sigmoid(linear(x))
  c'     = f * c + (1 - f) * round(x)
  best'  = max(best, c)
  output y: cumsum(softmax(c'), units) * dropout(x, 0.5) + logsumexp(best')
}
"""
# What kernels call something, words of C++, and functions that stand before kernels.
TAKEN = (
    ("kept_1", "left_2", "weight_1", "sum_2", "places_1", "own_places_1", "share_1", "own_row_1", "copy_at_1"),
    ("column", "c", "chunk", "left_at", "stage_at", "weights_at_1", "sums_at_1", "splits_1", "head"),
    ("left", "right", "part", "found", "stack", "rows", "put", "to_float", "fetch"),
    ("has_c", "c", "constexpr", "nullptr", "alignof", "typeid", "wchar_t", "static_cast", "decltype"),
)
WORD = re.compile(r"(?<![.\w])(?!own__)[A-Za-z]\w*")
# Handed out with a number; the kernels themselves; an attribute.
NUMBERED = re.compile(
    r"(weights_at|sums_at|splits|places|weight|kept|left|sum|own_places|own_weight|own_row|own_feature|share|copy_at"
    r"|forward|train|backward|step)(_loop|_joint)*_\d+|always_inline"
)


def renamed(names: tuple[str, ...]) -> str:
    """The cell with those names."""
    words = dict(zip(OWN, names, strict=True))
    return re.sub(r"\b[a-z]\b", lambda found: words.get(found[0], found[0]), CELL)


@pytest.mark.parametrize("shift", [0, 4])
@pytest.mark.parametrize("names", TAKEN, ids=lambda names: names[0])
def test_names_that_kernels_use(names: tuple[str, ...], shift: int) -> None:
    names = names[shift:] + names[:shift]
    plain = rnnc.compile(CELL)
    cell = load(compile_source(Source("cell.rnn", renamed(names)), target="cuda").text, "Cell")
    values = plain.init_params(dtype="float64")
    rename = dict(zip(OWN, names, strict=True))
    params = {".".join(rename.get(part, part) for part in key.split(".")): value for key, value in values.items()}
    x = np.random.default_rng(0).standard_normal((2, 3, 5))
    wanted, _, tape = plain.forward_train(values, x)
    found, _, own = cell.forward_train(params, x)
    np.testing.assert_allclose(np.asarray(found), wanted, atol=1e-12)
    wanted, found = plain.backward(values, tape, x, None)["x"], cell.backward(params, own, x, None)["x"]
    np.testing.assert_allclose(np.asarray(found), wanted, atol=1e-12)


@pytest.mark.parametrize("text", [CELL, IMAGES, SEQUENCES], ids=["cell", "images", "sequences"])
def test_all_that_kernels_call_something_is_reserved(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is handed out is marked here; of all other words no description makes a name."""
    plain = escape.identifier
    monkeypatch.setattr(escape, "identifier", lambda hint: f"own__{plain(hint)}")
    module = load(compile_source(Source("cell.rnn", text), target="cuda").text, "Cell")
    seen: set[str] = set()
    for kernels in module._KERNELS.values():
        for kernel in kernels.split('extern "C" __global__')[1:]:
            is_team, is_tiles = "Team team(" in kernel, "partial" in kernel
            local = team.LOCAL if is_team else implicit.LOCAL if is_tiles else frozenset[str]()
            words = set(WORD.findall(re.sub(r"//.*", "", kernel))) - RESERVED - defined() - local
            seen |= {word for word in words if plain(word) == word and NUMBERED.fullmatch(word) is None}
    assert seen == set()
