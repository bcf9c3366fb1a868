"""Operators: of compile-time values they are computed, of tensors they become nodes."""

from __future__ import annotations

from rnnc.semantics.bodies.frames import Context
from rnnc.semantics.expressions.equality import Equality, as_choice
from rnnc.semantics.expressions.evaluates import Evaluates
from rnnc.semantics.expressions.lists import ListWeights
from rnnc.semantics.expressions.names import unknown_name
from rnnc.semantics.problems import Problem, Work
from rnnc.semantics.scopes.numbers import arithmetic
from rnnc.semantics.scopes.values import ABSENT, Absent, Choice, Num, Tensor, Value
from rnnc.syntax import ast

ELEMENTWISE = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod", "//": "floordiv", "**": "pow",
    "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne",
}  # fmt: skip


class Operators:
    """Evaluates `-a`, `not a`, `a + b`, `a == b`, `a or b`, …"""

    def __init__(self, evaluate: Evaluates, lists: ListWeights, work: Work) -> None:
        self.evaluate, self._lists, self._work = evaluate, lists, work
        self._equality = Equality(work)

    def unary(self, e: ast.Unary, c: Context) -> Value:
        if e.op == "not":
            value = self.evaluate.value(e.operand, c)
            if isinstance(value, Tensor):
                return Tensor(c.frame.graph.add("elementwise", (value.node,), e.span, ir="logical_not"))
            return not self.evaluate.truth(e.operand, c)
        value = self.evaluate.value(e.operand, c)
        match value:
            case Num():
                return value if e.op == "+" else Num(-value.value)
            case Absent():
                return ABSENT
            case _:
                node = self.evaluate.to_node(value, e.operand.span, c)
                return Tensor(node if e.op == "+" else c.frame.graph.add("elementwise", (node,), e.span, ir="neg"))

    def binary(self, e: ast.Binary, c: Context) -> Value:
        if e.op in ("and", "or"):
            return self._logic(e, c)
        left, right = self.evaluate.value(e.left, c), self.evaluate.value(e.right, c)
        if e.op in ("==", "!="):
            left, right = as_choice(e.left, left, right), as_choice(e.right, right, left)
        if e.op in ("==", "!=") and not isinstance(left, Tensor) and not isinstance(right, Tensor):
            return self._equality.holds(e, left, right, c) == (e.op == "==")
        if isinstance(left, Absent) or isinstance(right, Absent):
            return self._absent(e, left, right, c)
        if isinstance(left, tuple) and isinstance(right, tuple) and e.op == "+":
            self._work.spend(len(left) + len(right), e.span)
            return self._lists.made(left + right, e.span)
        if isinstance(left, Num) and isinstance(right, Num):
            result = arithmetic(e, left, right)
            if result is not None:
                return result
        a, b = self.evaluate.to_node(left, e.left.span, c), self.evaluate.to_node(right, e.right.span, c)
        if e.op == "@":
            return Tensor(c.frame.graph.add("matmul", (a, b), e.span))
        return Tensor(c.frame.graph.add("elementwise", (a, b), e.span, ir=ELEMENTWISE[e.op]))

    def _logic(self, e: ast.Binary, c: Context) -> Value:
        left = self.evaluate.value(e.left, c)
        if isinstance(left, Tensor):
            name = f"logical_{e.op}"
            right = self.evaluate.tensor(e.right, c)
            return Tensor(c.frame.graph.add("elementwise", (left.node, right), e.span, ir=name))
        if e.op == "and":
            return self.evaluate.truth(e.left, c) and self.evaluate.truth(e.right, c)
        if isinstance(left, bool):  # a boolean is never none: here `or` is the logical one
            return left or self.evaluate.truth(e.right, c)
        if isinstance(left, Choice) and not left.among:
            raise unknown_name(left.word, left.span or e.left.span, c)
        return self.evaluate.value(e.right, c) if left is None else left

    def _absent(self, e: ast.Binary, left: Value, right: Value, c: Context) -> Value:
        if e.op not in ("+", "-", "*"):
            raise Problem(
                "E212", f"nothing stands on one side of `{e.op}`: a condition is false and has no `else`", e.span,
                fix="an `if` without `else` may only be a term of a sum or a factor of a product",
            )  # fmt: skip
        if isinstance(right, Absent):
            return left
        if e.op == "-":
            if isinstance(right, Num):
                return Num(-right.value)
            node = self.evaluate.to_node(right, e.right.span, c)
            return Tensor(c.frame.graph.add("elementwise", (node,), e.span, ir="neg"))
        return right
