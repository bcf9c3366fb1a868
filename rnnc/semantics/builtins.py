"""The functions that the language brings along. (Those that can be written in the language stand in prelude.rnn.)"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from rnnc.diagnostics import Note
from rnnc.ir.size import Size
from rnnc.semantics.arguments import Arguments
from rnnc.semantics.frames import Site
from rnnc.semantics.nodes import Node
from rnnc.semantics.rules.elementwise import UNARY
from rnnc.semantics.scope import Problem
from rnnc.semantics.values import Absent, Choice, Num, Shaped, Tensor, Value, describe
from rnnc.syntax import ast

Builtin = Callable[[Arguments], Value]
BUILTINS: dict[str, Builtin] = {}


def builtin(*names: str) -> Callable[[Builtin], Builtin]:
    def add(function: Builtin) -> Builtin:
        for name in names:
            BUILTINS[name] = function
        return function

    return add


def _add(a: Arguments, op: str, *nodes: Node, **attrs: object) -> Tensor:
    return Tensor(a.context.frame.graph.add(op, nodes, a.span, None, spots=a.spots(), **attrs))


def _elementwise(a: Arguments, ir: str, *nodes: Node, **options: object) -> Tensor:
    return _add(a, "elementwise", *nodes, ir=ir, options=options)


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


@builtin("max", "min")
def _extreme(a: Arguments) -> Value:
    """Elementwise of two or more, or over named axes of one."""
    members = _members(a)
    if members is not None:
        return _folded(a, members)
    a.count(1, 1000)
    values = [a.value(i) for i in range(len(a.operands))] if len(a.operands) > 1 else []
    if len(a.operands) == 1 or _is_axis(a, values[1]):
        return _reduce(a)
    a.allow()
    if all(isinstance(v, Num) and v.known is not None for v in values):
        numbers = [v.known for v in values if isinstance(v, Num) and v.known is not None]
        return Num(max(numbers) if a.name == "max" else min(numbers))
    nodes = [a.evaluate.to_node(v, o.span, a.context) for v, o in zip(values, a.operands, strict=True)]
    result = nodes[0]
    for node in nodes[1:]:
        result = _elementwise(a, a.name, result, node).node
    return Tensor(result)


def _is_axis(a: Arguments, value: Value) -> bool:
    """Is the second argument the name of an axis of the first, rather than a value?"""
    if isinstance(value, Choice) or value is None:
        return True
    if not isinstance(value, Num) or value.label is None:
        return False
    graph = a.context.frame.graph
    first = a.node(0)
    graph.infer(first)
    shape = graph.resolve_all(first.shape or ())
    label = graph.resolve(Shaped(value.label, Size.of(0))).label if value.label.startswith("?") else value.label
    return any(axis.label == label for axis in shape)


@builtin("sum", "mean", "prod")
def _fold(a: Arguments) -> Value:
    """Over named axes of one value, or of the members of a list."""
    members = _members(a)
    return _reduce(a) if members is None else _folded(a, members)


_FOLDS: dict[str, tuple[str, Callable[[Sequence[float]], float]]] = {
    "sum": ("add", sum), "prod": ("mul", math.prod), "max": ("max", max), "min": ("min", min),
    "mean": ("add", lambda numbers: sum(numbers) / len(numbers)),
}  # fmt: skip


def _members(a: Arguments) -> list[Value] | None:
    """What is folded elementwise: `sum(q[k] for k in …)`, `max(list)`. A term that is not there is left out."""
    if a.is_comprehension:
        values = [a.value(i) for i in range(len(a.operands))]
    elif len(a.operands) == 1 and isinstance(value := a.value(0), tuple):
        values = list(value)
    else:
        return None
    return [v for v in values if not isinstance(v, Absent)] if a.name in ("sum", "prod") else values


def _folded(a: Arguments, members: list[Value]) -> Value:
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


def _reduce(a: Arguments) -> Value:
    """Over the axes that are named, over all if none is; over the only one where a function's own axis is none."""
    a.count(1, 1000)
    a.allow("axis")
    labels = [a.axis(i) for i in range(1, len(a.operands))]
    if a.has("axis"):
        labels += a.evaluate.labels(a.options["axis"].value, a.context)
    return _add(a, "reduce", a.node(0), ir=f"reduce_{a.name}", axes=tuple(labels))


@builtin("where")
def _where(a: Arguments) -> Value:
    a.count(3)
    a.allow()
    test = a.value(0)
    if isinstance(test, bool):
        return a.value(1 if test else 2)
    return _elementwise(a, "where", *a.nodes())


