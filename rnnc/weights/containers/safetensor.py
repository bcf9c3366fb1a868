"""Hugging Face's `.safetensors`: how PyTorch's state dicts are kept without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from rnnc.verify.arrays import Array
from rnnc.verify.errors import VerifyError
from rnnc.weights.libraries import library
from rnnc.weights.table import UNREADABLE, Files, Table

PLURAL = ".safetensors files"


def read(path: Path) -> Table:
    """Every array, in the file's order; bfloat16 as float32, which has its numbers. Raises VerifyError (E811)."""
    safetensors = library("safetensors", PLURAL)
    arrays: dict[str, Array] = {}
    try:
        with safetensors.safe_open(str(path), framework="numpy") as file:
            types = _types(file)
            bits = dict(safetensors.deserialize(path.read_bytes())) if "BF16" in types.values() else {}
            for name, dtype in types.items():
                if dtype == "BF16":
                    arrays[name] = _widened(bits[name])
                elif dtype.startswith("BF") or "_" in dtype:  # F8_E4M3, …
                    fix = "save it as float32: tensor.float()"
                    raise VerifyError(UNREADABLE, f"{name!r} is {dtype}, a type that NumPy does not have", fix=fix)
                else:
                    arrays[name] = np.asarray(file.get_tensor(name))
    except safetensors.SafetensorError as error:
        raise VerifyError(UNREADABLE, f"cannot read {path}: {error}") from error
    return Table(arrays)


def _widened(part: Mapping[str, Any]) -> Array:
    """bfloat16 is the upper half of float32."""
    upper = np.frombuffer(part["data"], np.dtype("<u2"))
    numbers = cast("Any", np.left_shift(upper, 16, dtype=np.uint32)).view(np.float32)
    return numbers.reshape(part["shape"])


def _types(file: Any) -> dict[str, str]:
    """The types of arrays by name, in the file's words."""
    names: list[str] = file.keys()
    return {name: file.get_slice(name).get_dtype() for name in names}


def write(arrays: Mapping[str, Array], metadata: Mapping[str, str] | None = None) -> Files:
    """The file's bytes."""
    numpy = library("safetensors.numpy", PLURAL)
    # not numpy.ascontiguousarray, which makes one number a list of one
    tensors = {name: np.array(array, order="C") for name, array in arrays.items()}
    return {"": numpy.save(tensors, None if metadata is None else dict(metadata))}


def patch(path: Path, arrays: Mapping[str, Array]) -> Files:
    """The file with other numbers in some of its arrays. Raises VerifyError (E811)."""
    safetensors = library("safetensors", PLURAL)
    with safetensors.safe_open(str(path), framework="numpy") as file:
        metadata, types = file.metadata(), _types(file)
    if "BF16" in types.values():
        fix = "save it as float32: tensor.float()"
        raise VerifyError(UNREADABLE, f"{path} holds bfloat16, which NumPy does not have, so no copy is made", fix=fix)
    return write({**read(path).arrays, **arrays}, metadata)
