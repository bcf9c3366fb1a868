"""Records the masks that dropout wrappers of tf.nn draw, as they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from rnnc.verify.arrays import Array

tf: Any = import_module("tensorflow.compat.v1")
MASK_OPS = ("GreaterEqual", "Floor")  # of tf.nn.dropout, and of masks that stay the same over a sequence


class DropoutRecorder:
    """All wrappers of one graph. A loop draws a mask whenever it runs; an unrolled graph has an op per step."""

    def __init__(self, steps: int, rows: int) -> None:
        self._steps, self._rows = steps, rows
        self._drawn: dict[str, list[list[Array]]] = {}  # by name: of every op, what it gave whenever it ran
        self.sites = 0

    def wrapper(self, base: type[Any], arguments: dict[str, Any]) -> Any:
        """A DropoutWrapper whose masks are recorded; it is called like those of TensorFlow."""
        recorder = self
        self.sites += 1

        def dropped(self: Any, values: Any, salt_prefix: str, *rest: Any, **named: Any) -> Any:
            graph = tf.get_default_graph()
            before = {op.name for op in graph.get_operations()}
            result = base._dropout(self, values, salt_prefix, *rest, **named)
            masks = [
                op.outputs[0]
                for op in graph.get_operations()
                if op.name not in before and op.type in MASK_OPS and op.outputs[0].shape.ndims != 0
            ]
            names = [salt_prefix] if len(masks) == 1 else [f"{salt_prefix}:{i}" for i in range(len(masks))]
            kept = [recorder._keep(_scoped(name), mask) for name, mask in zip(names, masks, strict=True)]
            with tf.control_dependencies(kept):
                return tf.nest.map_structure(tf.identity, result)

        return type(base.__name__, (base,), {"_dropout": dropped})(**arguments)

    def _keep(self, name: str, mask: Any) -> Any:
        """An op that writes down a mask whenever the mask is drawn."""
        drawn: list[Array] = []
        self._drawn.setdefault(name, []).append(drawn)

        def note(value: Array) -> Any:
            drawn.append(np.array(value, np.float64))
            return np.int32(0)

        return tf.numpy_function(note, [mask], tf.int32, stateful=True)

    def found(self, lengths: Sequence[int] | None, time_major: bool) -> dict[str, Array]:
        """Masks as recordings have them, [B, T, …] or [T, B, …], in the order of time also of a cell that runs back."""
        masks: dict[str, Array] = {}
        for name, ops in self._drawn.items():
            shape = next((mask.shape for op in ops for mask in op), None)
            if shape is None:  # no step was run
                continue
            one_op = [*ops[0]] if len(ops) == 1 else [op[0] if op else None for op in ops]
            steps = [np.ones(shape) if mask is None else mask for mask in one_op]
            steps += [np.ones(shape)] * (self._steps - len(steps))  # where all rows had ended, none was drawn
            whole = np.stack(steps)
            if "bw" in name.split("/"):
                whole = _turned(np.broadcast_to(whole, (self._steps, self._rows, *shape[1:])), lengths)
            masks[f"mask:{name}"] = whole if time_major else np.swapaxes(whole, 0, 1)
        return masks


def _scoped(name: str) -> str:
    """`rnn/multi_rnn_cell/cell_0/input`: a site under the scope where its wrapper stands."""
    scope = tf.get_variable_scope().name
    return f"{scope}/{name}" if scope else name


def _turned(mask: Array, lengths: Sequence[int] | None) -> Array:
    """[T, B, …] turned around in time, within each row's length."""
    turned = np.array(mask)
    for row in range(mask.shape[1]):
        end = mask.shape[0] if lengths is None else lengths[row]
        turned[:end, row] = mask[:end, row][::-1]
    return turned
