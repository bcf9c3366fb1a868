"""Operations that arrange: views wherever NumPy has one, copies into the destination elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from rnnc.backends.numpy.emitter import Emitter, leads
from rnnc.backends.numpy.spelling.elementwise import copy, operand
from rnnc.backends.numpy.spelling.entry import SPELLINGS, View, spells
from rnnc.backends.numpy.views import Index, Reshape, Transpose
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Op, Value
from rnnc.ir.size import Size, product


def cut(op: Op, axis: int, items: str) -> Index:
    """An index on one feature axis of the first argument."""
    return Index((*[":"] * (leads(op.args[0].type) + axis), items))


def between(e: Emitter, start: Size, stop: Size) -> str:
    """`start:stop` as text."""
    return f"{e.size(start) if start.terms else ''}:{e.size(stop)}"


def offsets(sizes: Sequence[Size]) -> list[Size]:
    """Where each part starts, and where the last one ends."""
    return list(accumulate(sizes, initial=Size.of(0)))


def is_split(old: Sequence[Size], new: Sequence[Size]) -> bool:
    """Whether a reshape only splits axes: then it is a view whatever the strides are."""
    rest = list(new)
    for size in old:
        group: list[Size] = []
        while rest and (not group or product(tuple(group)) != size):
            group.append(rest.pop(0))
        if product(tuple(group)) != size:
            return False
    return all(size == Size.of(1) for size in rest)


def kept_axes(old: Sequence[Size], new: Sequence[Size]) -> list[bool] | None:
    """Which axes stay where a reshape drops axes of size 1 and does nothing else: a view whatever the strides are."""
    rest, kept = list(new), list[bool]()
    for size in old:
        kept.append(bool(rest) and rest[0] == size)
        if kept[-1]:
            rest.pop(0)
        elif size != Size.of(1):
            return None
    return None if rest else kept


def _same(e: Emitter, op: Op) -> bool:
    e.alias(op.out, op.args[0])
    return True


def _reshape(e: Emitter, op: Op) -> bool:
    (x,) = op.args
    if x in e.scalars:
        return False
    if not e.place(x).contiguous and not is_split(x.type.shape, op.out.type.shape):
        kept = kept_axes(x.type.shape, op.out.type.shape)
        if kept is None:
            return False
        e.alias(op.out, x, Index((*[":"] * leads(x.type), *(":" if keep else "0" for keep in kept))))
        return True
    e.alias(op.out, x, Reshape(e.shape(op.out.type)), contiguous=True)
    return True


def _copy_reshaped(e: Emitter, op: Op) -> None:
    (x,) = op.args
    e.line(f"{e.write(op.out, Reshape(e.shape(x.type)))}[...] = {e.scalar(x) or e.read(x)}")


def _transpose(e: Emitter, op: Op) -> bool:
    (x,) = op.args
    count = leads(x.type)
    order = (*range(count), *(count + axis for axis in Attrs(op).integers("perm")))
    if order == tuple(range(len(order))):
        return _same(e, op)
    e.alias(op.out, x, Transpose(order), contiguous=False)
    return True


def split_parts(e: Emitter, op: Op) -> list[tuple[Value, Index]]:
    """The results of a split, each with the index of its part of the operand."""
    attrs = Attrs(op)
    starts, axis = offsets(attrs.sizes("sizes")), attrs.integer("axis")
    return [
        (out, cut(op, axis, between(e, start, stop)))
        for out, start, stop in zip(op.outs, starts[:-1], starts[1:], strict=True)
    ]


def _split(e: Emitter, op: Op) -> bool:
    for out, index in split_parts(e, op):
        e.alias(out, op.args[0], index, contiguous=_leading(op, Attrs(op).integer("axis")))
    return True


def slice_part(e: Emitter, op: Op) -> tuple[Value, Index]:
    """The result of a slice with the index of it."""
    attrs = Attrs(op)
    return op.out, cut(op, attrs.integer("axis"), between(e, attrs.size("start"), attrs.size("stop")))


def _slice(e: Emitter, op: Op) -> bool:
    out, index = slice_part(e, op)
    e.alias(out, op.args[0], index, contiguous=_leading(op, Attrs(op).integer("axis")))
    return True


def _leading(op: Op, axis: int) -> bool:
    """A cut through the very first axis leaves an array contiguous."""
    return axis == 0 and leads(op.args[0].type) == 0


def _flip(e: Emitter, op: Op) -> bool:
    e.alias(op.out, op.args[0], cut(op, Attrs(op).integer("axis"), "::-1"), contiguous=False)
    return True


for _name, _rename, _write in (
    ("stop_gradient", _same, copy),
    ("reshape", _reshape, _copy_reshaped),
    ("transpose", _transpose, copy),
    ("split", _split, copy),
    ("slice", _slice, copy),
    ("flip", _flip, copy),
):
    SPELLINGS[_name] = View(_rename, _write)


@spells("broadcast")
def _broadcast(e: Emitter, op: Op) -> None:
    (x,) = op.args
    e.line(f"{e.write(op.out)}[...] = {e.scalar(x) or e.aligned(x, op.out.type)}")


def concat_parts(e: Emitter, op: Op) -> list[tuple[Value, Index]]:
    """The operands of a concatenation, each with the index of its part of the result."""
    axis = Attrs(op).integer("axis")
    starts = offsets([a.type.shape[axis] for a in op.args])
    front = [":"] * (leads(op.out.type) + axis)
    return [
        (arg, Index((*front, between(e, start, stop))))
        for arg, start, stop in zip(op.args, starts[:-1], starts[1:], strict=True)
    ]


@spells("concat")
def _concat(e: Emitter, op: Op) -> None:
    """Parts that were computed in their slice are there already; the others are copied."""
    for arg, index in concat_parts(e, op):
        target, source = e.write(op.out, index), operand(e, arg, op.out.type)
        if source != target:
            e.line(f"{target}[...] = {source}")


@spells("pad")
def _pad(e: Emitter, op: Op) -> None:
    attrs = Attrs(op)
    (x,) = op.args
    axis, before = attrs.integer("axis"), attrs.size("before")
    e.line(f"{e.write(op.out)}.fill(0)")
    inner = Index((*[":"] * (leads(op.out.type) + axis), between(e, before, before + x.type.shape[axis])))
    e.line(f"{e.write(op.out, inner)}[...] = {e.read(x)}")
