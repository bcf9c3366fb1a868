"""Which values keep the columns that set a weight's rows apart.

Products are quicker with weights whose rows do not start at the same places of a processor's cache (`_apart`). The
result then has columns that mean nothing. Cutting them off copies it; where all that happens to it is a sum that is
split into gates, the columns stay until the split leaves them behind.
"""

from __future__ import annotations

from collections.abc import Collection

from rnnc.backends.weighted import is_vector, is_weighted
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Loop, Op, Program, Value, walk


def values_apart(program: Program, constant: Collection[Value]) -> frozenset[Value]:
    """The values whose tensors may be wider than their types say; `constant` depends on parameters alone."""
    nodes = list(walk(program.nodes))
    sequences = {param: seq for node in nodes if isinstance(node, Loop) for seq, param in node.xs}
    found = {param for param in sequences if not param.type.time}
    found |= {node.out for node in nodes if isinstance(node, Op) and _begins(node, constant)}
    # A named equation is read from outside.
    found = {v for v in found if not v.name and v.type.rank == 1 and (v.type.time or v.type.batch)}
    while True:
        bad = {value for value in found if value in sequences and sequences[value] not in found}
        bad.update(port.value for port in program.outputs if port.value in found)
        for node in nodes:
            bad |= _against_loop(node, found) if isinstance(node, Loop) else _against(node, found, constant)
        if not bad:
            return frozenset(found)
        found -= bad


def _begins(op: Op, constant: Collection[Value]) -> bool:
    return op.name in ("add", "sub") or is_weighted(op, constant)


def _against(op: Op, found: set[Value], constant: Collection[Value]) -> set[Value]:
    """The values of `found` that an operation reads or makes otherwise than as a product, in a sum or for a split."""
    read = found.intersection(op.args)
    made = found.intersection(op.outs)
    if op.name == "split":
        return made | (read if Attrs(op).integer("axis") else set())
    if op.name not in ("add", "sub"):
        return read if is_weighted(op, constant) else read | made
    vectors = [arg.type.rank == 0 or is_vector(arg, op, constant) for arg in op.args]
    fits = all(arg in found or vector for arg, vector in zip(op.args, vectors, strict=True))
    return set() if read and made and fits else read | made


def _against_loop(loop: Loop, found: set[Value]) -> set[Value]:
    """The values of `found` that enter or leave a loop otherwise than step by step, as such values."""
    entering = {seq for seq, param in loop.xs if param in found}
    others = (*loop.outs, *(value for value, _ in loop.ys), *(carry.next for carry in loop.carries))
    return found.intersection((*loop.args, *others)) - entering
