"""Kinds of files that hold arrays, one module each: what a file is says its content, what is written its name."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np

from rnnc.verify.arrays import Array
from rnnc.verify.errors import VerifyError
from rnnc.weights.containers import checkpoint, hdf5, keras_file, npz, onnx_model, safetensor
from rnnc.weights.table import UNREADABLE, Files, Table

WRITTEN = {".npz": npz, ".safetensors": safetensor, ".h5": hdf5, ".hdf5": hdf5, ".ckpt": checkpoint}
PICKLED = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle")
WITHOUT_PICKLE = (
    "a pickle can run any code, so it is not read; in Python: "
    "safetensors.torch.save_file(torch.load(path, weights_only=True), 'weights.safetensors')"
)


def read(path: Path) -> Table:
    """The arrays of a file, in this machine's order of bytes.

    Raises VerifyError (E811) where it cannot be read or is of no known kind.
    """
    try:
        table: Table = _kind(path).read(path)
    except VerifyError:
        raise
    except OSError as error:
        raise VerifyError(UNREADABLE, f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # what other libraries raise for damaged files is not theirs to promise
        raise VerifyError(UNREADABLE, f"cannot read {path}: {error or type(error).__name__}") from error
    if not table.arrays:
        raise VerifyError(UNREADABLE, f"{path} holds no arrays of numbers")
    return replace(table, arrays={name: _native(array) for name, array in table.arrays.items()})


def _native(array: Array) -> Array:
    kind = cast("np.dtype[Any]", cast("Any", array.dtype).newbyteorder("="))
    return array.astype(kind, copy=False)


def check_writable(path: Path) -> None:
    """Raises VerifyError (E811) where the name tells no kind that can be written."""
    _writer(path)


def write(path: Path, arrays: Mapping[str, Array]) -> Files:
    """The files of what the path's ending says. Raises VerifyError (E811)."""
    try:
        files: Files = _writer(path).write(arrays)
    except VerifyError:
        raise
    except Exception as error:  # a name that this kind of file cannot have
        raise VerifyError(UNREADABLE, f"cannot write {path}: {error or type(error).__name__}") from error
    return files


def patch(path: Path, arrays: Mapping[str, Array]) -> Files:
    """A copy of the file in which some arrays hold other numbers. Raises VerifyError (E811)."""
    files: Files = _kind(path).patch(path, arrays)
    return files


def _writer(path: Path) -> ModuleType:
    if path.suffix in WRITTEN:
        return WRITTEN[path.suffix]
    fix = f"end it in {', '.join(WRITTEN)}"
    if path.suffix in (".keras", ".onnx"):
        fix += f"; a {path.suffix} file holds a whole model: give one with --into"
    raise VerifyError(UNREADABLE, f"the name {path.name!r} says no kind of file that can be written", fix=fix)


def _kind(path: Path) -> ModuleType:
    """By content; a checkpoint by the files that are there."""
    if checkpoint.prefix_of(path) is not None:
        return checkpoint
    if path.is_dir():
        raise VerifyError(UNREADABLE, f"{path} is a folder without a TensorFlow checkpoint")
    with path.open("rb") as file:
        start = file.read(9)
    if start.startswith(b"PK"):
        return _archive(path)
    if start.startswith(b"\x89HDF"):
        return hdf5
    if start[8:] == b"{":
        return safetensor
    if start.startswith(b"\x80") or path.suffix in PICKLED:
        raise VerifyError(UNREADABLE, f"{path} is a pickle", fix=WITHOUT_PICKLE)
    if path.suffix == ".onnx":
        return onnx_model
    kinds = "TensorFlow checkpoint, .keras, .h5, .safetensors, .npz, .onnx"
    raise VerifyError(UNREADABLE, f"{path} is none of the files that are read: {kinds}")


def _archive(path: Path) -> ModuleType:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if keras_file.WEIGHTS in names:
        return keras_file
    if any(name.endswith("data.pkl") for name in names):
        raise VerifyError(UNREADABLE, f"{path} is a pickle of PyTorch", fix=WITHOUT_PICKLE)
    return npz
