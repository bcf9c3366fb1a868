"""Which elements a reduction combines in one element of its result."""

from __future__ import annotations

from rnnc.backends.functions import BATCH, TIME, lead_letters
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.shapes import summed_axes
from rnnc.ir.program import Axis, Op, Type


def words(op: Op) -> list[str]:
    """The letters of the axes of a contraction's operands, leads included."""
    return [lead_letters(arg.type) + Attrs(op).text(key) for arg, key in zip(op.args, ("a", "b"), strict=True)]


def summed_letters(op: Op) -> str:
    """The letters of the axes that a contraction sums over, leads first."""
    out = lead_letters(op.out.type) + Attrs(op).text("out")
    leads = [x for x in (TIME, BATCH) if any(x in word for word in words(op))]
    return "".join(x for x in dict.fromkeys([*leads, *"".join(words(op))]) if x not in out)


def summed_type(op: Op) -> Type:
    """A type with the axes that are combined, in the order of the operand's."""
    x, *others = (arg.type for arg in op.args)
    if op.name == "contract":
        letters = summed_letters(op)
        axes: dict[str, Axis] = {}
        for arg, word in zip(op.args, words(op), strict=True):
            axes |= dict(zip(word[len(word) - arg.type.rank :], arg.type.axes, strict=True))
        kept = tuple(axes[letter] for letter in letters if letter in axes)
        return Type(kept, x.dtype, batch=BATCH in letters, time=TIME in letters)
    if op.name == "lookup_grad":
        (d,) = others
        return x.with_(batch=x.batch or d.batch, time=x.time or d.time)
    combined, leads = _positions(op), x.time + x.batch
    kept = tuple(axis for number, axis in enumerate(x.axes) if leads + number in combined)
    return Type(kept, x.dtype, batch=x.batch and x.time in combined, time=x.time and 0 in combined)


def side_by_side(op: Op) -> bool:
    """Whether elements that are neighbours in memory are combined."""
    if op.name == "contract":
        summed = summed_letters(op)
        return any(word[-1:] in summed for word in words(op) if word)
    x = op.args[0].type
    return op.name != "lookup_grad" and x.time + x.batch + x.rank - 1 in _positions(op)


def _positions(op: Op) -> tuple[int, ...]:
    """The positions in [time?, batch?, *features] of the axes that are combined."""
    x = op.args[0].type
    if op.name == "reduce_to":
        return summed_axes(x, op.out.type)
    return tuple(x.time + x.batch + axis for axis in Attrs(op).integers("axes"))
