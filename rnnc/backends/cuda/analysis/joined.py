"""Values that are put together from parts of one shape: one thread computes all parts of an element.

So the gates' cotangents, which one product reads, are computed by the thread of their unit, and not by a thread for
each gate that first asks which gate it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Node, Op, Type, Value
from rnnc.ir.size import Size

NOTHING = Size.of(0)
THROUGH = frozenset({"masked", "cuda.full"})  # what can be done to the parts instead: rows decide, not features


@dataclass(frozen=True)
class Part:
    """A part, and where it begins along an axis of the whole."""

    value: Value
    axis: int
    start: Size


def joined(value: Value, definitions: Mapping[Value, Op]) -> tuple[list[Part], list[Op]] | None:
    """The parts of a value, with operations that make them; None where it is not put together from parts alike."""
    op = definitions.get(value)
    if op is None:
        return None
    if op.name == "concat":
        if not alike(op):
            return None
        axis = Attrs(op).integer("axis")
        starts = accumulate((arg.type.shape[axis] for arg in op.args), initial=NOTHING)
        return [Part(arg, axis, start) for arg, start in zip(op.args, starts, strict=False)], []
    if op.name not in THROUGH or value.type != op.args[0].type or any(arg.type.rank for arg in op.args[1:]):
        return None
    inner = joined(op.args[0], definitions)
    if inner is None:
        return None
    parts, made = inner
    found: list[Part] = []
    for part in parts:
        out = Value(part.value.type, value.name)
        made.append(Op(op.name, (part.value, *op.args[1:]), (out,), op.attrs, op.spans))
        found.append(Part(out, part.axis, part.start))
    return found, made


def alike(node: Node) -> bool:
    """Whether a node puts together values of one type, which has all leads of the whole."""
    if not isinstance(node, Op) or node.name != "concat":
        return False
    first = node.args[0].type
    return all(arg.type == first for arg in node.args) and first.with_(axes=()) == node.out.type.with_(axes=())


def element_type(node: Node) -> Type:
    """The type whose elements a kernel goes through for a node's result."""
    assert isinstance(node, Op)
    return node.args[0].type if alike(node) else node.outs[0].type
