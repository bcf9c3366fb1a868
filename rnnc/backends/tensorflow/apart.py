"""Products with weights: which are sums with a bias, and which keep the columns that set the weight's rows apart.

A product and the addition of a bias are one operation to TensorFlow.

Products are quicker with weights whose rows do not start at the same places of a processor's cache (`_apart`). The
result then has columns that mean nothing. Cutting them off copies it; where all that happens to it is a sum that is
split into gates, the columns stay until the split leaves them behind.
"""

from __future__ import annotations

from collections.abc import Collection

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import DType, Loop, Op, Program, Value, walk
from rnnc.ir.rewrite import use_counts


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


def biases(program: Program, constant: Collection[Value]) -> dict[Value, Value]:
    """The bias for each product whose only use is a sum with one."""
    uses = use_counts(program)
    operations = [node for node in walk(program.nodes) if isinstance(node, Op)]
    products = {op.out for op in operations if is_product_apart(op, constant) and uses[op.out] == 1}
    sums = [(op, *pair) for op in operations if op.name == "add" for pair in (op.args, op.args[::-1])]
    return {product: bias for op, product, bias in sums if product in products and is_vector(bias, op, constant)}


def is_vector(value: Value, op: Op, constant: Collection[Value]) -> bool:
    """Whether an operand is a prepared vector as long as the result, which has rows."""
    same = value.type.shape == op.out.type.shape and value.type.dtype is DType.FLOAT
    return value in constant and value.type.rank == 1 and same


def _begins(op: Op, constant: Collection[Value]) -> bool:
    return op.name in ("add", "sub") or is_product_apart(op, constant)


def is_product_apart(op: Op, constant: Collection[Value]) -> bool:
    """Whether an operation is rows times a prepared matrix, the columns of the matrix last in the result."""
    if op.name != "contract" or op.args[1] not in constant or op.args[0] in constant:
        return False
    attrs = Attrs(op)
    a, b, out = attrs.text("a"), attrs.text("b"), attrs.text("out")
    return len(a) == len(out) == 1 and b in (a + out, out + a)


def _against(op: Op, found: set[Value], constant: Collection[Value]) -> set[Value]:
    """The values of `found` that an operation reads or makes otherwise than as a product, in a sum or for a split."""
    read = found.intersection(op.args)
    made = found.intersection(op.outs)
    if op.name == "split":
        return made | (read if Attrs(op).integer("axis") else set())
    if op.name not in ("add", "sub"):
        return read if is_product_apart(op, constant) else read | made
    vectors = [arg.type.rank == 0 or is_vector(arg, op, constant) for arg in op.args]
    fits = all(arg in found or vector for arg, vector in zip(op.args, vectors, strict=True))
    return set() if read and made and fits else read | made


def _against_loop(loop: Loop, found: set[Value]) -> set[Value]:
    """The values of `found` that enter or leave a loop otherwise than step by step, as such values."""
    entering = {seq for seq, param in loop.xs if param in found}
    others = (*loop.outs, *(value for value, _ in loop.ys), *(carry.next for carry in loop.carries))
    return found.intersection((*loop.args, *others)) - entering
