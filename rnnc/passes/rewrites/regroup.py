"""Sums and products of several terms, with what is free of the loop's state taken together first: it can leave then.

mul(mul(d, o_t), t_t)   =>   mul(d, mul(o_t, t_t))         # d: state; o_t, t_t: elements of sequences
"""

from __future__ import annotations

from dataclasses import replace

from rnnc.ir.program import Loop, Op, Value
from rnnc.ir.rewrite import loop_results
from rnnc.passes.analysis.blockgraph import BlockGraph
from rnnc.passes.analysis.freedom import Freedom, freedom

ASSOCIATIVE = ("mul", "add")


def regroup(loop: Loop) -> Loop:
    """The loop with the free terms of every sum and product in its body taken together."""
    level = freedom(loop)
    graph = BlockGraph(loop.body, loop_results(loop))
    leaves = Freedom.STEP if loop.chunk is None else Freedom.CONSTANT
    changed = False
    for name in ASSOCIATIVE:
        for root in graph.ops(name):
            if root in graph and level[root.out] is Freedom.STATE and _above(graph, root) is None:
                changed = _take_together(graph, root, level, leaves) or changed
    return replace(loop, body=graph.nodes()) if changed else loop


def _above(graph: BlockGraph, op: Op) -> Op | None:
    """The operation of the same name that alone reads the result, if there is one."""
    reader = graph.only_reader(op.out)
    return reader if isinstance(reader, Op) and reader.name == op.name else None


def _take_together(graph: BlockGraph, root: Op, level: dict[Value, Freedom], leaves: Freedom) -> bool:
    inner: list[Op] = []
    terms: list[Value] = []
    _flatten(graph, root, level, inner, terms)
    free = [term for term in terms if level.get(term, Freedom.CONSTANT) <= leaves]
    bound = [term for term in terms if level.get(term, Freedom.CONSTANT) > leaves]
    if len(free) < 2 or not bound:
        return False
    place = graph.place(root)
    spans = root.spans.union(*(op.spans for op in inner))
    for op in (root, *inner):
        graph.remove(op)

    def fold(values: list[Value]) -> Value:
        result, *others = values
        for value in others:
            result = graph.op_at(place, root.name, result, value, spans=spans, hint=result.name)
        return result

    graph.op_at(place, root.name, fold(bound), fold(free), defines=root.out, spans=spans)
    return True


def _flatten(graph: BlockGraph, op: Op, level: dict[Value, Freedom], inner: list[Op], terms: list[Value]) -> None:
    """Collect the terms of a tree of operations of one name; a free subtree is one term."""
    for arg in op.args:
        node = graph.producing_op(arg, op.name)
        if node is not None and level.get(arg) is Freedom.STATE and graph.only_reader(arg) is op:
            inner.append(node)
            _flatten(graph, node, level, inner, terms)
        else:
            terms.append(arg)
