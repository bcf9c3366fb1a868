"""Views of views, parts of wholes, wholes of parts: what arrangements of axes come to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Op, Value
from rnnc.ir.size import ZERO, Size
from rnnc.passes.folding.site import Site, build, number


def same_type(site: Site, op: Op) -> Value | None:
    """A change of type to the type that is there already."""
    del site
    return op.args[0] if op.args[0].type == op.out.type else None


def last_one_counts(site: Site, op: Op) -> Value | None:
    """Of two reshapes, broadcasts or sums down to a type in a row, only the last one's type matters."""
    inner = site.definition(op.args[0], op.name)
    return None if inner is None else build(site, op.name, *inner.args, **dict(op.attrs))


def where_decided(site: Site, op: Op) -> Value | None:
    """The side that is always taken, stretched to the result's axes."""
    test = number(site, op.args[0])
    if test is None:
        return None
    taken, wanted = op.args[1 if test else 2], op.out.type
    return build(site, "broadcast", taken, axes=wanted.axes) if taken.type.with_(axes=wanted.axes) == wanted else None


def transpose(site: Site, op: Op) -> Value | None:
    """Axes in their own order, and two orders in a row."""
    perm = Attrs(op).integers("perm")
    if perm == tuple(range(len(perm))):
        return op.args[0]
    inner = site.definition(op.args[0], "transpose")
    if inner is None:
        return None
    first = Attrs(inner).integers("perm")
    return build(site, "transpose", *inner.args, perm=tuple(first[p] for p in perm))


def contract(site: Site, op: Op) -> Value | None:
    """A transposed operand is the operand under other letters."""
    attrs = Attrs(op)
    operands = [_untransposed(site, v, attrs.text(key)) for v, key in zip(op.args, ("a", "b"), strict=True)]
    if all(value is arg for (value, _), arg in zip(operands, op.args, strict=True)):
        return None
    (left, a), (right, b) = operands
    return build(site, "contract", left, right, a=a, b=b, out=attrs.text("out"), reduce=attrs.text("reduce"))


def flip(site: Site, op: Op) -> Value | None:
    """Back to front and back again."""
    inner = site.definition(op.args[0], "flip")
    return inner.args[0] if inner is not None and inner.attrs == op.attrs else None


def slice_all(site: Site, op: Op) -> Value | None:
    """The whole of an axis."""
    del site
    axis, start, stop = _range(op)
    (x,) = op.args
    return x if start == ZERO and stop == x.type.shape[axis] else None


def slice_of_slice(site: Site, op: Op) -> Value | None:
    """A stretch of a stretch."""
    axis, start, stop = _range(op)
    inner = site.definition(op.args[0], "slice")
    if inner is None or _range(inner)[0] != axis:
        return None
    _, offset, _ = _range(inner)
    return build(site, "slice", *inner.args, axis=axis, start=offset + start, stop=offset + stop)


def slice_of_concat(site: Site, op: Op) -> Value | None:
    """A stretch that begins and ends where parts do."""
    axis, start, stop = _range(op)
    inner = site.definition(op.args[0], "concat")
    if inner is None or Attrs(inner).integer("axis") != axis:
        return None
    ends = [ZERO]
    for part in inner.args:
        ends.append(ends[-1] + part.type.shape[axis])
    if start not in ends or stop not in ends:
        return None
    return _joined(site, inner.args[ends.index(start) : ends.index(stop)], axis)


def split_one(site: Site, op: Op) -> Value | None:
    """The only part is the whole."""
    del site
    return op.args[0] if len(op.outs) == 1 else None


def split_of_concat(site: Site, op: Op) -> tuple[Value, ...] | None:
    """Parts put together and taken apart again."""
    axis, sizes = Attrs(op).integer("axis"), Attrs(op).sizes("sizes")
    inner = site.definition(op.args[0], "concat")
    if inner is None or Attrs(inner).integer("axis") != axis:
        return None
    return inner.args if tuple(part.type.shape[axis] for part in inner.args) == sizes else None


def concat_one(site: Site, op: Op) -> Value | None:
    """A single part."""
    del site
    return op.args[0] if len(op.args) == 1 else None


def concat_of_split(site: Site, op: Op) -> Value | None:
    """What was taken apart and put together again, in the same order."""
    inner = site.definition(op.args[0], "split")
    same = inner is not None and inner.outs == op.args and Attrs(inner).integer("axis") == Attrs(op).integer("axis")
    return inner.args[0] if inner is not None and same else None


