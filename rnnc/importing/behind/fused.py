"""Calls of fused layers: `cell(x, dtype=tf.float32, sequence_length=lengths)`."""

from __future__ import annotations

import ast

from rnnc.importing.behind.driver import Driver
from rnnc.importing.python.values import Applied, Given, Made, Thunk, problem

PARAMETERS = ("inputs", "initial_state", "dtype", "sequence_length", "scope")


def check_turned(driver: Driver, layer: Given) -> None:
    """E606: a list of steps is turned around as a whole, also of rows with fewer steps."""
    made = layer.value.layer.value if isinstance(layer.value, Applied) else None
    if not isinstance(made, Made) or made.constructor.name != "TimeReversedFusedRNN":
        return
    if "inputs" in driver.arguments and driver.has_lengths and _is_list(driver):
        message = "TensorFlow turns a list of steps around as a whole, its padding too, where rows have lengths"
        fix = "give it one array: `cell(x, sequence_length=lengths)`"
        raise problem("E606", message, driver.plain.evaluator.span(driver.node), fix=fix)


def _is_list(driver: Driver) -> bool:
    """Whether the input is a list of steps."""
    node, names = driver.arguments["inputs"], driver.names
    for _ in range(100):
        entry = names.get(node.id) if isinstance(node, ast.Name) else None
        if not isinstance(entry, Thunk):
            break
        node, names = entry.node, entry.names
    is_apart = isinstance(node, ast.Call) and driver.plain.called(node, names) in ("unstack", "split")
    makes = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "list"
    return is_apart or makes or isinstance(node, ast.List | ast.ListComp)
