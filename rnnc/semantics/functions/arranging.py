"""Functions that arrange axes: fill, join, cut, rename, turn around, and run along them."""

from __future__ import annotations

from rnnc.ir.size import Size
from rnnc.semantics.expressions.arguments import Arguments, Operand
from rnnc.semantics.functions.builtins import ALL_AXES, ONE_AXIS, added, builtin
from rnnc.semantics.functions.over_time import means_time, temporal
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import Tensor, Value
from rnnc.semantics.shapes.nodes import Node
from rnnc.semantics.shapes.shaped import Shaped
from rnnc.syntax import ast


def axes_of(a: Arguments, start: int = 0) -> tuple[Shaped, ...]:
    """Axes given as arguments: sizes, or `label: size`."""
    given = ((o, ast.Axis(o.label, o.expression, span=o.span)) for o in a.operands[start:])
    return tuple(a.evaluate.own_axis(axis, o.context) for o, axis in given)


@builtin("zeros", "ones", labels=0)
def _filled(a: Arguments) -> Value:
    a.allow()
    value = 0.0 if a.name == "zeros" else 1.0
    return Tensor(a.context.frame.graph.add("filled", (), a.span, axes_of(a), value=value))


@builtin("concat")
def _concat(a: Arguments) -> Value:
    a.allow("axis")
    a.leave_out()
    nodes: list[Node] = []
    for i, operand in enumerate(a.operands):
        value = a.value(i)
        if isinstance(value, tuple):
            nodes.extend(a.evaluate.to_node(v, operand.span, a.context) for v in value)
        else:
            nodes.append(a.evaluate.to_node(value, operand.span, a.context))
    if not nodes:
        raise Problem("E223", "`concat` of nothing", a.span)
    return added(a, "concat", *nodes, axis=a.axis())


@builtin("stack_axis")
def _stack_axis(a: Arguments) -> Value:
    """stack_axis(a, b, …, axis = label): values side by side on a new axis."""
    a.allow("axis")
    a.leave_out()
    a.count(1, 100_000)
    if not a.has("axis"):
        raise Problem("E225", "`stack_axis` wants the label of its new axis", a.span, fix="axis = slot")
    one = Shaped(a.new_label(a.options["axis"].value, a.context), Size.of(1), strong=True)
    nodes = [added(a, "expand", node, axis=one).node for node in a.nodes()]
    return added(a, "concat", *nodes, axis=one.label)


@builtin("expand", labels=1)
def _expand(a: Arguments) -> Value:
    """expand(v, slot) or expand(v, slot: 3, …): new leading axes of one place, or of as many as are said."""
    a.count(2, 32)
    a.allow()
    value = Tensor(a.node(0))
    for operand in reversed(a.operands[1:]):  # they come to stand as they are written
        value = added(a, "expand", value.node, axis=_new_axis(a, operand))
    return value


def _new_axis(a: Arguments, operand: Operand) -> Shaped:
    if operand.label is not None:
        return a.evaluate.own_axis(ast.Axis(operand.label, operand.expression, span=operand.span), operand.context)
    if isinstance(operand.expression, ast.List):
        items = ", ".join(item.span.text for item in operand.expression.items)
        fix = f"write them without brackets: `expand(…, {items})`"
        raise Problem("E214", "one axis is wanted here, not a list of them", operand.span, fix=fix)
    return Shaped(a.new_label(operand.expression, operand.context), Size.of(1), strong=True)


@builtin("merge", labels=1, axes=ONE_AXIS)
def _merge(a: Arguments) -> Value:
    """merge(h, [head, unit]): several axes become one, all without a list; the last varies fastest. Behind a label they
    are called so, `merge(h, unit: [head, d])`."""
    a.count(1, 2)
    a.allow()
    if len(a.operands) == 1:
        return added(a, "merge", a.node(0), axes=None)
    operand = a.operands[1]
    labels = a.evaluate.labels(operand.expression, operand.context)
    if not labels:
        raise Problem("E214", "which axes shall become one?", operand.span, fix="merge(h, [head, unit])")
    name = a.evaluate.own_label(operand.label, a.context) if operand.label is not None else None
    return added(a, "merge", a.node(0), axes=labels, name=name)


