"""What is suggested for a name is near to it: a slip of the keyboard away, or a longer form of the same word."""

from __future__ import annotations

import pytest

from rnnc.semantics.definitions.elaborator import BUILTINS
from rnnc.semantics.near import did_you_mean, distance

NAMES = {*BUILTINS, "RNN", "LSTM", "GRU", "layer_norm", "hidden", "units", "init", "x", "h"}


@pytest.mark.parametrize(
    ("name", "meant"),
    [("sigmod", "sigmoid"), ("hiden", "hidden"), ("unts", "units"), ("tahn", "tanh"), ("Linear", "linear"),
     ("lstm", "LSTM"), ("concatenate", "concat"), ("glorot", "glorot_normal"), ("untis", "units"), ("hh", "h"),
     ("taanh", "tanh"), ("relus", "relu"), ("men", "mean"),
     ("sigmoiid", "sigmoid"), ("sqr", "sqrt"), ("tanhh", "tanh")],
)  # fmt: skip
def test_near(name: str, meant: str) -> None:
    assert did_you_mean(name, NAMES) == f"did you mean `{meant}`?"


@pytest.mark.parametrize("name", ["inv", "nn", "randn", "kron", "batch_norm", "argsort", "F", "units", "widget"])
def test_far(name: str) -> None:
    """Absurd neighbours, and the name itself, are no help."""
    assert did_you_mean(name, NAMES) is None


@pytest.mark.parametrize(
    ("a", "b", "edits"), [("", "ab", 2), ("ab", "ab", 0), ("ab", "ba", 1), ("abcd", "acbd", 1), ("cat", "cut", 1)]
)
def test_distance(a: str, b: str, edits: int) -> None:
    assert distance(a, b) == distance(b, a) == edits
