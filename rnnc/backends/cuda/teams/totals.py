"""Values without features that every block of a team makes for itself, of the parts that each block has.

A sum over features would have its threads wait twice: for all features, and for the sum. So each block sums up its own
features, all blocks read these parts when they have met, and add them up: one meeting (`Totals` and `Parting` in
`joining.cuh`).

Squares around a mean need the mean first. Blocks take their own mean for the part that they have, and the parts are put
right by how far those means lie apart (Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance", The
American Statistician 37(3)), so that both come with one meeting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from rnnc.backends.cuda.kernels.elements import factor
from rnnc.backends.cuda.spelling import REDUCTIONS
from rnnc.backends.cuda.spelling.entry import Lanes
from rnnc.backends.cuda.spelling.reduction import STEP, start, summed
from rnnc.backends.cuda.spelling.summed import summed_type
from rnnc.backends.cuda.teams.access import Place, TeamElements
from rnnc.backends.cuda.teams.team import Team, Total
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


@dataclass(frozen=True)
class Squares:
    """What a reduction sums: squares of `apart`, how far numbers are from their `mean`."""

    mean: Op
    apart: Value


def squares(op: Op, made_by: Callable[[Value], Op | None], defined: Mapping[Value, Op]) -> Squares | None:
    """Whether a reduction sums squares around a mean. `made_by` is what computes a value where it is read, `defined`
    every operation."""
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
    same = Attrs(mean).integers("axes") == Attrs(op).integers("axes")
    return Squares(mean, square.args[0]) if same else None


@dataclass(frozen=True)
class Parting(Place):
    """Numbers that every block makes, several threads one if it is made of many: each of them of all blocks' parts, or
    the block's part of each, of elements of the type `space`, whose features blocks share as `among` says."""

    among: str = ""
    space: Type | None = None
    turn: int = 0

    @property
    def lanes(self) -> Lanes:
        start, end = f"{self.among}.first + joining.lane", f"{self.among}.first + {self.among}.own"
        return Lanes("joining.count", "joining.lane", by="joining.", start=start, end=end)

    def beside(self, own: Sequence[str], walked: Sequence[str]) -> tuple[Type, Sequence[str]] | None:
        around = own[: self.type.batch + self.heads]
        return (self.space, (*around, *walked)) if self.space is not None and walked else None

    def joined(self, lines: Sequence[str], count: str) -> list[str]:
        return [f"const Parting joining({self.parts}, {count}, totals.count, {self.turn});", *lines]

    @property
    def number(self) -> str:
        """The number in the order in which blocks have them."""
        return "r" if self.type.batch or self.heads else "0"


def of_own(team: Team, type: Type, space: Type, total: Total) -> Parting:
    """Where blocks make their parts of a total of elements of the type `space`."""
    share = team.share(space)
    return Parting(type, "", len(team.heads), f"{share}.own", share, space, total.number)


def of_parts(own: Parting) -> Parting:
    """Where all blocks' parts are joined."""
    return replace(own, parts="team.blocks", space=None)


def write_part(e: TeamElements, op: Op, total: Total, place: Parting) -> None:
    """What a block has of a reduction."""
    e.goal = total.own(place.number)
    REDUCTIONS[op.name](e, op, "n", place.lanes)


def write_squares(
    e: TeamElements, op: Op, total: Total, rest: Total, place: Parting, of: Squares, features: str
) -> None:
    """The same of squares around a mean, here around that of the block's own features; and by how much these are more
    than that together, which rounding leaves."""
    part = f"{summed(e, of.mean, 'n', place.lanes)} / (real){factor(features)}"
    near = e.kernel.bind("real", "near", f"near_mean({part}, {place.among}, {features}, team.rank)")
    e.kernel.remember(of.mean.out, tuple(e.index(of.mean.out.type, "n")), near)
    left = summed(e, replace(of.mean, args=(of.apart,)), "n", place.lanes)
    with e.kernel.braces("if (joining.lane == 0)"):
        e.kernel.line(f"{rest.own(place.number)} = {left};")
    write_part(e, op, total, place)


def write_whole(
    e: TeamElements, op: Op, total: Total, place: Parting, around: tuple[Total, Total] | None, features: str
) -> None:
    """All blocks' parts together, for each block. `around`: of squares the mean, and what is more than that."""
    kind, number, kernel = _KINDS[op.name], place.number, e.kernel
    kernel.spans |= op.spans
    found = kernel.names.new("total")
    kernel.line(f"{total.type} {found} = {start(kind, op.out.type.dtype)};")
    block, parts = kernel.names.new("block"), kernel.bind("real*", "parts", total.parts_of(number))
    added = ""
    if around is not None:
        means, rests = (kernel.bind("real*", "parts", one.parts_of(number)) for one in around)
        middle = kernel.bind("real", "middle", around[0].get(number))
        mean, rest = (one.part(parts, block) for one, parts in zip(around, (means, rests), strict=True))
        added = f" + apart({mean}, {rest}, {middle}, {place.among}, {features}, {block})"
        added += f" / (real){factor(features)}" if kind == "mean" else ""
    kernel.line("#pragma unroll 4")
    with kernel.braces(f"for (int {block} = joining.lane; {block} < team.blocks; {block} += joining.count)"):
        kernel.line(f"{found} = {STEP[kind].format(found, total.part(parts, block) + added)};")
    kernel.line(f"{found} = joining.{'sum' if kind == 'mean' else kind}({found});")
    with kernel.braces("if (joining.lane == 0)"):
        kernel.line(total.put(number, found))
