"""Operands that elementwise operations stretch: which axes they have themselves, and the same elements under others."""

from __future__ import annotations

from rnnc.ir.program import Axis, Spans, Value
from rnnc.ir.size import ONE
from rnnc.passes.analysis.blockgraph import BlockGraph


def own_letters(value: Value, letters: str) -> str:
    """Those of the letters, each an axis of what a value is stretched to, along which it has numbers of its own."""
    return "".join(letter for letter, axis in zip(letters, value.type.axes, strict=False) if axis.size != ONE)


def leads_fit(value: Value, other: Value) -> bool:
    """Whether the other one has all leads of a value."""
    return value.type.batch <= other.type.batch and value.type.time <= other.type.time


def bare(graph: BlockGraph, value: Value) -> Value:
    """What a value is a reshape of, as far as the block tells."""
    while (view := graph.producing_op(value, "reshape")) is not None:
        (value,) = view.args
    return value


def reshaped(graph: BlockGraph, place: float, value: Value, axes: tuple[Axis, ...], spans: Spans) -> Value:
    """The elements of a value under other axes."""
    source = bare(graph, value)
    if value.type.axes == axes or source.type.axes == axes:
        return value if value.type.axes == axes else source
    return graph.op_at(place, "reshape", source, axes=axes, spans=spans, hint=value.name)
