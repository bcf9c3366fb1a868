"""HDF5: files of plain arrays, Keras 3's `.weights.h5`, and what Keras 2 wrote (`.h5`)."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnc.verify.arrays import Array
from rnnc.verify.errors import VerifyError
from rnnc.weights.libraries import library
from rnnc.weights.table import UNREADABLE, Files, Table

PLURAL = "HDF5 files"
OPTIMIZER = "optimizer/"  # what Keras 3 keeps beside the weights
VARIABLES = "vars"  # the group of a layer in Keras 3 that holds its variables, by number


@dataclass(frozen=True)
class Stored:
    """One array: its name for people, and its path in the file."""

    name: str
    path: str


def read(path: Path) -> Table:
    """Every array of numbers. Raises VerifyError (E811)."""
    return table_of(path.read_bytes(), str(path))


def write(arrays: Mapping[str, Array]) -> Files:
    """A file of plain arrays; a `/` in a name makes groups."""
    h5py = library("h5py", PLURAL)
    data = io.BytesIO()
    with h5py.File(data, "w", track_order=True) as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
    return {"": data.getvalue()}


def patch(path: Path, arrays: Mapping[str, Array]) -> Files:
    """The file with other numbers in some of its arrays."""
    return {"": patched(path.read_bytes(), arrays)}


def table_of(data: bytes, what: str) -> Table:
    """The table of a file's bytes. Raises VerifyError (E811)."""
    with _opened(data, what, "r") as file:
        stored = list(_stored(file))
        arrays = {one.name: np.asarray(file[one.path]) for one in stored}
        ordered = not _is_numbered(file) and _root(file).attrs.get("layer_names") is not None
        return Table(arrays, ordered=ordered, numbered=_is_numbered(file))


def layer_names(data: bytes, what: str) -> dict[str, tuple[str, ...]]:
    """For every array the names of what is around it, the outermost first, as Keras's configuration has them."""
    with _opened(data, what, "r") as file:
        return {one.name: tuple(_names_around(file, one.path)) for one in _stored(file)}


def patched(data: bytes, arrays: Mapping[str, Array]) -> bytes:
    """A file's bytes with other numbers in some arrays."""
    buffer = io.BytesIO(data)
    h5py = library("h5py", PLURAL)
    with h5py.File(buffer, "r+") as file:
        paths = {one.name: one.path for one in _stored(file)}
        for name, array in arrays.items():
            file[paths[name]][...] = array
    return buffer.getvalue()


def _opened(data: bytes, what: str, mode: str) -> Any:
    h5py = library("h5py", PLURAL)
    try:
        return h5py.File(io.BytesIO(data), mode)
    except OSError as error:
        raise VerifyError(UNREADABLE, f"cannot read {what}: {error}") from error


def _is_numbered(file: Any) -> bool:
    """Keras 3: layers have groups `vars`, in which variables have numbers."""

    def visited(name: str) -> bool | None:  # what is no None ends the visit
        return True if name.rpartition("/")[2] == VARIABLES else None

    return bool(file.visit(visited))


def _root(file: Any) -> Any:
    """Where Keras 2 puts its layers: a whole model has a group for its weights."""
    return file.get("model_weights", file)


def _stored(file: Any) -> Iterator[Stored]:
    root = _root(file)
    layers = root.attrs.get("layer_names")
    if layers is not None:
        for layer in map(_text, layers):
            for name in map(_text, root[layer].attrs["weight_names"]):
                yield Stored(name.removesuffix(":0"), f"{root.name.rstrip('/')}/{layer}/{name}")
        return
    numbered = _is_numbered(file)
    taken: set[str] = set()
    for path, item in _datasets(file):
        if item.dtype.kind != "f" or (numbered and path.startswith(OPTIMIZER)):
            continue
        name = _keras_name(file, path) if numbered else path
        yield Stored(path if name in taken else name, path)
        taken.add(name)


def _datasets(file: Any) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []

    def visited(path: str, item: Any) -> None:
        if hasattr(item, "dtype"):
            found.append((path, item))

    file.visititems(visited)
    return sorted(found, key=lambda one: _natural(one[0])) if _is_numbered(file) else found


def _natural(path: str) -> tuple[tuple[str, int], ...]:
    """`lstm_2` before `lstm_10`."""
    parts: list[tuple[str, int]] = []
    for part in path.split("/"):
        stem, _, number = part.rpartition("_")
        parts.append((stem, int(number)) if number.isdecimal() and stem else (part, -1))
    return tuple(parts)


def _keras_name(file: Any, path: str) -> str:
    """`layers/lstm_1/cell/vars/0` as `mine/lstm_cell/0`: layers and cells by their own names, others as they are."""
    parts = path.split("/")
    named: list[str] = []
    for depth, part in enumerate(parts[:-1]):
        if part in ("layers", "cells", VARIABLES):
            continue
        own = part == "cell" or (depth and parts[depth - 1] in ("layers", "cells"))
        named.append((own and _own_name(file, "/".join(parts[: depth + 1]))) or part)
    return "/".join([*named, parts[-1]])


def _own_name(file: Any, group: str) -> str | None:
    """The name that a layer has in its model."""
    name = file[f"{group}/{VARIABLES}"].attrs.get("name") if f"{group}/{VARIABLES}" in file else None
    return None if name is None else _text(name)


def _names_around(file: Any, path: str) -> Iterator[str]:
    parts = path.split("/")
    for depth in range(1, len(parts)):
        yield _own_name(file, "/".join(parts[:depth])) or parts[depth - 1]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
