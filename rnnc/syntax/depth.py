"""A bound on the depth of syntax trees: whoever walks one may recurse."""

from __future__ import annotations

from typing import cast

from rnnc.diagnostics import Diagnostic
from rnnc.syntax.ast import Node

MAX_DEPTH = 100


def check_depth(root: Node) -> Diagnostic | None:
    """A diagnostic (E126) at the first node that is nested too deeply, if there is one. Does not recurse itself."""
    pending: list[tuple[object, int]] = [(root, 0)]
    while pending:
        value, depth = pending.pop()
        if isinstance(value, Node):
            if depth > MAX_DEPTH:
                fix = "give a part of it a name of its own"
                return Diagnostic("E126", f"more than {MAX_DEPTH} levels of nesting", value.span, fix=fix)
            pending += [(part, depth + 1) for name, part in vars(value).items() if name != "span"]
        elif isinstance(value, tuple):
            pending += [(part, depth) for part in cast("tuple[object, ...]", value)]
    return None
