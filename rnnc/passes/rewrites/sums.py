"""Sums with products in them, in one order, so that the sums of all gates look alike and what is free comes first.

add(add(contract(h, U), contract(x, W)), add(b, 1))   =>   add(add(contract(x, W), add(b, 1)), contract(h, U))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rnnc.ir.program import Op, Value
from rnnc.passes.analysis.blockgraph import BlockGraph
from rnnc.passes.analysis.freedom import Freedom, is_weight
from rnnc.passes.rewrites.products import as_product

Level = Callable[[Value], Freedom]


def regroup_sums(graph: BlockGraph, level: Level) -> None:
    """Rewrite every tree of additions that has a product among its terms.

    What differs from step to step without needing the state is added first, then what is constant, then the state's
    terms. Among each, products come first, in the order in which the block first uses their operands.
    """
    operands: dict[Value, int] = {}
    for op in graph.ops("contract"):
        for arg in op.args:
            operands.setdefault(arg, len(operands))
    for root in graph.ops("add"):
        if root in graph and not _is_inner(graph, root):
            _regroup(graph, root, level, operands)


def _is_inner(graph: BlockGraph, op: Op) -> bool:
    reader = graph.only_reader(op.out)
    return isinstance(reader, Op) and reader.name == "add"


def _regroup(graph: BlockGraph, root: Op, level: Level, operands: dict[Value, int]) -> None:
    inner: list[Op] = []
    terms: list[Value] = []
    _flatten(graph, root, inner, terms)
    if not any(graph.producing_op(term, "contract") for term in terms):
        return

    def key(term: Value) -> tuple[int, int]:
        product = graph.producing_op(term, "contract")
        data = as_product(product, lambda v: level(v) is Freedom.CONSTANT) if product is not None else None
        return (0, operands[data.data]) if data is not None else (1, 0)

    ordered = sorted(terms, key=key)  # stable: otherwise as in the source
    step = [t for t in ordered if level(t) is Freedom.STEP]
    rows = [t for t in ordered if level(t) is Freedom.CONSTANT and not is_weight(t.type)]
    weights = [t for t in ordered if level(t) is Freedom.CONSTANT and is_weight(t.type)]
    state = [t for t in ordered if level(t) is Freedom.STATE]
    if not step and not state:
        return
    front, rest = (step, state) if step else (state[:1], state[1:])
    for op in inner:
        graph.remove(op)
    place = graph.place(root)
    graph.remove(root)
    spans = frozenset(span for op in (root, *inner) for span in op.spans)

    def total(values: Sequence[Value], out: Value | None = None) -> list[Value]:
        """At most one value: the sum, from left to right; the last addition defines `out`."""
        if not values:
            return []
        result, *others = values
        for position, value in enumerate(others, 1):
            last = position == len(others)
            result = graph.op_at(
                place, "add", result, value, defines=out if last else None, spans=spans, hint=root.out.name
            )
        return [result]

    constant = total([*rows, *total(weights)])
    total([*front, *constant, *rest], root.out)


def _flatten(graph: BlockGraph, root: Op, inner: list[Op], terms: list[Value]) -> None:
    """The terms of a sum from left to right, and the additions inside of it. (Without recursion: sums may be long.)"""
    waiting = [(arg, root) for arg in reversed(root.args)]
    while waiting:
        arg, op = waiting.pop()
        node = graph.producing_op(arg, "add")
        if node is not None and graph.only_reader(arg) is op:
            inner.append(node)
            waiting += [(a, node) for a in reversed(node.args)]
        else:
            terms.append(arg)
