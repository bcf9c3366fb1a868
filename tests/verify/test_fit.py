"""Which layout a comparison uses, and what the shapes of recorded arrays say about sizes."""

from __future__ import annotations

import numpy as np
import pytest

from rnnc.ir.layout import Cat, Leaf
from rnnc.ir.model import Model
from rnnc.verify.errors import VerifyError
from rnnc.verify.records.fit import find_layout, layout_equations
from rnnc.verify.sizes import solve
from tests.verify.models import INPUT, UNITS, foreign, layout, model, parameter


def cell(missing: tuple[str, ...] = ()) -> Model:
    """A kernel [input + units, 2 * units]."""
    blocks = Cat(-2, (Cat(-1, (Leaf("w"), Leaf("w"))), Cat(-1, (Leaf("u"), Leaf("u")))))
    kernel = foreign("k", blocks, INPUT + UNITS, 2 * UNITS)
    return model(parameter("w", INPUT, UNITS), parameter("u", UNITS, UNITS), layouts=(layout(kernel, missing=missing),))


def test_sizes_come_from_foreign_shapes() -> None:
    found = cell()
    assert solve(layout_equations(found.layouts[0], {"k": np.zeros((5, 4))}), found.sizes) == {"input": 3, "units": 2}


def test_wrong_rank_is_named_before_sizes_are_solved() -> None:
    with pytest.raises(VerifyError, match=r"'k' has shape \(6,\); the layout says \[units \+ input, 2 \* units\]"):
        list(layout_equations(cell().layouts[0], {"k": np.ones(6)}))


def test_an_incomplete_layout_is_refused() -> None:
    with pytest.raises(VerifyError, match=r"does not fit Test: i\.h"):
        find_layout(cell(missing=("i.h",)), "tf")


def test_an_unknown_layout_names_the_known_ones() -> None:
    with pytest.raises(VerifyError, match="no layout 'tff' \\(did you mean 'tf'\\?\\); it has tf"):
        find_layout(cell(), "tff")
