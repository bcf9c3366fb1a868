"""The same numbers, arranged otherwise; and the windows of convolutions."""

from __future__ import annotations

from rnnc.backends.tensorflow.block import Block
from rnnc.backends.tensorflow.spelling.entry import spells
from rnnc.backends.tensorflow.spelling.reduction import leads
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.convolution import Window
from rnnc.ir.program import Op, Type


@spells("reshape")
def _reshape(b: Block, op: Op) -> str:
    return f"tf.reshape({b.read(op.args[0])}, {b.shape(op.out.type)})"


@spells("transpose")
def _transpose(b: Block, op: Op) -> str:
    start = leads(op.out.type)
    order = [*range(start), *(start + axis for axis in Attrs(op).integers("perm"))]
    return f"tf.transpose({b.read(op.args[0])}, {order})"


@spells("concat")
def _concat(b: Block, op: Op) -> str:
    parts = [b.full(x, op.out.type.with_(axes=x.type.axes)) for x in op.args]
    return f"tf.concat([{', '.join(parts)}], {leads(op.out.type) + Attrs(op).integer('axis')})"


@spells("split")
def _split(b: Block, op: Op) -> str:
    attrs, x = Attrs(op), op.args[0]
    sizes = [b.size(size) for size in attrs.sizes("sizes")]
    axis = leads(x.type) + attrs.integer("axis")
    if len(sizes) == 1:
        return f"tf.identity({b.read(x)})"
    if x in b.frame.apart:
        return f"{b.helper('_parts')}({b.read(x)}, [{', '.join(sizes)}], {axis})"
    return f"tf.split({b.read(x)}, [{', '.join(sizes)}], {axis})"


@spells("slice")
def _slice(b: Block, op: Op) -> str:
    attrs, x = Attrs(op), op.args[0]
    part = f"{b.size(attrs.size('start'))}:{b.size(attrs.size('stop'))}"
    return f"{b.read(x)}[{', '.join([*[':'] * (leads(x.type) + attrs.integer('axis')), part])}]"


@spells("pad")
def _pad(b: Block, op: Op) -> str:
    attrs, x = Attrs(op), op.args[0]
    widths = ["[0, 0]"] * (leads(x.type) + x.type.rank)
    widths[leads(x.type) + attrs.integer("axis")] = f"[{b.size(attrs.size('before'))}, {b.size(attrs.size('after'))}]"
    return f"tf.pad({b.read(x)}, [{', '.join(widths)}])"


@spells("flip")
def _flip(b: Block, op: Op) -> str:
    return f"tf.reverse({b.read(op.args[0])}, [{leads(op.out.type) + Attrs(op).integer('axis')}])"


@spells("broadcast")
def _broadcast(b: Block, op: Op) -> str:
    return b.full(op.args[0], op.out.type)


@spells("patches")
def _patches(b: Block, op: Op) -> str:
    x, window = op.args[0], Window.of(op)
    counts = [b.size(axis.size) for axis in op.out.type.axes[: window.spatial]]
    return f"{b.helper('_patches')}({b.read(x)}, {leads(x.type)}, {_window(b, window, counts, x.type)})"


@spells("unpatches")
def _unpatches(b: Block, op: Op) -> str:
    d, window = op.args[0], Window.of(op)
    counts = [b.size(axis.size) for axis in d.type.axes[: window.spatial]]
    sizes = ", ".join(b.size(axis.size) for axis in op.out.type.axes[: window.spatial])
    around = _window(b, window, counts, op.out.type)
    return f"{b.helper('_unpatches')}({b.read(d)}, {leads(d.type)}, {around}, [{sizes}])"


def _window(b: Block, window: Window, counts: list[str], image: Type) -> str:
    """How many places there are, the kernel, stride and dilation, and the zeros around: lists, one entry an axis."""
    pads = ", ".join(f"[{b.size(before)}, {b.size(after)}]" for before, after in window.pads(image.shape))
    kernel, stride, dilation = list(window.kernel), list(window.stride), list(window.dilation)
    return f"[{', '.join(counts)}], {kernel}, {stride}, {dilation}, [{pads}]"
