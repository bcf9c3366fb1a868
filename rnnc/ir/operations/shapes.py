"""Shape rules that rows share: broadcasting of features, union of leads, joining of dtypes, positions of axes."""

from __future__ import annotations

from collections.abc import Sequence

from rnnc.ir.operations.table import TypeMismatch
from rnnc.ir.program import Axis, DType, Type
from rnnc.ir.size import ONE, Size

KIND_IN_WORDS = {DType.FLOAT: "float", DType.INT: "int", DType.BOOL: "true or false"}


def shown(axes: Sequence[Axis]) -> str:
    """Axes as people write them: `[head: 4, units]`."""
    return "[" + ", ".join(_axis(a) for a in axes) + "]"


def _axis(axis: Axis) -> str:
    size = str(axis.size)
    return size if axis.label in ("", size) else f"{axis.label}: {size}"


def broadcast_axes(name: str, types: Sequence[Type]) -> tuple[Axis, ...]:
    """The features of an elementwise result: equal ranks, where sizes 1 stretch; rank 0 goes with everything."""
    ranked = [t.axes for t in types if t.axes]
    if not ranked:
        return ()
    result = list(ranked[0])
    for axes in ranked[1:]:
        if len(axes) != len(result):
            raise TypeMismatch(f"{name}: {shown(result)} and {shown(axes)} have different numbers of axes")
        for position, axis in enumerate(axes):
            if result[position].size == ONE:
                result[position] = axis
            elif axis.size not in (ONE, result[position].size):
                raise TypeMismatch(
                    f"{name}: {shown(ranked[0])} and {shown(axes)} do not fit: "
                    f"{_axis(result[position])} against {_axis(axis)}"
                )
    return tuple(result)


def union(types: Sequence[Type], axes: tuple[Axis, ...], dtype: DType) -> Type:
    """A result with the leads of all arguments."""
    return Type(axes, dtype, batch=any(t.batch for t in types), time=any(t.time for t in types))


def lead_letters(type: Type) -> str:
    """The leads as attributes spell them: "", "b", "t" or "tb"."""
    return "t" * type.time + "b" * type.batch


def without_leads(type: Type, letters: str) -> Type:
    """The type after a sum over leads."""
    return type.with_(time=type.time and "t" not in letters, batch=type.batch and "b" not in letters)


def summed_axes(source: Type, target: Type) -> tuple[int, ...]:
    """Positions in [T?, B?, *features] over which a sum takes a broadcast form `source` back to `target`."""
    start = int(source.time) + int(source.batch)
    stretched = [i for i in range(source.rank) if not target.rank or target.shape[i] != source.shape[i]]
    time = [0] if source.time and not target.time else []
    batch = [int(source.time)] if source.batch and not target.batch else []
    return (*time, *batch, *(start + i for i in stretched))


def elementwise(name: str, types: Sequence[Type], dtype: DType) -> Type:
    """The result of an elementwise operation."""
    return union(types, broadcast_axes(name, types), dtype)


def numeric(name: str, types: Sequence[Type]) -> DType:
    """Floats where one is a float, else ints; truth values are not numbers."""
    if any(t.dtype is DType.BOOL for t in types):
        raise TypeMismatch(f"{name} takes numbers, not truth values", "`where(test, 1, 0)` is a number")
    return DType.FLOAT if any(t.dtype is DType.FLOAT for t in types) else DType.INT


def same_kind(name: str, types: Sequence[Type]) -> DType:
    """The dtype of a choice among values: joined numbers, or truth values only."""
    if all(t.dtype is DType.BOOL for t in types):
        return DType.BOOL
    return numeric(name, types)


def want(name: str, what: str, type: Type, dtype: DType) -> None:
    """Ask for an exact dtype of one argument."""
    if type.dtype is not dtype:
        fix = "a comparison gives truth values: `v > 0`" if dtype is DType.BOOL else None
        raise TypeMismatch(f"{name}: {what} should be {KIND_IN_WORDS[dtype]}, and is {KIND_IN_WORDS[type.dtype]}", fix)


def want_axis(name: str, type: Type, axis: int) -> Axis:
    """The axis at a position (from 0)."""
    if not 0 <= axis < type.rank:
        raise TypeMismatch(f"{name}: {shown(type.axes)} has no axis {axis}")
    return type.axes[axis]


def with_axis(type: Type, position: int, size: Size) -> Type:
    """The type with another size at one position."""
    axes = list(type.axes)
    axes[position] = Axis(axes[position].label, size)
    return type.with_(axes=tuple(axes))


def with_ones(type: Type, positions: Sequence[int]) -> tuple[Axis, ...]:
    """The axes, with size 1 at some positions."""
    return tuple(Axis(a.label, ONE) if i in positions else a for i, a in enumerate(type.axes))


def untouched(x: Type, out: Type) -> tuple[int, int]:
    """How many axes in front, and how many behind, a new shape of the same elements leaves as they are."""
    least = min(x.rank, out.rank)
    front = next((n for n in range(least) if x.shape[n] != out.shape[n]), least)
    most = least - front
    return front, next((n for n in range(most) if x.shape[-1 - n] != out.shape[-1 - n]), most)
