"""The end of shape inference: everything is known, or reported."""

from __future__ import annotations

from collections.abc import Sequence

from rnnc.semantics.frames import Body
from rnnc.semantics.nodes import Node


def settle_body(body: Body, outputs: Sequence[Node]) -> None:
    """Find the shapes that are left; report products whose result nothing determines, once each."""
    graph = body.graph
    graph.infer_all()
    clean = not graph.diagnostics.has_errors
    for node in graph.nodes:
        if node.op == "hole" and node.shape is None and not node.poisoned:
            node.poisoned = True
            if clean:
                call = node.attrs.get("call", "linear")
                graph.diagnostics.error(
                    "E311",
                    f"nothing determines the axes of this `{call}`'s result",
                    node.span,
                    fix="state them: `out = units`, or `out = [head, unit]`",
                )
    for node in graph.nodes:
        if node.shape is None:
            node.shape = ()
            node.poisoned = True
    for node in graph.nodes:
        node.shape = graph.resolve_all(node.shape or ())
    stuck = [n for n in graph.nodes if n.poisoned]
    if stuck and not graph.diagnostics.has_errors:
        unknown = next((n for n in stuck if n.op == "equation"), stuck[0])
        graph.diagnostics.error(
            "E401",
            f"the axes of `{unknown.name or unknown.span.text}` depend on themselves",
            unknown.span,
            fix="does it need itself within one step? Read the state before the step (`c`, not `c'`)",
        )
