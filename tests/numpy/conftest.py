"""What tests of the contract call, and with what."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

import rnnc
from tests.numpy.contract import INPUT, LSTM, UNITS, B, T


@pytest.fixture(scope="module")
def lstm() -> ModuleType:
    return rnnc.compile(LSTM)


@pytest.fixture
def params(lstm: ModuleType) -> dict[str, np.ndarray]:
    return lstm.init_params(seed=1, dtype="float64", units=UNITS, input=INPUT)


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((B, T, INPUT))
