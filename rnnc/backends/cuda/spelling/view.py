"""The same elements, arranged otherwise: an index becomes another one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from rnnc.backends.cuda.kernels.elements import Elements, place_of
from rnnc.backends.cuda.kernels.kernel import C_TYPES
from rnnc.backends.cuda.spelling.entry import MAPS, enters
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.shapes import untouched
from rnnc.ir.program import Op, Type, Value
from rnnc.ir.size import Size


def moved(type: Type, index: Sequence[str], axis: int, at: str) -> tuple[str, ...]:
    """An index with another position along a feature axis."""
    place = type.time + type.batch + axis
    return (*index[:place], at, *index[place + 1 :])


def position(type: Type, index: Sequence[str], axis: int) -> str:
    """The position along a feature axis."""
    return index[type.time + type.batch + axis]


def shifted(at: str, by: str) -> str:
    return at if by == "0" else f"{at} + {by}"


@enters(MAPS, "reshape")
def _reshape(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    """Row-major order is the same on both sides, apart from leads and axes that stay."""
    (x,) = op.args
    front, back = untouched(x.type, out.type)
    first = out.type.time + out.type.batch + front
    last = len(index) - back
    text = place_of(index[first:last], e.extents(out.type)[first:last])
    extents = e.extents(x.type)
    between = extents[first : len(extents) - back]
    found: list[str] = []
    if between:
        rest = e.kernel.bind("long long", "place", text)
        for extent in reversed(between[1:]):
            found.insert(0, e.kernel.bind("long long", "i", f"{rest} % {extent}"))
            rest = e.kernel.bind("long long", "place", f"{rest} / {extent}")
        found.insert(0, rest)
    return e.get(x, (*index[:first], *found, *index[last:]))


@enters(MAPS, "transpose")
def _transpose(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    leads = out.type.time + out.type.batch
    perm = Attrs(op).integers("perm")
    features = [""] * len(perm)
    for at, axis in zip(index[leads:], perm, strict=True):
        features[axis] = at
    return e.get(op.args[0], (*index[:leads], *features))


@enters(MAPS, "split")
def _split(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    attrs = Attrs(op)
    starts = accumulate(attrs.sizes("sizes"), initial=Size.of(0))
    start = next(start for other, start in zip(op.outs, starts, strict=False) if other is out)
    axis = attrs.integer("axis")
    at = shifted(position(out.type, index, axis), e.kernel.size(start))
    return e.get(op.args[0], moved(out.type, index, axis, at))


@enters(MAPS, "slice")
def _slice(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    attrs = Attrs(op)
    axis = attrs.integer("axis")
    at = shifted(position(out.type, index, axis), e.kernel.size(attrs.size("start")))
    return e.get(op.args[0], moved(out.type, index, axis, at))


@enters(MAPS, "flip")
def _flip(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    axis = Attrs(op).integer("axis")
    size = e.kernel.size(out.type.shape[axis])
    return e.get(op.args[0], moved(out.type, index, axis, f"{size} - 1 - ({position(out.type, index, axis)})"))


def chosen(e: Elements, out: Value, cases: Sequence[tuple[str, Value, Type, tuple[str, ...]]]) -> str:
    """The element of the first case whose condition holds ("" is always true); the others are not computed.

    A case is (condition, operand, the type that the operand broadcasts to, the index within that).
    """
    name = e.kernel.variable(C_TYPES[out.type.dtype], out.name or "part", e.literal(0, out.type.dtype))
    for number, (condition, value, like, index) in enumerate(cases):
        head = f"if ({condition})" if number == 0 else f"else if ({condition})" if condition else "else"
        with e.kernel.braces(head):
            e.kernel.line(f"{name} = {e.operand(value, like, index, out.type.dtype)};")
    return name


@enters(MAPS, "concat")
def _concat(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    axis = Attrs(op).integer("axis")
    at = position(out.type, index, axis)
    cases: list[tuple[str, Value, Type, tuple[str, ...]]] = []
    start = Size.of(0)
    for number, arg in enumerate(op.args):
        stop = start + arg.type.shape[axis]
        like = out.type.with_(axes=arg.type.axes)
        first = e.kernel.size(start)
        inside = moved(out.type, index, axis, at if first == "0" else f"{at} - {first}")
        last = number == len(op.args) - 1
        cases.append(("" if last and number else f"{at} < {e.kernel.size(stop)}", arg, like, inside))
        start = stop
    return chosen(e, out, cases)


@enters(MAPS, "pad")
def _pad(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    attrs = Attrs(op)
    (x,) = op.args
    axis, before = attrs.integer("axis"), attrs.size("before")
    at, first = position(out.type, index, axis), e.kernel.size(before)
    stop = e.kernel.size(before + x.type.shape[axis])
    inside = moved(out.type, index, axis, f"{at} - {first}")
    return chosen(e, out, [(f"{at} >= {first} && {at} < {stop}", x, out.type.with_(axes=x.type.axes), inside)])
