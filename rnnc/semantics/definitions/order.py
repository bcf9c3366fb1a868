"""In which order the declarations of a body are read."""

from __future__ import annotations

from rnnc.syntax import ast


def inputs_first(statements: tuple[ast.Statement, ...]) -> list[ast.Statement]:
    """Inputs bring sizes that other declarations read, so they go first; one that reads an instance
    (`input x[f.output.size]`) goes behind the last `use`."""
    used = {s.target.name for s in statements if isinstance(s, ast.Use)}
    inputs = [s for s in statements if isinstance(s, ast.Declaration) and s.kind == "input"]
    late = [s for s in inputs if any(reads_name(a.size, used) for item in s.items for a in item.axes)]
    order = [*(s for s in inputs if s not in late), *(s for s in statements if s not in inputs)]
    last = max((i for i, s in enumerate(order) if isinstance(s, ast.Use)), default=-1)
    return [*order[: last + 1], *late, *order[last + 1 :]]


def reads_name(e: ast.Expr, names: set[str]) -> bool:
    """Does the size of an axis read one of these names?"""
    match e:
        case ast.Name():
            return e.id in names
        case ast.Attribute():
            return reads_name(e.base, names)
        case ast.Subscript():
            return reads_name(e.base, names)
        case ast.Binary():
            return reads_name(e.left, names) or reads_name(e.right, names)
        case _:
            return False
