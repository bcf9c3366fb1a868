"""Operations of which one element of the result combines many elements of the operands."""

from __future__ import annotations

from contextlib import ExitStack

from rnnc.backends.cuda.elements import Elements
from rnnc.backends.cuda.kernel import C_TYPES
from rnnc.backends.cuda.spelling.entry import REDUCTIONS, enters
from rnnc.backends.functions import lead_letters
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.shapes import summed_axes
from rnnc.ir.program import DType, Op, Type

START = {"sum": "0", "mean": "0", "prod": "1", "max": "-inf_()", "min": "inf_()"}
STEP = {"sum": "{0} + {1}", "mean": "{0} + {1}", "prod": "{0} * {1}", "max": "max_({0}, {1})", "min": "min_({0}, {1})"}


def over(e: Elements, stack: ExitStack, hint: str, extent: str) -> str:
    """A loop over one axis, open until the stack closes; its variable."""
    name = e.kernel.names.new(hint)
    stack.enter_context(e.kernel.braces(f"for (long long {name} = 0; {name} < {extent}; ++{name})"))
    return name


def accumulator(e: Elements, op: Op, kind: str) -> str:
    """A variable for a total; whole numbers have other extremes than floats."""
    name = e.kernel.names.new("total")
    type = C_TYPES[op.out.type.dtype]
    start = START[kind]
    if op.out.type.dtype is DType.INT:
        start = {"max": "(int)0x80000000", "min": "0x7fffffff"}.get(kind, start)
    e.kernel.line(f"{type} {name} = ({type})({start});")
    return name


def _finish(e: Elements, op: Op, place: str, total: str) -> None:
    put(e, op, place, total)


def put(e: Elements, op: Op, place: str, element: str) -> None:
    """Write an element of the result."""
    home = e.homes(op.out)
    assert home is not None
    e.write(op.out, home, place, element)


@enters(REDUCTIONS, "reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod")
def _reduce(e: Elements, op: Op, place: str) -> None:
    attrs = Attrs(op)
    (x,) = op.args
    kind = op.name.removeprefix("reduce_")
    axes, keep = attrs.integers("axes"), attrs.flag("keep")
    index = e.index(op.out.type, place)
    leads = x.type.time + x.type.batch
    features = iter(index[leads:])
    total = accumulator(e, op, kind)
    extents = e.extents(x.type)
    with ExitStack() as stack:
        inner: list[str] = []
        for axis in range(x.type.rank):
            if axis in axes:
                inner.append(over(e, stack, "k", extents[leads + axis]))
                if keep:
                    next(features)
            else:
                inner.append(next(features))
        element = e.cast(e.get(x, (*index[:leads], *inner)), x, op.out.type.dtype)
        e.kernel.line(f"{total} = {STEP[kind].format(total, element)};")
    if kind == "mean":
        count = " * ".join(extents[leads + axis] for axis in axes) or "1"
        total = f"{total} / (real)({count})"
    _finish(e, op, place, total)


@enters(REDUCTIONS, "reduce_to")
def _reduce_to(e: Elements, op: Op, place: str) -> None:
    (x,) = op.args
    source, target = x.type, op.out.type
    summed = summed_axes(source, target)
    index = e.index(target, place)
    leads, features = e.parts(target, index)
    total = accumulator(e, op, "sum")
    extents = e.extents(source)
    letters = "t" * source.time + "b" * source.batch
    with ExitStack() as stack:
        inner: list[str] = []
        for position in range(len(extents)):
            axis = position - len(letters)
            if position in summed:
                inner.append(over(e, stack, "k", extents[position]))
            else:
                inner.append(leads[letters[position]] if axis < 0 else features[axis])
        e.kernel.line(f"{total} += {e.cast(e.get(x, inner), x, op.out.type.dtype)};")
    _finish(e, op, place, total)


@enters(REDUCTIONS, "contract")
def _contract(e: Elements, op: Op, place: str) -> None:
    """Any einsum, one element after the other; matrices go to the library instead (`products.py`)."""
    attrs = Attrs(op)
    types = [arg.type for arg in op.args]
    letters = [lead_letters(type) + attrs.text(key) for type, key in zip(types, ("a", "b"), strict=True)]
    out = lead_letters(op.out.type) + attrs.text("out")
    where = dict(zip(out, e.index(op.out.type, place), strict=True))
    sizes = {
        x: size
        for type, word in zip(types, letters, strict=True)
        for x, size in zip(word, e.extents(type), strict=True)
    }
    total = accumulator(e, op, "sum")
    with ExitStack() as stack:
        for letter in dict.fromkeys("".join(letters)):
            if letter not in where:
                where[letter] = over(e, stack, "k", sizes[letter])
        factors = [
            e.cast(e.get(arg, [where[x] for x in word]), arg, op.out.type.dtype)
            for arg, word in zip(op.args, letters, strict=True)
        ]
        e.kernel.line(f"{total} += {' * '.join(factors)};")
    _finish(e, op, place, total)


@enters(REDUCTIONS, "lookup_grad")
def _lookup_grad(e: Elements, op: Op, place: str) -> None:
    """A row of a table gets the sum of all cotangents that were taken from it, in their own order."""
    rows, d = op.args
    index = e.index(op.out.type, place)
    time, batch = rows.type.time or d.type.time, rows.type.batch or d.type.batch
    whole = d.type.with_(time=time, batch=batch)
    places = Type(rows.type.axes, rows.type.dtype, batch=batch, time=time)
    total = accumulator(e, op, "sum")
    with ExitStack() as stack:
        inner = [over(e, stack, "k", extent) for extent in e.extents(places)]
        row = e.get(rows, e.aligned(rows.type, places, inner))
        stack.enter_context(e.kernel.braces(f"if ({row} == {index[0]})"))
        e.kernel.line(f"{total} += {e.get(d, e.aligned(d.type, whole, [*inner, *index[1:]]))};")
    _finish(e, op, place, total)
