"""ONNX models: the weights of their recurrent nodes, under the names that ONNX gives the inputs (W, R, B, P).

A node in both directions is two layers here, `forward` and `reverse`: ONNX puts them side by side on the first axis.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnc.verify.arrays import Array
from rnnc.verify.errors import VerifyError
from rnnc.weights.libraries import library
from rnnc.weights.table import UNREADABLE, Files, Table

PLURAL = "ONNX models"
RECURRENT = ("RNN", "GRU", "LSTM")
NOT_WEIGHTS = ("X", "sequence_lens", "initial_h", "initial_c")
DIRECTIONS = ("forward", "reverse")


@dataclass(frozen=True)
class Stored:
    """One input of a node: its names here (one for each direction), and the initialiser that it is."""

    names: tuple[str, ...]
    tensor: str
    array: Array


def read(path: Path) -> Table:
    """Weights of recurrent nodes, in their order. Raises VerifyError (E811)."""
    onnx = library("onnx", PLURAL)
    model = _load(onnx, path)
    arrays: dict[str, Array] = {}
    facts: dict[str, dict[str, str]] = {}
    notes: list[str] = []
    implied: list[str] = []
    for name, node in _nodes(model):
        said = _facts(onnx, node)
        if said["direction"] == "reverse":
            notes.append(f"the node {name!r} runs from the last step to the first")
        for stored in _stored(onnx, model, name, node):
            for place, own in enumerate(stored.names):
                arrays[own] = stored.array[place : place + 1]
                facts[own] = said
            implied += stored.names if not stored.tensor else ()
    if not arrays:
        raise VerifyError(UNREADABLE, f"{path} has no node {', '.join(RECURRENT)}")
    return Table(arrays, facts, ordered=True, notes=tuple(notes), implied=frozenset(implied))


def patch(path: Path, arrays: Mapping[str, Array]) -> Files:
    """The model with other numbers in some of its initialisers."""
    onnx = library("onnx", PLURAL)
    model = _load(onnx, path)
    for name, node in _nodes(model):
        for stored in _stored(onnx, model, name, node):
            if not any(own in arrays for own in stored.names):
                continue
            halves = [arrays.get(own, stored.array[k : k + 1]) for k, own in enumerate(stored.names)]
            whole = onnx.numpy_helper.from_array(np.concatenate(halves), stored.tensor)
            for tensor in model.graph.initializer:
                if tensor.name == stored.tensor:
                    tensor.CopyFrom(whole)
                    break
            else:
                message = f"{path}: {stored.names[0]!r} is no initialiser, so it cannot be replaced"
                raise VerifyError(UNREADABLE, message)
    return {"": model.SerializeToString()}


def _load(onnx: Any, path: Path) -> Any:
    try:
        model = onnx.load(str(path))
    except Exception as error:  # protobuf has errors of its own, by version
        raise VerifyError(UNREADABLE, f"cannot read {path}: {error}") from error
    return model


def _nodes(model: Any) -> Iterator[tuple[str, Any]]:
    """Recurrent nodes under names of their own."""
    taken: set[str] = set()
    for node in model.graph.node:
        if node.op_type in RECURRENT:
            name = node.name or node.op_type.lower()
            number = 0
            while name in taken:
                number += 1
                name = f"{node.name or node.op_type.lower()}_{number}"
            taken.add(name)
            yield name.strip("/"), node


def _stored(onnx: Any, model: Any, name: str, node: Any) -> Iterator[Stored]:
    """Every input that holds weights. A bias that is left out is zero."""
    schema = onnx.defs.get_schema(node.op_type)
    given = {s.name: tensor for s, tensor in zip(schema.inputs, node.input, strict=False) if tensor}
    found = {own: _constant(onnx, model, name, own, tensor) for own, tensor in given.items() if own not in NOT_WEIGHTS}
    if "B" not in found:
        r = found["R"]
        found["B"] = np.zeros((r.shape[0], 2 * r.shape[1]), r.dtype)
    for own, array in found.items():
        scopes = (name,) if array.shape[0] == 1 else tuple(f"{name}/{direction}" for direction in DIRECTIONS)
        yield Stored(tuple(f"{scope}/{own}" for scope in scopes), given.get(own, ""), array)


def _constant(onnx: Any, model: Any, name: str, own: str, tensor: str) -> Array:
    """The value of an initialiser or of a Constant node."""
    for initialiser in model.graph.initializer:
        if initialiser.name == tensor:
            return np.asarray(onnx.numpy_helper.to_array(initialiser))
    for node in model.graph.node:
        if tensor in node.output:
            value = next((a.t for a in node.attribute if a.name == "value"), None)
            if node.op_type == "Constant" and value is not None:
                return np.asarray(onnx.numpy_helper.to_array(value))
            message = f"{own} of the node {name!r} is computed by a node {node.op_type}"
            raise VerifyError(UNREADABLE, message, fix="fold constants when the model is exported")
    raise VerifyError(UNREADABLE, f"{own} of the node {name!r} is an input of the model, and no initialiser")


def _facts(onnx: Any, node: Any) -> dict[str, str]:
    """What a node's attributes say, those that are left out too."""
    schema = onnx.defs.get_schema(node.op_type)
    values: dict[str, Any] = {"clip": "none", "input_forget": 0, "linear_before_reset": 0, "activations": []}
    for name, attribute in schema.attributes.items():
        if attribute.default_value.type:
            values[name] = onnx.helper.get_attribute_value(attribute.default_value)
    values.update({a.name: onnx.helper.get_attribute_value(a) for a in node.attribute})
    facts = {name: _text(value) for name, value in values.items() if isinstance(value, bytes | str | int | float)}
    functions = [_snake(_text(f)) for f in values["activations"]]
    if not functions:
        functions = ["tanh"] if node.op_type == "RNN" else ["sigmoid", *["tanh"] * (node.op_type == "LSTM"), "tanh"]
    first = functions[: {"RNN": 1, "GRU": 2, "LSTM": 3}[node.op_type]]
    own = first if node.op_type == "RNN" else first[1:]
    facts["activation"] = own[0] if len(set(own)) == 1 else " and ".join(own)
    if node.op_type != "RNN":
        facts["recurrent_activation"] = first[0]
    if functions != first and functions != first * 2:
        facts["activation"] = " and ".join(functions)
    return {"op": node.op_type, **facts}


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, str) else f"{value:g}"


def _snake(name: str) -> str:
    """`HardSigmoid` as `hard_sigmoid`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
