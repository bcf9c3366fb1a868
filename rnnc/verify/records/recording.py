"""Reads arrays that a reference recorded: one .npz, and the manifest beside it where there is one."""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from rnnc.verify.arrays import Array, DTypeLike
from rnnc.verify.errors import VerifyError


@dataclass(frozen=True)
class Recording:
    """`arrays` by their recorded keys; `facts` is the manifest's entry, empty where there is no manifest."""

    name: str
    arrays: Mapping[str, Array]
    facts: Mapping[str, Any]
    joined: bool = False  # outputs were recorded in several arrays
    begun: bool = False  # zeros stand in the place of states that were not recorded

    def under(self, prefix: str) -> dict[str, Array]:
        """The arrays `prefix:<name>` by name, in the file's order."""
        return {k[len(prefix) + 1 :]: a for k, a in self.arrays.items() if k.startswith(prefix + ":")}

    def numbered(self, prefix: str) -> tuple[Array, ...]:
        """The arrays `prefix:0`, `prefix:1`, … (or one array `prefix`). E804: a number is missing."""
        if prefix in self.arrays:
            return (self.arrays[prefix],)
        found = {int(k): a for k, a in self.under(prefix).items() if k.isascii() and k.isdigit()}
        if sorted(found) != list(range(len(found))):
            raise VerifyError("E804", f"{self.name}: {prefix}:<i> has gaps, it holds {sorted(found)}")
        return tuple(found[k] for k in sorted(found))

    def side_by_side(self, count: int) -> Recording:
        """The same with all outputs in one array where a model has one (`count`), and several are recorded: those of
        both directions of a layer."""
        arrays, joined = dict(self.arrays), False
        for prefix in ("outputs", "cot:outputs"):
            parts = self.numbered(prefix)
            if count == 1 < len(parts) and len({part.shape[:-1] for part in parts if part.ndim}) == 1:
                arrays = {key: array for key, array in arrays.items() if not key.startswith(f"{prefix}:")}
                arrays[prefix], joined = np.concatenate(parts, axis=-1), True
        return replace(self, arrays=arrays, joined=joined)

    @property
    def variables(self) -> dict[str, Array]:
        return self.under("var")

    @property
    def is_training(self) -> bool:
        """Steps of an optimiser, not one evaluation."""
        return "labels" in self.arrays

    @property
    def dtype(self) -> DTypeLike:
        """float32 or float64: the one dtype of the variables (of the results where there are none). E804: another."""
        arrays = self.variables or {k: a for k, a in self.arrays.items() if k.startswith("outputs")}
        dtypes = {array.dtype: name for name, array in arrays.items()}
        for dtype, name in dtypes.items():
            if dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
                raise VerifyError("E804", f"{self.name}: {name!r} is {dtype}; variables are float32 or float64")
        if len(dtypes) != 1:
            several = " and ".join(f"{name!r} is {dtype}" for dtype, name in dtypes.items()) or "there are none"
            raise VerifyError("E804", f"{self.name}: variables are of one dtype, and {several}")
        return next(iter(dtypes))

    @property
    def sizes(self) -> Mapping[str, Any]:
        """What the manifest says beside the options: `lr`, say."""
        return self.facts.get("sizes") or {}


def load_recording(path: Path) -> Recording:
    """Read FILE.npz, and its entry in `manifest.json` beside it. E804: not readable, or no recording."""
    try:
        with path.open("rb") as opened:  # np.load itself leaves a damaged file open
            if opened.read(2) not in (
                b"PK",
                b"\x93N",
                b"",
            ):  # NumPy takes all that is neither .npz nor .npy for a pickle
                raise ValueError("it is no .npz, which holds arrays by name")
            opened.seek(0)
            file: Any = np.load(opened, allow_pickle=False)
            if not hasattr(file, "files"):
                raise ValueError("it is no .npz, which holds arrays by name")
            arrays: dict[str, Array] = {key: _native(key, file[key]) for key in file.files}
    except OSError as error:
        raise VerifyError("E804", f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise VerifyError("E804", f"cannot read {path}: {error or 'it is empty'}") from error
    if "x" not in arrays and "x:0" not in arrays:
        raise VerifyError("E804", f"{path} holds no input `x` or `x:0`; it has {sorted(arrays)}")
    return begun(Recording(path.stem, arrays, _facts(path)))


def begun(recording: Recording) -> Recording:
    """The same with zeros for what a direction begins with that was given no states, where shapes or the driver's text
    tell which one it is."""
    before, after = recording.numbered("state0"), recording.numbered("final_state")
    missing = len(after) - len(before)
    if not before or missing <= 0:
        return recording
    ends, given = [array.shape for array in after], [array.shape for array in before]
    places = [start for start in (0, missing) if ends[start : start + len(given)] == given]
    driver = str(recording.facts.get("driver", ""))
    told = [start for start, way in ((0, "fw"), (missing, "bw")) if f"initial_state_{way}=" in driver]
    places = [start for start in places if start in told] if len(places) > 1 else places
    if len(places) != 1:
        return recording
    (start,) = places
    arrays: dict[str, Array] = {}
    for key, array in recording.arrays.items():
        found = re.fullmatch(r"((?:\w+:)?state0)(?::(\d+))?", key, re.ASCII)
        arrays[f"{found[1]}:{int(found[2] or 0) + start}" if found is not None else key] = array
    others = [k for k in range(len(after)) if not start <= k < start + len(before)]
    arrays |= {f"state0:{k}": np.zeros_like(after[k]) for k in others}
    return replace(recording, arrays=arrays, begun=True)


def _native(key: str, array: Any) -> Array:
    """The same numbers in this machine's order of bytes. Raises ValueError for the bytes that NumPy gives of others."""
    if not hasattr(array, "dtype"):
        raise ValueError(f"{key} in it is no array")
    native: Array = array.astype(array.dtype.newbyteorder("="), copy=False)
    return native


def _facts(path: Path) -> Mapping[str, Any]:
    """The manifest's entry. E804: it cannot be read, or says what makes no sense."""
    manifest = path.with_name("manifest.json")
    if not manifest.exists():
        return {}
    try:
        whole = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise VerifyError("E804", f"cannot read {manifest}: {error}") from error
    entry = _object(_object(_object({"": whole}, "", manifest), "cases", manifest), path.stem, manifest)
    sizes = _object(entry, "sizes", manifest)
    if not isinstance(sizes.get("lr", 0.0), int | float):
        raise VerifyError("E804", f"{manifest}: the learning rate `lr` of {path.stem} is no number")
    if not isinstance(entry.get("time_major") or False, bool):
        raise VerifyError("E804", f"{manifest}: `time_major` of {path.stem} is neither true nor false")
    return entry


def _object(parent: Mapping[str, Any], key: str, manifest: Path) -> dict[str, Any]:
    """The JSON object under a key; empty where there is none."""
    found = parent.get(key)
    if found is not None and not isinstance(found, dict):
        raise VerifyError("E804", f"{manifest}: {key or 'the whole'} should be a JSON object")
    return cast("dict[str, Any]", found or {})
