"""Lines in parts: parallel along their own axis, which is time where a recurrence is linear.

A line is cut into parts of equal length; the last one may be shorter. One kernel composes the elements of each part but
the last; a second one, with a warp for each line, makes of that the states after the parts; a third one walks along
each part from the state before it. Where lines alone keep a device busy there is one part, and the third kernel is the
walk: the host decides (`templates/cuda/sharing.py`). Between the kernels a part is one or two numbers in memory.

Composed, a part is s -> f * s + b: b is the walk from zero, and f the product of its factors. The state after it has
the errors of the walk (whose bound adds up the roundings of all states times the factors behind them), and for each
element of the part two roundings of f * s: of f, and of the state, of which the walk from zero lacks its share of s. As
long as a part does not grow, that is small beside the state before it. Where it does (f beyond 2, a sum out of range),
the state after the part is said to be no number, and those after it may be, too: the thread of the part before walks on
through them, and the result is the walk's. Products of factors that underflow are zero: less than the smallest normal
number times the state is lost. Of max(s + f, b) nothing is lost by composition, unless a sum leaves the range.
"""

from __future__ import annotations

from dataclasses import dataclass

from rnnc.backends.cuda.kernels.elements import Elements, factor, total_of
from rnnc.backends.cuda.kernels.kernel import C_TYPES
from rnnc.backends.cuda.spelling.lines import (
    Form,
    element,
    extent,
    first,
    form_of,
    line_axis,
    line_type,
    walk,
)
from rnnc.backends.cuda.straight.block import Block
from rnnc.ir.program import DType, Op

LANES = 32  # of a warp


def write_line(block: Block, op: Op) -> None:
    """Write an operation along lines into a block, with the launches of its kernels."""
    block.allocate(op.out)
    names, lines = block.shared.names, line_type(op)
    length, parts = names.new("length"), names.new("parts")
    kernels = _Kernels(op, length, parts)
    most, here = (block.extents(op.out.type, time)[line_axis(op)] for time in (block.most, block.time))
    dtype = "cp.int32" if op.out.type.dtype is DType.INT else "wt"  # as states are computed
    block.shared.wide |= dtype == "wt"
    block.ahead(f"{length}, {parts} = _parts({most}, {block.count(lines)}, {kernels.numbers}, {dtype})")
    count = f"-(-{here} // {length})"
    begin = len(block.lines)
    block.launch(kernels.compose, lines, f"({count} - 1)")
    kernels.joints = f"{count} - 1"
    block.launch(kernels.connect, lines, str(LANES))
    block.lines[begin:] = [f"if {parts} is not None:", *("    " + line for line in block.lines[begin:])]
    block.launch(kernels.finish, lines, f"({count})")


