"""The windows of convolutions, and their transpose."""

from __future__ import annotations

from itertools import product

from rnnc.backends.cuda.kernels.elements import Elements, factor
from rnnc.backends.cuda.kernels.kernel import C_TYPES
from rnnc.backends.cuda.spelling.entry import MAPS, enters
from rnnc.backends.cuda.spelling.view import chosen
from rnnc.ir.operations.convolution import Window
from rnnc.ir.program import Op, Type, Value


@enters(MAPS, "patches")
def _patches(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    """[*spatial, *channels] -> [*places, *kernel, *channels]; zeros outside of the image."""
    (x,) = op.args
    window = Window.of(op)
    leads, spatial = out.type.time + out.type.batch, window.spatial
    places, offsets = index[leads : leads + spatial], index[leads + spatial : leads + 2 * spatial]
    extents, befores = e.extents(x.type)[leads : leads + spatial], _befores(e, window, x.type)
    found: list[str] = []
    conditions: list[str] = []
    for axis, (place, offset, extent) in enumerate(zip(places, offsets, extents, strict=True)):
        text = f"{_times(place, window.stride[axis])} + {_times(offset, window.dilation[axis])} - {befores[axis]}"
        at = e.kernel.bind("long long", "at", text)
        found.append(at)
        if window.same:
            conditions.append(f"{at} >= 0 && {at} < {extent}")
    inside = (*index[:leads], *found, *index[leads + 2 * spatial :])
    if not conditions:
        return e.get(x, inside)
    return chosen(e, out, [(" && ".join(conditions), x, x.type, inside)])


@enters(MAPS, "cuda.spread")
def _spread(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    """[*places, *rest] -> [*spatial, *kernel, *rest]: what lies at the place from which an offset of the kernel meets
    an element of the image; zeros where there is none."""
    (d,) = op.args
    window = Window.of(op)
    leads, spatial = out.type.time + out.type.batch, window.spatial
    extents, befores = e.extents(d.type)[leads : leads + spatial], _befores(e, window, out.type)
    places: list[str] = []
    conditions: list[str] = []
    for axis, extent in enumerate(extents):
        stride, before = window.stride[axis], befores[axis]
        position, offset = index[leads + axis], index[leads + spatial + axis]
        at = e.kernel.bind("long long", "at", f"{position} + {before} - {_times(offset, window.dilation[axis])}")
        places.append(at if stride == 1 else f"{at} / {stride}")
        between = [] if stride == 1 else [f"{at} % {stride} == 0"]
        conditions += [f"{at} >= 0", *between, f"{places[-1]} < {extent}"]
    inside = (*index[:leads], *places, *index[leads + 2 * spatial :])
    return chosen(e, out, [(" && ".join(conditions), d, d.type, inside)])


@enters(MAPS, "unpatches")
def _unpatches(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    """The sum of all windows' numbers that lay over an element of the image, in the order of the kernel."""
    (d,) = op.args
    window = Window.of(op)
    leads, spatial = out.type.time + out.type.batch, window.spatial
    extents, befores = e.extents(d.type)[leads : leads + spatial], _befores(e, window, out.type)
    total = e.kernel.variable(C_TYPES[out.type.dtype], "total", "0")
    for offset in product(*map(range, window.kernel)):
        with e.kernel.braces(""):
            places: list[str] = []
            conditions: list[str] = []
            for axis, (o, extent) in enumerate(zip(offset, extents, strict=True)):
                stride, shift = window.stride[axis], f"{befores[axis]} - {o * window.dilation[axis]}"
                at = e.kernel.bind("long long", "at", f"{index[leads + axis]} + ({shift})")
                conditions.append(f"{at} >= 0 && {at} % {stride} == 0 && {at} / {stride} < {extent}")
                places.append(f"{at} / {stride}")
            with e.kernel.braces(f"if ({' && '.join(conditions)})"):
                element = e.get(d, (*index[:leads], *places, *map(str, offset), *index[leads + spatial :]))
                e.kernel.line(f"{total} += {element};")
    return total


def _befores(e: Elements, window: Window, image: Type) -> list[str]:
    """How many zeros stand before each spatial axis of an image."""
    return [e.kernel.size(before) for before, _ in window.pads(image.shape)]


def _times(at: str, number: int) -> str:
    """A place at every so many others."""
    return at if number == 1 else f"{factor(at)} * {number}"
