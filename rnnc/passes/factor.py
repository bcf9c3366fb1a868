"""Factoring: what two products in a sum have in common is multiplied once.

    add(mul(d, a), mul(d, b))   =>   mul(d, add(a, b))
    sub(mul(d, h), mul(n, d))   =>   mul(d, sub(h, n))

The derivative of a mixture `u * h + (1 - u) * n` by its gate comes out as the second form. There, d is a cotangent,
and h and n are saved, so that their difference leaves the loop (`hoist`). The result is no less exact: what cancels
does so before it is rounded as a product. Products that something else reads as well are needed anyway and stay; so
does one that can leave the loop where the other cannot.
"""

from __future__ import annotations

from collections.abc import Mapping

from rnnc.ir.operations import TABLE
from rnnc.ir.program import Op, Program, Value
from rnnc.passes.analysis.blockgraph import BlockGraph
from rnnc.passes.analysis.freedom import Freedom
from rnnc.passes.manager import PassContext, compiler_pass
from rnnc.passes.rewrites.blocks import rewrite_blocks

SUMS = ("add", "sub")


@compiler_pass
def factor(program: Program, context: PassContext) -> Program:
    """A factor that two products in a sum share is multiplied once."""
    return rewrite_blocks(program, lambda block: _factor_block(block.graph, block.levels, context))


def _factor_block(graph: BlockGraph, level: Mapping[Value, Freedom], context: PassContext) -> None:
    for root in [node for node in graph if isinstance(node, Op) and node.name in SUMS]:
        left, right = (graph.producing_op(arg, "mul") for arg in root.args)
        if left is None or right is None or level.get(left.out) != level.get(right.out):
            continue
        if all(graph.only_reader(product.out) is root for product in (left, right)):
            _take_out(graph, root, left, right, context)


def _take_out(graph: BlockGraph, root: Op, left: Op, right: Op, context: PassContext) -> None:
    for n, shared in enumerate(left.args):
        if shared not in right.args:
            continue
        a, b = left.args[1 - n], right.args[1 - right.args.index(shared)]
        if not _same_type(root, shared, a, b):
            continue
        place = graph.place(root)
        spans = root.spans.union(left.spans, right.spans)
        for op in (root, left, right):
            graph.remove(op)
        rest = graph.op_at(place, root.name, a, b, spans=spans)
        graph.op_at(place, "mul", shared, rest, defines=root.out, spans=spans)
        context.remark("factored", "what two products in a sum share is multiplied once", spans)
        return


def _same_type(root: Op, shared: Value, a: Value, b: Value) -> bool:
    """Whether the factored form has the type of the sum, which a value that spreads in one product alone may undo."""
    (rest,) = TABLE[root.name].infer([a.type, b.type], {})
    return TABLE["mul"].infer([shared.type, rest], {}) == (root.out.type,)
