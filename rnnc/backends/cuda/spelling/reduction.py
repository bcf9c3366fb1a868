"""Operations of which one element of the result combines many elements of the operands."""

from __future__ import annotations

from contextlib import ExitStack

from rnnc.backends.cuda.kernels.elements import Elements, factor, total_of
from rnnc.backends.cuda.kernels.kernel import C_TYPES
from rnnc.backends.cuda.spelling.entry import REDUCTIONS, Lanes, enters
from rnnc.backends.cuda.spelling.summed import summed_letters, summed_type
from rnnc.backends.functions import lead_letters
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.shapes import summed_axes
from rnnc.ir.program import DType, Op, Type

START = {"sum": "0", "mean": "0", "prod": "1", "max": "-inf_()", "min": "inf_()"}
STEP = {"sum": "{0} + {1}", "mean": "{0} + {1}", "prod": "{0} * {1}", "max": "max_({0}, {1})", "min": "min_({0}, {1})"}


def over(e: Elements, stack: ExitStack, type: Type, lanes: Lanes | None) -> list[str]:
    """Loops over all elements of a type, open until the stack closes; their index."""
    extents = e.extents(type)
    if lanes is None:
        names = [e.kernel.names.new("k") for _ in extents]
        for name, extent in zip(names, extents, strict=True):
            stack.enter_context(e.kernel.braces(f"for (long long {name} = 0; {name} < {extent}; ++{name})"))
        return names
    name = e.kernel.names.new("k")
    first, end = lanes.start or lanes.lane, lanes.end or total_of(extents)
    head = f"for (long long {name} = {first}; {name} < {end}; {name} += {lanes.count})"
    stack.enter_context(e.kernel.braces(head))
    names = e.parted(extents, name)
    e.walks(names)
    return names


def together(e: Elements, kind: str, total: str, lanes: Lanes | None) -> None:
    """All lanes' totals in one, in the same order every time."""
    if lanes is not None:
        text = f"{total} = {lanes.by}{'sum' if kind == 'mean' else kind}({total});"
        e.kernel.line(f"{lanes.several} {text}".lstrip())


def accumulator(e: Elements, op: Op, kind: str) -> str:
    """A variable for a total; whole numbers have other extremes than floats."""
    name = e.kernel.names.new("total")
    e.kernel.line(f"{C_TYPES[op.out.type.dtype]} {name} = {start(kind, op.out.type.dtype)};")
    return name


def start(kind: str, dtype: DType) -> str:
    """What a total of nothing is."""
    found = {"max": "(int)0x80000000", "min": "0x7fffffff"}.get(kind) if dtype is DType.INT else None
    return f"({C_TYPES[dtype]}){factor(found or START[kind])}"


def _finish(e: Elements, op: Op, place: str, total: str, lanes: Lanes | None) -> None:
    if lanes is None:
        put(e, op, place, total)
        return
    with e.kernel.braces(f"if ({lanes.lane} == 0)"):
        put(e, op, place, total)


def put(e: Elements, op: Op, place: str, element: str) -> None:
    """Write an element of the result."""
    home = e.homes(op.out)
    assert home is not None
    e.write(op.out, home, place, element)


@enters(REDUCTIONS, "reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod")
def _reduce(e: Elements, op: Op, place: str, lanes: Lanes | None = None) -> None:
    total = summed(e, op, place, lanes)
    if op.name == "reduce_mean":
        total = f"{total} / (real){factor(total_of(e.extents(summed_type(op))))}"
    _finish(e, op, place, total, lanes)


def summed(e: Elements, op: Op, place: str, lanes: Lanes | None) -> str:
    """A variable for what a reduction combines; of a mean the sum."""
    attrs = Attrs(op)
    (x,) = op.args
    kind = op.name.removeprefix("reduce_")
    axes, keep = attrs.integers("axes"), attrs.flag("keep")
    index = e.index(op.out.type, place)
    leads = x.type.time + x.type.batch
    features = iter(index[leads:])
    total = accumulator(e, op, kind)
    with ExitStack() as stack:
        combined = iter(over(e, stack, summed_type(op), lanes))
        inner: list[str] = []
        for axis in range(x.type.rank):
            if axis in axes:
                inner.append(next(combined))
                if keep:
                    next(features)
            else:
                inner.append(next(features))
        element = e.cast(e.get(x, (*index[:leads], *inner)), x, op.out.type.dtype)
        e.kernel.line(f"{total} = {STEP[kind].format(total, element)};")
    together(e, kind, total, lanes)
    return total


