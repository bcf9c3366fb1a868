"""What to say where a compile-time number is wanted, a size above all, and something else stands."""

from __future__ import annotations

from rnnc.diagnostics import Note
from rnnc.semantics.bodies.frames import Context
from rnnc.semantics.bodies.remedies import of_quotient_size
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import Tensor, Value, describe
from rnnc.syntax import ast


def number_wanted(e: ast.Expr, value: Value, c: Context, *, is_size: bool) -> Problem:
    """E206: told of the `let` that should make the number, where it is one."""
    let = c.frame.lets.get(e.id) if isinstance(e, ast.Name) and isinstance(value, Tensor) else None
    if let is not None and isinstance(value, Tensor):
        message = f"`{let.text}` is read as a compile-time number, and this is a tensor"
        notes = [Note("read here", e.span)]
        return Problem("E206", message, value.node.span, notes=notes, fix=of_quotient_size(value))
    fix = of_quotient_size(value) or (_of_tensor(e, value, c) if isinstance(value, Tensor) and is_size else None)
    return Problem("E206", f"a compile-time number is wanted here, not {describe(value)}", e.span, fix=fix)


def _of_tensor(e: ast.Expr, value: Tensor, c: Context) -> str | None:
    """The remedy for a tensor where a size is wanted."""
    if not isinstance(e, ast.Name):
        return None
    if c.frame.kind == "fn" and e.id in c.frame.parameters:
        return f"with `{e.id}[n]` in the head of the function, `n` is the size of its axis"
    labels = [a.label for a in value.node.shape or () if a.label.isidentifier()]
    if value.node.op == "input" and labels in ([], [e.id]):
        place = f"`{e.id}` is the input of line {value.node.span.line} here"
        return f"{place}: give the input or its axis another name"
    return f"the name of an axis is its size: `{labels[0]}`" if labels else None
