"""Reads `layout` blocks: foreign arrays as arrangements of parameters, scopes of inner cells, orders, masks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rnnc.diagnostics import DiagnosticError, Diagnostics, Source, Span
from rnnc.ir.layout import (
    Affine,
    Arrangement,
    Cat,
    Counterpart,
    ForeignArray,
    Leaf,
    Reshaped,
    Transposed,
    Unused,
    WeightLayout,
)
from rnnc.ir.model import ParameterInfo
from rnnc.ir.program import Program
from rnnc.ir.size import Size, product
from rnnc.semantics.arguments import Arguments
from rnnc.semantics.counterparts import OPTION, CounterpartReader
from rnnc.semantics.frames import Context, Frame, Registry
from rnnc.semantics.scope import Fatal, Problem, Scope, did_you_mean, report
from rnnc.semantics.values import Choice, Num
from rnnc.syntax import ast
from rnnc.syntax.parse import parse_expression

if TYPE_CHECKING:
    from rnnc.semantics.elaborator import Elaborator

ENTRY_COST = 10  # in units of work
PLACE = "*"  # in a scope: where the names inside stand
Sizes = tuple[Size, ...]
Arranged = tuple[Arrangement, Sizes]


@dataclass
class _Parts:
    """A layout while it is gathered from a body and the bodies inside it."""

    arrays: dict[str, tuple[ForeignArray, Span]] = field(default_factory=dict[str, tuple[ForeignArray, Span]])
    missing: list[str] = field(default_factory=list[str])
    mentioned: set[str] = field(default_factory=set[str])
    orders: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    masks: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    options: dict[str, str | float | bool] = field(default_factory=dict[str, str | float | bool])


@dataclass(frozen=True)
class _Place:
    """Where the arrays of a body stand: scopes in front, what joins them, and a pattern for the names themselves."""

    scope: str = ""
    joint: str = "/"
    pattern: str = PLACE

    def inside(self, scope: str) -> _Place:
        """A scope within this one. One with a `*` is a pattern for names, where no outer pattern is."""
        if PLACE not in scope:
            return replace(self, scope=self._joined(scope))
        return self if self.pattern != PLACE else replace(self, pattern=scope)

    def name(self, own: str) -> str:
        """The complete name of an array."""
        return self._joined(self.pattern.replace(PLACE, own))

    def _joined(self, name: str) -> str:
        return self.joint.join(part for part in (self.scope, name) if part)


@dataclass(frozen=True)
class _Body:
    """One body's layout while its statements are read: `scopes` of what is inside, `orders` to be applied later."""

    frame: Frame
    place: _Place
    scopes: dict[str, str]
    orders: list[tuple[ast.Order, Context]]
    parts: _Parts
    outside: _Place  # around this body: where a dropout around a cell of the library draws its masks


