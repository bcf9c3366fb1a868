"""Training recordings: the learning rate that only the losses show, and what does not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnc.syntax.source import read_source
from rnnc.verify.arrays import Array, Arrays
from rnnc.verify.commands import verify_against
from rnnc.verify.errors import VerifyError
from rnnc.verify.records.adam import Adam
from rnnc.verify.records.adam_settings import find_decay, find_rate, find_settings
from rnnc.verify.records.recording import Recording
from rnnc.verify.report import Report

TESTS = Path(__file__).parents[1]
CLASSIFIER = read_source(TESTS.parent / "examples" / "classifier.rnn")


def alone(tmp_path: Path, name: str, **changes: np.ndarray | None) -> Path:
    """A recording without its manifest, some arrays replaced or (None) left out."""
    with np.load(TESTS / "golden" / f"{name}.npz") as file:
        arrays = {key: file[key] for key in file.files} | changes
    path = tmp_path / f"{name}.npz"
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


def verified(path: Path) -> Report:
    return verify_against(CLASSIFIER, path)


@pytest.mark.parametrize("name", ["train_rows_adam", "train_rows_adam_float32"])
def test_without_a_manifest_the_rate_is_found(tmp_path: Path, name: str) -> None:
    report = verified(alone(tmp_path, name))
    assert report.passed, report.failures
    assert any("0.01, what the second loss shows, is taken" in note for note in report.notes)


def test_a_rate_found_from_one_loss_must_explain_all(tmp_path: Path) -> None:
    with np.load(TESTS / "golden" / "train_rows_adam.npz") as file:
        losses = file["loss"].copy()
    losses[1:] += 1e-3
    report = verified(alone(tmp_path, "train_rows_adam", loss=losses))
    assert "loss" in {row.name for row in report.failures}


@pytest.mark.parametrize("rate", [0.5, 0.01, 3e-4, 2.5e-5])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_rates_of_any_size_are_found(rate: float, dtype: type) -> None:
    target = np.linspace(-3.0, 2.0, 40).astype(dtype)

    def evaluate(variables: Arrays) -> tuple[Array, Array, Arrays]:
        error = np.tanh(variables["w"]) - target
        return np.asarray((error**2).sum()), error, {"w": 2 * error * (1 - np.tanh(variables["w"]) ** 2)}

    variables = {"w": np.linspace(0.5, 1.0, 40).astype(dtype)}
    loss, _, gradients = evaluate(variables)
    moved = Adam(variables, rate, single=True).update(variables, gradients)
    losses = np.stack([loss, evaluate(moved)[0]])
    found = find_rate(variables, evaluate, losses, Adam(variables, 1.0, single=True))
    assert found is not None
    assert abs(found - rate) <= (1e-7 if dtype is np.float64 else 2e-2) * rate
    assert find_rate(variables, evaluate, losses[:1], Adam(variables, 1.0, single=True)) is None
    assert find_rate(variables, evaluate, np.array([loss, loss + 1e3]), Adam(variables, 1.0, single=True)) is None


@pytest.mark.parametrize(("decay", "found"), [(0.9, None), (0.999, None), (0.8, 0.8), (0.95, 0.95), (0.9995, 0.9995)])
def test_decays_are_found_from_their_powers(decay: float, found: float | None) -> None:
    power = np.float32(decay)
    for _ in range(20):
        power *= np.float32(decay)
    assert find_decay(np.asarray(power), 20) == found
    assert find_decay(None, 20) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": None}, "`loss` of a training recording is a number per step"),
        ({"labels": np.ones(20)}, "should be \\[batch, classes\\]"),
        ({"labels": np.ones((19, 10))}, "`x` should hold 19 rows"),
        ({"x": np.ones((20, 63))}, "`x` should hold 20 rows \\(as `labels`\\) of steps \\[8\\], float64"),
        ({"x": np.ones((20, 64), np.float32)}, "is \\[20, 64\\], float32"),
        ({"final_var:other": np.ones(3)}, "records final_var:other, and no var:other"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path: Path, changes: dict[str, np.ndarray | None], message: str) -> None:
    with pytest.raises(VerifyError, match=message):
        verified(alone(tmp_path, "train_rows_adam", **changes))


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("tf.train.AdamOptimizer(0.02, 0.8, epsilon=1e-4).minimize(loss)", (0.02, 0.8, 0.999, 1e-4)),
        ("train = tf.train.AdamOptimizer().minimize(loss)", (1e-3, 0.9, 0.999, 1e-8)),
    ],
)
def test_the_call_in_the_manifest_tells_the_constants(call: str, expected: tuple[float, ...]) -> None:
    def evaluate(_: Arrays) -> tuple[Array, Array, Arrays]:
        raise AssertionError("nothing is left to be found out")

    recording = Recording("told", {}, {"driver": call})
    settings, notes = find_settings(recording, {}, evaluate, np.zeros(3), single=True)
    assert (tuple(settings.values()), notes) == (expected, [])


@pytest.mark.parametrize("epsilon", [1e-8, 1e-4, 0.1])
def test_an_epsilon_shows_in_the_third_loss(epsilon: float) -> None:
    target = np.linspace(-3.0, 2.0, 40)

    def evaluate(variables: Arrays) -> tuple[Array, Array, Arrays]:
        error = np.tanh(variables["w"]) - target
        return np.asarray((error**2).sum()), error, {"w": 2 * error * (1 - np.tanh(variables["w"]) ** 2)}

    variables = {"w": np.linspace(0.5, 1.0, 40)}
    adam, moved, losses = Adam(variables, 0.01, epsilon=epsilon, single=True), variables, list[Array]()
    for _ in range(3):
        loss, _, gradients = evaluate(moved)
        losses.append(loss)
        moved = adam.update(moved, gradients)
    settings, _ = find_settings(Recording("seen", {}, {}), variables, evaluate, np.asarray(losses), single=True)
    assert settings["rate"] == pytest.approx(0.01, rel=1e-6)  # of which Adam has the nearest float32
    assert settings["epsilon"] == epsilon
