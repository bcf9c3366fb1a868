"""Reads the arrangements of `layout` blocks: foreign arrays as trees over parameters, and the names in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rnnc.diagnostics import DiagnosticError, Source, Span
from rnnc.ir.layout import Affine, Arrangement, Cat, Leaf, Reshaped, Transposed, Unused
from rnnc.ir.size import Size, product
from rnnc.semantics.bodies.frames import Context
from rnnc.semantics.expressions.arguments import Arguments
from rnnc.semantics.expressions.expressions import Expressions
from rnnc.semantics.near import did_you_mean
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import Num
from rnnc.syntax import ast
from rnnc.syntax.parse import parse_expression
from rnnc.syntax.walk import PLACEHOLDER

Sizes = tuple[Size, ...]
Arranged = tuple[Arrangement, Sizes]


class Missing(Exception):
    """An entry mentions a parameter that the cell does not have."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


class ArrangementReader:
    """Arrangements of the parameters of one model, whose shapes are known."""

    def __init__(self, expressions: Expressions, shapes: Mapping[str, Sizes]) -> None:
        self.expressions, self.shapes = expressions, shapes

    def arrangement(self, e: ast.Expr, c: Context) -> Arranged:
        """The tree and its shape. Raises Missing, or Problem."""
        match e:
            case ast.List():
                return self._blocks(e, c)
            case ast.Call(function=ast.Name(id=name)):
                return self._call(name, e, c)
            case ast.Unary(op="-"):
                item, shape = self.arrangement(e.operand, c)
                return Affine(item, -1.0, 0.0), shape
            case ast.Binary(op="+" | "-" | "*" | "/"):
                return self._affine(e, c)
            case ast.Conditional():
                chosen = e.value if self.expressions.truth(e.test, c) else e.orelse
                if chosen is None:
                    raise Problem("E506", "this has no value: its condition is false", e.span)
                return self.arrangement(chosen, c)
            case _:
                name = c.frame.prefix + self.path(e, c)
                if name not in self.shapes:
                    raise Missing(name)
                return Leaf(name), self.shapes[name]

    def items(self, e: ast.List, c: Context) -> Iterator[tuple[ast.Expr, Context]]:
        """List items, with comprehensions spliced and items left out whose condition is false."""
        for item in e.items:
            if isinstance(item, ast.Comprehension):
                for inner in self.expressions.each(item.clauses, c):
                    yield item.value, inner
            elif isinstance(item, ast.Conditional) and item.orelse is None:
                if self.expressions.truth(item.test, c):
                    yield item.value, c
            else:
                yield item, c

    def _blocks(self, e: ast.List, c: Context) -> Arranged:
        items = [self.arrangement(item, inner) for item, inner in self.items(e, c)]
        if not items:
            raise Problem("E506", "an arrangement of nothing", e.span)
        return self._cat(items, -_depth(e), e.span)

    def _cat(self, items: list[Arranged], axis: int, span: Span) -> Arranged:
        if len(items) == 1:
            return items[0]
        first = items[0][1]
        place = axis if axis >= 0 else len(first) + axis
        if not 0 <= place < len(first):
            raise Problem("E507", f"blocks with {len(first)} axes have no axis {axis}", span)
        size = Size.of(0)
        for _, shape in items:
            if len(shape) != len(first) or any(
                a != b for i, (a, b) in enumerate(zip(shape, first, strict=True)) if i != place
            ):
                shapes = ", ".join(f"[{', '.join(map(str, s))}]" for _, s in items)
                fix = "`[[a, b], [c, d]]` puts blocks side by side, and such rows below each other"
                raise Problem(
                    "E507", f"these blocks do not fit side by side along axis {place}: {shapes}", span, fix=fix
                )
            size = size + shape[place]
        return Cat(axis, tuple(i for i, _ in items)), (*first[:place], size, *first[place + 1 :])

    def _call(self, name: str, e: ast.Call, c: Context) -> Arranged:
        a = Arguments(self.expressions, e, c, name)
        match name:
            case "T":
                a.count(1)
                item, shape = self.arrangement(a.operands[0].expression, c)
                if len(shape) < 2:
                    raise Problem("E507", "`T` swaps the last two axes; this has fewer", e.span)
                n = len(shape)
                order = (*range(n - 2), n - 1, n - 2)
                return Transposed(item, order), tuple(shape[i] for i in order)
            case "transpose":
                a.count(2)
                item, shape = self.arrangement(a.operands[0].expression, c)
                order = tuple(int(v.known) for v in self._numbers(a, 1) if v.known is not None)
                if sorted(order) != list(range(len(shape))):
                    raise Problem("E507", f"the order names each of the {len(shape)} axes once", e.span)
                return Transposed(item, order), tuple(shape[i] for i in order)
            case "reshape":
                a.count(2)
                item, shape = self.arrangement(a.operands[0].expression, c)
                sizes = self._sizes(a, 1)
                if product(sizes) != product(shape):
                    raise Problem(
                        "E507", f"{product(shape)} numbers do not fill [{', '.join(map(str, sizes))}]", e.span
                    )
                return Reshaped(item, sizes, shape), sizes
            case "concat":
                axis = self.expressions.integer(a.options["axis"].value, c) if a.has("axis") else -1
                return self._cat([self.arrangement(o.expression, o.context) for o in a.operands], axis, e.span)
            case "unused":
                a.count(1, 2)
                sizes = self._sizes(a, 0)
                value = self.expressions.number(a.operands[1].expression, c) if len(a.operands) > 1 else Num(0)
                return Unused(sizes, float(value.known or 0)), sizes
            case _:
                words = ("T", "transpose", "reshape", "concat", "unused")
                fix = did_you_mean(name, words) or f"there are {', '.join(words)}"
                raise Problem("E508", f"a layout has no function `{name}`", e.function.span, fix=fix)

    def _numbers(self, a: Arguments, i: int) -> list[Num]:
        value = a.value(i)
        values = value if isinstance(value, tuple) else (value,)
        if not all(isinstance(v, Num) for v in values):
            raise Problem("E507", "a list of numbers is wanted here", a.operands[i].span)
        return [v for v in values if isinstance(v, Num)]

    def _sizes(self, a: Arguments, i: int) -> Sizes:
        sizes: list[Size] = []
        for number in self._numbers(a, i):
            if number.size is None:
                raise Problem("E507", "a list of sizes is wanted here", a.operands[i].span)
            sizes.append(a.context.frame.graph.resolve_size(number.size))
        return tuple(sizes)

    def _affine(self, e: ast.Binary, c: Context) -> Arranged:
        """foreign = item * number, item + number, …"""
        left, right = self._number(e.left, c), self._number(e.right, c)
        if (left is None) == (right is None):
            fix = "blocks stand side by side in a list: `[a, b]`"
            raise Problem("E506", f"`{e.op}` stands between one parameter and one number here", e.span, fix=fix)
        item, shape = self.arrangement(e.right if left is not None else e.left, c)
        number = left if left is not None else right
        assert number is not None
        match e.op, left is not None:
            case "+", _:
                return Affine(item, 1.0, number), shape
            case "-", False:
                return Affine(item, 1.0, -number), shape
            case "-", True:
                return Affine(item, -1.0, number), shape
            case "*", _:
                return Affine(item, number, 0.0), shape
            case _ if number != 0 and left is None:
                return Affine(item, 1.0 / number, 0.0), shape
            case _:
                raise Problem("E506", "a layout is affine: a parameter cannot divide", e.span)

    def _number(self, e: ast.Expr, c: Context) -> float | None:
        try:
            if c.frame.prefix + self.path(e, c) in self.shapes:
                return None
        except Problem:
            pass
        try:
            value = self.expressions.value(e, c)
        except Problem:
            return None
        return float(value.known) if isinstance(value, Num) and value.known is not None else None

    # --- names ---

    def path(self, e: ast.Expr, c: Context) -> str:
        """`y[0].forward.i.x`: names, members and attributes as text."""
        match e:
            case ast.Name():
                return e.id
            case ast.Attribute():
                return f"{self.path(e.base, c)}.{e.name}"
            case ast.Subscript():
                places = tuple(i for i in e.items if not isinstance(i, ast.Slice))
                indices = self.expressions.indices(places, c)
                return f"{self.path(e.base, c)}[{','.join(map(str, indices))}]"
            case _:
                raise Problem("E506", "the name of a parameter is wanted here", e.span, fix="for example `i.x`")

    def interpolated(self, string: ast.String, c: Context) -> str:
        """`cell_{k}` with compile-time values put in."""

        def value(match: re.Match[str]) -> str:
            try:
                e = parse_expression(Source("layout", match.group(1)))
                return str(self.expressions.integer(e, c))
            except DiagnosticError:
                raise Problem("E509", f"cannot read `{{{match.group(1)}}}`", string.span) from None
            except Problem as problem:
                raise Problem("E509", f"in `{{{match.group(1)}}}`: {problem.message}", string.span) from None

        return PLACEHOLDER.sub(value, string.value)


def _depth(e: ast.Expr) -> int:
    """How deep lists are nested: one level is blocks along the last axis, two along the last two."""
    if not isinstance(e, ast.List):
        return 0
    inner = [i.value if isinstance(i, ast.Comprehension | ast.Conditional) else i for i in e.items]
    return 1 + max((_depth(i) for i in inner), default=0)
