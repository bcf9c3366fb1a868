"""The functions that the language brings along, and the table of them: elementwise ones, reductions, products.

Other modules add theirs. Those that can be written in the language stand in prelude.rnn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from rnnc.ir.size import Size
from rnnc.semantics.expressions.arguments import Arguments
from rnnc.semantics.functions.over_time import means_time, temporal
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import Absent, Num, Tensor, Value, describe
from rnnc.semantics.shapes.nodes import Node
from rnnc.semantics.shapes.rules.elementwise import UNARY
from rnnc.syntax import ast

Builtin = Callable[[Arguments], Value]
BUILTINS: dict[str, Builtin] = {}
LABELLED: dict[str, int] = {}  # functions whose operands have labels, from which on: those of `linear`, new axes
WEIGHTED: set[str] = set()  # functions with weights, which equations may share
MASKED: set[str] = set()  # functions that draw masks
AXES: dict[str, range] = {}  # functions that some operands tell an axis, or a list of them, by its name
AXIS_OPTIONS = frozenset({"axis", "axes", "over", "per", "each", "out"})  # of all functions
ONE_AXIS, ALL_AXES = range(1, 2), range(1, 1000)


def builtin(
    *names: str, labels: int | None = None, axes: range | None = None, weights: bool = False, masks: bool = False
) -> Callable[[Builtin], Builtin]:
    """Registers a function under the names that the language has for it. Its operands have labels from `labels` on;
    those at `axes` are names of axes, whatever else has that name."""

    def add(function: Builtin) -> Builtin:
        for name in names:
            BUILTINS[name] = function
            if labels is not None:
                LABELLED[name] = labels
            if axes is not None:
                AXES[name] = axes
            if weights:
                WEIGHTED.add(name)
            if masks:
                MASKED.add(name)
        return function

    return add


def added(a: Arguments, op: str, *nodes: Node, **attrs: object) -> Tensor:
    """A node of the graph for this call."""
    return Tensor(a.context.frame.graph.add(op, nodes, a.span, None, spots=a.spots(), **attrs))


def _elementwise(a: Arguments, ir: str, *nodes: Node, **options: object) -> Tensor:
    return added(a, "elementwise", *nodes, ir=ir, options=options)


# --- elementwise ---

_NUMERIC: dict[str, Callable[[float], float]] = {
    "neg": lambda v: -v, "abs": abs, "exp": math.exp, "log": math.log, "sqrt": math.sqrt, "sin": math.sin,
    "cos": math.cos, "tanh": math.tanh, "floor": math.floor, "ceil": math.ceil, "round": round, "log1p": math.log1p,
    "expm1": math.expm1, "square": lambda v: v * v,
}  # fmt: skip


@builtin(*(n for n in UNARY if n not in ("neg", "logical_not")))
def _unary(a: Arguments) -> Value:
    a.count(1)
    a.allow()
    value = a.value(0)
    if isinstance(value, Num) and value.known is not None and a.name in _NUMERIC:
        try:
            return Num(_NUMERIC[a.name](value.known))
        except (ValueError, OverflowError):
            raise Problem("E218", f"`{a.name}` of {value.known} is no number", a.span) from None
    return _elementwise(a, a.name, a.evaluate.to_node(value, a.operands[0].span, a.context))


@builtin("gradient")
def _gradient(a: Arguments) -> Value:
    """gradient(number, v): the derivative of a number of this step by a value that it is made of."""
    a.count(2)
    a.allow()
    of, by = a.operands
    e = by.expression
    attrs = {"of": of.span.text, "by": by.span.text, "kind": "made"}
    if isinstance(e, ast.Subscript) and any(isinstance(i, ast.Slice) for i in e.items):
        attrs.update(kind="slice", whole=e.base.span.text)
    elif isinstance(e, ast.Name | ast.Attribute | ast.Subscript):
        attrs["kind"] = "name"
    spots = {of.span.text: of.span, by.span.text: by.span}
    return Tensor(a.context.frame.graph.add("gradient", a.nodes(), a.span, None, spots=spots, **attrs))


@builtin("sum", "mean", "prod", axes=ALL_AXES)
def _fold(a: Arguments) -> Value:
    """Over named axes of one value, or of the members of a list."""
    members = members_of(a)
    return reduced(a) if members is None else folded(a, members)


_FOLDS: dict[str, tuple[str, Callable[[Sequence[float]], float]]] = {
    "sum": ("add", sum), "prod": ("mul", math.prod), "max": ("max", max), "min": ("min", min),
    "mean": ("add", lambda numbers: sum(numbers) / len(numbers)),
}  # fmt: skip


def members_of(a: Arguments) -> list[Value] | None:
    """What is folded elementwise: `sum(q[k] for k in …)`, `max(list)`. A term that is not there is left out."""
    if a.is_comprehension:
        values = [a.value(i) for i in range(len(a.operands))]
    elif len(a.operands) == 1 and isinstance(value := a.value(0), tuple):
        values = list(value)
    else:
        return None
    return [v for v in values if not isinstance(v, Absent)] if a.name in ("sum", "prod") else values


def folded(a: Arguments, members: list[Value]) -> Value:
    a.allow()
    ir, of_numbers = _FOLDS[a.name]
    if not members:
        if a.name in ("sum", "prod"):
            return Num(0 if a.name == "sum" else 1)
        raise Problem("E223", f"`{a.name}` of nothing", a.span)
    numbers = [v.known for v in members if isinstance(v, Num) and v.known is not None]
    if len(numbers) == len(members):
        return Num(of_numbers(numbers))
    sizes = [v.size for v in members if isinstance(v, Num) and v.size is not None]
    if len(sizes) == len(members) and a.name == "sum":
        return Num(sum(sizes, Size.of(0)))
    first, *rest = [a.evaluate.to_node(v, a.span, a.context) for v in members]
    for node in rest:
        first = _elementwise(a, ir, first, node).node
    if a.name != "mean":
        return Tensor(first)
    return _elementwise(a, "div", first, a.evaluate.to_node(Num(len(members)), a.span, a.context))


def reduced(a: Arguments) -> Value:
    """Over the axes that are named, over all if none is; over the only one where a function's own axis is none."""
    a.count(1, 1000)
    a.allow("axis")
    node, axes = a.node(0), a.axes(1, "axis")  # in this order: the value may bring the axes in
    if means_time(a, axes):
        return temporal(a)
    return added(a, "reduce", node, ir=f"reduce_{a.name}", axes=axes)


