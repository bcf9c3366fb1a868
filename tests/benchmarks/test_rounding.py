"""Rows of TF32: everybody may round, and in all others nobody does."""

from __future__ import annotations

import pytest

from benchmarks.device.rounding import products_in
from benchmarks.device.torch_peers import the_torch


def test_all_round_where_a_row_says_so() -> None:
    pytest.importorskip("torch")
    for dtype in ("tf32", "float32", "float16"):
        with products_in(dtype):
            flags = the_torch().backends
            assert flags.cudnn.allow_tf32 == flags.cuda.matmul.allow_tf32 == (dtype == "tf32")
