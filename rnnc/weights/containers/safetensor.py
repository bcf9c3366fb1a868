"""Hugging Face's `.safetensors`: how PyTorch's state dicts are kept without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnc.verify.arrays import Array
from rnnc.verify.errors import VerifyError
from rnnc.weights.libraries import library
from rnnc.weights.table import UNREADABLE, Files, Table

PLURAL = ".safetensors files"


def read(path: Path) -> Table:
    """Every array, in the file's order. Raises VerifyError (E811)."""
    safetensors = library("safetensors", PLURAL)
    arrays: dict[str, Array] = {}
    try:
        with safetensors.safe_open(str(path), framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118  (it is no dictionary)
                arrays[name] = _array(file, name)
    except safetensors.SafetensorError as error:
        raise VerifyError(UNREADABLE, f"cannot read {path}: {error}") from error
    return Table(arrays)


def _array(file: Any, name: str) -> Array:
    dtype = file.get_slice(name).get_dtype()
    if dtype.startswith("BF") or "_" in dtype:  # BF16, F8_E4M3, …
        fix = "save it as float32: tensor.float()"
        raise VerifyError(UNREADABLE, f"{name!r} is {dtype}, a type that NumPy does not have", fix=fix)
    return np.asarray(file.get_tensor(name))


def write(arrays: Mapping[str, Array], metadata: Mapping[str, str] | None = None) -> Files:
    """The file's bytes."""
    numpy = library("safetensors.numpy", PLURAL)
    # not numpy.ascontiguousarray, which makes one number a list of one
    tensors = {name: np.array(array, order="C") for name, array in arrays.items()}
    return {"": numpy.save(tensors, None if metadata is None else dict(metadata))}


def patch(path: Path, arrays: Mapping[str, Array]) -> Files:
    """The file with other numbers in some of its arrays."""
    safetensors = library("safetensors", PLURAL)
    with safetensors.safe_open(str(path), framework="numpy") as file:
        metadata = file.metadata()
    return write({**read(path).arrays, **arrays}, metadata)
