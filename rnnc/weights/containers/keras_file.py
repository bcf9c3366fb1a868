"""Keras 3's `.keras`: an archive of a configuration and an HDF5 file of weights."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from rnnc.keras import ACTIVATIONS, OLDER
from rnnc.verify.arrays import Array
from rnnc.verify.errors import VerifyError
from rnnc.weights.containers import hdf5
from rnnc.weights.table import UNREADABLE, Files, Table

PLURAL = ".keras files"
WEIGHTS, CONFIG, METADATA = "model.weights.h5", "config.json", "metadata.json"


@dataclass(frozen=True)
class _Layer:
    """Where a layer stands in the model, and its options."""

    place: tuple[int, ...]
    options: Mapping[str, Any]


def read(path: Path) -> Table:
    """The weights, in the order of the model's layers, with what the configuration says of each layer."""
    with zipfile.ZipFile(path) as archive:
        data = archive.read(WEIGHTS)
        try:
            config = json.loads(archive.read(CONFIG))
            is_older = METADATA in archive.namelist() and _is_older(json.loads(archive.read(METADATA)))
        except (KeyError, ValueError) as error:
            raise VerifyError(UNREADABLE, f"cannot read the configuration in {path}: {error}") from error
    table = hdf5.table_of(data, str(path))
    around = hdf5.names_around(data, str(path))
    layers = {array: _layer(config, names) for array, names in around.items()}
    order = sorted(table.arrays, key=lambda array: layers[array].place)  # stable: within a layer as the file has them
    called = {**(OLDER if is_older else ACTIVATIONS), "none": "identity"}
    facts = {array: _facts(layer.options, called) for array, layer in layers.items()}
    of_classes = {
        scope for scope, names in hdf5.listed(data, str(path)).items() if not _lists_layers(_options(config, names))
    }
    return replace(
        table.keep(order),
        facts=facts,
        ordered=_lists_layers(_options(config, ())),
        scattered=table.scattered | of_classes,
    )


def patch(path: Path, arrays: Mapping[str, Array]) -> Files:
    """The archive with other numbers in some of its arrays."""
    data = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(data, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(entry, hdf5.patched(content, arrays) if entry.filename == WEIGHTS else content)
    return {"": data.getvalue()}


def _layer(config: Any, names: Iterable[str]) -> _Layer:
    """The innermost of these layers, the outermost first, that the configuration tells of."""
    place: tuple[int, ...] = ()
    options: dict[str, Any] = {}
    for name in names:
        found = next((one for one in enumerate(_within(config)) if one[1].get("name") == name), None)
        if found is not None:
            number, options = found
            place, config = (*place, number), options
    return _Layer(place, options)


def _options(config: Any, names: Iterable[str]) -> Mapping[str, Any]:
    """Those of the innermost of these layers; none where the configuration does not tell of all."""
    options = next(_within(config), dict[str, Any]())
    for name in names:
        options = next((one for one in _within(options) if one.get("name") == name), dict[str, Any]())
    return options


def _lists_layers(options: Mapping[str, Any]) -> bool:
    """Whether they are those of a Sequential or functional model; one of a class has the arguments of that."""
    return isinstance(options.get("layers"), list)


def _within(config: Any) -> Iterator[dict[str, Any]]:
    """The options of every layer in a configuration, in order, those inside of one after it."""
    if isinstance(config, list):
        for item in cast("list[Any]", config):
            yield from _within(item)
    elif isinstance(config, dict):
        entry = cast("dict[str, Any]", config)
        own = entry.get("config")
        if isinstance(own, dict) and "class_name" in entry:
            yield cast("dict[str, Any]", own)
        for value in entry.values():
            yield from _within(value)


def _is_older(metadata: Any) -> bool:
    """Whether a version before Keras 3 has written the file."""
    entry = cast("dict[str, Any]", metadata) if isinstance(metadata, dict) else {}
    return str(entry.get("keras_version", "3")).partition(".")[0] in ("1", "2")


def _facts(options: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """The options in the words of layouts, functions by the names that descriptions have for them."""
    found = {key: text for key, value in options.items() if (text := _fact(value)) is not None}
    return {key: names.get(text, text) if key.endswith("activation") else text for key, text in found.items()}


def _fact(value: Any) -> str | None:
    """A plain value in the words of layouts."""
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "none"
        case int() | float():
            return f"{value:g}"
        case str():
            return value
        case _:
            return None