@builtin("split", labels=1, axes=ONE_AXIS)
def _split(a: Arguments) -> Value:
    """split(v, units, head: 4, unit: d): one axis, the only one if none is named, becomes several."""
    a.count(3, 32)
    a.allow("axis")
    first = 2 if a.operands[1].label is None else 1
    label = a.axis(1) if first == 2 else a.axis()
    parts = axes_of(a, first)
    for operand, part in zip(a.operands[first:], parts, strict=True):
        a.context.frame.axes.setdefault(operand.label or part.label, part)
    return added(a, "split", a.node(0), axis=label, parts=parts)


@builtin("relabel", labels=1)
def _relabel(a: Arguments) -> Value:
    """relabel(v, key: d, …): the same numbers under other labels, all of them, in order."""
    a.count(2, 32)
    a.allow()
    words = tuple(o.label or o.expression.span.text for o in a.operands[1:])
    return added(a, "relabel", a.node(0), wanted=axes_of(a, 1), words=words)


@builtin("transpose", axes=ONE_AXIS)
def _transpose(a: Arguments) -> Value:
    a.count(1, 2)
    a.allow()
    labels = a.evaluate.labels(a.operands[1].expression, a.operands[1].context) if len(a.operands) == 2 else None
    return added(a, "transpose", a.node(0), axes=labels)


@builtin("repeat", "tile", axes=ONE_AXIS)
def _repeat(a: Arguments) -> Value:
    """repeat(v, axis, n): each element n times; tile(v, axis, n): the whole axis n times."""
    a.count(3)
    a.allow()
    times = a.evaluate.size(a.operands[2].expression, a.operands[2].context)
    if times.constant == 0:
        raise Problem("E208", f"`{a.name}` makes at least one of it, and this is 0", a.operands[2].span)
    return added(a, "repeat", a.node(0), axis=a.axis(1), times=times, each=a.name == "repeat")


@builtin("pad", axes=ONE_AXIS)
def _pad(a: Arguments) -> Value:
    """pad(v, axis, before, after): zeros."""
    a.count(4)
    a.allow()
    before, after = (a.evaluate.size(o.expression, o.context) for o in a.operands[2:])
    return added(a, "pad", a.node(0), axis=a.axis(1), before=before, after=after)


@builtin("flip", "softmax", "cumsum", axes=ALL_AXES)
def _along(a: Arguments) -> Value:
    a.count(1, 1000 if a.name == "softmax" else 2)
    options: dict[str, bool] = {}
    if a.name == "softmax" and len(axes := a.axes(1, "axis")) > 1:
        return _softmax(a, axes)
    if a.name == "cumsum":
        a.allow("axis", "reverse", "exclusive")
        options = {"reverse": a.flag("reverse", False), "exclusive": a.flag("exclusive", False)}
    else:
        a.allow("axis")
    node, axis = a.node(0), a.axis(1)
    if means_time(a, (axis,)):
        return temporal(a, options)
    return added(a, "along", node, ir=a.name, axis=axis, options=options)


def _softmax(a: Arguments, axes: tuple[str | None, ...]) -> Value:
    """Over several axes at once."""
    a.allow("axis")
    node, graph = a.node(0), a.context.frame.graph

    def elementwise(ir: str, *args: Node) -> Node:
        return graph.add("elementwise", args, a.span, ir=ir)

    def reduced(ir: str, of: Node) -> Node:
        return graph.add("reduce", (of,), a.span, ir=ir, axes=axes, spots=a.spots())

    powers = elementwise("exp", elementwise("sub", node, elementwise("stop_gradient", reduced("reduce_max", node))))
    return Tensor(elementwise("div", powers, reduced("reduce_sum", powers)))
