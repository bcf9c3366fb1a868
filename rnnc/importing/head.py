"""What tutorials put behind a driver: logits of the last step, `tf.matmul(outputs[:, -1], weights) + biases`."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rnnc.importing.pieces import Flow, Meaning, Network, built


@dataclass(frozen=True)
class Head:
    """A product of the last step with `classes` results, and the names of its variables where they have any."""

    classes: int
    weights: str | None
    biases: str | None
    value: ast.expr


def find_head(values: Sequence[ast.expr], outputs: str, assigned: Mapping[str, ast.expr]) -> Head | None:
    """The head among values that follow a driver with these outputs; `assigned` are values by name."""
    for value in values:
        match value:
            case ast.BinOp(op=ast.Add(), left=ast.Call(args=[end, ast.Name(id=w)]) as product, right=ast.Name(id=b)):
                if called(product) == "matmul" and _is_last(end, outputs):
                    return _of_variables(assigned.get(w), assigned.get(b), value)
            case ast.Call(args=[end, ast.Name(id=w), ast.Name(id=b)]) if called(value) == "xw_plus_b":
                if _is_last(end, outputs):
                    return _of_variables(assigned.get(w), assigned.get(b), value)
            case ast.Call(args=[end, ast.Constant(value=int() as classes)], keywords=[]) if called(value) == "dense":
                if _is_last(end, outputs):
                    return Head(classes, "dense/kernel", "dense/bias", value)
            case _:
                pass
    return None


def headed(meaning: Meaning, head: Head) -> Flow:
    """The network with its logits."""

    def build(network: Network, x: str) -> str:
        y = built(meaning, network, x)
        end = network.equation("end", f"at({y}, -1)")
        logits = network.equation("logits", f"dense({end}, {head.classes})")
        lines = network.layouts.setdefault("tf", [f'scope {y} = "rnn"'])
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


def _is_last(value: ast.expr, outputs: str) -> bool:
    """`outputs[:, -1]`, `outputs[:, -1, :]`, or `outputs[-1]` of a list."""
    if not isinstance(value, ast.Subscript):
        return False
    text = ast.unparse(value).replace(" ", "")
    return text in (f"{outputs}[:,-1]", f"{outputs}[:,-1,:]", f"{outputs}[-1]")


def _of_variables(weights: ast.expr | None, biases: ast.expr | None, value: ast.expr) -> Head | None:
    """Of `tf.get_variable('weights', [16, 10])` and its like; None where no shape is written."""
    shape = _shape(weights) if weights is not None else None
    if shape is None or len(shape) != 2:
        return None
    return Head(shape[1], _name(weights), _name(biases), value)


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
