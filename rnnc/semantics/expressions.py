"""Evaluates expressions: compile-time values are computed, tensors become nodes of the body's graph."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnc.diagnostics import Note, Span
from rnnc.ir.size import Size
from rnnc.semantics.frames import Frame, Indices, Owner
from rnnc.semantics.nodes import MAX_SIZE, Node
from rnnc.semantics.scope import Lazy, Problem, Scope, Told, did_you_mean
from rnnc.semantics.values import (
    ABSENT,
    Absent,
    CellValue,
    Choice,
    FnValue,
    Instance,
    LayerValue,
    Many,
    Num,
    Promise,
    Shaped,
    Tensor,
    Value,
    describe,
)
from rnnc.syntax import ast

if TYPE_CHECKING:
    from rnnc.semantics.elaborator import Elaborator

MAX_LIST = 100_000
MAX_COMPLEXITY = 2_000
CONSTANTS: dict[str, Value] = {"inf": Num(math.inf), "pi": Num(math.pi)}
ELEMENTWISE = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod", "//": "floordiv", "**": "pow",
    "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne",
}  # fmt: skip


@dataclass(frozen=True)
class Context:
    """Where an expression stands: its scope, frame, and the equation whose name its weights take."""

    scope: Scope
    frame: Frame
    owner: Owner | None = None
    name: str | None = None  # from `as`

    def with_scope(self, scope: Scope) -> Context:
        return Context(scope, self.frame, self.owner, self.name)

    def named(self, name: str | None) -> Context:
        return Context(self.scope, self.frame, self.owner, name)


class ListWeights:
    """How many numbers lists hold, those inside of them too: `[a, a]` of `[b, b]` of … is short, and huge."""

    def __init__(self) -> None:
        self._known: dict[
            int, tuple[tuple[Value, ...], int]
        ] = {}  # by identity; the list is kept, so its id is its own

    def made(self, items: tuple[Value, ...], span: Span) -> tuple[Value, ...]:
        """The list, if it is not too large."""
        weight = sum(1 + self._known[id(i)][1] if id(i) in self._known else 1 for i in items)
        if weight > MAX_LIST:
            raise Problem("E219", f"this list holds more than {MAX_LIST} values", span)
        self._known[id(items)] = items, weight
        return items


class Expressions:
    """The evaluator. `elaborator` knows how to call functions and cells."""

    def __init__(self, elaborator: Elaborator) -> None:
        self.elaborator = elaborator
        self._lists = ListWeights()

    # --- entry points ---

    def value(self, e: ast.Expr, c: Context) -> Value:
        self.elaborator.work.spend(1, e.span)
        match e:
            case ast.Number():
                return Num(e.value)
            case ast.String():
                return e.value
            case ast.Constant():
                return e.value
            case ast.Name():
                return self._name(e, c)
            case ast.Attribute():
                return self._attribute(e, c)
            case ast.Subscript():
                return self._subscript(e, c)
            case ast.Unary():
                return self._unary(e, c)
            case ast.Binary():
                return self._binary(e, c)
            case ast.Conditional():
                if self.truth(e.test, c):
                    return self.value(e.value, c)
                return ABSENT if e.orelse is None else self.value(e.orelse, c)
            case ast.Range():
                return self._range(e, c)
            case ast.List():
                return self._lists.made(tuple(self.items(e.items, c)), e.span)
            case ast.Comprehension():
                return self._lists.made(tuple(self._comprehend(e, c)), e.span)
            case ast.As():
                return self.value(e.call, c.named(e.name))
            case ast.Call():
                return self.elaborator.call(e, c)
            case ast.With():
                return self.elaborator.definitions.derive(self.value(e.base, c), e, c.scope)

    def tensor(self, e: ast.Expr, c: Context) -> Node:
        """An expression that must be a tensor (numbers count)."""
        return self.to_node(self.value(e, c), e.span, c)

    def to_node(self, value: Value, span: Span, c: Context) -> Node:
        graph = c.frame.graph
        match value:
            case Tensor():
                return value.node
            case bool():
                return graph.add("const", (), span, (), value=value)
            case Num():
                return graph.add("const", (), span, (), value=value.value)
            case Absent():
                raise Problem(
                    "E212",
                    "this has no value: its condition is false and it has no `else`",
                    span,
                    fix="an `if` without `else` may only be a term of a sum or a factor of a product; add `else …`",
                )
            case Choice():
                raise unknown_name(value.word, span, c)
            case Many():
                names = ", ".join(n for n, _ in value.items)
                raise Problem("E213", f"this has several outputs: {names}", span, fix="pick one: `y.name`")
            case _:
                raise Problem("E213", f"a tensor or a number is wanted here, not {describe(value)}", span)

    def items(self, expressions: tuple[ast.Expr, ...], c: Context) -> Iterator[Value]:
        """Values with comprehensions spliced in."""
        for e in expressions:
            if isinstance(e, ast.Comprehension):
                yield from self._comprehend(e, c)
            else:
                yield self.value(e, c)

    # --- compile-time kinds ---

    def number(self, e: ast.Expr, c: Context) -> Num:
        value = self.value(e, c)
        if isinstance(value, Num):
            return value
        if isinstance(value, Choice):
            raise unknown_name(value.word, e.span, c)
        raise Problem("E206", f"a compile-time number is wanted here, not {describe(value)}", e.span)

    def integer(self, e: ast.Expr, c: Context) -> int:
        number = self.number(e, c)
        if number.known is None:
            raise needs_value(number, e.span)
        if not float(number.known).is_integer():
            raise Problem("E206", f"a whole number is wanted here, not {number.known}", e.span)
        return int(number.known)

    def size(self, e: ast.Expr, c: Context) -> Size:
        """A size: a whole number that is not negative, or an open one."""
        number = self.number(e, c)
        size = number.size
        if size is None or (size.constant is not None and size.constant < 0):
            raise Problem("E208", f"a size is a whole number, not {number.value}", e.span)
        if size.constant is not None and size.constant > MAX_SIZE:
            raise Problem("E208", f"a size is at most {MAX_SIZE}", e.span)
        return size

    def axis(self, axis: ast.Axis, c: Context) -> Shaped:
        """`label: size`, or a bare size whose text is its label."""
        number = self.number(axis.size, c)
        size = self.size(axis.size, c)
        if size.constant == 0:
            raise Problem("E208", "an axis has at least one place, and this size is 0", axis.size.span)
        if axis.label is not None:
            return Shaped(axis.label, size, strong=True)
        if number.label is not None:
            return Shaped(number.label, size, number.strong)
        return Shaped(str(size), size)

    def truth(self, e: ast.Expr, c: Context) -> bool:
        value = self.value(e, c)
        match value:
            case bool():
                return value
            case None:
                return False
            case Num():
                return True if value.known is None else value.known != 0
            case tuple() | FnValue() | CellValue() | LayerValue():
                return value != ()
            case Choice():
                raise unknown_name(value.word, e.span, c)
            case Tensor():
                raise Problem(
                    "E209", "a condition is decided at compile time, but this is a tensor", e.span,
                    fix="choose between tensors with `where(test, a, b)`",
                )  # fmt: skip
            case _:
                raise Problem("E209", f"a condition is wanted here, not {describe(value)}", e.span)

    def list_of(self, e: ast.Expr, c: Context) -> tuple[Value, ...]:
        value = self.value(e, c)
        if isinstance(value, tuple):
            return value
        if isinstance(value, Choice):
            raise unknown_name(value.word, e.span, c)
        fix = f"did you mean `0..{e.span.text}`?" if isinstance(value, Num) else None
        raise Problem("E210", f"a list or range is wanted here, not {describe(value)}", e.span, fix=fix)

    def label(self, e: ast.Expr, c: Context) -> str | None:
        """The axis that an expression names, if it can name one."""
        if isinstance(e, ast.Name) and not e.primed:
            found = c.scope.find(e.id)
            if found is None:
                return e.id
            value = self.read(found, e.span)
            if isinstance(value, Num):
                return value.label or e.id
            if isinstance(value, Choice):
                return value.word
            return e.id
        if isinstance(e, ast.String):
            return e.value
        if isinstance(e, ast.Number):
            return e.text
        return None

    def labels(self, e: ast.Expr, c: Context) -> tuple[str, ...]:
        """One axis or a list of axes."""
        parts = e.items if isinstance(e, ast.List) else (e,)
        found: list[str] = []
        for part in parts:
            label = self.label(part, c)
            if label is None:
                raise Problem("E214", "the name of an axis is wanted here", part.span)
            found.append(label)
        return tuple(found)

    def indices(self, expressions: tuple[ast.Expr, ...], c: Context) -> Indices:
        return tuple(self.integer(e, c) for e in expressions)

    # --- names ---

    def read(self, found: tuple[Scope, Value | Lazy], span: Span) -> Value:
        scope, value = found
        if not isinstance(value, Lazy):
            return value
        if value.running:
            raise Problem("E204", "this `let` needs itself", value.span, notes=[Note("read here", span)])
        value.running = True
        try:
            result = self.value(value.expression, Context(value.scope, value.frame))
        finally:
            value.running = False
        for name, entry in scope.names.items():
            if entry is value:
                if isinstance(result, Num):
                    result = Num(result.value, name)
                scope.names[name] = result
                break
        return result

    def _name(self, e: ast.Name, c: Context) -> Value:
        node = self.elaborator.member(e.id, e.primed, (), c, e.span)
        if node is not None:
            return Tensor(node)
        if e.id in c.frame.broken:
            raise Told(e.span)
        if c.frame.members.get((e.id, e.primed)) or any(k.startswith(e.id + "[") for k in c.frame.instances):
            shown = e.id + "'" * e.primed
            raise Problem("E203", f"`{shown}` is a family: which member?", e.span, fix=f"write `{shown}[k]`")
        if not e.primed:
            if e.id in c.frame.instances:
                return Instance(e.id)
            found = c.scope.find(e.id)
            if found is not None:
                value = self.read(found, e.span)
                if isinstance(value, Num) and value.label is None:
                    return Num(value.value, e.id)
                return value
            if e.id in CONSTANTS:
                return CONSTANTS[e.id]
            if e.id == "step" and c.frame.body.kind == "cell":
                return Tensor(self.elaborator.step_index(c.frame.body, e.span))
            if self.elaborator.is_builtin(e.id):
                return FnValue(e.id)
            return Choice(e.id)
        raise unknown_name(e.id, e.span, c, primed=True)

    def _attribute(self, e: ast.Attribute, c: Context) -> Value:
        base = self.value(e.base, c)
        match base:
            case Instance():
                return self.elaborator.instance_attribute(base, e, c)
            case Many() if not e.primed:
                found = dict(base.items)
                if e.name in found:
                    return found[e.name]
                raise Problem(
                    "E201",
                    f"no output `{e.name}`; there are {', '.join(found)}",
                    e.span,
                    fix=did_you_mean(e.name, found),
                )
            case CellValue() | LayerValue() if e.name == "output" and not e.primed:
                return self.elaborator.output_promise(base, e.span)
            case Promise():
                if e.name == "size" and not e.primed:
                    return Num(base.size)
                raise Problem("E201", f"an output has no `{e.name}` at compile time", e.span, fix="`.output.size`")
            case Choice():
                raise unknown_name(base.word, e.base.span, c)
            case _:
                raise Problem("E201", f"{describe(base)} has no `{e.name}`", e.span)

    def _subscript(self, e: ast.Subscript, c: Context) -> Value:
        slices = [i for i in e.items if isinstance(i, ast.Slice)]
        places = tuple(i for i in e.items if not isinstance(i, ast.Slice))
        if slices and places:
            raise Problem("E215", "a member and a slice in one bracket", e.span, fix="`h[k][units = a:b]`")
        if slices:
            node = self.tensor(e.base, c)
            for item in slices:
                node = self._slice(node, item, e.span, c)
            return Tensor(node)
        if isinstance(e.base, ast.Name):
            name = e.base
            members = c.frame.members.get((name.id, name.primed), {})
            if any(members) or self.elaborator.has_instance_family(name.id, c):
                indices = self.indices(places, c)
                key = f"{name.id}[{','.join(map(str, indices))}]"
                if not name.primed and key in c.frame.instances:
                    return Instance(key)
                node = self.elaborator.member(name.id, name.primed, indices, c, e.span)
                if node is not None:
                    return Tensor(node)
                if name.id in c.frame.broken:
                    raise Told(e.span)
                raise self.elaborator.no_member(name.id, name.primed, indices, c, e.span)
        if isinstance(e.base, ast.Attribute):
            node = self.elaborator.instance_member(e.base, self.indices(places, c), c)
            if node is not None:
                return Tensor(node)
        base = self.value(e.base, c)
        if isinstance(base, tuple):
            if len(places) != 1:
                raise Problem("E215", "a list has one index", e.span)
            index = self.integer(places[0], c)
            if not -len(base) <= index < len(base):
                raise Problem("E216", f"index {index} is outside of this list of {len(base)}", places[0].span)
            return base[index]
        if isinstance(base, Tensor):
            raise Problem(
                "E215",
                "a tensor is not indexed by position",
                e.span,
                fix="name the axis: `x[units = k]` or `x[units = a:b]`",
            )
        if isinstance(base, Choice):
            raise unknown_name(base.word, e.base.span, c)
        raise Problem("E215", f"{describe(base)} has no members", e.span)

    def _slice(self, node: Node, item: ast.Slice, span: Span, c: Context) -> Node:
        lo = self.number(item.lo, c).size if item.lo is not None else None
        hi = self.number(item.hi, c).size if item.hi is not None else None
        if not item.is_range and lo is not None:
            hi = None if lo.constant == -1 else lo + 1
        label = self.label(ast.Name(item.axis, span=item.span), c) or item.axis
        start = item.span.start
        spots = {label: Span(item.span.source, start, start + len(item.axis))}
        drop = not item.is_range
        return c.frame.graph.add("slice", (node,), span, None, axis=label, lo=lo, hi=hi, drop=drop, spots=spots)

    # --- operators ---

    def _unary(self, e: ast.Unary, c: Context) -> Value:
        if e.op == "not":
            value = self.value(e.operand, c)
            if isinstance(value, Tensor):
                return Tensor(c.frame.graph.add("elementwise", (value.node,), e.span, ir="logical_not"))
            return not self.truth(e.operand, c)
        value = self.value(e.operand, c)
        match value:
            case Num():
                return value if e.op == "+" else Num(-value.value)
            case Absent():
                return ABSENT
            case _:
                node = self.to_node(value, e.operand.span, c)
                return Tensor(node if e.op == "+" else c.frame.graph.add("elementwise", (node,), e.span, ir="neg"))

    def _binary(self, e: ast.Binary, c: Context) -> Value:
        if e.op in ("and", "or"):
            return self._logic(e, c)
        left, right = self.value(e.left, c), self.value(e.right, c)
        if e.op in ("==", "!=") and not isinstance(left, Tensor) and not isinstance(right, Tensor):
            return self._equal(e, left, right, c) == (e.op == "==")
        if isinstance(left, Absent) or isinstance(right, Absent):
            return self._absent(e, left, right, c)
        if isinstance(left, tuple) and isinstance(right, tuple) and e.op == "+":
            self.elaborator.work.spend(len(left) + len(right), e.span)
            return self._lists.made(left + right, e.span)
        if isinstance(left, Num) and isinstance(right, Num):
            result = self._numbers(e, left, right)
            if result is not None:
                return result
        a, b = self.to_node(left, e.left.span, c), self.to_node(right, e.right.span, c)
        if e.op == "@":
            return Tensor(c.frame.graph.add("matmul", (a, b), e.span))
        return Tensor(c.frame.graph.add("elementwise", (a, b), e.span, ir=ELEMENTWISE[e.op]))

    def _logic(self, e: ast.Binary, c: Context) -> Value:
        left = self.value(e.left, c)
        if isinstance(left, Tensor):
            name = f"logical_{e.op}"
            right = self.tensor(e.right, c)
            return Tensor(c.frame.graph.add("elementwise", (left.node, right), e.span, ir=name))
        if e.op == "and":
            return self.truth(e.left, c) and self.truth(e.right, c)
        if isinstance(left, bool):  # a boolean is never none: here `or` is the logical one
            return left or self.truth(e.right, c)
        if isinstance(left, Choice):
            raise unknown_name(left.word, e.left.span, c)
        return self.value(e.right, c) if left is None else left

    def _equal(self, e: ast.Binary, left: Value, right: Value, c: Context) -> bool:
        for one, other, spot in ((left, right, e.right), (right, left, e.left)):
            if isinstance(one, Choice) and one.among and isinstance(other, Choice) and other.word not in one.among:
                choices = ", ".join(one.among)
                raise Problem(
                    "E217",
                    f"`{other.word}` is none of the choices {choices}",
                    spot.span,
                    fix=did_you_mean(other.word, one.among),
                )
        if isinstance(left, Num) and isinstance(right, Num):
            result = self._compare("==", left, right)
            if result is None:
                raise needs_value(left if left.known is None else right, e.span)
            return result
        if isinstance(left, FnValue) and isinstance(right, FnValue):
            return left.name == right.name
        if isinstance(left, Choice) and not left.among and not isinstance(right, Choice):
            raise unknown_name(left.word, e.left.span, c)
        if isinstance(right, Choice) and not right.among and not isinstance(left, Choice):
            raise unknown_name(right.word, e.right.span, c)
        return type(left) is type(right) and left == right

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
            node = self.to_node(right, e.right.span, c)
            return Tensor(c.frame.graph.add("elementwise", (node,), e.span, ir="neg"))
        return right

    def _numbers(self, e: ast.Binary, left: Num, right: Num) -> Value:
        """Arithmetic of compile-time numbers; None where only a tensor can hold the result."""
        if e.op in ("<", "<=", ">", ">="):
            result = self._compare(e.op, left, right)
            if result is None:
                raise needs_value(left if left.known is None else right, e.span)
            return result
        if e.op == "@":
            raise Problem("E309", "`@` multiplies tensors, not numbers", e.span)
        a, b = left.value, right.value
        try:
            if isinstance(a, Size) or isinstance(b, Size):
                return self._checked_size(self._sizes(e.op, left, right), e)
            if e.op == "**":
                if abs(b) > 1024 or abs(a) > 1e154:
                    raise OverflowError
                power = a**b
                if isinstance(power, complex):
                    raise Problem("E218", "a root of a negative number", e.span)
                return Num(power)
            result = _ARITHMETIC[e.op](a, b)
        except ZeroDivisionError:
            raise Problem("E218", "division by zero", e.span) from None
        except OverflowError:
            raise Problem("E218", "this number is too large", e.span) from None
        if isinstance(result, int) and abs(result) > 2**62:
            raise Problem("E218", "this number is too large", e.span)
        return Num(result)

    @staticmethod
    def _checked_size(value: Value, e: ast.Binary) -> Value:
        """Arithmetic of open sizes ends before its terms are too many or too large to work with."""
        if isinstance(value, Num) and isinstance(value.value, Size) and value.value.complexity > MAX_COMPLEXITY:
            raise Problem("E218", "this size is too complicated", e.span, fix="give some of its parameters")
        return value

    def _sizes(self, op: str, left: Num, right: Num) -> Value:
        a, b = left.size, right.size
        if a is None or b is None:
            return None
        if op == "/" and b.constant is not None and b.constant != 0 and (a % b).constant == 0:
            return Num(a // b)
        if op in ("*", "**") and a.complexity * b.complexity > MAX_COMPLEXITY:
            return None
        if (
            op == "**"
            and b.constant is not None
            and 0 <= b.constant <= 8
            and a.complexity**b.constant <= MAX_COMPLEXITY
        ):
            power = Size.of(1)
            for _ in range(b.constant):
                power = power * a
            return Num(power)
        operation = {"+": a.__add__, "-": a.__sub__, "*": a.__mul__, "//": a.__floordiv__, "%": a.__mod__}.get(op)
        return Num(operation(b)) if operation else None

    @staticmethod
    def _compare(op: str, left: Num, right: Num) -> bool | None:
        a, b = left.known, right.known
        if a is None or b is None:
            if left.size is None or right.size is None:
                return None
            difference = (left.size - right.size).constant
            if difference is None:
                return None
            a, b = difference, 0
        return _COMPARISONS[op](a, b)

    # --- lists ---

    def _range(self, e: ast.Range, c: Context) -> Value:
        lo, hi = self.integer(e.lo, c), self.integer(e.hi, c)
        if hi - lo > MAX_LIST:
            raise Problem("E219", f"this range has {hi - lo} members; at most {MAX_LIST} are unrolled", e.span)
        self.elaborator.work.spend(max(hi - lo, 0), e.span)
        return tuple(Num(i) for i in range(lo, hi))

    def _comprehend(self, e: ast.Comprehension, c: Context) -> Iterator[Value]:
        for context in self.each(e.clauses, c):
            yield self.value(e.value, context)

    def each(self, clauses: tuple[ast.Clause, ...], c: Context) -> Iterator[Context]:
        """The contexts that the clauses of a comprehension run through."""
        if not clauses:
            yield c
            return
        clause, *rest = clauses
        for value in self.list_of(clause.values, c):
            self.elaborator.work.spend(1, clause.span)
            scope = Scope(c.scope)
            scope.names[clause.name] = value
            inner = c.with_scope(scope)
            if clause.test is None or self.truth(clause.test, inner):
                yield from self.each(tuple(rest), inner)


_ARITHMETIC: dict[str, Callable[[int | float, int | float], int | float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a // b if isinstance(a, int) and isinstance(b, int) and a % b == 0 else a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
}


def needs_value(number: Num, span: Span) -> Problem:
    """A size steers something and must be given."""
    name = min(number.value.symbols) if isinstance(number.value, Size) and number.value.symbols else "it"
    return Problem(
        "E207",
        f"`{name}` must be given: it decides the structure here",
        span,
        fix=f"give it a value: `-D {name}=…` on the command line, or `{name} = …` where the cell is used",
    )


def unknown_name(name: str, span: Span, c: Context, *, primed: bool = False) -> Problem:
    """E201, with what it may have meant."""
    if name in c.frame.broken or (primed and any(n == name for n, _ in c.frame.states)):
        return Told(span)  # its definition, or the state that lacks an equation, is reported
    if primed and (name, False) in c.frame.members:
        fix = f"read `{name}`, or declare it: `state {name}[…]`"
        return Problem("E202", f"`{name}` is no state, so there is no `{name}'`", span, fix=fix)
    if primed:
        states = {n + "'" for n, _ in c.frame.states}
        return Problem("E201", f"`{name}'` is not defined", span, fix=did_you_mean(name + "'", states))
    if name in c.frame.dropped:
        notes = [Note("dropped here", c.frame.dropped[name])]
        fix = "replace what reads it, or drop that too"
        return Problem("E201", f"`{name}` is dropped, and yet it is read", span, notes=notes, fix=fix)
    if name == "step":
        return Problem("E201", "`step` is not defined", span, fix="the index of the step is known in cells")
    names = {n for n, _ in c.frame.members} | c.scope.all_names() | set(c.frame.instances) | c.frame.body_words()
    return Problem("E201", f"`{name}` is not defined", span, fix=did_you_mean(name, names - {name}))
