"""Files of arrays: what is read and written, and what is said of files that are damaged, foreign or dangerous."""

from __future__ import annotations

import builtins
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnc.verify.errors import VerifyError
from rnnc.weights import containers
from tests.weights.libraries import numbers
from tests.weights.support import Weights, same

ARRAYS = {"b/kernel": numbers(3, 4), "b/bias": numbers(4), "a": np.float32(numbers(2))}
ENDINGS = {".npz": "numpy", ".safetensors": "safetensors", ".h5": "h5py", ".hdf5": "h5py", ".ckpt": "tensorflow"}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_written_is_read(ending: str, weights: Weights) -> None:
    pytest.importorskip(ENDINGS[ending])
    path = weights.file(f"x{ending}", ARRAYS)
    found = containers.read(path).arrays
    same(found, ARRAYS, atol=0)
    assert {n: a.dtype for n, a in found.items()} == {n: a.dtype for n, a in ARRAYS.items()}
    assert containers.write(path, ARRAYS) == containers.write(path, ARRAYS)


@pytest.mark.parametrize("ending", [".npz", ".h5"])
def test_the_order_of_bytes_is_the_machines(ending: str, tmp_path: Path) -> None:
    swapped = {name: array.astype(array.dtype.newbyteorder("S")) for name, array in ARRAYS.items()}
    path = tmp_path / f"x{ending}"
    if ending == ".npz":
        np.savez(path, **swapped)
    else:
        with pytest.importorskip("h5py").File(path, "w") as file:
            for name, array in swapped.items():
                file[name] = array
    found = containers.read(path).arrays
    same(found, ARRAYS, atol=0)
    assert {n: a.dtype for n, a in found.items()} == {n: a.dtype for n, a in ARRAYS.items()}


def test_bfloat16_is_read_as_float32(tmp_path: Path) -> None:
    """The file is written by hand: NumPy has no such type."""
    pytest.importorskip("safetensors")
    upper = np.array([0x3FC0, 0xC000, 0x0080, 0x7F61, 0x7F80, 0x3C00], "<u2").tobytes()
    header = json.dumps(
        {
            "w": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]},
            "b": {"dtype": "F32", "shape": [1], "data_offsets": [12, 16]},
        }
    ).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + upper + np.float32(3).tobytes())
    found = containers.read(path).arrays
    assert found["w"].dtype == np.float32
    assert found["w"].tolist() == [[1.5, -2.0, 2.0**-126], [2.0**127 * (1 + 0x61 / 128), np.inf, 2.0**-7]]
    assert found["b"].tolist() == [3.0]
    with pytest.raises(VerifyError, match="holds bfloat16, which NumPy does not have, so no copy is made"):
        containers.patch(path, {"b": np.zeros(1)})


@pytest.mark.parametrize("ending", [".npz", ".safetensors", ".h5"])
def test_some_arrays_are_replaced_in_a_copy(ending: str, weights: Weights) -> None:
    pytest.importorskip(ENDINGS[ending])
    path = weights.file(f"x{ending}", ARRAYS)
    (data,) = containers.patch(path, {"b/bias": np.ones(4)}).values()
    path.write_bytes(data)
    same(containers.read(path).arrays, {**ARRAYS, "b/bias": np.ones(4)}, atol=0)


def test_content_says_what_a_file_is(weights: Weights) -> None:
    pytest.importorskip("h5py")
    path = weights.file("x.h5", ARRAYS)
    same(containers.read(path.rename(path.with_suffix(".npz"))).arrays, ARRAYS)


def test_a_checkpoint_is_its_prefix_its_files_or_its_folder(weights: Weights) -> None:
    pytest.importorskip("tensorflow")
    path = weights.file("model.ckpt", ARRAYS)
    (weights.folder / "checkpoint").write_text('model_checkpoint_path: "model.ckpt"\n')
    for way in (path, Path(f"{path}.index"), Path(f"{path}.data-00000-of-00001"), weights.folder):
        same(containers.read(way).arrays, ARRAYS)


def refused(path: Path) -> str:
    with pytest.raises(VerifyError) as caught:
        containers.read(path)
    assert caught.value.diagnostics[0].code == "E811"
    return str(caught.value)


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was run",))


