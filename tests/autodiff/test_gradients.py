"""Gradients of whole programs against central differences, under every choice of what is saved."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from rnnc.autodiff import Save, differentiate
from tests.autodiff.harness import Case, case, sources
from tests.autodiff.zoo import ZOO

SAVES: tuple[Save, ...] = ("all", "states", 1, 2, 3, 5)
SETTINGS: dict[str, dict[str, object]] = {
    "lengths": {},
    "no lengths": {"lengths": None},
    "one step": {"time": 1, "lengths": (1, 0, 1)},
    "no full row": {"time": 7, "lengths": (4, 2, 0, 6)},
}
# Differences of the interpreter are exact to about 1e-10; sums of a few hundred products lose two digits more.
TOLERANCE = 1e-6


@cache
def _case(name: str, setting: str) -> Case:
    return case(ZOO[name](), **SETTINGS[setting])  # type: ignore[arg-type]


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", ZOO)
def test_gradients_are_slopes(name: str, setting: str) -> None:
    subject = _case(name, setting)
    for save in SAVES:
        gradients = subject.gradients(differentiate(subject.program, save))
        assert set(gradients) == {f"{p.role}:{p.name}" for p in sources(subject.program)}
        for source, slopes in subject.slopes.items():
            for direction, slope in slopes:
                found = float(np.sum(gradients[source] * direction))
                assert found == pytest.approx(slope, rel=TOLERANCE, abs=TOLERANCE * 1e-2), (save, source)
