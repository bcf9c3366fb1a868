"""Operations whose elements depend on those before them along one axis: a thread walks along a line.

An element of a line makes the state before it into the state after it. What it does is (factor, term) in one form for
all elements of an operation, and several elements one after the other are again of that form: see `straight/scan.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnnc.backends.cuda.kernels.elements import Elements
from rnnc.backends.cuda.kernels.kernel import C_TYPES
from rnnc.backends.cuda.spelling.entry import LINES, enters
from rnnc.backends.cuda.spelling.reduction import put
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import DType, Op, Type


@dataclass(frozen=True)
class Form:
    """What elements do to a state s, with a factor f (where there is one) and a term b.

    `neutral` and `nothing` are the factor and the term that leave every state as it is. `unfit` says which composed
    factors are not to be used, and `doubtful` which states, found by composition, are not to be trusted: see
    `straight/scan.py`.
    """

    apply: str
    nothing: str
    doubtful: str
    compose: str = ""
    neutral: str = ""
    unfit: str = ""

    def applied(self, factor: str, term: str, state: str) -> str:
        return self.apply.format(f=factor, b=term, s=state)


INFINITE = "{s} - {s} != 0"  # or no number
FORMS = {
    "scan_affine": Form("{f} * {s} + {b}", "0", INFINITE, "{f} * {g}", "1", "!(abs_({f}) <= 2)"),
    "scan_maxplus": Form("max_({s} + {f}, {b})", "-inf_()", "{s} != {s}", "{f} + {g}", "0", "{f} - {f} != 0"),
    "cumsum": Form("{s} + {b}", "0", INFINITE),
}
WHOLE = Form("{s} + {b}", "0", "false")  # whole numbers wrap around, in any order


def form_of(op: Op) -> Form:
    return WHOLE if op.out.type.dtype is DType.INT else FORMS[op.name]


def line_type(op: Op) -> Type:
    """The type of what is left of the result without the axis along which lines run."""
    if op.name == "cumsum":
        axis = Attrs(op).integer("axis")
        return op.out.type.with_(axes=tuple(a for i, a in enumerate(op.out.type.axes) if i != axis))
    return op.out.type.with_(time=False)


def line_axis(op: Op) -> int:
    """The position of the axis along which lines run in an index of the result."""
    return op.out.type.time + op.out.type.batch + Attrs(op).integer("axis") if op.name == "cumsum" else 0


def extent(e: Elements, op: Op) -> str:
    """How many elements a line has."""
    return e.extents(op.out.type)[line_axis(op)]


def first(e: Elements, op: Op, index: Sequence[str]) -> str:
    """The state before the first element of a line."""
    return "0" if op.name == "cumsum" else e.operand(op.args[2], op.out.type.with_(time=False), index)


def element(e: Elements, op: Op, index: Sequence[str], number: str) -> tuple[list[str], str, str]:
    """The index of an element of a line in the whole, its factor ("" where there is none) and its term."""
    at = e.kernel.bind("long long", "at", f"{extent(e, op)} - 1 - {number}" if Attrs(op).flag("reverse") else number)
    place = line_axis(op)
    whole = [*index[:place], at, *index[place:]]
    if op.name == "cumsum":
        return whole, "", e.get(op.args[0], whole)
    factor, term = (e.operand(x, op.out.type, whole) for x in op.args[:2])
    return whole, factor, term


def walk(e: Elements, op: Op, index: Sequence[str], state: str, start: str, stop: str) -> None:
    """Write the elements of a part of a line, beginning with the variable `state`."""
    form = form_of(op)
    with e.kernel.braces(f"for (long long k = {start}; k < {stop}; ++k)"):
        whole, factor, term = element(e, op, index, "k")
        exclusive = op.name == "cumsum" and Attrs(op).flag("exclusive")
        if exclusive:
            put(e, op, e.flat(op.out.type, whole), state)
        e.kernel.line(f"{state} = {form.applied(factor, term, state)};")
        if not exclusive:
            put(e, op, e.flat(op.out.type, whole), state)


@enters(LINES, "cumsum", "scan_affine", "scan_maxplus")
def _line(e: Elements, op: Op, place: str) -> None:
    index = e.index(line_type(op), place)
    state = e.kernel.names.new("state")
    e.kernel.line(f"{C_TYPES[op.out.type.dtype]} {state} = {first(e, op, index)};")
    walk(e, op, index, state, "0", extent(e, op))
