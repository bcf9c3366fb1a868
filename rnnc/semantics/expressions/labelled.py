"""Axes that an option names: those of the operands beside it, and those that some expression of the body brings in.

Equations stand in any order, so a label that one of them gives its size (`split(v, units, head: 4, unit: d)`) is known
to all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rnnc.semantics.bodies.frames import Context
from rnnc.semantics.bodies.remedies import MAKERS
from rnnc.semantics.expressions.evaluates import ReadsAxes
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import Choice, Scope, Tensor, named_by
from rnnc.semantics.shapes.nodes import Node
from rnnc.semantics.shapes.shaped import Shaped
from rnnc.syntax import ast
from rnnc.syntax.walk import nodes_in


def brought_in(evaluate: ReadsAxes, label: str, c: Context, *, named: bool) -> Shaped | None:
    """The axis of this label, as the first expression of the body has it that says how large it is. `named`: only where
    axes get names that the whole body has for them, in `out` and `split`."""
    frame = c.frame
    if frame.sizes is None:
        frame.sizes = {}
        for e, scope in _expressions(c):
            for found, size, is_named in _sizes(e):
                frame.sizes.setdefault(found, []).append((size, scope, is_named))
    for size, scope, is_named in frame.sizes.get(label, ()):
        if is_named or not named:
            try:
                return evaluate.own_axis(ast.Axis(label, size, span=size.span), c.with_scope(scope))
            except Problem:  # reported where that expression is read, or a variable of a comprehension is in it
                continue
    return None


def of_operands(label: str, operands: Iterable[Node], c: Context) -> Shaped | None:
    """The axis of this label that one of the operands has, as far as their shapes are known."""
    graph = c.frame.graph
    for node in operands:
        graph.infer(node)
        for axis in graph.resolve_all(node.shape or ()):
            if axis.label == label:
                return axis
    return None


def as_given(e: ast.Expr, c: Context) -> tuple[ast.Expr, Context]:
    """What a parameter stands for that names axes, `out` of a function that was given `[head, key]`: the words, and
    where they are to be read."""
    while isinstance(e, ast.Name) and not e.primed and e.id in c.frame.texts:
        found = c.scope.find(e.id)
        if found is None or not isinstance(found[1], Choice | Tensor | tuple):
            break
        e, c = c.frame.texts[e.id]
    return e, c


def given_axis(axis: ast.Axis, c: Context) -> Shaped | None:
    """The axis of an argument that a function was given the name of (`axis = head`); of none, the only one."""
    e = axis.size
    if c.frame.kind != "fn" or axis.label is not None or not isinstance(e, ast.Name):
        return None
    found = c.scope.find(e.id)
    if found is None or e.id not in c.frame.parameters or not isinstance(found[1], Choice | Tensor | None):
        return None
    if found[1] is None:
        return c.frame.graph.placeholder()
    label = named_by(found[1])
    tensors = (v.node for v in c.frame.scope.names.values() if isinstance(v, Tensor))
    return None if label is None else of_operands(label, tensors, c)


def given_axes(evaluate: ReadsAxes, axis: ast.Axis, c: Context) -> list[Shaped]:
    """The axes of its caller that a function was told by their names, `param W[part, out]` of `out = [head, unit]`."""
    e, where = as_given(axis.size, c)
    if axis.label is not None or where.frame is c.frame:
        return []
    try:
        items = e.items if isinstance(e, ast.List) else (e,)
        found = [evaluate.named_axis(item, where, list[Node]) for item in items]
    except Problem:
        if isinstance(e, ast.Name) and any(name == e.id for name, _ in where.frame.members):
            return []  # a value, which stands for no axis
        raise
    c.frame.callers.update(each.label for each in found)
    return found


def axes_with_sizes(e: ast.Expr) -> tuple[Choice, ...]:
    """The words of a list such as `[head: 4, unit]`, which an argument hands on to an `out`; nothing of any other."""
    items = e.items if isinstance(e, ast.List) else ()
    if not any(isinstance(item, ast.LabelledSize) for item in items):
        return ()
    return tuple(Choice(i.label if isinstance(i, ast.LabelledSize) else i.span.text, (), i.span) for i in items)


def _expressions(c: Context) -> Iterator[tuple[ast.Expr, Scope]]:
    """All that a body computes, in the order of its text."""
    frame = c.frame
    read = [(e.statement.value, e.context.scope) for e in frame.equations]
    found = read + [(s.value, scope) for s, scope, _ in frame.pending.values()]
    found += [(item.value, scope) for s, scope in frame.output_statements for item in s.items]
    if frame.returned is not None:
        found.append((frame.returned[0].value, frame.returned[1]))
    yield from sorted(found, key=lambda pair: pair[0].span.start)


def _sizes(e: ast.Expr) -> Iterator[tuple[str, ast.Expr, bool]]:
    """Labels of axes and what stands behind them as their sizes; whether all of the body calls these axes so."""
    for node in nodes_in(e):
        match node:
            case ast.LabelledSize(label=label, size=size):
                yield label, size, True
            case ast.Call(function=ast.Name(id=name), arguments=arguments) if name == "split" or name in MAKERS:
                for argument in arguments:
                    if isinstance(argument, ast.Argument) and argument.mark == ":" and argument.name is not None:
                        yield argument.name, argument.value, name == "split"
            case _:
                pass
