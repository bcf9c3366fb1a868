"""Reductions over feature axes, running sums, softmax, and sums down to a smaller type."""

from __future__ import annotations

from collections.abc import Sequence

from rnnc.backends.numpy.emitter import Emitter, leads
from rnnc.backends.numpy.spelling.entry import SPELLINGS, Write, Written, spells
from rnnc.backends.numpy.views import Index, Reshape
from rnnc.backends.sizes import times
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.shapes import summed_axes
from rnnc.ir.program import DType, Op


def _axes(positions: Sequence[int]) -> str:
    return f"({', '.join(map(str, positions))}{',' if len(positions) == 1 else ''})"


def _fold(function: str) -> Write:
    def write(e: Emitter, op: Op) -> None:
        attrs = Attrs(op)
        (x,) = op.args
        axes = _axes([leads(x.type) + axis for axis in attrs.integers("axes")])
        keep = ", keepdims=True" if attrs.flag("keep") else ""
        e.line(f"{function}({e.read(x)}, axis={axes}{keep}, out={e.write(op.out)})")

    return write


for _name, _function in (
    ("reduce_sum", "np.add.reduce"),
    ("reduce_max", "np.maximum.reduce"),
    ("reduce_min", "np.minimum.reduce"),
    ("reduce_prod", "np.multiply.reduce"),
):
    SPELLINGS[_name] = Written(_fold(_function))


@spells("reduce_mean")
def _mean(e: Emitter, op: Op) -> None:
    """A sum and a quotient, as `np.mean` has it, which is a function of Python and costs more than both of them."""
    attrs = Attrs(op)
    (x,), positions = op.args, attrs.integers("axes")
    axes = _axes([leads(x.type) + axis for axis in positions])
    wide = ", dtype=np.float64" if x.type.dtype is DType.INT else ""  # whole numbers are summed without rounding
    keep = ", keepdims=True" if attrs.flag("keep") else ""
    out, count = e.write(op.out), times(e.size(x.type.shape[axis]) for axis in positions)
    e.line(f"np.add.reduce({e.read(x)}, axis={axes}{wide}{keep}, out={out})")
    e.store("np.divide", [out, e.constant(count, op.out.type.dtype)], out)


@spells("argmax")
def _argmax(e: Emitter, op: Op) -> None:
    (x,), (axis,) = op.args, Attrs(op).integers("axes")
    e.line(f"{e.write(op.out)}[...] = np.argmax({e.read(x)}, axis={leads(x.type) + axis})")


@spells("cumsum")
def _cumsum(e: Emitter, op: Op) -> None:
    attrs = Attrs(op)
    (x,) = op.args
    axis = leads(x.type) + attrs.integer("axis")
    direction = "::-1" if attrs.flag("reverse") else ":"
    source, target = (Index((*[":"] * axis, direction)),), (Index((*[":"] * axis, direction)),)
    if attrs.flag("exclusive"):
        e.line(f"{e.write(op.out, *target, Index((*[':'] * axis, ':1')))}.fill(0)")
        source, target = (*source, Index((*[":"] * axis, ":-1"))), (*target, Index((*[":"] * axis, "1:")))
    e.line(f"np.add.accumulate({e.read(x, *source)}, axis={axis}, out={e.write(op.out, *target)})")


@spells("softmax", over=(0,))
def _softmax(e: Emitter, op: Op) -> None:
    (x,) = op.args
    axis = leads(x.type) + Attrs(op).integer("axis")
    shape = [*e.shape(x.type)]
    shape[axis] = "1"
    folded = e.view_of(e.temporary(shape, "dt", "folded"))
    out = e.write(op.out)
    e.line(f"np.maximum.reduce({e.read(x)}, axis={axis}, keepdims=True, out={folded})")
    e.store("np.subtract", [e.read(x), folded], out)
    e.store("np.exp", [out], out)
    e.line(f"np.add.reduce({out}, axis={axis}, keepdims=True, out={folded})")
    e.store("np.divide", [out, folded], out)


@spells("reduce_to")
def _reduce_to(e: Emitter, op: Op) -> None:
    (x,) = op.args
    source, target = x.type, op.out.type
    summed = summed_axes(source, target)
    if not summed:
        e.line(f"{e.write(op.out)}[...] = {e.read(x)}")
        return
    kept = tuple("1" if i in summed else size for i, size in enumerate(e.shape(source)))
    shape = e.shape(target)
    if tuple(size for i, size in enumerate(kept) if i not in summed) == shape:
        e.line(f"np.add.reduce({e.read(x)}, axis={_axes(summed)}, out={e.write(op.out)})")
    else:  # some summed axes stay, with size 1
        total = e.temporary(kept, "dt", "total")
        e.line(f"np.add.reduce({e.read(x)}, axis={_axes(summed)}, keepdims=True, out={e.view_of(total)})")
        e.line(f"{e.write(op.out)}[...] = {e.view_of(total, Reshape(shape))}")
