"""Rewrite rules written as text: `add(x, neg(y)) -> sub(x, y)`.

On the left stands a tree of operations without attributes:

- a small letter is any value, the same one wherever the letter stands again;
- a capital letter is a constant, and `ZERO` a value of exact zeros (see `is_exact_zero`);
- a number or truth value is a value whose elements all are that.

On the right stands what replaces it; constants may be computed with (`C * D`), and a result that no constant can be
withdraws the rule. Operands of commutative operations match in either order.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Op, Value
from rnnc.passes.analysis.numbering import COMMUTATIVE
from rnnc.passes.folding.site import Number, Site, build, is_exact_zero, is_held, number

Bindings = Mapping[str, Value]
Constants = Mapping[str, Number]
Guard = Callable[[Constants], bool]

_ARITHMETIC: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: lambda a, b: a + b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}


@dataclass(frozen=True)
class Match:
    """What letters stand for."""

    values: Bindings
    constants: Constants


class Pattern:
    """A rule, by its text. `operation` is what it starts from; `guard` may refuse certain constants."""

    def __init__(self, text: str, guard: Guard = lambda constants: True) -> None:
        self.text = text
        left, right = (ast.parse(side.strip(), mode="eval").body for side in text.split("->"))
        if not isinstance(left, ast.Call):
            raise ValueError(f"the left side of {text!r} is no operation")
        self.left, self.right, self.guard = left, right, guard
        self.operation = _name(left.func)

    def __call__(self, site: Site, op: Op) -> Value | None:
        """As a `Rule`."""
        match = _match_op(site, self.left, op, Match({}, {}))
        return None if match is None or not self.guard(match.constants) else _build(site, self.right, match)


def _match_op(site: Site, tree: ast.Call, op: Op, match: Match) -> Match | None:
    if op.name != _name(tree.func) or op.attrs or len(op.args) != len(tree.args):
        return None
    orders = [op.args]
    if op.name in COMMUTATIVE:
        orders.append(op.args[::-1])
    for args in orders:
        found: Match | None = match
        for subtree, arg in zip(tree.args, args, strict=True):
            found = None if found is None else _match(site, subtree, arg, found)
        if found is not None:
            return found
    return None


def _match(site: Site, tree: ast.expr, value: Value, match: Match) -> Match | None:
    if isinstance(tree, ast.Call):
        op = site.definition(value, _name(tree.func))
        return None if op is None else _match_op(site, tree, op, match)
    if not isinstance(tree, ast.Name):
        known, wanted = number(site, value), _compute(tree, {})
        return match if known == wanted and isinstance(known, bool) == isinstance(wanted, bool) else None
    if tree.id == "ZERO" and not is_exact_zero(site, value):
        return None
    if tree.id.isupper() and tree.id != "ZERO":
        op = site.definition(value, "const")
        if op is None:
            return None
        return Match(match.values, {**match.constants, tree.id: Attrs(op).scalar("value")})
    if match.values.get(tree.id, value) is not value:
        return None
    return Match({**match.values, tree.id: value}, match.constants)


def _build(site: Site, tree: ast.expr, match: Match) -> Value | None:
    if isinstance(tree, ast.Name) and tree.id in match.values:
        return match.values[tree.id]
    if not isinstance(tree, ast.Call):
        constant = _compute(tree, match.constants)
        return build(site, "const", value=constant) if is_held(constant) else None
    args: list[Value] = []
    for subtree in tree.args:
        arg = _build(site, subtree, match)
        if arg is None:
            return None
        args.append(arg)
    return build(site, _name(tree.func), *args)


def _compute(tree: ast.expr, constants: Constants) -> Number:
    match tree:
        case ast.Constant(value=bool() | int() | float() as value):
            return value
        case ast.Name(id=name):
            return constants[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_compute(operand, constants)
        case ast.BinOp(left=left, op=op, right=right):
            return _ARITHMETIC[type(op)](_compute(left, constants), _compute(right, constants))
        case _:
            raise ValueError(f"no number: {ast.unparse(tree)}")


def _name(tree: ast.expr) -> str:
    if not isinstance(tree, ast.Name):
        raise ValueError(f"no operation: {ast.unparse(tree)}")
    return tree.id