def concat_flat(site: Site, op: Op) -> Value | None:
    """Parts that are concatenations along the same axis: all their parts."""
    axis = Attrs(op).integer("axis")
    parts: list[Value] = []
    for arg in op.args:
        inner = site.definition(arg, "concat")
        # Parts with fewer leads than their concatenation would be stretched by the outer one in the same way.
        parts += inner.args if inner is not None and Attrs(inner).integer("axis") == axis else (arg,)
    return build(site, "concat", *parts, axis=axis) if len(parts) > len(op.args) else None


def concat_of_slices(site: Site, op: Op) -> Value | None:
    """Neighbouring stretches of one array are one stretch."""
    axis = Attrs(op).integer("axis")
    parts = [op.args[0]]
    for arg in op.args[1:]:
        left, right = site.definition(parts[-1], "slice"), site.definition(arg, "slice")
        whole = _neighbours(left, right, axis) if left is not None and right is not None else None
        if left is not None and whole is not None:
            start, stop = whole
            parts[-1] = build(site, "slice", *left.args, axis=axis, start=start, stop=stop)
        else:
            parts.append(arg)
    return _joined(site, parts, axis) if len(parts) < len(op.args) else None


def pad_none(site: Site, op: Op) -> Value | None:
    """Nothing before, nothing after."""
    del site
    attrs = Attrs(op)
    return op.args[0] if attrs.size("before") == ZERO == attrs.size("after") else None


def pad_of_pad(site: Site, op: Op) -> Value | None:
    """More of it on the same axis."""
    attrs, inner = Attrs(op), site.definition(op.args[0], "pad")
    if inner is None or Attrs(inner).integer("axis") != attrs.integer("axis"):
        return None
    before = Attrs(inner).size("before") + attrs.size("before")
    after = Attrs(inner).size("after") + attrs.size("after")
    return build(site, "pad", *inner.args, axis=attrs.integer("axis"), before=before, after=after)


def slice_of_pad(site: Site, op: Op) -> Value | None:
    """Exactly what was padded."""
    axis, start, stop = _range(op)
    inner = site.definition(op.args[0], "pad")
    if inner is None or Attrs(inner).integer("axis") != axis:
        return None
    before = Attrs(inner).size("before")
    (x,) = inner.args
    return x if start == before and stop == before + x.type.shape[axis] else None


def sum_of_pads(site: Site, op: Op) -> Value | None:
    """The cotangents of neighbouring slices, each among zeros, are side by side one piece among fewer zeros."""
    left, right = (site.definition(arg, "pad") for arg in op.args)
    if left is None or right is None or left.out.type != right.out.type:
        return None
    axis = Attrs(left).integer("axis")
    if axis != Attrs(right).integer("axis"):
        return None
    if Attrs(right).size("before") + right.args[0].type.shape[axis] == Attrs(left).size("before"):
        left, right = right, left
    before, after = Attrs(left).size("before"), Attrs(right).size("after")
    if before + left.args[0].type.shape[axis] != Attrs(right).size("before"):
        return None
    whole = build(site, "concat", *left.args, *right.args, axis=axis)
    return build(site, "pad", whole, axis=axis, before=before, after=after)


def _range(op: Op) -> tuple[int, Size, Size]:
    attrs = Attrs(op)
    return attrs.integer("axis"), attrs.size("start"), attrs.size("stop")


def _neighbours(left: Op, right: Op, axis: int) -> tuple[Size, Size] | None:
    """The stretch that two slices of one array make up together."""
    (left_axis, start, middle), (right_axis, same, stop) = _range(left), _range(right)
    adjacent = left.args == right.args and left_axis == right_axis == axis and middle == same
    return (start, stop) if adjacent else None


def _joined(site: Site, parts: Sequence[Value], axis: int) -> Value | None:
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else build(site, "concat", *parts, axis=axis)


def _untransposed(site: Site, value: Value, letters: str) -> tuple[Value, str]:
    inner = site.definition(value, "transpose")
    if inner is None:
        return value, letters
    perm = Attrs(inner).integers("perm")
    return inner.args[0], reduce(lambda text, i: text + letters[perm.index(i)], range(len(perm)), "")
