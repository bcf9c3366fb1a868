"""Patches under a sliding kernel (im2col): a convolution is a product of patches with the kernel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.evaluation import Array, Env, leads, result
from rnnc.ir.operations.shapes import shown, want
from rnnc.ir.operations.table import Builder, Row, TypeMismatch, register
from rnnc.ir.operations.terms import of_one_output
from rnnc.ir.program import AttrValue, Axis, DType, Op, Type, Value
from rnnc.ir.size import Size


@dataclass(frozen=True)
class Window:
    """How the kernel slides, one entry per spatial axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    same: bool

    @staticmethod
    def of(source: Op | Mapping[str, AttrValue]) -> Window:
        attrs = Attrs(source)
        kernel, stride, dilation = (attrs.integers(key) for key in ("kernel", "stride", "dilation"))
        if not len(kernel) == len(stride) == len(dilation) == attrs.integer("spatial"):
            raise TypeMismatch("a kernel needs a size, a stride and a dilation for each axis that it slides over")
        if any(n < 1 for n in (*kernel, *stride, *dilation)):
            raise TypeMismatch("kernel, stride and dilation are at least 1")
        return Window(kernel, stride, dilation, attrs.text("padding") == "same")

    @property
    def spatial(self) -> int:
        return len(self.kernel)

    def pads(self, sizes: Sequence[Size]) -> tuple[tuple[Size, Size], ...]:
        """Zeros before and after each spatial axis of an image: as many as the last place of the kernel needs, half of
        them in front (the smaller half), as TensorFlow's `SAME` has it."""
        return tuple(self._pads(i, size) for i, size in enumerate(sizes[: self.spatial]))

    def _pads(self, axis: int, size: Size) -> tuple[Size, Size]:
        if not self.same:
            return Size.of(0), Size.of(0)
        stride, reach = self.stride[axis], (self.kernel[axis] - 1) * self.dilation[axis]
        total = Size.of(reach) - (size - 1) % stride
        if reach + 1 < stride:  # places may be so far apart that the last one ends before the image does
            total = total * ((total + stride) // stride)
        return total // 2, total - total // 2

    def places(self, axis: int, size: Size) -> Size:
        """How many places of the kernel fit along an axis."""
        reach = 0 if self.same else (self.kernel[axis] - 1) * self.dilation[axis]
        return (size - reach - 1) // self.stride[axis] + 1

    def views(self, padded: Array, places: Sequence[int], start: int) -> Iterator[tuple[tuple[int, ...], Array]]:
        """For every offset within the kernel: the part of the padded array that it meets at all places."""
        for offset in product(*map(range, self.kernel)):
            parts = tuple(
                slice(k * d, k * d + (n - 1) * s + 1, s)
                for k, d, s, n in zip(offset, self.dilation, self.stride, places, strict=True)
            )
            yield offset, padded[(slice(None),) * start + parts]

    def patches_axes(self, axes: Sequence[Axis]) -> tuple[Axis, ...]:
        """[*spatial, *channels] -> [*out, *kernel, *channels]."""
        if len(axes) < self.spatial:
            raise TypeMismatch(f"a kernel over {self.spatial} axes does not slide over {shown(axes)}")
        out = tuple(Axis(a.label, self.places(i, a.size)) for i, a in enumerate(axes[: self.spatial]))
        for before, after in zip(axes, out, strict=False):
            if after.size.constant is not None and after.size.constant < 1:
                raise TypeMismatch(f"the kernel is larger than {shown((before,))}")
        kernel = tuple(Axis("", Size.of(k)) for k in self.kernel)
        return (*out, *kernel, *axes[self.spatial :])

    def padded_shape(self, shape: Sequence[int], start: int) -> tuple[int, ...]:
        padded = list(shape)
        for i, pads in enumerate(self._widths(shape, start)):
            padded[start + i] += sum(pads)
        return tuple(padded)

    def inner(self, padded: Array, shape: Sequence[int], start: int) -> Array:
        """The padded array without its pads: a view."""
        befores = (before for before, _ in self._widths(shape, start))
        parts = tuple(slice(before, before + shape[start + i]) for i, before in enumerate(befores))
        return padded[(slice(None),) * start + parts]

    def _widths(self, shape: Sequence[int], start: int) -> list[tuple[int, int]]:
        pads = self.pads([Size.of(size) for size in shape[start : start + self.spatial]])
        return [(before.evaluate({}), after.evaluate({})) for before, after in pads]

    def at(self, array: Array, offset: tuple[int, ...], start: int) -> Array:
        """The part of patches that belongs to one offset within the kernel: a view."""
        return array[(slice(None),) * (start + self.spatial) + offset]


def _infer_patches(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    (x,) = types
    want("patches", "the operand", x, DType.FLOAT)
    return (x.with_(axes=Window.of(attrs).patches_axes(x.axes)),)


def _evaluate_patches(op: Op, args: Sequence[Array], env: Env) -> Array:
    import numpy as np

    window, (x,), start = Window.of(op), args, leads(op.out.type)
    padded = np.zeros(window.padded_shape(x.shape, start), x.dtype)
    window.inner(padded, x.shape, start)[...] = x
    out = np.zeros(env.shape(op.out.type), x.dtype)
    places = out.shape[start : start + window.spatial]
    for offset, part in window.views(padded, places, start):
        window.at(out, offset, start)[...] = part
    return result(out, op.out, env)


def _infer_unpatches(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    (d,) = types
    want("unpatches", "the operand", d, DType.FLOAT)
    axes = Attrs(attrs).axes("axes")
    expected = Window.of(attrs).patches_axes(axes)
    if d.axes != expected:
        raise TypeMismatch(f"unpatches: {shown(d.axes)} are no patches of {shown(axes)}: those are {shown(expected)}")
    return (d.with_(axes=axes),)


def _evaluate_unpatches(op: Op, args: Sequence[Array], env: Env) -> Array:
    import numpy as np

    window, (d,), start = Window.of(op), args, leads(op.out.type)
    shape = env.shape(op.out.type)
    padded = np.zeros(window.padded_shape(shape, start), d.dtype)
    places = d.shape[start : start + window.spatial]
    for offset, part in window.views(padded, places, start):
        part += window.at(d, offset, start)
    return result(window.inner(padded, shape, start), op.out, env)


@of_one_output
def _derive_patches(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    return [builder.op("unpatches", d, hint="", axes=op.args[0].type.axes, **dict(op.attrs))]


@of_one_output
def _derive_unpatches(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    attrs = {key: value for key, value in op.attrs if key != "axes"}
    return [builder.op("patches", d, hint="", **attrs)]


register(Row("patches", "contraction", _infer_patches, _evaluate_patches, _derive_patches, (0,)))
register(Row("unpatches", "contraction", _infer_unpatches, _evaluate_unpatches, _derive_unpatches, (0,)))
