"""Keras 3's `.keras`: an archive of a configuration and an HDF5 file of weights."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from rnnc.verify.arrays import Array
from rnnc.verify.errors import VerifyError
from rnnc.weights.containers import hdf5
from rnnc.weights.table import UNREADABLE, Files, Table

PLURAL = ".keras files"
WEIGHTS, CONFIG = "model.weights.h5", "config.json"


def read(path: Path) -> Table:
    """The weights, in the order of the model's layers, with what the configuration says of each layer."""
    with zipfile.ZipFile(path) as archive:
        data = archive.read(WEIGHTS)
        try:
            config = json.loads(archive.read(CONFIG))
        except (KeyError, ValueError) as error:
            raise VerifyError(UNREADABLE, f"cannot read the configuration in {path}: {error}") from error
    table = hdf5.table_of(data, str(path))
    layers = dict(_layers(config))
    places = {name: place for place, name in enumerate(layers)}
    layer_of = {
        array: next((name for name in names if name in layers), "")
        for array, names in hdf5.layer_names(data, str(path)).items()
    }
    # stable: within a layer as the file has them
    order = sorted(table.arrays, key=lambda array: places.get(layer_of[array], len(places)))
    facts = {array: layers.get(layer, {}) for array, layer in layer_of.items()}
    return replace(table.keep(order), facts=facts, ordered=True)


def patch(path: Path, arrays: Mapping[str, Array]) -> Files:
    """The archive with other numbers in some of its arrays."""
    data = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(data, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(entry, hdf5.patched(content, arrays, str(path)) if entry.filename == WEIGHTS else content)
    return {"": data.getvalue()}


def _layers(config: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """(name, plain options) of every layer in a configuration, in order, those inside wrappers after them."""
    if isinstance(config, list):
        for item in cast("list[Any]", config):
            yield from _layers(item)
    elif isinstance(config, dict):
        entry = cast("dict[str, Any]", config)
        own = entry.get("config")
        if isinstance(own, dict) and "class_name" in entry:
            options = cast("dict[str, Any]", own)
            name = options.get("name")
            if isinstance(name, str):
                yield name, {key: text for key, value in options.items() if (text := _fact(value)) is not None}
        for value in entry.values():
            yield from _layers(value)


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
