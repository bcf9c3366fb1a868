"""Operations whose elements depend on those before them along one axis: one thread walks along a line."""

from __future__ import annotations

from rnnc.backends.cuda.elements import Elements
from rnnc.backends.cuda.kernel import C_TYPES
from rnnc.backends.cuda.spelling.entry import LINES, enters
from rnnc.backends.cuda.spelling.reduction import put
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Op, Type


def line_type(op: Op) -> Type:
    """The type of what is left of the result without the axis along which lines run."""
    if op.name == "cumsum":
        axis = Attrs(op).integer("axis")
        return op.out.type.with_(axes=tuple(a for i, a in enumerate(op.out.type.axes) if i != axis))
    return op.out.type.with_(time=False)


@enters(LINES, "cumsum")
def _cumsum(e: Elements, op: Op, place: str) -> None:
    attrs = Attrs(op)
    (x,) = op.args
    leads, axis = op.out.type.time + op.out.type.batch, attrs.integer("axis")
    index = e.index(line_type(op), place)
    extent = e.extents(op.out.type)[leads + axis]
    total = e.kernel.names.new("total")
    e.kernel.line(f"{C_TYPES[op.out.type.dtype]} {total} = 0;")
    with e.kernel.braces(f"for (long long k = 0; k < {extent}; ++k)"):
        at = e.kernel.bind("long long", "at", f"{extent} - 1 - k" if attrs.flag("reverse") else "k")
        whole = [*index[: leads + axis], at, *index[leads + axis :]]
        element = e.get(x, whole)
        if attrs.flag("exclusive"):
            put(e, op, e.flat(op.out.type, whole), total)
        e.kernel.line(f"{total} += {element};")
        if not attrs.flag("exclusive"):
            put(e, op, e.flat(op.out.type, whole), total)


@enters(LINES, "scan_affine", "scan_maxplus")
def _scan(e: Elements, op: Op, place: str) -> None:
    a, term, init = op.args
    index = e.index(line_type(op), place)
    state = e.kernel.names.new("state")
    e.kernel.line(f"real {state} = {e.operand(init, op.out.type.with_(time=False), index)};")
    with e.kernel.braces(f"for (long long k = 0; k < {e.steps()}; ++k)"):
        t = e.kernel.bind("long long", "at", f"{e.steps()} - 1 - k" if Attrs(op).flag("reverse") else "k")
        factor, summand = (e.operand(x, op.out.type, [t, *index]) for x in (a, term))
        affine = op.name == "scan_affine"
        text = f"{factor} * {state} + {summand}" if affine else f"max_({state} + {factor}, {summand})"
        e.kernel.line(f"{state} = {text};")
        put(e, op, e.flat(op.out.type, [t, *index]), state)
