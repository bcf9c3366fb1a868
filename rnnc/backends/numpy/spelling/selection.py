"""Windows of convolutions, rows of tables, masks, and values that may be absent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from rnnc.backends.escape import string
from rnnc.backends.numpy.emitter import Emitter, Place, leads, zero
from rnnc.backends.numpy.spelling.elementwise import operand
from rnnc.backends.numpy.spelling.entry import spells
from rnnc.backends.numpy.views import Index, Windows
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.convolution import Window
from rnnc.ir.program import Op, Type, Value
from rnnc.ir.size import Size

# --- windows ------------------------------------------------------------------------------------------------------


def _padded(e: Emitter, image: Type, margins: Sequence[tuple[Size, Size]]) -> tuple[Place, Index]:
    """Scratch space for an image with zeros before and after each spatial axis, and the index of the image in it."""
    first = leads(image)
    shape = [*e.shape(image)]
    items = [":"] * first
    for position, (before, after) in enumerate(margins):
        size = shape[first + position]
        if before.terms or after.terms:
            shape[first + position] = f"{size} + {e.size(before + after)}"
        items.append(f"{e.size(before)}:{e.size(before)} + {size}" if before.terms or after.terms else ":")
    return e.temporary(shape, "dt", "padded"), Index(tuple(items))


def _windows(attrs: Attrs, first: int) -> Windows:
    return Windows(first, attrs.integers("kernel"), attrs.integers("stride"), attrs.integers("dilation"))


@spells("patches")
def _patches(e: Emitter, op: Op) -> None:
    (x,) = op.args
    attrs = Attrs(op)
    margins, windows = Window.of(op).pads(x.type.shape), _windows(attrs, leads(x.type))
    e.helper("_windows")
    if not any(before.terms or after.terms for before, after in margins):
        e.line(f"{e.write(op.out)}[...] = {e.read(x, windows)}")
        return
    padded, inner = _padded(e, x.type, margins)
    e.line(f"{e.view_of(padded)}.fill(0)")
    e.line(f"{e.view_of(padded, inner)}[...] = {e.read(x)}")
    e.line(f"{e.write(op.out)}[...] = {e.view_of(padded, windows)}")


@spells("unpatches")
def _unpatches(e: Emitter, op: Op) -> None:
    """Every window's numbers are added where they came from, one offset in the kernel after another."""
    (d,) = op.args
    attrs = Attrs(op)
    first, image = leads(d.type), op.out.type
    spatial = len(attrs.integers("kernel"))
    counts = [e.size(size) for size in d.type.shape[:spatial]]
    padded, inner = _padded(e, image, Window.of(op).pads(image.shape))
    e.line(f"{e.view_of(padded)}.fill(0)")
    for offset, target in _offsets(attrs, counts):
        part = Index((*[":"] * (first + spatial), *map(str, offset)))
        place = Index((*[":"] * first, *target))
        goal = e.view_of(padded, place)
        e.store("np.add", [goal, e.read(d, part)], goal)
    e.line(f"{e.write(op.out)}[...] = {e.view_of(padded, inner)}")


def _offsets(attrs: Attrs, counts: Sequence[str]) -> Iterator[tuple[tuple[int, ...], list[str]]]:
    """Every position in the kernel, with the slices of the padded image that it falls on."""
    strides, dilations = attrs.integers("stride"), attrs.integers("dilation")
    for offset in product(*(range(kernel) for kernel in attrs.integers("kernel"))):
        items: list[str] = []
        for position, dilation, stride, count in zip(offset, dilations, strides, counts, strict=True):
            start = position * dilation
            stop = f"{start} + ({count} - 1) * {stride} + 1"
            items.append(f"{start}:{stop}:{stride}" if stride > 1 else f"{start}:{start} + {count}")
        yield offset, items


# --- rows of tables -----------------------------------------------------------------------------------------------


@spells("lookup")
def _lookup(e: Emitter, op: Op) -> None:
    table, index = op.args
    rows = _as_array(e, index, operand(e, index, index.type))
    what = table.name or op.out.name or "lookup"
    e.line(f"{e.helper('_take')}({e.read(table)}, {rows}, {e.write(op.out)}, {string(what)})")


@spells("lookup_grad")
def _lookup_grad(e: Emitter, op: Op) -> None:
    index, d = op.args
    batch, time = index.type.batch or d.type.batch, index.type.time or d.type.time
    rows = _as_array(e, index, e.stretched(index, index.type.with_(batch=batch, time=time)))
    cotangents = e.stretched(d, d.type.with_(batch=batch, time=time))
    e.line(f"{e.helper('_add_rows')}({e.write(op.out)}, {rows}, {cotangents})")


def _as_array(e: Emitter, index: Value, text: str) -> str:
    """An index as an array, where it is a number that is written down."""
    return text if e.scalar(index) is None else f"np.array({text})"


# --- values that may be absent ------------------------------------------------------------------------------------


def _copy_unless_there(e: Emitter, out: str, source: str, indent: str = "") -> None:
    if source != out:
        e.line(f"{indent}{out}[...] = {source}")


@spells("dropout", over=(0,))
def _dropout(e: Emitter, op: Op) -> None:
    x, mask = op.args
    source, out, given = operand(e, x, op.out.type), e.write(op.out), e.read(mask)
    shown = e.aligned(mask, op.out.type)
    if source == out:
        e.line(f"if {given} is not None:")
    else:
        e.line(f"if {given} is None:")
        e.line(f"    {out}[...] = {source}")
        e.line("else:")
    e.store("np.multiply", [source, shown], out, indent="    ")
    keep = e.constant(e.literal(Attrs(op).number("keep")), op.out.type.dtype)
    e.store("np.divide", [out, keep], out, indent="    ")


@spells("zoneout")
def _zoneout(e: Emitter, op: Op) -> None:
    new, old, mask = op.args
    keep = Attrs(op).number("keep")
    fresh, stale = (operand(e, v, op.out.type) for v in (new, old))
    out, given, shown = e.write(op.out), e.read(mask), e.aligned(mask, op.out.type)
    e.line(f"if {given} is None:")
    e.store("np.subtract", [fresh, stale], out, indent="    ")
    e.store("np.multiply", [out, e.constant(e.literal(keep), op.out.type.dtype)], out, indent="    ")
    e.line("else:")
    e.store("np.subtract", [fresh, stale], out, indent="    ")
    e.store("np.multiply", [out, shown], out, indent="    ")
    e.store("np.add", [out, stale], out)


@spells("masked", over=(0,))
def _masked(e: Emitter, op: Op) -> None:
    x, valid = op.args
    source, out = operand(e, x, op.out.type), e.write(op.out)
    given, past = e.past(valid, op.out.type)
    _copy_unless_there(e, out, source)
    e.line(f"if {given} is not None:")
    e.line(f"    np.copyto({out}, {zero(op.out.type)}, where={past})")


@spells("default")
def _default(e: Emitter, op: Op) -> None:
    given, fallback = op.args
    out, there = e.write(op.out), e.read(given)
    e.line(f"np.copyto({out}, {operand(e, fallback, op.out.type)} if {there} is None else {there})")


@spells("default_grad", over=(1,))
def _default_grad(e: Emitter, op: Op) -> None:
    given, d = op.args
    source, out, there = operand(e, d, op.out.type), e.write(op.out), e.read(given)
    _copy_unless_there(e, out, source)
    e.line(f"if {there} is not None:")
    e.line(f"    {out}.fill(0)")
