"""A row that a table does not have is told with the name of the table, or of the equation that reads it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rnnc

TEXT = """
cell Tables {
  input i[]: int, k[]: int
  param E[v: 5, w: 2], Q[v: 3, w: 2]
  e = embedding(i, 4, 2)
  u = lookup(2 * Q, k)
  output lookup(E, i) + e * u
}
"""
NAMES = [(4, 0, "e.embedding.table", 4), (0, 3, "u", 3), (0, -1, "u", 3)]


def run(target: str, i: int, k: int) -> None:
    module: Any = rnnc.compile(TEXT, target=target)
    given = {"i": np.array([[0, i]], np.int32), "k": np.array([[0, k]], np.int32)}
    module.forward(module.init_params(), given)


@pytest.mark.parametrize(("i", "k", "name", "rows"), NAMES)
def test_numpy(i: int, k: int, name: str, rows: int) -> None:
    with pytest.raises(IndexError) as error:
        run("numpy", i, k)
    wanted = f"{name}: there is no row {i or k} in a table of {rows}, which has rows 0 to {rows - 1}"
    assert str(error.value) == wanted


@pytest.mark.parametrize(("i", "k", "name", "rows"), NAMES)
def test_tensorflow(i: int, k: int, name: str, rows: int) -> None:
    with pytest.raises(Exception, match=rf"= {i or k} is not in \[0, {rows}\)") as error:
        run("tf", i, k)
    assert name.replace(".", "_") in str(error.value)
