"""Activations of the language are those of Keras under the same names; `rnnc import` names them so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import rnnc
from rnnc.importing.formulas.written import named_in
from rnnc.importing.libraries.keras import ACTIVATIONS
from tests.tensorflow.keras_support import keras, wanted

pytestmark = wanted
KNOWN = sorted(name for name in ACTIVATIONS if hasattr(keras.activations, name))
X = np.concatenate([np.linspace(-7, 7, 29), [-1.0, -0.5, 0.5, 1.0, 3.0]]).reshape(1, 1, -1)


@pytest.mark.parametrize("name", KNOWN)
def test_it_computes_what_keras_does(name: str, tmp_path: Path) -> None:
    cell = f"cell A {{ input x[n]\n y = {ACTIVATIONS[name]}(x)\n output y }}\n"
    module = rnnc.compile("".join(named_in(cell).values()) + cell, n=X.shape[-1])
    found, _ = module.forward({}, X)
    expected = np.asarray(getattr(keras.activations, name)(X))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
