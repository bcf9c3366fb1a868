"""Gate matmul fusion: products that share an operand become one product with a packed weight.

    i = sigmoid(contract(x, Wi) + contract(h, Ui) + bi)      W, U, b = concat(Wi, Wj), concat(Ui, Uj), concat(bi, bj)
    j = tanh(contract(x, Wj) + contract(h, Uj) + bj)     =>  z      = (contract(x, W) + b) + contract(h, U)
                                                             zi, zj = split(z)
                                                             i, j   = sigmoid(zi), tanh(zj)

In steps, per block, once slices that make up a value are a split of it (`tiling`):
1. sums with products are brought into one order: what is free of the state first (`sums`);
2. products of one value with several weights become one. Pieces whose sums are consumed alike stand side by side
   (all sigmoids, then the next activation), so that one activation can serve them (`group`);
3. products of several values with one weight become one, where none needs another: members of a family that share
   weights. Values that leave the loop are not mixed with values that cannot;
4. additions of neighbouring pieces, and of constants to them, are done once (`pieces`).

The products of x and of h stay apart: that of x leaves the loop (`hoist`). Packed weights are made of constants only;
they may stand in a loop's body here, and leave it later.
"""

from __future__ import annotations

from rnnc.ir.operations import TABLE
from rnnc.ir.program import Axis, Op, Program, Value
from rnnc.ir.size import ONE
from rnnc.passes.analysis.blockgraph import BlockGraph
from rnnc.passes.analysis.levels import Levels
from rnnc.passes.manager import PassContext, compiler_pass
from rnnc.passes.rewrites.blocks import Block, rewrite_blocks
from rnnc.passes.rewrites.pieces import PieceTable
from rnnc.passes.rewrites.products import LETTERS, Product, as_product, pack, packed_sizes
from rnnc.passes.rewrites.sums import regroup_sums
from rnnc.passes.rewrites.tiling import split_slices


@compiler_pass
def fuse(program: Program, context: PassContext) -> Program:
    """Products that share an operand become one product with a packed weight."""
    return rewrite_blocks(program, lambda block: _fuse_block(block, context))


def _fuse_block(block: Block, context: PassContext) -> None:
    graph = block.graph
    split_slices(graph)
    levels = Levels(graph, block.free)
    regroup_sums(graph, levels)
    packed: dict[object, Value] = {}
    changed = _pack_gates(graph, levels, packed, context)
    changed = _stack_families(graph, levels, context) or changed
    if changed:
        pieces = PieceTable(graph, levels.constant, packed)
        for _ in pieces.merge(lambda op: op.name == "add"):
            pass
        pieces.finish()


# One operand, several weights -----------------------------------------------------------------------------------------


def _pack_gates(graph: BlockGraph, levels: Levels, packed: dict[object, Value], context: PassContext) -> bool:
    order = _gate_order(graph)
    groups: dict[object, list[Product]] = {}
    for product in _products(graph, levels):
        letter = product.pack_letter
        others = tuple(product.weight_axis(x).size for x in product.normal_letters if x != letter)
        key = (product.data, product.data_letters, product.out_letters, product.normal_letters, others)
        groups.setdefault(key, []).append(product)
    fused = [sorted(group, key=lambda p: order[p.op.out]) for group in groups.values() if len(group) > 1]
    for group in fused:
        of = f" of {group[0].data.name}" if group[0].data.name else ""
        message = f"{len(group)} products{of} share an operand: one product with a packed weight {packed_sizes(group)}"
        context.remark("packed", message, frozenset(span for product in group for span in product.op.spans))
        pack(graph, group, packed)
    return bool(fused)


def _products(graph: BlockGraph, levels: Levels) -> list[Product]:
    found = (as_product(op, levels.constant) for op in graph.ops("contract"))
    return [product for product in found if product is not None]


