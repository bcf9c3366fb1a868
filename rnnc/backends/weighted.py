"""Products of rows with prepared matrices, and the biases that are added to them."""

from __future__ import annotations

from collections.abc import Collection

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import DType, Op, Program, Value, walk
from rnnc.ir.rewrite import use_counts


def is_weighted(op: Op, constant: Collection[Value]) -> bool:
    """Whether an operation is rows times a matrix of parameters, the columns of the matrix last in the result.

    `constant` are the values that depend on parameters alone.
    """
    if op.name != "contract" or op.args[1] not in constant or op.args[0] in constant:
        return False
    attrs = Attrs(op)
    a, b, out = attrs.text("a"), attrs.text("b"), attrs.text("out")
    return len(a) == len(out) == 1 and b in (a + out, out + a)


def is_vector(value: Value, op: Op, constant: Collection[Value]) -> bool:
    """Whether an operand is a vector of parameters as long as the result."""
    same = value.type.shape == op.out.type.shape and value.type.dtype is DType.FLOAT
    return value in constant and value.type.rank == 1 and same


def biases(program: Program, constant: Collection[Value]) -> dict[Value, Value]:
    """The bias for each such product whose only use is a sum with one."""
    uses = use_counts(program)
    operations = [node for node in walk(program.nodes) if isinstance(node, Op)]
    products = {op.out for op in operations if is_weighted(op, constant) and uses[op.out] == 1}
    sums = [(op, *pair) for op in operations if op.name == "add" for pair in (op.args, op.args[::-1])]
    return {product: bias for op, product, bias in sums if product in products and is_vector(bias, op, constant)}
