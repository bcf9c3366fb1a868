"""HDF5: files of plain arrays, Keras 3's `.weights.h5`, and what Keras 2 wrote (`.h5`)."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnc.verify.arrays import Array
from rnnc.verify.errors import VerifyError
from rnnc.weights.libraries import library
from rnnc.weights.table import STACK, UNREADABLE, Files, Table

PLURAL = "HDF5 files"
OPTIMIZER = "optimizer/"  # what Keras 3 keeps beside the weights
VARIABLES = "vars"  # the group of a layer in Keras 3 that holds its variables, by number
LISTS = ("layers", "_layer_checkpoint_dependencies")  # where Keras 3, and Keras 2 before it, list a model's layers


# What Keras's own layers call the layers that they hold: these say more than the names that such layers have.
INSIDE = ("forward_layer", "backward_layer", "layer")


@dataclass(frozen=True)
class Stored:
    """One array: its name for people, its path in the file, its name by attributes of the model, not by the names of
    layers, if the file has it, and the scopes in its name that are attributes."""

    name: str
    path: str
    attributes: str | None = None
    scattered: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Around:
    """A layer, or a list of some: its part of the path, and its own name, which Keras writes since 3.6."""

    part: str
    name: str | None


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
        numbered = _is_numbered(file)
        ordered = not numbered and _root(file).attrs.get("layer_names") is not None
        others = {one.name: own for one in stored if (own := one.attributes) is not None and own != one.name}
        scattered = frozenset(scope for one in stored for scope in one.scattered)
        return Table(arrays, ordered=ordered, numbered=numbered, others=others, scattered=scattered)


def names_around(data: bytes, what: str) -> dict[str, tuple[str, ...]]:
    """For every array the names of what is around it, the outermost first, as Keras's configuration has them."""
    with _opened(data, what, "r") as file:
        return {
            one.name: tuple(around.name or around.part for around in _around(file, one.path)) for one in _stored(file)
        }


def listed(data: bytes, what: str) -> dict[str, tuple[str, ...]]:
    """The scopes that lists of layers hold, each with the names of what is around its list, the outermost first."""
    found: dict[str, tuple[str, ...]] = {}
    with _opened(data, what, "r") as file:
        for path, _ in _datasets(file):
            around = list(_around(file, path))
            for depth, scope in _scopes(file, path):
                if depth and around[depth - 1].part in LISTS:
                    found[scope] = tuple(each.name for each in around[:depth] if each.name is not None)
    return found


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
                own = name.removesuffix(":0")
                yield Stored(own, f"{root.name.rstrip('/')}/{layer}/{name}")
        return
    numbered = _is_numbered(file)
    taken: set[str] = set()
    for path, item in _datasets(file):
        if item.dtype.kind != "f" or (numbered and path.startswith(OPTIMIZER)):
            continue
        has_attributes = numbered and path.partition("/")[0] not in LISTS  # Keras stores none of what is in these
        attributes = _joined(path, _by_attributes(file, path)) if has_attributes else None
        name = _joined(path, filter(None, _by_layers(file, path))) if numbered else path
        scattered = tuple(_scattered(file, path)) if numbered and name not in taken else ()
        yield Stored(path if name in taken else name, path, attributes, scattered)
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


def _by_layers(file: Any, path: str) -> Iterator[str | None]:
    """`a/cell/vars/0` as `lstm_1/lstm_cell/0`: layers and cells by their own names, whatever holds them; the cells of a
    stack by their places, which their own names need not tell. One for every group; None where it has no part in it."""
    around = list(_around(file, path))
    parts = [each.part for each in around]
    for depth, (part, each) in enumerate(zip(parts, around, strict=True)):
        if parts[depth : depth + 2] == ["cell", "cells"]:
            yield STACK
        elif parts[max(depth - 2, 0) : depth] == ["cell", "cells"]:
            yield part
        elif each.name is not None and (part not in INSIDE or depth == 0):
            yield each.name
        elif part not in ("layers", "cells", VARIABLES) and (each.name is not None or not _has_names(file)):
            yield part
        else:
            yield None


def _scopes(file: Any, path: str) -> Iterator[tuple[int, str]]:
    """The scopes in an array's name, each with the depth of its group."""
    scope = ""
    for depth, part in enumerate(_by_layers(file, path)):
        if part:
            scope = f"{scope}/{part}" if scope else part
            yield depth, scope


def _scattered(file: Any, path: str) -> Iterator[str]:
    """The scopes that are attributes, which Keras stores by the alphabet. What lists hold stands in the order in which
    it runs where the model is a Sequential or functional one. That of a class looks the same, and holds attributes
    behind `layers` in the alphabet: below an attribute lists say nothing, and where all attributes are in the list of
    the whole model the file does not tell that they are."""
    parts = path.split("/")[:-1]
    attributes = [depth for depth in range(len(parts)) if _is_attribute(parts, depth)]
    for depth, scope in _scopes(file, path):
        in_list = depth > 0 and parts[depth - 1] in LISTS
        if depth in attributes or (in_list and any(above < depth for above in attributes)):
            yield scope


def _is_attribute(parts: Sequence[str], depth: int) -> bool:
    """Whether a group is one of a class by others, or of a list of these, and none that Keras's own layers have."""
    before, part = parts[:depth], parts[depth]
    if part in (*LISTS, VARIABLES) or (before and before[-1] in LISTS):
        return False
    in_stack = (before[-1:] == ["cell"] and part == "cells") or before[-2:] == ["cell", "cells"]
    return not in_stack and not (before and part in (*INSIDE, "cell"))


def _by_attributes(file: Any, path: str) -> Iterator[str]:
    """`a/cell/vars/0` as `a/lstm_cell/0`: as a model of a class calls them, only those in its list by their names."""
    before = ""
    for around in _around(file, path):
        if around.part not in ("layers", "cells", VARIABLES):
            own = around.part == "cell" or before == "layers"
            yield (own and around.name) or around.part
        before = around.part


def _around(file: Any, path: str) -> Iterator[_Around]:
    """Every group on the way to an array."""
    parts = path.split("/")[:-1]
    for depth, part in enumerate(parts):
        own = "/".join([*parts[: depth + 1], VARIABLES])
        name = file[own].attrs.get("name") if own in file else None
        yield _Around(part, None if name is None else _text(name))


def _has_names(file: Any) -> bool:
    """Whether the version of Keras that wrote the file also wrote what layers are called."""
    return VARIABLES in file and "name" in file[VARIABLES].attrs


def _joined(path: str, scopes: Iterable[str]) -> str:
    return "/".join([*scopes, path.rpartition("/")[2]])


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
