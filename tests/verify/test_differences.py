"""Finite differences: right gradients pass, wrong ones fail, kinks are stepped around."""

from __future__ import annotations

import numpy as np
import pytest

from rnnc.verify.proving.differences import difference_rows


def smooth(point: dict[str, np.ndarray]) -> float:
    return float(np.sum(np.tanh(point["a"])) * np.sum(point["b"] ** 3))


def gradient(point: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        "a": (1 - np.tanh(point["a"]) ** 2) * np.sum(point["b"] ** 3),
        "b": 3 * point["b"] ** 2 * np.sum(np.tanh(point["a"])),
    }


POINT = {"a": np.random.default_rng(0).normal(size=(3, 4)), "b": np.random.default_rng(1).normal(size=3)}


def test_a_right_gradient_passes() -> None:
    rows = list(difference_rows(smooth, POINT, gradient(POINT), 0))
    assert [row.name for row in rows] == ["a (finite differences)", "b (finite differences)"]
    assert all(row.passed and row.error < 1e-8 for row in rows)


@pytest.mark.parametrize("name", ["a", "b"])
def test_a_wrong_gradient_fails_in_its_own_row(name: str) -> None:
    wrong = gradient(POINT)
    wrong[name].flat[1] += 1e-4
    rows = {row.name: row.passed for row in difference_rows(smooth, POINT, wrong, 0)}
    assert rows == {f"{n} (finite differences)": n != name for n in POINT}


def test_nan_fails() -> None:
    wrong = gradient(POINT)
    wrong["a"][0, 0] = np.nan
    assert not next(iter(difference_rows(smooth, POINT, wrong, 0))).passed


@pytest.mark.parametrize("distance", [3e-4, 3e-5, 1e-5])
def test_a_kink_nearby_is_stepped_around(distance: float) -> None:
    point = {"a": np.array([distance, 0.7])}
    (row,) = difference_rows(lambda p: float(np.abs(p["a"]).sum()), point, {"a": np.ones(2)}, 0)
    assert row.passed
    (row,) = difference_rows(lambda p: float(np.abs(p["a"]).sum()), point, {"a": np.array([-1.0, 1.0])}, 0)
    assert not row.passed


def test_a_jump_that_no_step_avoids_is_said() -> None:
    (row,) = difference_rows(lambda p: float(np.floor(p["a"]).sum()), {"a": np.array([1.0])}, {"a": np.zeros(1)}, 0)
    assert not row.passed
    assert "not smooth" in row.detail