@builtin("where")
def _where(a: Arguments) -> Value:
    """where(test, a, b): `a` where the test holds, `b` elsewhere."""
    a.count(3)
    a.allow()
    test = a.value(0)
    if isinstance(test, bool):
        return a.value(1 if test else 2)
    return _elementwise(a, "where", *a.nodes())


@builtin("clip")
def _clip(a: Arguments) -> Value:
    """clip(v, limit), clip(v, lo, hi): `none` does not clip. gradient = cut (default) or pass."""
    a.count(2, 3)
    a.allow("gradient")
    through = a.word("gradient", ("cut", "pass"), "cut") == "pass"
    node = a.node(0)
    limits = [a.value(i) for i in range(1, len(a.operands))]
    if all(v is None or isinstance(v, Absent) for v in limits):
        return Tensor(node)
    if len(limits) == 1:
        limit = _limit(a, 1, limits[0])
        if limit < 0:
            raise Problem("E228", f"a clip's limit is at least 0, not {limit}", a.operands[1].span)
        lo, hi = -limit, limit
    else:
        lo = -math.inf if limits[0] is None else _limit(a, 1, limits[0])
        hi = math.inf if limits[1] is None else _limit(a, 2, limits[1])
        if lo > hi:
            raise Problem("E228", f"this clip's lower limit {lo} is above its upper limit {hi}", a.span)
    return _elementwise(a, "clip", node, lo=float(lo), hi=float(hi), through=through)


def _limit(a: Arguments, i: int, value: Value) -> float:
    if isinstance(value, Num):
        return float(a.known_number(value, "a clip's limit", a.operands[i].span))
    raise Problem(
        "E206", f"a clip's limit is a number or none, not {describe(value)}", a.operands[i].span,
        fix="for limits that are tensors use `min` and `max`",
    )  # fmt: skip


# --- products without weights ---


@builtin("outer")
def _outer(a: Arguments) -> Value:
    a.count(2)
    a.allow()
    return added(a, "outer", *a.nodes(), over=())


@builtin("contract")
def _contract(a: Arguments) -> Value:
    """contract(a, b, over = key): sums over the named axes; axes of one label in both are paired."""
    a.count(2)
    a.allow("over")
    if not a.has("over"):
        raise Problem("E225", "`contract` wants the axes that are summed", a.span, fix="over = key")
    return added(a, "contract", *a.nodes(), over=a.evaluate.labels(a.options["over"].value, a.context))


# --- compile time ---


@builtin("len")
def _len(a: Arguments) -> Value:
    a.count(1)
    a.allow()
    value = a.value(0)
    if isinstance(value, tuple):
        return Num(len(value))
    fix = "the name of an axis is its size" if isinstance(value, Tensor) else None
    raise Problem("E210", f"`len` counts a list, not {describe(value)}", a.operands[0].span, fix=fix)
