"""NumPy's own archives: `.npz`."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rnnc.verify.arrays import Array
from rnnc.verify.errors import VerifyError
from rnnc.weights.table import UNREADABLE, Files, Table

PLURAL = ".npz files"
_PLAIN = "save plain arrays: numpy.savez(path, **arrays)"


def read(path: Path) -> Table:
    """Every array. Raises VerifyError (E811)."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except ValueError as error:
        message = f"{path} holds objects that only pickle reads, which could run any code: {error}"
        raise VerifyError(UNREADABLE, message, fix=_PLAIN) from error
    others = [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]  # NumPy gives their bytes
    if others:
        raise VerifyError(UNREADABLE, f"{path} holds {', '.join(others[:3])}, which is no array", fix=_PLAIN)
    return Table(arrays)


def write(arrays: Mapping[str, Array]) -> Files:
    """The same bytes for the same arrays."""
    data = io.BytesIO()
    np.savez(data, allow_pickle=False, **{name: np.asarray(array) for name, array in arrays.items()})
    return {"": data.getvalue()}


def patch(path: Path, arrays: Mapping[str, Array]) -> Files:
    """The file with other numbers in some of its arrays."""
    return write({**read(path).arrays, **arrays})