@enters(REDUCTIONS, "argmax")
def _argmax(e: Elements, op: Op, place: str, lanes: Lanes | None = None) -> None:
    """The first place of the largest number, or of the first that is none."""
    (x,), (axis,) = op.args, Attrs(op).integers("axes")
    index = e.index(op.out.type, place)
    position = x.type.time + x.type.batch + axis
    type, least = C_TYPES[x.type.dtype], "(int)0x80000000" if x.type.dtype is DType.INT else "-inf_()"
    best, at = e.kernel.names.new("best"), e.kernel.names.new("at")
    e.kernel.line(f"{type} {best} = ({type}){factor(least)};")
    e.kernel.line(f"int {at} = 0;")
    with ExitStack() as stack:
        (k,) = over(e, stack, summed_type(op), lanes)
        element = e.kernel.names.new("x")
        e.kernel.line(f"{type} {element} = {e.get(x, (*index[:position], k, *index[position:]))};")
        with e.kernel.braces(f"if (!({element} <= {best}) && {best} == {best})"):
            e.kernel.line(f"{best} = {element}; {at} = (int){k};")
    if lanes is not None:
        with e.kernel.braces(lanes.several):
            largest = e.kernel.names.new("largest")
            e.kernel.line(f"{type} {largest} = {lanes.by}max({best});")
            e.kernel.line(f"bool is_it = {best} == {largest} || {best} != {best};")
            e.kernel.line(f"{at} = {lanes.by}min(is_it ? {at} : 0x7fffffff);")
    _finish(e, op, place, at, lanes)


@enters(REDUCTIONS, "reduce_to")
def _reduce_to(e: Elements, op: Op, place: str, lanes: Lanes | None = None) -> None:
    (x,) = op.args
    source, target = x.type, op.out.type
    summed = summed_axes(source, target)
    index = e.index(target, place)
    leads, features = e.parts(target, index)
    total = accumulator(e, op, "sum")
    letters = "t" * source.time + "b" * source.batch
    with ExitStack() as stack:
        combined = iter(over(e, stack, summed_type(op), lanes))
        inner: list[str] = []
        for position in range(len(letters) + source.rank):
            axis = position - len(letters)
            if position in summed:
                inner.append(next(combined))
            else:
                inner.append(leads[letters[position]] if axis < 0 else features[axis])
        e.kernel.line(f"{total} += {e.cast(e.get(x, inner), x, op.out.type.dtype)};")
    together(e, "sum", total, lanes)
    _finish(e, op, place, total, lanes)


@enters(REDUCTIONS, "contract")
def _contract(e: Elements, op: Op, place: str, lanes: Lanes | None = None) -> None:
    """Any einsum, one element after the other; matrices go to the library instead (`products.py`)."""
    attrs = Attrs(op)
    letters = [lead_letters(arg.type) + attrs.text(key) for arg, key in zip(op.args, ("a", "b"), strict=True)]
    out = lead_letters(op.out.type) + attrs.text("out")
    where = dict(zip(out, e.index(op.out.type, place), strict=True))
    total = accumulator(e, op, "sum")
    with ExitStack() as stack:
        where |= dict(zip(summed_letters(op), over(e, stack, summed_type(op), lanes), strict=True))
        factors = [
            e.cast(e.get(arg, [where[x] for x in word]), arg, op.out.type.dtype)
            for arg, word in zip(op.args, letters, strict=True)
        ]
        e.kernel.line(f"{total} = fma_({', '.join(factors)}, {total});")
    together(e, "sum", total, lanes)
    _finish(e, op, place, total, lanes)


@enters(REDUCTIONS, "lookup_grad")
def _lookup_grad(e: Elements, op: Op, place: str, lanes: Lanes | None = None) -> None:
    """A row of a table gets the sum of all cotangents that were taken from it, in an order that is always the same."""
    rows, d = op.args
    index = e.index(op.out.type, place)
    places = summed_type(op)
    whole = d.type.with_(time=places.time, batch=places.batch)
    total = accumulator(e, op, "sum")
    with ExitStack() as stack:
        inner = over(e, stack, places, lanes)
        row = e.get(rows, e.aligned(rows.type, places, inner))
        stack.enter_context(e.kernel.braces(f"if ({row} == {index[0]})"))
        e.kernel.line(f"{total} += {e.get(d, e.aligned(d.type, whole, [*inner, *index[1:]]))};")
    together(e, "sum", total, lanes)
    _finish(e, op, place, total, lanes)