class _Missing(Exception):
    """An entry mentions a parameter that the cell does not have."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


class LayoutReader:
    """All layouts of one model."""

    def __init__(
        self,
        elaborator: Elaborator,
        registry: Registry,
        parameters: tuple[ParameterInfo, ...],
        forward: Program,
        diagnostics: Diagnostics,
    ) -> None:
        self.elaborator = elaborator
        self.diagnostics = diagnostics
        self.shapes: dict[str, Sizes] = {p.name: tuple(a.size for a in p.axes) for p in parameters}
        self.states = [p.name for p in forward.inputs_of("state")]
        self.inputs = [p.name for p in forward.inputs_of("input")]
        self.outputs = [p.name for p in forward.outputs_of("output")]
        self.sites = {p.name for p in forward.inputs_of("mask")}
        assert registry is not None

    def read(self, frame: Frame) -> tuple[WeightLayout, ...]:
        layouts: list[WeightLayout] = []
        for name in dict.fromkeys(_layout_names(frame)):
            parts = _Parts()
            self._gather(frame, name, _Place(), parts)
            references: list[Counterpart | None] = [None]
            reader = CounterpartReader(self.elaborator, name)
            self._guarded(lambda reader=reader, found=references: found.append(reader.read(frame)))
            unmentioned = [p for p in self.shapes if p not in parts.mentioned]
            layouts.append(
                WeightLayout(
                    name=name,
                    arrays=tuple(a for a, _ in parts.arrays.values()),
                    missing=tuple(dict.fromkeys([*parts.missing, *unmentioned])),
                    states=tuple(parts.orders.get("state", self.states)),
                    inputs=tuple(parts.orders.get("input", self.inputs)),
                    outputs=tuple(parts.orders.get("output", self.outputs)),
                    masks=tuple(parts.masks),
                    options=tuple(parts.options.items()),
                    reference=references[-1],
                )
            )
        return tuple(layouts)

    # --- statements ---

    def _gather(self, frame: Frame, name: str, place: _Place, parts: _Parts) -> None:
        scopes: dict[str, str] = {}
        orders: list[tuple[ast.Order, Context]] = []
        outside = place
        for block, scope in frame.layouts:
            if block.name != name:
                continue
            for option in block.options:
                if option.name == OPTION:
                    continue  # read by itself
                self._guarded(lambda option=option, scope=scope: self._option(frame, scope, option, parts))
            place = replace(place, joint=str(parts.options.pop("joint", place.joint)))
            place = place.inside(str(parts.options.pop("scope", "")))
            body = _Body(frame, place, scopes, orders, parts, outside)
            self._statements(body, Scope(scope), block.body)
        declared = any(block.name == name for block, _ in frame.layouts)
        inner = [key for key, child in frame.children.items() if name in _layout_names(child)]
        for key, child in frame.children.items():
            # an outer body without a layout of its own: inner ones are told apart by their names
            default = "" if declared or len(inner) < 2 else key.replace(".", "/")
            self._gather(child, name, place.inside(scopes.get(key, default)), parts)
        for order, c in orders:  # of whole layers, in which their own layouts have put their states into order
            self._guarded(lambda order=order, c=c: self._order(order, c, parts))

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Fatal:
            raise
        except Problem as problem:
            report(self.diagnostics, problem)

    def _option(self, frame: Frame, scope: Scope, option: ast.Argument, parts: _Parts) -> None:
        c = Context(scope, frame)
        value = self.elaborator.expressions.value(option.value, c)
        key = option.name or "scope"
        match value:
            case str():
                text = self._interpolated(ast.String(value, span=option.value.span), c)
                if key in ("scope", "joint"):
                    parts.options[key] = text
                else:
                    parts.options.setdefault(key, text)
            case bool():
                parts.options.setdefault(key, value)
            case Num() if value.known is not None:
                parts.options.setdefault(key, float(value.known))
            case Choice():
                parts.options.setdefault(key, value.word)
            case _:
                raise Problem("E501", f"the layout option `{key}` is a string, number or word", option.span)

    def _statements(self, body: _Body, scope: Scope, statements: tuple[ast.Statement, ...]) -> None:
        for s in statements:
            self._guarded(lambda s=s: self._statement(body, scope, s))

    def _statement(self, body: _Body, scope: Scope, s: ast.Statement) -> None:
        frame, parts = body.frame, body.parts
        c = Context(scope, frame)
        expressions = self.elaborator.expressions
        match s:
            case ast.Entry():
                self._entry(s, c, body.place, parts)
            case ast.Scope():
                key = self._path(s.target, c)
                if key not in frame.children:
                    fix = did_you_mean(key, frame.children) or f"inner cells: {', '.join(frame.children)}"
                    raise Problem("E502", f"there is no inner cell or layer `{key}`", s.target.span, fix=fix)
                body.scopes[key] = self._interpolated(s.name, c)
            case ast.Order():
                body.orders.append((s, c))
            case ast.MaskName():
                site = frame.state_prefix + self._path(s.target, c)
                if site in self.sites:
                    parts.masks.append((body.outside.name(self._interpolated(s.foreign, c)), site))
            case ast.For():
                for value in expressions.list_of(s.values, c):
                    self.elaborator.work.spend(1, s.span)
                    inner = Scope(scope)
                    inner.names[s.name] = value
                    self._statements(body, inner, s.body)
            case ast.If():
                chosen = s.body if expressions.truth(s.test, c) else s.orelse
                self._statements(body, scope, chosen)
            case ast.Equation(kind="let"):
                scope.names[s.target.name] = expressions.value(s.value, c)
            case _:
                raise AssertionError(f"the grammar allows no {type(s).__name__} in a layout")

    def _entry(self, s: ast.Entry, c: Context, place: _Place, parts: _Parts) -> None:
        self.elaborator.work.spend(ENTRY_COST, s.span)
        name = place.name(self._interpolated(s.foreign, c))
        if name in parts.arrays:
            raise Problem("E504", f"the foreign array `{name}` is arranged twice", s.foreign.span)
        try:
            value, shape = self._arrangement(s.value, c)
        except _Missing as missing:
            parts.missing.append(missing.name)
            return
        parts.mentioned |= set(_leaves(value))
        parts.arrays[name] = (ForeignArray(name, value, shape), s.span)

    def _order(self, s: ast.Order, c: Context, parts: _Parts) -> None:
        """Put the listed names of this body first, in the places that its names have among all."""
        known = parts.orders.get(s.kind, {"state": self.states, "input": self.inputs, "output": self.outputs}[s.kind])
        prefix = c.frame.state_prefix if s.kind == "state" else ""
        mine = [n for n in known if n.startswith(prefix)]
        listed: list[str] = []
        for item, inner in self._items(s.value, c):
            name = prefix + self._path(item, inner)
            members = [n for n in mine if n == name or n.startswith((name + ".", name + "["))]
            if not members:
                raise Problem("E505", f"there is no {s.kind} `{name}`", item.span, fix=did_you_mean(name, known))
            if set(members) & set(listed):
                raise Problem("E505", f"the {s.kind} `{name}` stands twice in this order", item.span)
            listed.extend(members)
        ordered = iter([*listed, *(n for n in mine if n not in listed)])
        parts.orders[s.kind] = [next(ordered) if n.startswith(prefix) else n for n in known]

    # --- arrangements ---

    def _arrangement(self, e: ast.Expr, c: Context) -> Arranged:
        match e:
            case ast.List():
                return self._blocks(e, c)
            case ast.Call(function=ast.Name(id=name)):
                return self._call(name, e, c)
            case ast.Unary(op="-"):
                item, shape = self._arrangement(e.operand, c)
                return Affine(item, -1.0, 0.0), shape
            case ast.Binary(op="+" | "-" | "*" | "/"):
                return self._affine(e, c)
            case ast.Conditional():
                chosen = e.value if self.elaborator.expressions.truth(e.test, c) else e.orelse
                if chosen is None:
                    raise Problem("E506", "this has no value: its condition is false", e.span)
                return self._arrangement(chosen, c)
            case _:
                name = c.frame.prefix + self._path(e, c)
                if name not in self.shapes:
                    raise _Missing(name)
                return Leaf(name), self.shapes[name]

    def _items(self, e: ast.List, c: Context) -> Iterator[tuple[ast.Expr, Context]]:
        """List items, with comprehensions spliced and items left out whose condition is false."""
        for item in e.items:
            if isinstance(item, ast.Comprehension):
                for inner in self.elaborator.expressions.each(item.clauses, c):
                    yield item.value, inner
            elif isinstance(item, ast.Conditional) and item.orelse is None:
                if self.elaborator.expressions.truth(item.test, c):
                    yield item.value, c
            else:
                yield item, c

    def _blocks(self, e: ast.List, c: Context) -> Arranged:
        items = [self._arrangement(item, inner) for item, inner in self._items(e, c)]
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
        a = Arguments(self.elaborator.expressions, e, c, name)
        match name:
            case "T":
                a.count(1)
                item, shape = self._arrangement(a.operands[0].expression, c)
                if len(shape) < 2:
                    raise Problem("E507", "`T` swaps the last two axes; this has fewer", e.span)
                n = len(shape)
                order = (*range(n - 2), n - 1, n - 2)
                return Transposed(item, order), tuple(shape[i] for i in order)
            case "transpose":
                a.count(2)
                item, shape = self._arrangement(a.operands[0].expression, c)
                order = tuple(int(v.known) for v in self._numbers(a, 1) if v.known is not None)
                if sorted(order) != list(range(len(shape))):
                    raise Problem("E507", f"the order names each of the {len(shape)} axes once", e.span)
                return Transposed(item, order), tuple(shape[i] for i in order)
            case "reshape":
                a.count(2)
                item, shape = self._arrangement(a.operands[0].expression, c)
                sizes = self._sizes(a, 1)
                if product(sizes) != product(shape):
                    raise Problem(
                        "E507", f"{product(shape)} numbers do not fill [{', '.join(map(str, sizes))}]", e.span
                    )
                return Reshaped(item, sizes, shape), sizes
            case "concat":
                axis = self.elaborator.expressions.integer(a.options["axis"].value, c) if a.has("axis") else -1
                return self._cat([self._arrangement(o.expression, o.context) for o in a.operands], axis, e.span)
            case "unused":
                a.count(1, 2)
                sizes = self._sizes(a, 0)
                value = (
                    self.elaborator.expressions.number(a.operands[1].expression, c) if len(a.operands) > 1 else Num(0)
                )
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
            sizes.append(number.size)
        return tuple(sizes)

    def _affine(self, e: ast.Binary, c: Context) -> Arranged:
        """foreign = item * number, item + number, …"""
        left, right = self._number(e.left, c), self._number(e.right, c)
        if (left is None) == (right is None):
            fix = "blocks stand side by side in a list: `[a, b]`"
            raise Problem("E506", f"`{e.op}` stands between one parameter and one number here", e.span, fix=fix)
        item, shape = self._arrangement(e.right if left is not None else e.left, c)
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
            if c.frame.prefix + self._path(e, c) in self.shapes:
                return None
        except Problem:
            pass
        try:
            value = self.elaborator.expressions.value(e, c)
        except Problem:
            return None
        return float(value.known) if isinstance(value, Num) and value.known is not None else None

    # --- names ---

    def _path(self, e: ast.Expr, c: Context) -> str:
        """`y[0].forward.i.x`: names, members and attributes as text."""
        match e:
            case ast.Name():
                return e.id
            case ast.Attribute():
                return f"{self._path(e.base, c)}.{e.name}"
            case ast.Subscript():
                places = tuple(i for i in e.items if not isinstance(i, ast.Slice))
                indices = self.elaborator.expressions.indices(places, c)
                return f"{self._path(e.base, c)}[{','.join(map(str, indices))}]"
            case _:
                raise Problem("E506", "the name of a parameter is wanted here", e.span, fix="for example `i.x`")

    def _interpolated(self, string: ast.String, c: Context) -> str:
        """`cell_{k}` with compile-time values put in."""

        def value(match: re.Match[str]) -> str:
            try:
                e = parse_expression(Source("layout", match.group(1)))
                return str(self.elaborator.expressions.integer(e, c))
            except DiagnosticError:
                raise Problem("E509", f"cannot read `{{{match.group(1)}}}`", string.span) from None
            except Problem as problem:
                raise Problem("E509", f"in `{{{match.group(1)}}}`: {problem.message}", string.span) from None

        return re.sub(r"\{([^{}]+)\}", value, string.value)


def _layout_names(frame: Frame) -> Iterator[str]:
    for block, _ in frame.layouts:
        yield block.name
    for child in frame.children.values():
        yield from _layout_names(child)


def _depth(e: ast.Expr) -> int:
    """How deep lists are nested: one level is blocks along the last axis, two along the last two."""
    if not isinstance(e, ast.List):
        return 0
    inner = [i.value if isinstance(i, ast.Comprehension | ast.Conditional) else i for i in e.items]
    return 1 + max((_depth(i) for i in inner), default=0)


def _leaves(value: Arrangement) -> Iterator[str]:
    match value:
        case Leaf():
            yield value.parameter
        case Cat():
            for item in value.items:
                yield from _leaves(item)
        case Unused():
            pass
        case _:
            yield from _leaves(value.item)
