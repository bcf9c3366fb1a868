"""Functions of the text (`def lstm_cell(size): …`) as expressions: what they assign, they hand to what comes behind."""

from __future__ import annotations

import ast
from collections.abc import Sequence

MOST = 64  # statements, where each condition reads what is behind it twice


def as_lambda(function: ast.FunctionDef) -> ast.Lambda | None:
    """A function that decides what to return, and assigns names on the way; None for any other."""
    value = _Reading().returned(function.body)
    return ast.copy_location(ast.Lambda(args=function.args, body=value), value) if value is not None else None


def changed(function: ast.FunctionDef) -> set[str]:
    """The parameters of a function that `op=` changes: in place, where they are arrays of PyTorch."""
    own = {each.arg for each in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)}
    return {
        node.target.id
        for node in ast.walk(function)
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id in own
    }


def stops_gradients(block: ast.With) -> bool:
    """`with torch.no_grad():`, in which numbers are those of the text, and gradients are not."""
    named = [node for item in block.items for node in ast.walk(item.context_expr)]
    return any(isinstance(node, ast.Attribute) and node.attr in ("no_grad", "inference_mode") for node in named)


class _Reading:
    def __init__(self) -> None:
        self._left = MOST

    def returned(self, body: Sequence[ast.stmt]) -> ast.expr | None:
        """What the statements return."""
        self._left -= 1
        if not body or self._left < 0:
            return None
        first, rest = body[0], list(body[1:])
        match first:
            case ast.Return(value=ast.expr() as value):
                return value
            case ast.If(test=test, body=inner, orelse=orelse):
                yes, no = self.returned([*inner, *rest]), self.returned([*orelse, *rest])
                whole = ast.IfExp(test=test, body=yes, orelse=no) if yes is not None and no is not None else None
                return ast.copy_location(whole, test) if whole is not None else None
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                return self._with(name, value, rest)
            case ast.Assign(targets=[ast.Tuple(elts=parts)], value=ast.Tuple(elts=values)) if len(parts) == len(values):
                pairs = [ast.Assign(targets=[part], value=value) for part, value in zip(parts, values, strict=True)]
                return self.returned([*pairs, *rest])
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                return self._with(name, value, rest)
            case ast.AugAssign(target=ast.Name(id=name) as target, op=op, value=value):
                read = ast.copy_location(ast.Name(id=name, ctx=ast.Load()), target)
                return self._with(name, ast.copy_location(ast.BinOp(left=read, op=op, right=value), first), rest)
            case ast.FunctionDef(name=name):
                inner = as_lambda(first)
                return self._with(name, inner, rest) if inner is not None else None
            case ast.With(body=inner) if not stops_gradients(first):
                return self.returned([*inner, *rest])
            case ast.Expr(value=ast.Constant()) | ast.Pass() | ast.Import() | ast.ImportFrom() | ast.Assert():
                return self.returned(rest)
            case _:
                return None

    def _with(self, name: str, value: ast.expr, rest: Sequence[ast.stmt]) -> ast.expr | None:
        """`(lambda name: rest)(value)`."""
        body = self.returned(rest)
        if body is None:
            return None
        parameters = ast.arguments(posonlyargs=[], args=[ast.arg(arg=name)], kwonlyargs=[], kw_defaults=[], defaults=[])
        function = ast.copy_location(ast.Lambda(args=parameters, body=body), body)
        return ast.copy_location(ast.Call(func=function, args=[value], keywords=[]), body)