def _gate_order(graph: BlockGraph) -> dict[Value, tuple[int, int, int]]:
    """For every product its rank among the products of the same operand.

    A product counts for the sum that it is part of. Sums come before lone products; sums that are consumed alike
    stand together, where the first of them stands; otherwise the order is that of the block.
    """
    roots = {op.out: _sum_of(graph, op.out) for op in graph.ops("contract")}
    kinds: dict[str, int] = {}
    places: dict[Value, tuple[int, int]] = {}
    producers = {root: graph.producer(root) for root in roots.values()}
    by_place = sorted(producers, key=lambda root: graph.place(node) if (node := producers[root]) else 0.0)
    for index, root in enumerate(by_place):
        places[root] = (kinds.setdefault(_consumer(graph, root), len(kinds)), index)
    return {product: (int(root is product), *places[root]) for product, root in roots.items()}


def _sum_of(graph: BlockGraph, value: Value) -> Value:
    """The sum that a value ends up in, through additions that nothing else looks into."""
    while isinstance(reader := graph.only_reader(value), Op) and reader.name == "add":
        value = reader.out
    return value


def _consumer(graph: BlockGraph, value: Value) -> str:
    """What is done with a value: its unary operation where it has one, else all that read it."""
    readers = [node.name for node in graph.readers(value) if isinstance(node, Op)]
    unary = [
        node.name
        for node in graph.readers(value)
        if isinstance(node, Op) and len(node.args) == 1 and TABLE[node.name].kind == "elementwise"
    ]
    return unary[0] if unary else " ".join(sorted(readers))


# One weight, several operands -----------------------------------------------------------------------------------------


def _stack_families(graph: BlockGraph, levels: Levels, context: PassContext) -> bool:
    groups: dict[object, list[Product]] = {}
    for product in _products(graph, levels):
        if product.data.type.time:
            continue  # large already
        letters = (product.data_letters, product.weight_letters, product.out_letters)
        key = (product.weight, letters, product.data.type, levels(product.data))
        groups.setdefault(key, []).append(product)
    stacks: dict[tuple[Value, ...], Value] = {}
    changed = False
    for group in groups.values():
        while len(group) > 1:
            members, group = _independent(graph, group)
            if len(members) > 1:
                _remark_stacked(members, context)
                _stack(graph, members, stacks)
                changed = True
    return changed


def _independent(graph: BlockGraph, products: list[Product]) -> tuple[list[Product], list[Product]]:
    """Products none of which is made from another, the first among them; and the rest."""
    members: list[Product] = []
    rest: list[Product] = []
    for product in products:
        from_members = graph.depends([product.data], [member.op.out for member in members])
        to_members = graph.depends([member.data for member in members], [product.op.out])
        (rest if from_members or to_members else members).append(product)
    return members, rest


def _stack(graph: BlockGraph, products: list[Product], stacks: dict[tuple[Value, ...], Value]) -> None:
    first, last = products[0], products[-1]
    place = graph.place(last.op)
    spans = frozenset(span for product in products for span in product.op.spans)
    operands = tuple(product.data for product in products)
    stacked = stacks.get(operands)
    if stacked is None:
        members = [
            graph.op_at(
                place, "reshape", data, axes=(Axis("member", ONE), *data.type.axes), spans=spans, hint=data.name
            )
            for data in operands
        ]
        stacked = stacks[operands] = graph.op_at(place, "concat", *members, axis=0, spans=spans, hint=first.data.name)
    letter = LETTERS[len(set(first.data_letters + first.weight_letters))]
    whole = graph.op_at(
        place, "contract", stacked, first.weight,
        a=letter + first.data_letters, b=first.weight_letters, out=letter + first.out_letters, reduce="",
        spans=spans, hint=first.op.out.name,
    )  # fmt: skip
    for product in products:
        graph.remove(product.op)
    sizes = (ONE,) * len(products)
    pieces = graph.ops_at(place, "split", whole, axis=0, sizes=sizes, spans=spans, hint=first.op.out.name)
    for piece, product in zip(pieces, products, strict=True):
        graph.op_at(
            place, "reshape", piece, defines=product.op.out, axes=product.op.out.type.axes, spans=product.op.spans
        )


def _remark_stacked(products: list[Product], context: PassContext) -> None:
    message = f"{len(products)} members share the weights of a product: one product of all of them stacked"
    context.remark("stacked", message, frozenset(span for product in products for span in product.op.spans))
