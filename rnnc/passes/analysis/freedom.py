"""What in the body of a loop depends on what: the question behind every pass that moves work out of loops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum

from rnnc.ir.operations import TABLE
from rnnc.ir.program import Loop, Node, Op, Type, Value, reads


class Freedom(IntEnum):
    """How free of a loop's state a value of its body is."""

    CONSTANT = 0  # the same at every step: made of captured values only
    STEP = 1  # differs from step to step, but needs no earlier step: could be computed for all steps at once
    STATE = 2  # needs a carried value, or cannot leave the body for another reason


def freedom(loop: Loop, known: Mapping[Value, Freedom] | None = None) -> dict[Value, Freedom]:
    """The freedom of every value that the loop's body defines; what is not in it is captured, so CONSTANT.

    `known` overrides: carried values that turned out to be free after all.
    """
    found: dict[Value, Freedom] = {param: Freedom.STEP for _, param in loop.xs}
    found.update((carry.param, Freedom.STATE) for carry in loop.carries)
    if loop.valid is not None:
        found[loop.valid] = Freedom.STATE
    found.update(known or {})
    for node in loop.body:
        level = _freedom_of(node, loop, found)
        for out in node.outs:
            found.setdefault(out, level)
    return found


def _freedom_of(node: Node, loop: Loop, found: Mapping[Value, Freedom]) -> Freedom:
    def worst(values: Iterable[Value]) -> Freedom:
        return max((found.get(value, Freedom.CONSTANT) for value in values), default=Freedom.CONSTANT)

    if not isinstance(node, Op):
        return Freedom.CONSTANT if worst(reads(node)) is Freedom.CONSTANT else Freedom.STATE
    if is_masking(node, loop):
        (masked, _) = node.args
        return Freedom.STEP if worst([masked]) is Freedom.STEP and masked.type.batch else Freedom.STATE
    level = worst(node.args)
    if level is not Freedom.STEP:
        return level
    stays = loop.chunk is not None or TABLE[node.name].kind == "time" or sums_batch(node)
    return Freedom.STATE if stays else Freedom.STEP


def is_masking(op: Op, loop: Loop) -> bool:
    """Whether an operation of the body zeroes the rows that are past their length."""
    return op.name == "masked" and op.args[1] is loop.valid and loop.valid is not None


def sums_batch(op: Op) -> bool:
    """Whether an operation sums over the rows: a sequence of its results would dwarf what it is made from."""
    return any(arg.type.batch for arg in op.args) and not any(out.type.batch for out in op.outs)


def is_weight(type: Type) -> bool:
    """Whether a value can be a weight: neither a row nor a step has one of its own."""
    return not type.batch and not type.time
