"""Pieces of values that were split, and operations that are applied to neighbouring pieces: one operation does.

    i, f, j = split(z)                  i, f, j  = split(z)
    a = sigmoid(i)                      if       = the stretch of z over i and f
    b = sigmoid(f)              =>      s        = sigmoid(if)
    c = tanh(j)                         a, b     = split(s)
                                        c        = tanh(j)

While `PieceTable` works, the splits of a block stand in its graph as pseudo-operations that may give out overlapping
stretches; `finish` writes them as (nested) splits again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rnnc.ir.operations import TABLE
from rnnc.ir.program import NO_SPANS, Axis, Op, Spans, Type, Value
from rnnc.ir.size import ONE, Size
from rnnc.passes.analysis.blockgraph import BlockGraph
from rnnc.passes.analysis.freedom import is_weight
from rnnc.passes.rewrites.products import joined_name
from rnnc.passes.rewrites.stacks import REDUCTIONS, of_stack

PSEUDO = "pieces"


@dataclass(eq=False)
class Pieces:
    """A value cut along an axis into atoms, and the stretches of atoms that have a value.

    Where `stacked`, the axis is 0, all atoms have size 1, and the value of a single atom lacks the axis.
    """

    source: Value
    axis: int
    sizes: tuple[Size, ...]
    stacked: bool = False
    spans: Spans = NO_SPANS
    stretches: dict[tuple[int, int], Value] = field(default_factory=dict[tuple[int, int], Value])

    def size(self, lo: int, hi: int) -> Size:
        """How long a stretch is."""
        return sum(self.sizes[lo:hi], Size.of(0))

    def type(self, lo: int, hi: int) -> Type:
        """The type of a stretch before an axis is dropped."""
        axes = list(self.source.type.axes)
        axes[self.axis] = Axis(axes[self.axis].label, self.size(lo, hi))
        return self.source.type.with_(axes=tuple(axes))


@dataclass(frozen=True)
class Place:
    """Where a value lies: atoms [lo, hi) of `pieces`."""

    pieces: Pieces
    lo: int
    hi: int


@dataclass(frozen=True)
class Run:
    """Operations on neighbouring stretches that can be one; `places[k][n]` is where argument n of the k-th one lies."""

    ops: tuple[Op, ...]
    places: tuple[tuple[Place | None, ...], ...]
    lead: int  # the argument that gives the pieces


Candidate = tuple[int, Op, tuple[Place | None, ...], int]  # first atom, operation, places of its arguments, lead


class PieceTable:
    """All pieces of a block. `constant` tells which values can be joined outside of the loop."""

    def __init__(self, graph: BlockGraph, constant: Callable[[Value], bool], packed: dict[object, Value]) -> None:
        self._graph = graph
        self._constant = constant
        self._packed = packed
        self._places: dict[Value, Place] = {}
        self._nodes: dict[Pieces, Op] = {}
        for op in graph.ops("split"):
            if len(op.outs) > 1 and op in graph and not self._is_nested(op):
                self._collect(op)

    def merge(self, mergeable: Callable[[Op], bool]) -> Iterator[Run]:
        """Merge operations until none are left, giving each run that was merged."""
        merged = True
        while merged:
            merged = False
            for pieces in list(self._nodes):
                for run in self._runs(pieces, mergeable):
                    if self._merge(run):
                        merged = True
                        yield run
                        break

    def finish(self) -> None:
        """Write every pseudo-operation as splits."""
        for pieces, node in self._nodes.items():
            place = self._graph.place(node)
            self._graph.remove(node)
            self._write(pieces, place, pieces.source, 0, len(pieces.sizes))
        self._nodes.clear()

    # From splits to pieces --------------------------------------------------------------------------------------------

    def _is_nested(self, op: Op) -> bool:
        outer = self._graph.producing_op(op.args[0], "split")
        return outer is not None and len(outer.outs) > 1 and outer.attr("axis") == op.attr("axis")

    def _collect(self, op: Op) -> None:
        (source,) = op.args
        axis = op.attr("axis")
        assert isinstance(axis, int)
        place = self._graph.place(op)
        dropped = self._dropping_reshapes(op, axis)
        stretches: dict[tuple[int, int], Value] = {}
        sizes: list[Size] = []
        if dropped is None:
            self._atoms(op, axis, sizes, stretches)
        else:
            for index, reshape in enumerate(dropped):
                sizes.append(ONE)
                if reshape is not None:
                    stretches[index, index + 1] = reshape.out
                    self._graph.remove(reshape)
            self._graph.remove(op)
        pieces = Pieces(source, axis, tuple(sizes), dropped is not None, op.spans, stretches)
        self._put(pieces, place)

    def _atoms(self, op: Op, axis: int, sizes: list[Size], stretches: dict[tuple[int, int], Value]) -> None:
        """Collect the pieces of a split and of the splits of its pieces, and take the splits out."""
        self._graph.remove(op)
        for out in op.outs:
            lo = len(sizes)
            inner = next((r for r in self._graph.readers(out) if isinstance(r, Op) and _splits(r, axis)), None)
            if inner is None:
                sizes.append(out.type.axes[axis].size)
            else:
                self._atoms(inner, axis, sizes, stretches)
            stretches[lo, len(sizes)] = out

    def _dropping_reshapes(self, op: Op, axis: int) -> list[Op | None] | None:
        """For a split into members of size 1, the reshapes that drop the axis (None: a member that nothing reads)."""
        found: list[Op | None] = []
        for out in op.outs:
            if axis != 0 or out.type.axes[0].size != ONE or out in self._graph.results:
                return None
            if not self._graph.is_used(out):
                found.append(None)
                continue
            reader = self._graph.only_reader(out)
            if not isinstance(reader, Op) or reader.name != "reshape" or reader.out.type.axes != out.type.axes[1:]:
                return None
            found.append(reader)
        return found

    def _put(self, pieces: Pieces, place: float) -> None:
        """(Re)write the pseudo-operation of some pieces."""
        outs = tuple(pieces.stretches.values())
        node = Op(PSEUDO, (pieces.source,), outs, (), pieces.spans)
        old = self._nodes.get(pieces)
        if old is not None:
            self._graph.remove(old)
        self._graph.insert(node, place)
        self._nodes[pieces] = node
        for (lo, hi), value in pieces.stretches.items():
            self._places[value] = Place(pieces, lo, hi)

    # Runs -------------------------------------------------------------------------------------------------------------

    def _runs(self, pieces: Pieces, mergeable: Callable[[Op], bool]) -> Iterator[Run]:
        candidates: dict[object, list[Candidate]] = {}
        for (lo, _), value in sorted(pieces.stretches.items(), key=lambda item: item[0]):
            for op in self._graph.readers(value):
                if isinstance(op, Op) and len(op.outs) == 1 and op.name != PSEUDO and mergeable(op):
                    lead = op.args.index(value)
                    places = tuple(self._places.get(arg) for arg in op.args)
                    if self._keeps_piece(op, pieces, value):
                        key = (op.name, op.attrs, lead, tuple(p and p.pieces for p in places))
                        candidates.setdefault(key, []).append((lo, op, places, lead))
        for group in candidates.values():
            run: list[Candidate] = []
            for candidate in group:
                if run and not self._extends(pieces, run, candidate):
                    yield from _long_enough(run)
                    run = []
                run.append(candidate)
            yield from _long_enough(run)

    def _keeps_piece(self, op: Op, pieces: Pieces, value: Value) -> bool:
        """Whether the result has the piece's extent along the axis, so that it is a piece again."""
        if op.name in REDUCTIONS:
            return pieces.stacked and pieces.source.type.rank == value.type.rank + 1
        if TABLE[op.name].kind != "elementwise" or op.out.type.rank != value.type.rank:
            return False
        return pieces.stacked or op.out.type.axes[pieces.axis].size == value.type.axes[pieces.axis].size

    def _extends(self, pieces: Pieces, run: Sequence[Candidate],
                 candidate: Candidate) -> bool:  # fmt: skip
        _, op, places, lead = candidate
        last = run[-1][1]
        if last.out.type.dtype is not op.out.type.dtype:
            return False
        ops = [*(member for _, member, _, _ in run), op]
        all_places = [*(member for _, _, member, _ in run), places]
        kinds = [self._operand_kind(pieces, ops, all_places, lead, n) for n in range(len(op.args))]
        return all(kinds) and kinds[lead] == "stretch"

    def _operand_kind(
        self, pieces: Pieces, ops: Sequence[Op], places: Sequence[tuple[Place | None, ...]], lead: int, n: int
    ) -> Literal["stretch", "shared", "joined"] | None:
        """What argument n of all operations is together: neighbouring pieces, one value, constants; None: neither."""
        mine = [members[n] for members in places]
        aligned = all(_aligned(place, members[lead]) for place, members in zip(mine, places, strict=True))
        if aligned and all(a and b and a.hi == b.lo for a, b in itertools.pairwise(mine)):
            return "stretch"
        values = [op.args[n] for op in ops]
        if self._shared(pieces, values):
            return "shared"
        known = not pieces.stacked or pieces.source.type.rank == ops[0].out.type.rank + 1  # or axes are kept for others
        return "joined" if known and self._joinable(values) else None

    def _shared(self, pieces: Pieces, values: Sequence[Value]) -> bool:
        """Whether all operations have the same operand here, which broadcasts along the axis."""
        first = values[0]
        if any(value is not first for value in values):
            return False
        return pieces.stacked or first.type.rank == 0 or first.type.axes[pieces.axis].size == ONE

    def _joinable(self, values: Sequence[Value]) -> bool:
        return all(self._constant(v) and is_weight(v.type) and v.type.dtype is values[0].type.dtype for v in values)

    # Merging ----------------------------------------------------------------------------------------------------------

    def _merge(self, run: Run) -> bool:
        first_place = run.places[0][run.lead]
        assert first_place is not None
        pieces = first_place.pieces
        wholes = [self._bounds(run, n) for n in range(len(run.ops[0].args))]
        if any(whole is not None and self._overlaps(whole, wholes) for whole in wholes):
            return False
        outs = [op.out for op in run.ops]
        operands = [arg for op in run.ops for arg in op.args]
        sources = [whole.pieces.source for whole in wholes if whole is not None]
        if self._graph.depends([*operands, *sources], outs):
            return False
        first = run.ops[0]
        spans = frozenset(span for op in run.ops for span in op.spans)
        place = self._graph.place(first)
        args = [
            self._stretch(whole) if whole is not None else self._operand(run, n, pieces, place)
            for n, whole in enumerate(wholes)
        ]
        for op in run.ops:
            self._graph.remove(op)
        attrs = of_stack(first) if first.name in REDUCTIONS else dict(first.attrs)
        merged = self._graph.op_at(place, first.name, *args, defines=None, spans=spans, hint=joined_name(outs), **attrs)
        bounds = wholes[run.lead]
        assert bounds is not None
        stretches: dict[tuple[int, int], Value] = {}
        for op, places in zip(run.ops, run.places, strict=True):
            lead = places[run.lead]
            assert lead is not None
            stretches[lead.lo - bounds.lo, lead.hi - bounds.lo] = op.out
        sizes = pieces.sizes[bounds.lo : bounds.hi]
        self._put(Pieces(merged, pieces.axis, sizes, pieces.stacked, spans, stretches), place)
        return True

    def _bounds(self, run: Run, n: int) -> Place | None:
        """The stretch that argument n of all operations covers, where it is made of neighbouring pieces."""
        first, last = run.places[0][n], run.places[-1][n]
        lead = run.places[0][run.lead]
        assert lead is not None
        if self._operand_kind(lead.pieces, run.ops, run.places, run.lead, n) != "stretch":
            return None
        return None if first is None or last is None else Place(first.pieces, first.lo, last.hi)

    def _overlaps(self, place: Place, beside: Sequence[Place | None]) -> bool:
        """Whether a stretch that is in use, or will be beside this one, covers it in part only: splits could not say
        that."""
        used = [bounds for bounds, value in place.pieces.stretches.items() if self._graph.is_used(value)]
        used += [(other.lo, other.hi) for other in beside if other is not None and other.pieces is place.pieces]
        for lo, hi in used:
            inside = place.lo <= lo and hi <= place.hi
            around = lo <= place.lo and place.hi <= hi
            apart = hi <= place.lo or place.hi <= lo
            if not (inside or around or apart):
                return True
        return False

    def _stretch(self, place: Place) -> Value:
        """The value of a stretch, made where there is none."""
        pieces, lo, hi = place.pieces, place.lo, place.hi
        if (lo, hi) == (0, len(pieces.sizes)):
            return pieces.source
        if (lo, hi) not in pieces.stretches:
            pieces.stretches[lo, hi] = Value(pieces.type(lo, hi), pieces.source.name)
            self._put(pieces, self._graph.place(self._nodes[pieces]))
        return pieces.stretches[lo, hi]

    def _operand(self, run: Run, n: int, pieces: Pieces, place: float) -> Value:
        """The operand of the merged operation that stands for one that is no piece."""
        values = tuple(op.args[n] for op in run.ops)
        if self._shared(pieces, values):
            return self._with_member_axis(values[0], place) if pieces.stacked and values[0].type.rank else values[0]
        key = (PSEUDO, values, pieces.axis, pieces.stacked, tuple(op.out.type.axes for op in run.ops))
        joined = self._packed.get(key)
        if joined is None:
            shapes = _joint_shapes(values, [op.out.type for op in run.ops], None if pieces.stacked else pieces.axis)
            parts = [self._filling(value, axes, pieces, place) for value, axes in zip(values, shapes, strict=True)]
            joined = self._graph.op_at(
                place, "concat", *parts, axis=pieces.axis, spans=run.ops[0].spans, hint=joined_name(values)
            )
            self._packed[key] = joined
        return joined

    def _filling(self, value: Value, axes: tuple[Axis, ...], pieces: Pieces, place: float) -> Value:
        """A constant operand in the shape in which it can be joined to others."""
        if value.type.shape != tuple(axis.size for axis in axes):
            value = self._graph.op_at(place, "broadcast", value, axes=axes, hint=value.name)
        return self._with_member_axis(value, place) if pieces.stacked else value

    def _with_member_axis(self, value: Value, place: float) -> Value:
        axes = (Axis("member", ONE), *value.type.axes)
        return self._graph.op_at(place, "reshape", value, axes=axes, hint=value.name)

    # From pieces to splits --------------------------------------------------------------------------------------------

    def _write(self, pieces: Pieces, place: float, whole: Value, lo: int, hi: int) -> None:
        """Split `whole`, the stretch [lo, hi), into the largest stretches inside that are in use, and those in turn."""
        inside: list[tuple[int, int]] = []
        used = [b for b, value in pieces.stretches.items() if self._graph.is_used(value)]
        for a, b in sorted(used, key=lambda bounds: (bounds[0], -bounds[1])):
            if lo <= a and b <= hi and (a, b) != (lo, hi) and (not inside or inside[-1][1] <= a):
                inside.append((a, b))
        if not inside:
            return
        parts: list[tuple[int, int]] = []
        at = lo
        for a, b in [*inside, (hi, hi)]:
            parts += [(at, a)] if at < a else []
            parts += [(a, b)] if a < b else []
            at = b
        outs: list[Value] = []
        for a, b in parts:
            value = pieces.stretches.get((a, b))
            drops = pieces.stacked and b == a + 1
            outs.append(value if value is not None and not drops else Value(pieces.type(a, b), whole.name))
        sizes = tuple(pieces.size(a, b) for a, b in parts)
        self._graph.ops_at(
            place, "split", whole, defines=tuple(outs), axis=pieces.axis, sizes=sizes, spans=pieces.spans
        )
        for (a, b), out in zip(parts, outs, strict=True):
            value = pieces.stretches.get((a, b))
            if value is not None and value is not out:
                self._graph.op_at(place, "reshape", out, defines=value, axes=value.type.axes, spans=pieces.spans)
            elif (a, b) in inside and b > a + 1:
                self._write(pieces, place, out, a, b)