@dataclass
class _Kernels:
    """The kernels of one operation. `length`, the elements of a part, and `parts` are variables of the host, and
    `joints` is the number of states between parts there.

    `parts` holds, for each part but the last and each line, the state after the part; before that is known, the term
    and the factor of the part.
    """

    op: Op
    length: str
    parts: str
    joints: str = ""

    @property
    def form(self) -> Form:
        return form_of(self.op)

    @property
    def numbers(self) -> int:
        """How many numbers a composed part is."""
        return 2 if self.form.neutral else 1

    def compose(self, e: Elements, n: str) -> None:
        """One part of one line: (term, factor), and of the first part the state after it."""
        op, form = self.op, self.form
        lines, part, line = self._place(e, n)
        index = e.index(line_type(op), line)
        state, factor = self._variable(e, "state", form.nothing), ""
        with e.kernel.braces(f"if ({part} == 0)"):
            e.kernel.line(f"{state} = {first(e, op, index)};")
        if form.neutral:
            factor = self._variable(e, "factor", form.neutral)
        length = e.kernel.whole("length", self.length)
        start = e.kernel.bind("long long", "start", f"{part} * {length}")
        with e.kernel.braces(f"for (long long k = {start}; k < {start} + {length}; ++k)"):
            _, f, b = element(e, op, index, "k")
            e.kernel.line(f"{state} = {form.applied(f, b, state)};")
            if factor:
                e.kernel.line(f"{factor} = {form.compose.format(f=f, g=factor)};")
        parts = self._parts(e)
        e.kernel.line(f"{parts}[{self._slot(part, lines, line)}] = {state};")
        if factor:
            e.kernel.line(f"{parts}[{self._slot(part, lines, line, 1)}] = {factor};")

    def connect(self, e: Elements, n: str) -> None:
        """The states after the parts of one line, by a warp: as many parts at once as it has lanes."""
        form, type = self.form, C_TYPES[self.op.out.type.dtype]
        lines = self._lines(e)
        kernel, parts, joints = e.kernel, self._parts(e), e.kernel.whole("joints", self.joints)
        line = kernel.bind("long long", "line", f"{n} / {LANES}")
        lane = kernel.bind("int", "lane", f"(int)({n} % {LANES})")
        state = self._variable(e, "state", f"{parts}[{line}]")
        with kernel.braces(f"for (long long k = 1; k < {joints}; k += {LANES})"):
            part = kernel.bind("long long", "part", f"k + {lane}")
            slots = [self._slot(part, lines, line, which) for which in range(self.numbers)]
            pair = [self._variable(e, "term", form.nothing)]
            if form.neutral:
                pair.append(self._variable(e, "factor", form.neutral))
            with kernel.braces(f"if ({part} < {joints})"):
                for name, slot in zip(pair, slots, strict=True):
                    kernel.line(f"{name} = {parts}[{slot}];")
            term, factor = pair[0], pair[-1]
            far = kernel.names.new("far")
            with kernel.braces(f"for (int {far} = 1; {far} < {LANES}; {far} *= 2)"):
                before = [kernel.bind(type, "before", f"__shfl_up_sync(0xffffffffu, {name}, {far})") for name in pair]
                with kernel.braces(f"if ({lane} >= {far})"):
                    kernel.line(f"{term} = {form.applied(factor, term, before[0])};")
                    if form.neutral:
                        kernel.line(f"{factor} = {form.compose.format(f=factor, g=before[1])};")
            if form.unfit:
                kernel.line(f"if ({form.unfit.format(f=factor)}) {factor} = ({type})nan_();")
            after = kernel.bind(type, "after", form.applied(factor, term, state))
            with kernel.braces(f"if ({part} < {joints})"):
                kernel.line(f"{parts}[{slots[0]}] = {after};")
            kernel.line(f"{state} = __shfl_sync(0xffffffffu, {after}, {LANES - 1});")

    def finish(self, e: Elements, n: str) -> None:
        """The elements of one part of one line, and of those after it before which the state is not known."""
        op = self.op
        lines, part, line = self._place(e, n)
        parts, length, end = self._parts(e), e.kernel.whole("length", self.length), extent(e, op)
        index = e.index(line_type(op), line)
        state = self._variable(e, "state", self.form.nothing)
        with e.kernel.braces(f"if ({part} == 0)"):
            e.kernel.line(f"{state} = {first(e, op, index)};")
        with e.kernel.braces("else"):
            e.kernel.line(f"{state} = {parts}[{self._slot(f'({part} - 1)', lines, line)}];")
            e.kernel.line(f"if ({self.form.doubtful.format(s=state)}) continue;")
        stop, at = e.kernel.names.new("stop"), e.kernel.names.new("at")
        e.kernel.line(f"long long {stop} = ({part} + 1) * {length};")
        with e.kernel.braces(f"for (long long {at} = {part}; {stop} < {end}; ++{at}, {stop} += {length})"):
            after = e.kernel.bind(C_TYPES[op.out.type.dtype], "after", f"{parts}[{self._slot(at, lines, line)}]")
            e.kernel.line(f"if (!({self.form.doubtful.format(s=after)})) break;")
        walk(e, op, index, state, f"{part} * {length}", f"within_({stop}, {end})")

    def _place(self, e: Elements, n: str) -> tuple[str, str, str]:
        """How many lines there are, which part and which line: neighbouring threads are on neighbouring lines."""
        lines = self._lines(e)
        return (
            lines,
            e.kernel.bind("long long", "part", f"{n} / {lines}"),
            e.kernel.bind("long long", "line", f"{n} % {lines}"),
        )

    def _lines(self, e: Elements) -> str:
        return e.kernel.bind("long long", "lines", total_of(e.extents(line_type(self.op))))

    def _parts(self, e: Elements) -> str:
        return e.kernel.pointer(self.parts, self.op.out.type.dtype, written=True, wide=True)

    def _slot(self, part: str, lines: str, line: str, which: int = 0) -> str:
        number = part if self.numbers == 1 else f"({part} * {self.numbers} + {which})"
        return f"{number} * {lines} + {line}"

    def _variable(self, e: Elements, hint: str, value: str) -> str:
        name, type = e.kernel.names.new(hint), C_TYPES[self.op.out.type.dtype]
        e.kernel.line(f"{type} {name} = ({type}){factor(value)};")
        return name
