"""What tutorials put behind a driver: logits of the last step, `tf.matmul(outputs[:, -1], weights) + biases`, of the
final state, or of the mean over all steps."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rnnc.importing.pieces import Flow, Meaning, Network, Piece, built

# Cells whose state is what they give, and those whose state is (c, h), of which they give h.
GIVES_STATE = {"RNN", "GRU", "UGRNN", "MinimalRNN", "ComplementCFN", "IndRNN", "IndyGRU"}
GIVES_H = {
    "LSTM", "BasicLSTM", "LSTMBlock", "CoupledLSTM", "LayerNormLSTM", "WeightNormLSTM", "RecurrentDropoutLSTM",
    "IndyLSTM", "PhasedLSTM", "NAS",
}  # fmt: skip
OVER_TIME = {"reduce_mean": "mean", "reduce_sum": "sum", "reduce_max": "max"}


@dataclass(frozen=True)
class Driven:
    """What a driver gives: the names of its outputs and its final state, the scope that it puts in front of
    variables, and whether rows have lengths."""

    outputs: str
    state: str | None
    scope: str
    has_lengths: bool


@dataclass(frozen=True)
class Head:
    """A product of one value per row with `classes` results, and the names of its variables where they have any.

    The value is `end` of a layer's outputs; or the part `state` of the final state, if a cell has what it gives there.
    """

    end: str
    state: str | None
    classes: int
    weights: str | None
    biases: str | None
    values: tuple[ast.expr, ...]  # that it is made of: its own, and those of its variables
    driven: Driven

    def suits(self, meaning: Meaning) -> bool:
        """Whether a layer gives what is multiplied."""
        layers = meaning.cells.get("cells", ()) if isinstance(meaning, Piece) else ()
        last, known = (layers or (meaning,))[-1], f"{self.driven.state}"
        definition = last.definition if isinstance(last, Piece) else ""
        places = [f"{known}[-1]", f"{known}[{len(layers) - 1}]"] if layers else [known]
        parts = [""] if definition in GIVES_STATE else [".h", "[1]", "[-1]"] if definition in GIVES_H else []
        return self.state is None or self.state in {place + part for place in places for part in parts}


def find_head(values: Sequence[ast.expr], driven: Driven, assigned: Mapping[str, ast.expr]) -> Head | None:
    """The head among values that follow a driver; `assigned` are values by name."""
    for value in values:
        match value:
            case ast.BinOp(op=ast.Add(), left=ast.Call(args=[end, ast.Name(id=w)]) as product, right=ast.Name(id=b)):
                if called(product) == "matmul" and (found := _end(end, driven)):
                    return _of_variables(assigned.get(w), assigned.get(b), value, driven, found)
            case ast.Call(args=[end, ast.Name(id=w), ast.Name(id=b)]) if called(value) == "xw_plus_b":
                if found := _end(end, driven):
                    return _of_variables(assigned.get(w), assigned.get(b), value, driven, found)
            case ast.Call(args=[end, ast.Constant(value=int() as classes)], keywords=[]) if called(value) == "dense":
                if found := _end(end, driven):
                    return Head(*found, classes, "dense/kernel", "dense/bias", (value,), driven)
            case _:
                pass
    return None


def headed(meaning: Meaning, head: Head) -> Flow:
    """The network with its logits."""

    def build(network: Network, x: str) -> str:
        y = built(meaning, network, x)
        end = network.equation("end", head.end.format(y))
        logits = network.equation("logits", f"dense({end}, {head.classes})")
        lines = network.layouts.setdefault("tf", [f'scope {y} = "{head.driven.scope}"'])
        network.options["tf"] = 'constants = "float32"'
        lines += [f'"{head.weights}" = {logits}.weight'] if head.weights else []
        lines += [f'"{head.biases}" = {logits}.bias'] if head.biases else []
        return logits

    return Flow(build)


def called(value: ast.expr) -> str | None:
    """The last word of what an expression calls."""
    function = value.func if isinstance(value, ast.Call) else None
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


def _end(value: ast.expr, driven: Driven) -> tuple[str, str | None] | None:
    """`outputs[:, -1]`, `outputs[:, -1, :]`, or `outputs[-1]` of a list; `tf.reduce_mean(outputs, 1)`; a part of the
    final state. What it is of outputs, and the part; None where it is something else."""
    text, y = ast.unparse(value).replace(" ", ""), driven.outputs
    if text in (f"{y}[:,-1]", f"{y}[:,-1,:]", f"{y}[-1]"):
        return "at({}, -1)", None
    fold = OVER_TIME.get(called(value) or "")
    if fold is not None and not driven.has_lengths and text.partition("(")[2] in (f"{y},1)", f"{y},axis=1)"):
        return f"{fold}({{}}, time)", None
    return ("last({})", text) if driven.state and re.match(rf"{driven.state}(?!\w)", text) else None


def _of_variables(
    weights: ast.expr | None, biases: ast.expr | None, value: ast.expr, driven: Driven, end: tuple[str, str | None]
) -> Head | None:
    """Of `tf.get_variable('weights', [16, 10])` and its like; None where no shape is written."""
    shape = _shape(weights) if weights is not None else None
    if shape is None or len(shape) != 2:
        return None
    return Head(*end, shape[1], _name(weights), _name(biases), (value, *filter(None, (weights, biases))), driven)


def _shape(variable: ast.expr) -> list[int] | None:
    """The first list of whole numbers in the call that makes a variable."""
    for node in ast.walk(variable):
        if isinstance(node, ast.List | ast.Tuple) and node.elts:
            sizes = [item.value for item in node.elts if isinstance(item, ast.Constant)]
            if len(sizes) == len(node.elts) and all(isinstance(size, int) for size in sizes):
                return [size for size in sizes if isinstance(size, int)]
    return None


def _name(variable: ast.expr | None) -> str | None:
    """The name that a variable is made with; of one that has none the library makes one up."""
    if not isinstance(variable, ast.Call):
        return None
    names = [keyword.value for keyword in variable.keywords if keyword.arg == "name"]
    first = variable.args[:1] if called(variable) == "get_variable" else []
    for node in (*names, *first):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and '"' not in node.value:
            return node.value
    return None
