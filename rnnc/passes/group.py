"""Elementwise grouping: what is done alike to neighbouring pieces of a value is done once to all of them.

    i, f, o, j = split(z)                       ifo, j  = split(z)
    a, b, c    = sigmoid(i), sigmoid(f), …  =>  s       = sigmoid(ifo)
    d          = tanh(j)                        a, b, c = split(s)
                                                d       = tanh(j)

An operation with further operands is grouped where these are neighbouring pieces too, one value for all, or constants
(which are then joined, outside of loops). The other way round, where results are put together again, the operation moves
behind `concat`: a unary one always, another where at most one of its operands has to be put together anew.

    concat(neg(a), neg(b)) => neg(concat(a, b))      concat(mul(a, s0), mul(b, s1)) => mul(concat(a, b), s)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rnnc.ir.operations import TABLE
from rnnc.ir.program import Loop, Op, Program, Value
from rnnc.ir.rewrite import Rewriter, loop_results
from rnnc.passes.blockgraph import BlockGraph
from rnnc.passes.extent import ONE
from rnnc.passes.freedom import Freedom, freedom, is_weight
from rnnc.passes.manager import PassContext, compiler_pass
from rnnc.passes.pieces import PieceTable, Run


@compiler_pass
def group(program: Program, context: PassContext) -> Program:
    """What is done alike to neighbouring pieces of a value is done once to all of them."""
    rewritten = _Group(context).rewrite(program)
    graph = BlockGraph(rewritten.nodes, (port.value for port in rewritten.outputs))
    _group_block(graph, lambda value: is_weight(value.type), context)
    return replace(rewritten, nodes=graph.nodes())


class _Group(Rewriter):
    def __init__(self, context: PassContext) -> None:
        super().__init__()
        self._context = context

    def loop(self, loop: Loop) -> None:
        loop = self.body(loop)
        level = freedom(loop)
        graph = BlockGraph(loop.body, loop_results(loop))
        _group_block(graph, lambda value: level.get(value, Freedom.CONSTANT) is Freedom.CONSTANT, self._context)
        self.emit(replace(loop, body=graph.nodes()))


def _group_block(graph: BlockGraph, constant: Callable[[Value], bool], context: PassContext) -> None:
    while _gather(graph):
        pass
    pieces = PieceTable(graph, constant, {})
    for run in pieces.merge(_is_elementwise):
        _remark(run, context)
    pieces.finish()


def _is_elementwise(op: Op) -> bool:
    return TABLE[op.name].kind == "elementwise"


def _remark(run: Run, context: PassContext) -> None:
    names = ", ".join(dict.fromkeys(op.out.name for op in run.ops if op.out.name))
    message = f"one {run.ops[0].name} serves {len(run.ops)} neighbouring pieces" + (f" ({names})" if names else "")
    context.remark("grouped", message, frozenset(span for op in run.ops for span in op.spans))


# Behind concat --------------------------------------------------------------------------------------------------------


def _gather(graph: BlockGraph) -> bool:
    """Move one operation behind a `concat` of its results. Returns whether there was one."""
    for concat in graph.ops("concat"):
        axis = concat.attr("axis")
        assert isinstance(axis, int)
        ops = [node for arg in concat.args if isinstance(node := graph.producer(arg), Op)]
        if len(ops) < len(concat.args) or len(ops) < 2 or not _alike(graph, concat, ops, axis):
            continue
        columns = list(zip(*(op.args for op in ops), strict=True))
        operands = [_whole(graph, column, ops, axis) for column in columns]
        if operands.count(None) > 1:
            continue
        _move_behind(graph, concat, ops, columns, operands)
        return True
    return False


def _alike(graph: BlockGraph, concat: Op, ops: Sequence[Op], axis: int) -> bool:
    """Whether all parts of a `concat` are results of one elementwise operation, and nothing else reads them."""
    first = ops[0]
    return all(
        _is_elementwise(op)
        and (op.name, op.attrs, len(op.args)) == (first.name, first.attrs, len(first.args))
        and graph.only_reader(op.out) is concat
        and all(arg.type.rank in (0, op.out.type.rank) for arg in op.args)
        and op.out.type.with_(axes=()) == first.out.type.with_(axes=())
        and all(a.type.dtype is b.type.dtype for a, b in zip(op.args, first.args, strict=True))
        for op in ops
    )


def _whole(graph: BlockGraph, column: Sequence[Value], ops: Sequence[Op], axis: int) -> Value | None:
    """The one value that stands for an operand of all operations, if there is one."""
    first = column[0]
    if all(value is first for value in column) and (first.type.rank == 0 or first.type.shape[axis] == ONE):
        return first
    split = graph.producing_op(first, "split")
    if split is None or split.attr("axis") != axis or tuple(split.outs) != tuple(column):
        return None
    fits = all(arg.type.shape[axis] == op.out.type.shape[axis] for arg, op in zip(column, ops, strict=True))
    return split.args[0] if fits else None


def _move_behind(
    graph: BlockGraph, concat: Op, ops: Sequence[Op], columns: Sequence[Sequence[Value]], wholes: Sequence[Value | None]
) -> None:
    place, axis = graph.place(concat), concat.attr("axis")
    spans = concat.spans.union(*(op.spans for op in ops))
    operands: list[Value] = []
    for column, whole in zip(columns, wholes, strict=True):
        if whole is None:
            parts = [_filling(graph, place, arg, op) for arg, op in zip(column, ops, strict=True)]
            whole = graph.op_at(place, "concat", *parts, axis=axis, spans=concat.spans, hint=concat.out.name)
        operands.append(whole)
    for node in (concat, *ops):
        graph.remove(node)
    first = ops[0]
    graph.op_at(place, first.name, *operands, defines=concat.out, spans=spans, **dict(first.attrs))


def _filling(graph: BlockGraph, place: float, arg: Value, op: Op) -> Value:
    """An operand in the shape of the result that it helps to make."""
    if arg.type.shape == op.out.type.shape:
        return arg
    return graph.op_at(place, "broadcast", arg, axes=op.out.type.axes, spans=op.spans, hint=arg.name)
