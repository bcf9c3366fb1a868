"""Calls of the fused layers of TensorFlow 1: `cell(x, (c, h), dtype=tf.float32, sequence_length=lengths)`."""

from __future__ import annotations

import ast

from rnnc.diagnostics import DiagnosticError
from rnnc.importing.python.evaluates import Evaluates
from rnnc.importing.python.values import Made, Names, Reference, Thunk, problem

REVERSED = "TimeReversedFusedRNN"
_CUDNN = ("CudnnLSTM", "CudnnGRU", "CudnnRNNTanh", "CudnnRNNRelu")
_FUSED = ("LSTMBlockFusedCell", "FusedRNNCellAdaptor", REVERSED)
LENGTHS = 3  # the place of `sequence_length` in a call of one of these


def is_over_steps(made: Made) -> bool:
    """Whether a layer goes over the steps by itself, and is told second what it begins with."""
    return made.constructor.name in (*_CUDNN, *_FUSED)


def check_turned(ev: Evaluates, made: Made, node: ast.Call, names: Names) -> None:
    """E606: a list of steps is turned around as a whole, also of rows with fewer steps."""
    named = {keyword.arg: keyword.value for keyword in node.keywords}
    data = node.args[0] if node.args else named.get("inputs")
    lengths = node.args[LENGTHS] if len(node.args) > LENGTHS else named.get("sequence_length")
    if made.constructor.name != REVERSED or data is None or not _is_told(ev, lengths, names):
        return
    if _is_list(ev, data, names):
        message = "TensorFlow turns a list of steps around as a whole, its padding too, where rows have lengths"
        fix = "give it one array: `cell(x, sequence_length=lengths)`"
        raise problem("E606", message, ev.span(node), fix=fix)


def _is_told(ev: Evaluates, node: ast.expr | None, names: Names) -> bool:
    try:
        return node is not None and ev.given(node, names).value is not None
    except DiagnosticError:
        return True


def _is_list(ev: Evaluates, node: ast.expr, names: Names) -> bool:
    """Whether the input is a list of steps."""
    for _ in range(100):
        entry = names.get(node.id) if isinstance(node, ast.Name) else None
        if not isinstance(entry, Thunk):
            break
        node, names = entry.node, entry.names
    function = ev.if_known(node.func, names).value if isinstance(node, ast.Call) else None
    if isinstance(function, Reference) and function.last in ("unstack", "unpack", "split", "list"):
        return True
    return isinstance(node, ast.List | ast.ListComp) or isinstance(ev.if_known(node, names).value, list)