def test_no_pickle_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(pickle.dumps({"w": Evil()}))
    assert "safetensors.torch.save_file" in refused(tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "b.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Evil()))
    assert "is a pickle of PyTorch" in refused(tmp_path / "b.pt")
    np.savez(tmp_path / "c.npz", allow_pickle=True, w=np.array([Evil()], dtype=object))
    assert "objects that only pickle reads" in refused(tmp_path / "c.npz")


def test_members_that_are_no_arrays(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, **ARRAYS)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("read me.txt", "text")
    with pytest.raises(VerifyError, match=r"holds read me\.txt, which is no array"):
        containers.read(path)


def test_what_is_no_file_of_arrays(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "nothing.npz")
    assert "folder without a TensorFlow checkpoint" in refused(tmp_path)
    (tmp_path / "a.txt").write_text("hello")
    assert "none of the files that are read" in refused(tmp_path / "a.txt")
    np.savez(tmp_path / "b.npz")
    assert "holds no arrays" in refused(tmp_path / "b.npz")


def _keras(path: Path) -> None:
    weights = containers.write(path.with_suffix(".h5"), {"layers/lstm/cell/vars/0": numbers(3)})[""]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": "LSTM", "config": {"name": "lstm", "units": 4}}))
        archive.writestr("model.weights.h5", weights)


def _onnx(path: Path) -> None:
    from tests.weights.libraries import onnx_model

    path.write_bytes(onnx_model("GRU").SerializeToString())


def _written(path: Path) -> None:
    path.write_bytes(containers.write(path, ARRAYS)[""])


@pytest.mark.parametrize(
    ("ending", "library", "make"),
    [
        (".npz", "numpy", _written),
        (".safetensors", "safetensors", _written),
        (".h5", "h5py", _written),
        (".keras", "h5py", _keras),
        (".onnx", "onnx", _onnx),
    ],
)
def test_damaged_files_end_in_a_message(
    ending: str, library: str, make: Callable[[Path], None], tmp_path: Path
) -> None:
    """Cut off and with bytes changed: read, or refused with a reason, and nothing else."""
    pytest.importorskip(library)
    path = tmp_path / f"x{ending}"
    make(path)
    data = path.read_bytes()
    assert containers.read(path).arrays
    random = np.random.default_rng(0)
    refusals: list[VerifyError] = []
    for number in range(60):
        damaged = bytearray(data[: random.integers(len(data))] if number % 2 else data)
        for place in random.integers(len(damaged), size=8 if len(damaged) else 0):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        try:
            containers.read(path)
        except VerifyError as error:
            refusals.append(error)
    assert len(refusals) > 20
    assert {error.diagnostics[0].code for error in refusals} == {"E811"}


def test_names_that_a_file_cannot_have_are_reported(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    for name, arrays in (("x.h5", {"a": numbers(2), "a/b": numbers(2)}), ("x.npz", {"file": numbers(2)})):
        with pytest.raises(VerifyError, match="E811 cannot write"):
            containers.write(tmp_path / name, arrays)


@pytest.mark.parametrize(("ending", "library"), [(".safetensors", "safetensors"), (".h5", "h5py"), (".onnx", "onnx")])
def test_a_library_that_is_not_there_is_named(
    ending: str, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: Weights
) -> None:
    start = {".safetensors": b"\x08\0\0\0\0\0\0\0{      }", ".h5": b"\x89HDF\r\n\x1a\n", ".onnx": b"\x08\x09"}[ending]
    (tmp_path / f"x{ending}").write_bytes(start)
    monkeypatch.setattr("rnnc.weights.libraries.import_module", _nothing_installed)
    done = weights("list", tmp_path / f"x{ending}")
    assert done.status == 1
    assert f"need the library {library}" in done.err
    assert f"pip install {library}, or pip install 'rnnc[weights]'" in done.err


def _nothing_installed(name: str) -> None:
    raise builtins.ModuleNotFoundError(f"No module named {name!r}")


@pytest.mark.parametrize("name", ["out.keras", "out.onnx", "out.pt", "out"])
def test_files_that_cannot_be_written_are_refused_before_anything_is_read(name: str, weights: Weights) -> None:
    done = weights("convert", "nothing.npz", weights.folder / name, "--from", "torch", "--to", "tf")
    assert done.status == 1
    assert "says no kind of file that can be written" in done.err
    assert ("--into" in done.err) == name.endswith(("keras", "onnx"))
