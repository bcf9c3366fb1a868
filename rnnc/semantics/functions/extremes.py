"""`max` and `min`: of several values, place by place, or over named axes of one; what may be either is refused."""

from __future__ import annotations

from dataclasses import dataclass

from rnnc.ir.size import Size
from rnnc.semantics.bodies.frames import Context
from rnnc.semantics.expressions.arguments import Arguments
from rnnc.semantics.functions.builtins import added, builtin, folded, members_of, reduced
from rnnc.semantics.functions.over_time import is_of_steps
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import Choice, FnValue, Num, Tensor, Value, describe
from rnnc.semantics.shapes.rules.elementwise import Ambiguous
from rnnc.semantics.shapes.shaped import Shaped
from rnnc.syntax import ast


@dataclass(frozen=True)
class _Word:
    """A plain name among the operands: what it says, the axis that it may mean, and its value."""

    text: str
    label: str
    value: Num | Tensor


@builtin("max", "min")
def _extreme(a: Arguments) -> Value:
    """Elementwise of two or more, or over named axes of one."""
    members = members_of(a)
    if members is not None:
        return folded(a, members)
    a.count(1, 1000)
    values = [a.value(i) for i in range(len(a.operands))] if len(a.operands) > 1 else []
    if len(a.operands) == 1 or _is_axis(a, values[1]):
        return reduced(a)
    a.allow()
    if all(isinstance(v, Num) and v.known is not None for v in values):
        numbers = [v.known for v in values if isinstance(v, Num) and v.known is not None]
        return Num(max(numbers) if a.name == "max" else min(numbers))
    unclear = _unclear(a, values)
    if unclear is not None and is_of_steps(a, unclear.labels):
        raise Problem("E250", unclear.message, a.operands[1].span, fix=unclear.fix)
    return added(a, "elementwise", *a.nodes(), ir=a.name, options={}, unclear=unclear)


def _is_axis(a: Arguments, value: Value) -> bool:
    """Is the second argument the name of an axis of the first, or a list of them, rather than a value?"""
    if isinstance(value, Choice | tuple) or value is None:
        return True
    written = a.operands[1].expression
    if isinstance(value, FnValue) and isinstance(written, ast.Name):  # an axis may be called as a function is, `len`
        label = written.id
    elif isinstance(value, Num) and (word := _word(a, 1, value)) is not None:
        label = word.label
    else:
        return False
    graph = a.context.frame.graph
    first = a.node(0)
    graph.infer(first)
    if first.shape is None and (
        isinstance(value, FnValue) or label in _home(written, a.operands[1].context)[1].frame.axes
    ):
        return True
    shape = graph.resolve_all(first.shape or ())
    label = graph.resolve(Shaped(label, Size.of(0))).label if label.startswith("?") else label
    return any(axis.label == label and _is_size(a, value, axis) for axis in shape)


def _is_size(a: Arguments, value: Value, axis: Shaped) -> bool:
    """Is a number the size that an axis was declared with? (`x[n]`; that of `concat(x, h, axis = n)` is another.)"""
    if not isinstance(value, Num) or value.size is None:
        return not isinstance(value, Num)
    operand = a.operands[1]
    declared = _home(operand.expression, operand.context)[1].frame.axes.get(axis.label)
    return value.size == axis.size or (declared is not None and value.size == declared.size)


def _unclear(a: Arguments, values: list[Value]) -> Ambiguous | None:
    """What is to be said if all operands but the first should turn out to have the names of its axes."""
    words = [_word(a, i, value) for i, value in enumerate(values) if i > 0]
    found = [word for word in words if word is not None]
    if len(found) < len(words):
        return None
    first, word = a.operands[0].span.text, found[0]
    first = first if len(first) < 30 and "\n" not in first else "v"
    texts = [each.text for each in found]
    stands = f"`{word.text}`" if word.text == word.label else f"`{word.text}` stands for `{word.label}`, which"
    what = "a value" if isinstance(word.value, Tensor) else describe(word.value)
    axes = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    return Ambiguous(
        texts[0],
        tuple(each.label for each in found),
        f"{stands} is both {what} and an axis of what `{a.name}` is given",
        f"over the axis it is `{a.name}({first}, axis = {axes})`; elementwise with it, "
        f"`{a.name}({', '.join([texts[0], first, *texts[1:]])})`",
    )


def _word(a: Arguments, i: int, value: Value) -> _Word | None:
    """The axis that an operand may name. Within a function a name means what was given for it, or an axis that the
    function has by that name itself: those of its callers are nothing to its own names."""
    written = a.operands[i].expression
    e, c = _home(written, a.operands[i].context)
    if not isinstance(e, ast.Name) or not isinstance(written, ast.Name) or not isinstance(value, Num | Tensor):
        return None
    own = e.id in c.frame.axes or e.id in c.frame.relabelled
    if e.primed or (c.frame.kind == "fn" and not own):
        return None
    label = a.evaluate.label(e, c) if isinstance(value, Num) else a.evaluate.as_label(e.id, c)
    return None if label is None else _Word(written.id, label, value)


def _home(e: ast.Expr, c: Context) -> tuple[ast.Expr, Context]:
    """What functions handed on to each other, in the body that has it as an axis or a value of its own."""
    while isinstance(e, ast.Name) and not e.primed and e.id in c.frame.texts and e.id not in c.frame.axes:
        e, c = c.frame.texts[e.id]
    return e, c
