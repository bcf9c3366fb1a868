"""Sums of products that are larger than what is multiplied: one contraction.

    reduce_sum(mul(C, q); axes=key)   =>   contract(C, q; "vk", "k" -> "v")       # C [value, key], q [1, key]

A target multiplies matrices faster than it writes all products down, to read them once. The derivative gains too: the
cotangent of C is an outer product, instead of a number stretched along the sum, for all steps. The sum of what two
operands of one size give stays as it is: there is no matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.shapes import lead_letters
from rnnc.ir.program import DType, Op, Program, Value
from rnnc.ir.size import ONE
from rnnc.passes.analysis.blockgraph import BlockGraph
from rnnc.passes.analysis.extent import features, outgrows
from rnnc.passes.manager import PassContext, compiler_pass
from rnnc.passes.rewrites.blocks import rewrite_blocks
from rnnc.passes.rewrites.products import LETTERS
from rnnc.passes.rewrites.stretched import own_letters, reshaped

SUMS = ("reduce_sum", "reduce_to")


@compiler_pass
def dot(program: Program, context: PassContext) -> Program:
    """A sum of products that are larger than an operand and the result is one contraction."""
    return rewrite_blocks(program, lambda block: _contract_sums(block.graph, context))


@dataclass(frozen=True)
class _Contraction:
    """What stands for a sum: operands that may be stretched, their letters, and those of the result."""

    operands: tuple[Value, Value]
    letters: tuple[str, str]
    out: str
    reduce: str


def _contract_sums(graph: BlockGraph, context: PassContext) -> None:
    for root in [op for name in SUMS for op in graph.ops(name)]:
        product = graph.producing_op(root.args[0], "mul")
        found = None if product is None else _contraction(graph, root, product)
        if product is None or found is None or graph.only_reader(product.out) is not root:
            continue
        place, spans = graph.place(root), root.spans.union(product.spans)
        for op in (root, product):
            graph.remove(op)
        operands: list[Value] = []
        for operand in found.operands:
            axes = tuple(axis for axis in operand.type.axes if axis.size != ONE)
            operands.append(reshaped(graph, place, operand, axes, spans))
        a, b = found.letters
        result = graph.op_at(
            place, "contract", *operands, a=a, b=b, out=found.out, reduce=found.reduce, spans=spans, hint=root.out.name
        )
        graph.op_at(place, "reshape", result, defines=root.out, axes=root.out.type.axes, spans=spans)
        message = f"a sum of {features(product.out.type)} products is one product of its operands"
        context.remark("contracted", message, spans)


def _contraction(graph: BlockGraph, root: Op, product: Op) -> _Contraction | None:
    """The sum as a contraction, if both operands have all axes that are summed, and one is smaller than the product."""
    whole, result = product.out.type, root.out.type
    if whole.rank > len(LETTERS) or any(arg.type.dtype is not DType.FLOAT for arg in product.args):
        return None
    names = LETTERS[: whole.rank]
    if root.name == "reduce_sum":
        summed = {names[i] for i in Attrs(root).integers("axes")}
    else:
        kept = own_letters(root.out, names)
        summed = {name for name in names if name not in kept}
    left, right = (_narrowed(graph, arg) for arg in product.args)
    a, b = own_letters(left, names), own_letters(right, names)
    summed &= set(a) | set(b)
    reduce = "".join(lead for lead in lead_letters(whole) if lead not in lead_letters(result))
    everywhere = own_letters(product.out, names)
    if not set(everywhere) <= set(a + b) or not summed <= set(a) & set(b):
        return None
    if not set(reduce) <= set(lead_letters(left.type)) & set(lead_letters(right.type)):
        return None
    size = features(whole)
    spreads = any(outgrows(size, features(operand.type)) for operand in (left, right))
    if not spreads or not (reduce or outgrows(size, features(result))):
        return None
    out = "".join(name for name in everywhere if name not in summed)
    return _Contraction((left, right), (a, b), out, reduce)


def _narrowed(graph: BlockGraph, value: Value) -> Value:
    """What a value was stretched from."""
    while (stretch := graph.producing_op(value, "broadcast")) is not None:
        (value,) = stretch.args
    return value