def _joint_shapes(values: Sequence[Value], results: Sequence[Type], axis: int | None) -> list[tuple[Axis, ...]]:
    """The smallest shapes in which operands that broadcast to results can be joined along an axis (None: stacked)."""
    shapes: list[tuple[Axis, ...]] = []
    for value, result in zip(values, results, strict=True):
        own = value.type.axes or tuple(Axis(a.label, ONE) for a in result.axes)
        shapes.append(tuple(result.axes[n] if n == axis else own[n] for n in range(result.rank)))
    others = {tuple(a.size for n, a in enumerate(shape) if n != axis) for shape in shapes}
    return shapes if len(others) == 1 else [result.axes for result in results]


def _splits(op: Op, axis: int) -> bool:
    return op.name == "split" and op.attr("axis") == axis and len(op.outs) > 1


def _aligned(place: Place | None, lead: Place | None) -> bool:
    """Whether two stretches are cut at the same places, along the same axis."""
    if place is None or lead is None:
        return False
    mine, other = place.pieces, lead.pieces
    return (
        mine.axis == other.axis
        and mine.stacked == other.stacked
        and mine.source.type.rank == other.source.type.rank
        and mine.sizes[place.lo : place.hi] == other.sizes[lead.lo : lead.hi]
    )


def _long_enough(run: Sequence[Candidate]) -> Iterator[Run]:
    if len(run) > 1:
        yield Run(tuple(op for _, op, _, _ in run), tuple(places for _, _, places, _ in run), run[0][3])
