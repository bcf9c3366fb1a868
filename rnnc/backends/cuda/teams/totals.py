"""Values without features that every block of a team makes for itself, of the parts that each block has.

A sum over features would have its threads wait twice: for all features, and for the sum. So each block sums up its own
features, all blocks read these parts when they have met, and add them up: one meeting (`Total` and `Parting` in
`joining.cuh`).

Squares of what lies around a mean need the mean first. Blocks take their own mean for the part that they have, and the
parts are put right by how far those means lie apart (Chan, Golub & LeVeque 1983, "Algorithms for computing the sample
variance", The American Statistician 37(3)), so that both come with one meeting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rnnc.backends.cuda.kernels.elements import factor
from rnnc.backends.cuda.kernels.kernel import C_TYPES
from rnnc.backends.cuda.spelling import REDUCTIONS
from rnnc.backends.cuda.spelling.entry import Lanes
from rnnc.backends.cuda.spelling.reduction import STEP, start, summed
from rnnc.backends.cuda.spelling.summed import summed_type
from rnnc.backends.cuda.teams.access import Place, TeamElements
from rnnc.backends.cuda.teams.team import Owner, Team, Total
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Axis, DType, Op, Type, Value

_KINDS = {
    **{f"reduce_{kind}": kind for kind in ("sum", "mean", "prod", "max", "min")},
    **dict.fromkeys(("contract", "reduce_to"), "sum"),
}


def whole(op: Op, heads: tuple[Axis, ...]) -> Type | None:
    """The type of what blocks share of a reduction without features, if it is one of numbers that blocks join."""
    combined = summed_type(op)
    if op.name not in _KINDS or op.out.type.dtype is DType.BOOL or combined.batch or combined.time:
        return None
    if op.out.type.axes[: len(heads)] != heads:
        return None
    return op.out.type.with_(dtype=DType.FLOAT, time=False, axes=(*heads, *combined.axes))


def mean_of_squares(op: Op, made_by: Callable[[Value], Op | None], defined: Mapping[Value, Op]) -> Op | None:
    """The mean of some numbers around which a reduction sums their squares, if it is one. `made_by` is what computes a
    value where it is read, `defined` every operation."""
    square = made_by(op.args[0]) if op.name in ("reduce_sum", "reduce_mean") else None
    if square is None or square.name not in ("square", "mul") or len({*square.args}) > 1:
        return None
    apart = made_by(square.args[0])
    if apart is None or apart.name != "sub":
        return None
    value = apart.args[1]
    while (view := made_by(value)) is not None and view.name in ("reshape", "transpose"):
        value = view.args[0]
    mean = defined.get(value)
    if mean is None or mean.name != "reduce_mean" or mean.args[0] is not apart.args[0]:
        return None
    return mean if Attrs(mean).integers("axes") == Attrs(op).integers("axes") else None


@dataclass(frozen=True)
class Parting(Place):
    """Numbers that a block makes alone, several threads one if there is much to join: of parts of them, or the `part`
    of each that is this block's, of elements of the type `space`, which blocks share."""

    turn: int = 0
    part: str = ""
    space: Type | None = None

    @property
    def lanes(self) -> Lanes:
        ends = f"{self.part}.first + joining.lane", f"{self.part}.first + {self.part}.own"
        return Lanes("joining.count", "joining.lane", by="joining.", part=ends)

    @property
    def beside(self) -> Owner | None:
        return self.space and Owner(self.space)

    def joins(self, count: str) -> list[str]:
        return [f"const Parting joining({self.parts}, {count or '1'}, totals, {self.turn});"]

    def settles(self) -> list[str]:
        return []

    @property
    def number(self) -> str:
        """The number in the order in which blocks have them."""
        return "r" if self.type.batch or self.heads else "0"


def parting(team: Team, type: Type, space: Type, total: Total) -> Parting:
    """Where blocks have parts of a total of elements of the type `space`."""
    share = team.share(space)
    return Parting(type, "", len(team.heads), f"{share}.own", total.turn, share, space)


def write_part(e: TeamElements, op: Op, total: Total, place: Parting, around: Op | None) -> None:
    """What a block has of a reduction; `around` is the mean of what is squared."""
    if around is not None:
        index = tuple(e.index(around.out.type, "n"))
        own = f"(real){place.part}.own"
        near = f"{summed(e, around, 'n', place.lanes)} / {own}"
        e.kernel.remember(around.out, index, e.kernel.bind("real", "near", near))
    e.part = f"{total.name}.part(step, {total.name}.rank, {place.number})"
    REDUCTIONS[op.name](e, op, "n", place.lanes)


def write_whole(e: TeamElements, op: Op, total: Total, place: Parting, mean: Total | None, features: str) -> str:
    """All blocks' parts together, for each block; the variable that has them. `mean` is the one of what is squared."""
    kind, type, number = _KINDS[op.name], C_TYPES[op.out.type.dtype], place.number
    e.kernel.spans |= op.spans
    found = e.kernel.names.new("total")
    e.kernel.line(f"{type} {found} = {start(kind, op.out.type.dtype)};")
    block = e.kernel.names.new("block")
    e.kernel.line("#pragma unroll 8")
    with e.kernel.braces(f"for (int {block} = joining.lane; {block} < team.blocks; {block} += joining.count)"):
        part = f"{total.name}.part(step, {block}, {number})"
        if mean is not None:
            apart = f"{mean.name}.apart({place.part}, {features}, step, {block}, {number})"
            part += f" + {apart}" + (f" / (real){factor(features)}" if kind == "mean" else "")
        e.kernel.line(f"{found} = {STEP[kind].format(found, part)};")
    e.kernel.line(f"{found} = joining.{'sum' if kind == 'mean' else kind}({found});")
    return found
