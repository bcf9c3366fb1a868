"""Evaluates expressions: compile-time values are computed, tensors become nodes of the body's graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

from rnnc.diagnostics import Note, Span
from rnnc.ir.size import Size
from rnnc.semantics.bodies.frames import Context, Indices
from rnnc.semantics.bodies.numbers_wanted import number_wanted
from rnnc.semantics.bodies.remedies import as_tensor
from rnnc.semantics.expressions.elaborates import Elaborates
from rnnc.semantics.expressions.labelled import as_given, brought_in, given_axes, given_axis, of_operands
from rnnc.semantics.expressions.lists import MAX_LIST, ListWeights
from rnnc.semantics.expressions.names import Names, unknown_name
from rnnc.semantics.expressions.operators import Operators
from rnnc.semantics.expressions.unknown import UnknownNames
from rnnc.semantics.near import did_you_mean
from rnnc.semantics.problems import Problem, Told, Work
from rnnc.semantics.scopes.numbers import needs_value, of_quotient
from rnnc.semantics.scopes.values import (
    ABSENT,
    Absent,
    CellValue,
    Choice,
    FnValue,
    LayerValue,
    Many,
    Num,
    Tensor,
    Value,
    describe,
)
from rnnc.semantics.scopes.variants import Variants
from rnnc.semantics.shapes.nodes import MAX_SIZE, Node
from rnnc.semantics.shapes.shaped import Shaped
from rnnc.syntax import ast


class Expressions:
    """The evaluator. `elaborator` knows how to call functions and cells, `variants` how to derive cells."""

    def __init__(self, elaborator: Elaborates, variants: Variants, work: Work) -> None:
        self.elaborator, self.variants, self.work = elaborator, variants, work
        self.lists = ListWeights()
        self.names = Names(self, elaborator)
        self.unknown = UnknownNames(self.names, elaborator)
        self.operators = Operators(self, self.lists, work)

    # --- entry points ---

    def value(self, e: ast.Expr, c: Context) -> Value:
        self.work.spend(1, e.span)
        match e:
            case ast.Number():
                return Num(e.value)
            case ast.String():
                return e.value
            case ast.Constant():
                return e.value
            case ast.Name():
                return self.names.name(e, c)
            case ast.Attribute():
                return self.names.attribute(e, c)
            case ast.Subscript():
                return self.names.subscript(e, c)
            case ast.Unary():
                return self.operators.unary(e, c)
            case ast.Binary():
                return self.operators.binary(e, c)
            case ast.Conditional():
                if self.truth(e.test, c):
                    return self.value(e.value, c)
                return ABSENT if e.orelse is None else self.value(e.orelse, c)
            case ast.Range():
                return self._range(e, c)
            case ast.List():
                return self.lists.made(tuple(self.items(e.items, c)), e.span)
            case ast.LabelledSize():
                message = "an axis with its size stands only where the axes of a result are listed"
                raise Problem("E214", message, e.span, fix="`linear(x, out = [head: 4, unit])`")
            case ast.Comprehension():
                return self.lists.made(tuple(self._comprehend(e, c)), e.span)
            case ast.As():
                return self.elaborator.named_call(e, c)
            case ast.Call():
                return self.elaborator.call(e, c)
            case ast.With():
                return self.variants.derive(self.value(e.base, c), e, c.scope)

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
                    fix="an `if` without `else` is a term of a sum, a factor, or an operand of `linear`, `conv` or "
                    "`concat`; add `else …`",
                )
            case Choice():
                raise unknown_name(value.word, value.span or span, c)
            case Many():
                names = ", ".join(n for n, _ in value.items)
                raise Problem("E213", f"this has several outputs: {names}", span, fix="pick one: `y.name`")
            case FnValue() if c.frame.may_have_had(value.name):
                raise Told(span)  # text that could not be read may have given the name to a value
            case _:
                message = f"a tensor or a number is wanted here, not {describe(value)}"
                raise Problem("E213", message, span, fix=as_tensor(value, span))

    def items(self, expressions: tuple[ast.Expr, ...], c: Context) -> Iterator[Value]:
        """Values with comprehensions spliced in."""
        for e in expressions:
            if isinstance(e, ast.Comprehension):
                yield from self._comprehend(e, c)
            else:
                yield self.value(e, c)

    # --- compile-time kinds ---

    def number(self, e: ast.Expr, c: Context, *, is_size: bool = True) -> Num:
        value = self.value(e, c)
        if isinstance(value, Num):
            return value
        if isinstance(value, Choice):
            raise unknown_name(value.word, value.span or e.span, as_given(e, c)[1])
        raise number_wanted(e, value, c, is_size=is_size)

    def integer(self, e: ast.Expr, c: Context) -> int:
        number = self.number(e, c, is_size=False)
        if number.known is None:
            raise needs_value(number, e.span)
        if not float(number.known).is_integer():
            fix = of_quotient(e.span.text)
            raise Problem("E206", f"a whole number is wanted here, not {number.known}", e.span, fix=fix)
        return int(number.known)

    def size(self, e: ast.Expr, c: Context) -> Size:
        """A size: a whole number that is not negative, or an open one."""
        number = self.number(e, c)
        size = number.size
        if size is None or (size.constant is not None and size.constant < 0):
            raise _no_size(f"a size is a whole number, not {number.value}", number, e.span, of_quotient(e.span.text))
        if size.constant is not None and size.constant > MAX_SIZE:
            raise _no_size(f"a size is at most {MAX_SIZE}", number, e.span)
        return size

    def axis(self, axis: ast.Axis, c: Context) -> Shaped:
        """`label: size`, or a bare size whose text is its label."""
        number = self.number(axis.size, c)
        size = self.size(axis.size, c)
        if size.constant == 0:
            raise _no_size("an axis has at least one place, and this size is 0", number, axis.size.span)
        if size.is_negative:
            raise _no_size(f"an axis has at least one place, and `{size}` is below zero", number, axis.size.span)
        if axis.label is not None:
            return Shaped(axis.label, size, strong=True)
        if number.label is not None:
            return Shaped(number.label, size, number.strong)
        return Shaped(str(size), size)

    def own_axis(self, axis: ast.Axis, c: Context) -> Shaped:
        """An axis that this body brings in; where its label is taken by the caller's, it has another one."""
        found = given_axis(axis, c) or self.axis(axis, c)
        if axis.label is None:
            return found
        known = c.frame.axes.get(axis.label)
        if known is not None and known.label.startswith("?") and known.size == found.size:
            return known  # the argument's own axis, of which nothing is known yet
        return replace(found, label=self.own_label(axis.label, c))

    def own_axes(self, axis: ast.Axis, c: Context) -> list[Shaped]:
        """What one entry of a declaration's axes stands for: an axis, or the list of them that a function was given."""
        own = given_axis(axis, c)
        return [own] if own is not None else given_axes(self, axis, c) or [self.own_axis(axis, c)]

    def own_label(self, label: str, c: Context) -> str:
        """A label that this body brings in, or another one where the caller's axes have it under another name.

        `fn f(v[d]) { param p[k: 3, d] … }` is right for a `v` whose axis is called `k`, too.
        """
        frame = c.frame
        known = frame.axes.get(label)
        if known is not None and not known.label.startswith("?"):
            return known.label
        if label in frame.callers and label not in frame.relabelled:
            taken = {*frame.callers, *frame.relabelled.values()}
            frame.relabelled[label] = next(name for n in count(2) if (name := f"{label}_{n}") not in taken)
        return frame.relabelled.get(label, label)

    def named_axis(self, e: ast.Expr, c: Context, operands: Callable[[], list[Node]]) -> Shaped:
        """An axis by its label in this body or among those of the operands, a bare size (`out = [head, 2 * units]`), or
        both (`head: 4`)."""
        if isinstance(e, ast.LabelledSize):
            axis = self.own_axis(ast.Axis(e.label, e.size, span=e.span), c)
            c.frame.axes.setdefault(e.label, axis)
            return axis
        if isinstance(e, ast.Name) and not e.primed:
            axis = c.frame.axes.get(e.id) or brought_in(self, e.id, c, named=True)
            if axis is not None and (axis.strong or c.scope.find(e.id) is None):
                return axis
            if c.scope.find(e.id) is None and e.id not in c.frame.instances:
                if e.id in c.frame.lost:
                    raise Told(e.span)
                if axis := of_operands(e.id, operands(), c) or brought_in(self, e.id, c, named=False):
                    return axis

                def near(name: str = e.id) -> str:
                    return did_you_mean(name, {*c.frame.axes, *c.scope.all_names()}) or f"give its size: `{name}: n`"

                raise Problem("E201", f"there is no axis or size `{e.id}` here", e.span, fix=near, missing=e.id)
        return self.axis(ast.Axis(None, e, span=e.span), c)

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
                raise unknown_name(value.word, value.span or e.span, c)
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
            raise unknown_name(value.word, value.span or e.span, c)
        fix = f"did you mean `0..{e.span.text}`?" if isinstance(value, Num) else None
        raise Problem("E210", f"a list or range is wanted here, not {describe(value)}", e.span, fix=fix)

    def label(self, e: ast.Expr, c: Context) -> str | None:
        """The axis that an expression names, if it can name one."""
        if isinstance(e, ast.Name) and not e.primed:
            found = c.scope.find(e.id)
            if found is None:
                return self.as_label(e.id, c)
            value = self.names.read(found, e.span)
            if isinstance(value, Num):
                if value.label is None and e.id not in c.frame.axes:
                    return str(value.value)  # a function's parameter to which a bare number was given: `softmax(v, 3)`
                return value.label or e.id
            if isinstance(value, Choice):
                return value.word
            if isinstance(value, FnValue) and c.frame.kind == "fn" and e.id in c.frame.parameters:
                return value.name  # an axis may be called as a function is, `len`
            return (value.word if isinstance(value, Tensor) else None) or e.id
        if isinstance(e, ast.String):
            return e.value
        if isinstance(e, ast.Number):
            return e.text
        return None

    def listed(self, e: ast.Expr, c: Context) -> tuple[str, ...] | None:
        """The axes of the list that a name stands for, `axes` of a function that was given `[row, col]`."""
        found = c.scope.find(e.id) if isinstance(e, ast.Name) and not e.primed else None
        value = self.names.read(found, e.span) if found is not None else None
        if not isinstance(value, tuple) or not value:
            return None
        words = [v.label or str(v.value) if isinstance(v, Num) else getattr(v, "word", None) for v in value]
        return tuple(w for w in words if w is not None) if None not in words else None

    def as_label(self, name: str, c: Context) -> str:
        """The label of the axis that a name stands for."""
        known = c.frame.axes.get(name)
        return known.label if known is not None else c.frame.relabelled.get(name, name)

    def labels(self, e: ast.Expr, c: Context) -> tuple[str, ...]:
        """One axis or a list of axes."""
        if (given := self.listed(e, c)) is not None:
            return given
        parts = e.items if isinstance(e, ast.List) else (e,)
        found: list[str] = []
        for part in parts:
            label = self.label(part, c)
            if label is None:
                text = part.span.text
                fix = f"`relabel(…, wide: {text})` gives an axis a name, as does `out = [wide: {text}]`"
                if not isinstance(part, ast.Binary):
                    counted = isinstance(part, ast.Unary) and isinstance(part.operand, ast.Number)
                    fix = "axes are not counted: an axis is meant by its name, `n` of `x[n]`" if counted else None
                raise Problem("E214", "the name of an axis is wanted here", part.span, fix=fix)
            found.append(label)
        return tuple(found)

    def indices(self, expressions: tuple[ast.Expr, ...], c: Context) -> Indices:
        return tuple(self.integer(e, c) for e in expressions)

    def members(self, expressions: tuple[ast.Expr, ...], c: Context) -> Indices:
        """The indices of what is defined. A short name that is unknown is the variable of a loop that is missing."""
        for e in expressions:
            value = self.value(e, c)
            if isinstance(value, Tensor):
                raise _changing(e, value)
            if not isinstance(e, ast.Name) or e.primed or len(e.id) > 2:
                continue
            if c.scope.find(e.id) is None and not c.frame.may_have_had(e.id):
                fix = f"members are defined in a loop: `for {e.id} in 0..n {{ … }}`"
                raise Problem("E201", f"`{e.id}` is not defined", e.span, fix=fix, missing=e.id)
        return self.indices(expressions, c)

    # --- lists ---

    def _range(self, e: ast.Range, c: Context) -> Value:
        lo, hi = self.integer(e.lo, c), self.integer(e.hi, c)
        if hi - lo > MAX_LIST:
            raise Problem("E219", f"this range has {hi - lo} members; at most {MAX_LIST} are unrolled", e.span)
        self.work.spend(max(hi - lo, 0), e.span)
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
            self.work.spend(1, clause.span)
            inner = c.with_scope(c.scope.turn(clause.name, value))
            if clause.test is None or self.truth(clause.test, inner):
                yield from self.each(tuple(rest), inner)


def _no_size(message: str, number: Num, span: Span, fix: str | None = None) -> Problem:
    """E208: told of the argument by which a cell got the number, if it is one as it was given."""
    if number.given is None:
        return Problem("E208", message, span, fix=fix)
    return Problem("E208", message, number.given, notes=[Note("the size is read here", span)])


_TESTS = ("lt", "le", "gt", "ge", "eq", "ne", "logical_and", "logical_or", "logical_not")


def _changing(e: ast.Expr, value: Tensor) -> Problem:
    """E206, of `M'[i] = x` and `v'[v > 1] = 0`: only some places change, and which ones is known at run time."""
    text = e.span.text
    test = text if value.node.attrs.get("ir") in _TESTS else f"places(slot: n) == {text}"
    message = f"members are counted when the cell is compiled, and `{text}` is a tensor"
    return Problem("E206", message, e.span, fix=f"what changes at some places only is `where({test}, new, old)`")
