"""TensorFlow's checkpoints: `model.ckpt.index` and `model.ckpt.data-…`, of graphs and of objects."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rnnc.verify.arrays import Array
from rnnc.verify.errors import VerifyError
from rnnc.weights.libraries import library
from rnnc.weights.table import UNREADABLE, Files, Table

PLURAL = "TensorFlow checkpoints"
OBJECT_ENDING = "/.ATTRIBUTES/VARIABLE_VALUE"  # of a variable that is saved as a part of an object


def prefix_of(path: Path) -> str | None:
    """The checkpoint that a path means: its prefix, one of its files, or the folder with the latest one."""
    if path.is_dir():
        state = path / "checkpoint"
        names = state.read_text(encoding="utf-8").splitlines() if state.is_file() else []
        latest = next((n.partition('"')[2].rstrip('"') for n in names if n.startswith("model_checkpoint_path:")), None)
        return None if latest is None else prefix_of(path / latest)
    name = str(path)
    stem = name.removesuffix(".index") if name.endswith(".index") else name.rpartition(".data-")[0] or name
    return stem if Path(f"{stem}.index").is_file() else None


def read(path: Path) -> Table:
    """Every variable of numbers. Raises VerifyError (E811)."""
    tf = library("tensorflow", PLURAL)
    try:
        reader = tf.train.load_checkpoint(prefix_of(path))
        names = sorted(reader.get_variable_to_shape_map())
        types = reader.get_variable_to_dtype_map()
        arrays = {name: np.asarray(reader.get_tensor(name)) for name in names if types[name].is_floating}
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        raise VerifyError(UNREADABLE, f"cannot read {path}: {error}") from error
    return Table({name.removesuffix(OBJECT_ENDING): array for name, array in arrays.items()})


def write(arrays: Mapping[str, Array]) -> Files:
    """The files of a checkpoint that a `Saver` restores."""
    tf = library("tensorflow", PLURAL).compat.v1
    names = list(arrays)
    with tempfile.TemporaryDirectory() as folder, tf.Graph().as_default(), tf.Session() as session:
        given = [tf.placeholder(arrays[name].dtype, arrays[name].shape) for name in names]
        where = str(Path(folder) / "model")
        save = tf.raw_ops.SaveV2(prefix=where, tensor_names=names, shape_and_slices=[""] * len(names), tensors=given)
        session.run(save, dict(zip(given, (arrays[name] for name in names), strict=True)))
        files = {path.name.removeprefix("model"): path.read_bytes() for path in sorted(Path(folder).iterdir())}
    return dict(sorted(files.items()))  # the index last: with it the checkpoint is there


def patch(path: Path, arrays: Mapping[str, Array]) -> Files:
    """Not for checkpoints: what they hold beside numbers is not known here."""
    raise VerifyError(UNREADABLE, f"{path}: a checkpoint cannot be written into", fix="write one beside it")
