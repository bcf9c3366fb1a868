"""Comparison with a recording, on a cell that runs by hand: right it passes, wrong it fails."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from rnnc.ir.model import Model
from rnnc.verify.errors import VerifyError
from rnnc.verify.records.recorded import against as against_recording
from rnnc.verify.records.recording import load_recording
from rnnc.verify.report import Report
from rnnc.verify.running.runner import Call, Gradients, LayoutRunner
from tests.verify.models import BasicRNN, basic_rnn


def against(model: Model, runner: LayoutRunner, path: Path) -> Report:
    return against_recording(model, runner, load_recording(path))


GOLDEN = Path(__file__).parents[1] / "golden"


def resaved(tmp_path: Path, **changes: np.ndarray | None) -> Path:
    """basic_rnn_tanh without its manifest, some arrays replaced or (None) left out."""
    with np.load(GOLDEN / "basic_rnn_tanh.npz") as file:
        arrays = {key: file[key] for key in file.files}
    arrays.update({key: value for key, value in changes.items() if value is not None})
    path = tmp_path / "case.npz"
    np.savez(path, **{key: value for key, value in arrays.items() if changes.get(key, value) is not None})
    return path


def test_a_right_cell_passes_in_every_array() -> None:
    report = against(basic_rnn(), BasicRNN(), GOLDEN / "basic_rnn_tanh.npz")
    assert report.passed, report.failures
    assert [row.name for row in report.rows] == [
        "outputs (forward_train)", "final_state:0 (forward_train)", "loss", "grad:x", "grad:state0:0",
        "grad:var:rnn/basic_rnn_cell/kernel", "grad:var:rnn/basic_rnn_cell/bias", "outputs (forward)",
        "final_state:0 (forward)",
    ]  # fmt: skip
    assert {row.tolerance for row in report.rows} == {1e-9}


def test_a_wrong_cell_fails() -> None:
    report = against(basic_rnn(), BasicRNN(), GOLDEN / "basic_rnn_relu.npz")
    assert not report.passed
    assert {"outputs (forward)", "grad:x"} <= {row.name for row in report.failures}


def test_a_wrong_gradient_alone_fails() -> None:
    class Wrong(BasicRNN):
        def backward(self, call: Call, *rest: object) -> Gradients:
            found = super().backward(call, *rest)  # type: ignore[arg-type]
            found.params["h'.bias"] *= 1 + 1e-8
            return found

    report = against(basic_rnn(), Wrong(), GOLDEN / "basic_rnn_tanh.npz")
    assert [row.name for row in report.failures] == ["grad:var:rnn/basic_rnn_cell/bias"]


def test_nan_fails() -> None:
    class Broken(BasicRNN):
        def backward(self, call: Call, *rest: object) -> Gradients:
            found = super().backward(call, *rest)  # type: ignore[arg-type]
            found.inputs["x"][0, 0, 0] = np.nan
            return found

    report = against(basic_rnn(), Broken(), GOLDEN / "basic_rnn_tanh.npz")
    assert [row.name for row in report.failures] == ["grad:x"]


def test_without_a_manifest_batch_major_is_seen(tmp_path: Path) -> None:
    assert against(basic_rnn(), BasicRNN(), resaved(tmp_path)).passed


def test_without_a_manifest_time_major_is_seen(tmp_path: Path) -> None:
    with np.load(GOLDEN / "basic_rnn_tanh.npz") as file:
        turned = {k: np.swapaxes(file[k], 0, 1) for k in ("x", "outputs", "cot:outputs", "grad:x")}
    assert against(basic_rnn(), BasicRNN(), resaved(tmp_path, **turned)).passed


def test_without_cotangents_only_values_are_compared(tmp_path: Path) -> None:
    left_out = ["cot:outputs", "cot:final_state:0", "loss", "grad:x", "grad:state0:0"]
    report = against(basic_rnn(), BasicRNN(), resaved(tmp_path, **dict.fromkeys(left_out)))
    assert report.passed
    assert [row.name for row in report.rows] == ["outputs (forward)", "final_state:0 (forward)"]
    assert report.notes == ("no gradients are recorded",)


def test_a_missing_gradient_is_noted(tmp_path: Path) -> None:
    report = against(basic_rnn(), BasicRNN(), resaved(tmp_path, **{"grad:state0:0": None}))
    assert report.passed
    assert report.notes == ("no grad:state0:0 is recorded",)


def test_where_no_array_tells_time_from_batch_the_order_that_fits_is_taken(tmp_path: Path) -> None:
    model, runner, rng = basic_rnn(), BasicRNN(), np.random.default_rng(0)
    variables = {"kernel": rng.normal(size=(9, 4)), "bias": rng.normal(size=4)}
    params = runner.from_layout("tf", {f"basic_rnn_cell/{name}": array for name, array in variables.items()})
    x = rng.normal(size=(3, 3, 5))  # [time, batch, input]
    results = runner.forward(Call(params, {"x": x}))
    arrays = {f"var:rnn/basic_rnn_cell/{name}": array for name, array in variables.items()}
    path = tmp_path / "square.npz"
    np.savez(path, x=x, outputs=results.outputs["y"], **arrays)
    report = against(model, runner, path)
    assert report.passed
    assert report.notes[-1].endswith("read as time-major, which fits")
    np.savez(path, x=x, outputs=results.outputs["y"] + 1.0, **arrays)
    report = against(model, runner, path)
    assert not report.passed
    assert report.notes[-1].endswith("neither batch-major (shown) nor time-major fits")


def test_without_final_states_the_rest_is_compared(tmp_path: Path) -> None:
    with np.load(GOLDEN / "basic_rnn_tanh.npz") as file:
        gone = [key for key in file.files if "final_state" in key or "grad" in key or key == "loss"]
    report = against(basic_rnn(), BasicRNN(), resaved(tmp_path, **dict.fromkeys(gone)))
    assert report.passed
    assert {row.name for row in report.rows} == {"outputs (forward_train)", "outputs (forward)"}


def test_the_order_of_bytes_does_not_matter(tmp_path: Path) -> None:
    with np.load(GOLDEN / "basic_rnn_tanh.npz") as file:
        swapped = {key: file[key].astype(">f8") for key in file.files}
    assert against(basic_rnn(), BasicRNN(), resaved(tmp_path, **swapped)).passed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.ones((3, 7, 5), np.float32)}, "'x' is float32, the variables are float64"),
        ({"x": np.ones((3, 7, 5), complex)}, "'x' is complex128"),
        ({"sequence_length": np.array([1, 8, 7])}, "3 numbers from 0 to 7, and is \\[1, 8, 7\\]"),
        ({"sequence_length": np.array([1, 7])}, "3 numbers from 0 to 7, and is \\[1, 7\\]"),
        ({"sequence_length": np.array(7)}, "3 numbers from 0 to 7, and is 7"),
        ({"cot:outputs": np.ones((3, 6, 4))}, "has 6 steps of 3 rows, and the first input 7 steps of 3 rows"),
        ({"cot:outputs": np.ones((3, 7, 3))}, "does not end in \\(4,\\)"),
        ({"cot:final_state:0": np.ones((2, 4))}, "`cot:final_state` has 2 rows, and the first input 3 rows"),
        ({"cot:final_state:1": np.ones((3, 4))}, "2 `cot:final_state` where 1 belong"),
        ({"final_state:1": np.ones((3, 4))}, "2 `final_state` where 1 belong"),
        ({"x": None}, "holds no input"),
        ({"outputs": None}, r"no outputs are recorded, and there should be y\[4\]"),
        ({"x": np.ones((4, 6, 5))}, "no axis of x \\(4, 6\\) is the batch size 3"),
        ({"x": np.ones((3, 7, 6))}, "is 6 long, but input is 5"),
        ({"x": np.ones((3, 7, 5), np.int32)}, "'x' is float, but int32 is recorded for it"),
        ({"state0:0": np.ones((3, 5))}, "is 5 long, but units is 4"),
        ({"var:rnn/basic_rnn_cell/extra": np.ones(3)}, "'rnn/basic_rnn_cell/extra'"),
        ({"var:rnn/basic_rnn_cell/bias": np.ones(4, np.float32)}, "variables are of one dtype, and '"),
        ({"mask:input": np.zeros((3, 7, 5))}, "names no site of the recorded mask 'input'"),
        ({"grad:var:other": np.ones(3)}, "records grad:var:other, for which Test has no gradient"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path: Path, changes: dict[str, np.ndarray | None], message: str) -> None:
    with pytest.raises(VerifyError, match=message):
        against(basic_rnn(), BasicRNN(), resaved(tmp_path, **changes))


def test_a_broken_file_and_a_broken_manifest_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no arrays")
    with pytest.raises(VerifyError, match=r"cannot read .*text\.npz: it is no .npz"):
        against(basic_rnn(), BasicRNN(), tmp_path / "text.npz")
    shutil.copy(GOLDEN / "basic_rnn_tanh.npz", tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(VerifyError, match=r"cannot read .*manifest\.json"):
        against(basic_rnn(), BasicRNN(), tmp_path / "basic_rnn_tanh.npz")


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "one array"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    whole, path = (GOLDEN / "basic_rnn_tanh.npz").read_bytes(), tmp_path / "damaged.npz"
    flipped = bytes(b ^ 255 if k % 97 == 0 else b for k, b in enumerate(whole))
    path.write_bytes({"empty": b"", "cut": whole[: len(whole) // 2], "flipped": b"PK" + flipped[2:]}.get(damage, b""))
    if damage == "one array":
        with path.open("wb") as file:
            np.save(file, np.ones(3))
    with pytest.raises(VerifyError, match=r"cannot read .*damaged\.npz"):
        load_recording(path)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("[]", "the whole should be a JSON object"),
        ('{"cases": []}', "cases should be a JSON object"),
        ('{"cases": {"basic_rnn_tanh": [1]}}', "basic_rnn_tanh should be a JSON object"),
        ('{"cases": {"basic_rnn_tanh": {"time_major": "no"}}}', "`time_major` of basic_rnn_tanh is neither"),
        ('{"cases": {"basic_rnn_tanh": {"sizes": {"lr": "slow"}}}}', "`lr` of basic_rnn_tanh is no number"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_named(tmp_path: Path, manifest: str, message: str) -> None:
    shutil.copy(GOLDEN / "basic_rnn_tanh.npz", tmp_path)
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(VerifyError, match=message):
        load_recording(tmp_path / "basic_rnn_tanh.npz")


def test_a_manifest_may_say_nothing(tmp_path: Path) -> None:
    shutil.copy(GOLDEN / "basic_rnn_tanh.npz", tmp_path)
    (tmp_path / "manifest.json").write_text('{"cases": {"basic_rnn_tanh": {"sizes": null, "time_major": null}}}')
    assert against(basic_rnn(), BasicRNN(), tmp_path / "basic_rnn_tanh.npz").passed