@builtin("clip")
def _clip(a: Arguments) -> Value:
    """clip(v, limit) or clip(v, lo, hi); `none` does not clip. gradient = cut (default) or pass."""
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


# --- made of axes ---


def _axes(a: Arguments, start: int = 0) -> tuple[Shaped, ...]:
    """Axes given as arguments: sizes, or `label: size`."""
    given = ((o, ast.Axis(o.label, o.expression, span=o.span)) for o in a.operands[start:])
    return tuple(a.evaluate.axis(axis, o.context) for o, axis in given)


@builtin("zeros", "ones")
def _filled(a: Arguments) -> Value:
    a.allow()
    value = 0.0 if a.name == "zeros" else 1.0
    return Tensor(a.context.frame.graph.add("filled", (), a.span, _axes(a), value=value))


@builtin("concat")
def _concat(a: Arguments) -> Value:
    a.allow("axis")
    nodes: list[Node] = []
    for i, operand in enumerate(a.operands):
        value = a.value(i)
        if isinstance(value, tuple):
            nodes.extend(a.evaluate.to_node(v, operand.span, a.context) for v in value)
        else:
            nodes.append(a.evaluate.to_node(value, operand.span, a.context))
    if not nodes:
        raise Problem("E223", "`concat` of nothing", a.span)
    label = a.evaluate.labels(a.options["axis"].value, a.context)[0] if a.has("axis") else None
    return _add(a, "concat", *nodes, axis=label)


@builtin("stack_axis")
def _stack_axis(a: Arguments) -> Value:
    """stack_axis(a, b, …, axis = label): values side by side on a new axis."""
    a.allow("axis")
    a.count(1, 100_000)
    if not a.has("axis"):
        raise Problem("E225", "`stack_axis` wants the label of its new axis", a.span, fix="axis = slot")
    label = a.evaluate.labels(a.options["axis"].value, a.context)[0]
    one = Shaped(label, Size.of(1), strong=True)
    nodes = [_add(a, "expand", node, axis=one).node for node in a.nodes()]
    return _add(a, "concat", *nodes, axis=label)


@builtin("expand")
def _expand(a: Arguments) -> Value:
    """expand(v, slot) or expand(v, slot: 3): a new leading axis of one place, or of as many as are said."""
    a.count(2)
    a.allow()
    operand = a.operands[1]
    if operand.label is not None:
        axis = Shaped(operand.label, a.evaluate.size(operand.expression, operand.context), strong=True)
    else:
        label = a.axis(1)
        assert label is not None
        axis = Shaped(label, Size.of(1), strong=True)
    return _add(a, "expand", a.node(0), axis=axis)


@builtin("merge")
def _merge(a: Arguments) -> Value:
    """merge(h, [head, unit]): several axes become one; the last varies fastest."""
    a.count(2)
    a.allow()
    operand = a.operands[1]
    labels = a.evaluate.labels(operand.expression, operand.context)
    if not labels:
        raise Problem("E214", "which axes shall become one?", operand.span, fix="merge(h, [head, unit])")
    return _add(a, "merge", a.node(0), axes=labels)


@builtin("split")
def _split(a: Arguments) -> Value:
    """split(v, units, head: 4, unit: d): one axis becomes several; the last varies fastest."""
    a.count(3, 32)
    a.allow()
    label = a.axis(1)
    parts = _axes(a, 2)
    for part in parts:
        a.context.frame.axes.setdefault(part.label, part)
    return _add(a, "split", a.node(0), axis=label, parts=parts)


@builtin("relabel")
def _relabel(a: Arguments) -> Value:
    """relabel(v, key: d, …): the same numbers under other labels, all of them, in order."""
    a.count(2, 32)
    a.allow()
    return _add(a, "relabel", a.node(0), wanted=_axes(a, 1))


@builtin("transpose")
def _transpose(a: Arguments) -> Value:
    a.count(1, 2)
    a.allow()
    labels = a.evaluate.labels(a.operands[1].expression, a.operands[1].context) if len(a.operands) == 2 else None
    return _add(a, "transpose", a.node(0), axes=labels)


@builtin("repeat", "tile")
def _repeat(a: Arguments) -> Value:
    """repeat(v, axis, n): each element n times; tile(v, axis, n): the whole axis n times."""
    a.count(3)
    a.allow()
    times = a.evaluate.size(a.operands[2].expression, a.operands[2].context)
    return _add(a, "repeat", a.node(0), axis=a.axis(1), times=times, each=a.name == "repeat")


