"""Modules on a card: what `benchmarks/device/checks.py` says of them, each check as a test. `make gpu` runs them."""

from __future__ import annotations

from functools import lru_cache
from types import ModuleType

import pytest

import rnnc
from benchmarks.device.checks import CELLS, checks
from rnnc.compiler import compile_source
from rnnc.runtime import load_module
from rnnc.syntax.source import Source

pytestmark = pytest.mark.gpu


@lru_cache(maxsize=32)
def given(cell: str, kind: str) -> ModuleType:
    """A module of a cell for a strategy, or NumPy's."""
    if kind == "numpy":
        return rnnc.compile(CELLS[cell])
    source = Source(f"{cell}.rnn", CELLS[cell])
    return load_module(compile_source(source, None, {"strategy": kind}, target="cuda").text, f"{cell}_{kind}")


CHECKS = dict(checks(given))


@pytest.mark.parametrize("name", CHECKS)
def test_on_a_card(name: str) -> None:
    CHECKS[name]()
