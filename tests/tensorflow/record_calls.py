"""Runs texts that make cells and drive them in `tf.compat.v1`, and records values and gradients as the golden data are.

    TF_USE_LEGACY_KERAS=1 python tests/tensorflow/record_calls.py TEXTS.json FOLDER

A process of its own: the cells of TensorFlow 1 and Keras 3 exclude each other.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

BATCH, TIME = 3, 4
LENGTHS = [4, 2, 1]


def record(tf: Any, text: str, width: int, path: Path) -> None:
    """One text, in which `x`, `seq` and `dtype` are bound, and which binds `outputs` and `final_state`."""
    random = np.random.default_rng(len(text))
    tf.reset_default_graph()
    x = tf.constant(random.normal(size=(BATCH, TIME, width)))
    names: dict[str, Any] = {"tf": tf, "x": x, "seq": tf.constant(LENGTHS), "dtype": tf.float64}
    exec(text, names)
    outputs, finals = names["outputs"], tf.nest.flatten(names["final_state"])
    results = {"outputs": outputs, **{f"final_state:{k}": final for k, final in enumerate(finals)}}
    weights = {f"cot:{name}": random.normal(size=tensor.shape.as_list()) for name, tensor in results.items()}
    loss = sum(tf.reduce_sum(tensor * weights[f"cot:{name}"]) for name, tensor in results.items())
    variables = tf.global_variables()
    gradients = tf.gradients(loss, [x, *variables])
    keys = ["x", *(f"var:{variable.op.name}" for variable in variables)]
    with tf.Session() as session:
        for variable in variables:
            variable.load(0.5 * random.normal(size=variable.shape.as_list()), session)
        fetched = {**results, "loss": loss, **dict(zip(keys, [x, *variables], strict=True))}
        fetched |= {f"grad:{key}": tf.convert_to_tensor(g) for key, g in zip(keys, gradients, strict=True)}
        arrays = session.run(fetched)
    lengths = {"sequence_length": np.array(LENGTHS, np.int32)} if "seq" in text else {}
    np.savez(path, allow_pickle=False, **arrays, **weights, **lengths)


def main(texts: str, folder: str) -> None:
    import tensorflow.compat.v1 as tf

    warnings.simplefilter("ignore")
    tf.get_logger().setLevel("ERROR")
    tf.disable_eager_execution()
    for number, (width, text) in enumerate(json.loads(Path(texts).read_text())):
        record(tf, text, width, Path(folder) / f"{number}.npz")


if __name__ == "__main__":
    main(*sys.argv[1:])