@builtin("pad")
def _pad(a: Arguments) -> Value:
    """pad(v, axis, before, after): zeros."""
    a.count(4)
    a.allow()
    before, after = (a.evaluate.size(o.expression, o.context) for o in a.operands[2:])
    return _add(a, "pad", a.node(0), axis=a.axis(1), before=before, after=after)


@builtin("flip", "softmax", "cumsum")
def _along(a: Arguments) -> Value:
    a.count(1, 2)
    options: dict[str, object] = {}
    if a.name == "cumsum":
        a.allow("axis", "reverse", "exclusive")
        options = {"reverse": a.flag("reverse", False), "exclusive": a.flag("exclusive", False)}
    else:
        a.allow("axis")
    return _add(a, "along", a.node(0), ir=a.name, axis=a.axis(1), options=options)


@builtin("lookup")
def _lookup(a: Arguments) -> Value:
    """lookup(table, index): rows of a table by an integer."""
    a.count(2)
    a.allow()
    return _add(a, "lookup", *a.nodes())


# --- products without weights ---


@builtin("outer")
def _outer(a: Arguments) -> Value:
    a.count(2)
    a.allow()
    return _add(a, "outer", *a.nodes(), over=())


@builtin("contract")
def _contract(a: Arguments) -> Value:
    """contract(a, b, over = key): sums over the named axes; axes of one label in both are paired."""
    a.count(2)
    a.allow("over")
    if not a.has("over"):
        raise Problem("E225", "`contract` wants the axes that are summed", a.span, fix="over = key")
    return _add(a, "contract", *a.nodes(), over=a.evaluate.labels(a.options["over"].value, a.context))


# --- compile time ---


@builtin("len")
def _len(a: Arguments) -> Value:
    a.count(1)
    a.allow()
    value = a.value(0)
    if isinstance(value, tuple):
        return Num(len(value))
    raise Problem("E210", f"`len` counts a list, not {describe(value)}", a.operands[0].span)


# --- randomness ---


def _site(a: Arguments, rate: Value) -> Site | None:
    """The random site of this call; None where nothing is random (keep = 1)."""
    frame, owner = a.context.frame, a.context.owner
    keep = a.number("keep")
    if rate is not None:
        if keep is not None:
            raise Problem("E222", "both a rate and `keep` are given", a.span)
        spot = a.options["rate"].value.span if a.has("rate") else a.operands[-1].span
        known = a.known_number(rate, "the rate", spot)
        if not 0 <= known < 1:
            raise Problem("E228", f"a rate is at least 0 and below 1, not {known}", spot)
        keep = 1 - known
    if keep is None:
        raise Problem("E225", f"`{a.name}` wants a rate or `keep = …`", a.span)
    if not 0 < keep <= 1:
        spot = a.options["keep"].value.span
        raise Problem("E228", f"the probability to keep is above 0 and at most 1, not {keep}", spot)
    per = a.word("mask", ("step", "sequence"), "step")
    if keep == 1:
        return None
    if owner is None:
        raise Problem(
            "E403", f"`{a.name}` needs an equation that names its mask", a.span, fix="give it an equation of its own"
        )
    name = owner.full(frame) if owner.name else frame.prefix.rstrip(".")
    name = (
        frame.state_prefix + name[len(frame.prefix) :]
        if name.startswith(frame.prefix)
        else frame.state_prefix.rstrip(".")
    )
    name = f"{name}.{a.context.name}" if a.context.name else name
    if name in frame.body.sites:
        other = frame.body.sites[name]
        raise Problem(
            "E402",
            f"two masks would be called `{name}`",
            a.span,
            fix=f"name one of the calls: `{a.name}(…) as d`",
            notes=[Note("the other one", other.span)],
        )
    site = Site(name, frame.body.registry.rounded(keep), per, a.span)
    frame.body.sites[name] = site
    return site


@builtin("dropout")
def _dropout(a: Arguments) -> Value:
    """dropout(x, rate, mask = step | sequence) or dropout(x, keep = …)."""
    a.count(1, 2)
    a.allow("keep", "mask", "rate")
    node = a.node(0)
    site = _site(a, a.value(1) if len(a.operands) == 2 else a.option("rate"))
    return Tensor(node) if site is None else _add(a, "random", node, ir="dropout", site=site)


@builtin("zoneout")
def _zoneout(a: Arguments) -> Value:
    """zoneout(new, old, rate): a random part keeps its old value; when not training, the expected mixture."""
    a.count(2, 3)
    a.allow("keep", "mask", "rate")
    new, old = a.node(0), a.node(1)
    site = _site(a, a.value(2) if len(a.operands) == 3 else a.option("rate"))
    return Tensor(new) if site is None else _add(a, "random", new, old, ir="zoneout", site=site)
