"""Elementwise grouping: what is done alike to neighbouring pieces of a value is done once to all of them.

    i, f, o, j = split(z)                       ifo, j  = split(z)
    a, b, c    = sigmoid(i), sigmoid(f), …  =>  s       = sigmoid(ifo)
    d          = tanh(j)                        a, b, c = split(s)
                                                d       = tanh(j)

An operation with further operands is grouped where these are neighbouring pieces too, one value for all, or constants
(which are then joined). The other way round, where results are put together again, the operation moves behind `concat`
if at most one of its operands has to be put together anew at every step. What can be joined once, or for all steps, is
joined in place here; it leaves the loop with `hoist`, which should follow.

    concat(neg(a), neg(b)) => neg(concat(a, b))      concat(mul(a, s0), mul(b, s1)) => mul(concat(a, b), s)
"""

from __future__ import annotations

from collections.abc import Sequence

from rnnc.ir.operations import TABLE
from rnnc.ir.program import Op, Program, Value
from rnnc.ir.size import ONE
from rnnc.passes.analysis.blockgraph import BlockGraph
from rnnc.passes.analysis.freedom import Freedom, is_weight
from rnnc.passes.analysis.levels import Levels
from rnnc.passes.manager import PassContext, compiler_pass
from rnnc.passes.rewrites.blocks import Block, rewrite_blocks
from rnnc.passes.rewrites.pieces import PieceTable, Run
from rnnc.passes.rewrites.stacks import REDUCTIONS, stack_reduced


@compiler_pass
def group(program: Program, context: PassContext) -> Program:
    """What is done alike to neighbouring pieces of a value is done once to all of them."""
    return rewrite_blocks(program, lambda block: _group_block(block, context))


def _group_block(block: Block, context: PassContext) -> None:
    graph = block.graph
    levels = Levels(graph, block.free)
    while _gather(graph, levels):
        pass
    for concat in graph.ops("concat"):
        _take_in_parts(graph, concat)
    _add_constants(graph, levels)
    stack_reduced(graph)
    pieces = PieceTable(graph, levels.constant, {})
    for run in pieces.merge(lambda op: _is_elementwise(op) or op.name in REDUCTIONS):
        _remark(run, context)
    pieces.finish()


def _add_constants(graph: BlockGraph, levels: Levels) -> None:
    """Add up what is the same at every step ahead: `x + shift + 1`, so that the sums of all gates look alike."""

    def is_constant(value: Value) -> bool:
        return levels.constant(value) and is_weight(value.type)

    for outer in graph.ops("add"):
        for total, more in (outer.args, outer.args[::-1]):
            inner = graph.producing_op(total, "add")
            if inner is None or graph.only_reader(total) is not outer or not is_constant(more):
                continue
            constants = [arg for arg in inner.args if is_constant(arg)]
            if len(constants) != 1 or inner.out.type != outer.out.type or constants[0].type.rank < more.type.rank:
                continue
            (x,) = (arg for arg in inner.args if arg is not constants[0])
            place, spans = graph.place(outer), inner.spans | outer.spans
            both = graph.op_at(place, "add", constants[0], more, spans=spans, hint=constants[0].name)
            graph.remove(inner)
            graph.remove(outer)
            graph.op_at(place, "add", x, both, defines=outer.out, spans=spans)
            break


def _is_elementwise(op: Op) -> bool:
    return TABLE[op.name].kind == "elementwise"


def _remark(run: Run, context: PassContext) -> None:
    names = ", ".join(dict.fromkeys(op.out.name for op in run.ops if op.out.name))
    message = f"one {run.ops[0].name} serves {len(run.ops)} neighbouring pieces" + (f" ({names})" if names else "")
    context.remark("grouped", message, frozenset(span for op in run.ops for span in op.spans))


# Behind concat --------------------------------------------------------------------------------------------------------


def _gather(graph: BlockGraph, levels: Levels) -> bool:
    """Move operations behind a `concat` of their results, one for each. Returns whether there was one."""
    found = False
    for concat in graph.ops("concat"):
        axis = concat.attr("axis")
        assert isinstance(axis, int)
        ops = [node for arg in concat.args if isinstance(node := graph.producer(arg), Op)]
        if len(ops) < len(concat.args) or len(ops) < 2 or not _alike(graph, concat, ops):
            continue
        columns = list(zip(*(op.args for op in ops), strict=True))
        operands = [_whole(graph, column, ops, axis) for column in columns]
        anew = [column for column, whole in zip(columns, operands, strict=True) if whole is None]
        if sum(any(levels(value) is Freedom.STATE for value in column) for column in anew) > 1:
            continue
        if levels(concat.out) is not Freedom.STATE and len(anew) > 1:
            continue
        _move_behind(graph, concat, ops, columns, operands)
        found = True
    return found


def _take_in_parts(graph: BlockGraph, concat: Op) -> None:
    """Put together at once what is put together in two steps."""
    if concat not in graph:
        return
    parts: list[Value] = []
    for arg in concat.args:
        inner = graph.producing_op(arg, "concat")
        if inner is not None and inner.attrs == concat.attrs and graph.only_reader(arg) is concat:
            parts += inner.args
        else:
            parts.append(arg)
    if len(parts) > len(concat.args):
        place = graph.place(concat)
        graph.remove(concat)
        axis = concat.attr("axis")
        graph.op_at(place, "concat", *parts, defines=concat.out, spans=concat.spans, axis=axis)
        graph.drop_unused(node for arg in concat.args if (node := graph.producing_op(arg, "concat")) is not None)


def _alike(graph: BlockGraph, concat: Op, ops: Sequence[Op]) -> bool:
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
    hint = concat.out.name
    graph.op_at(place, first.name, *operands, defines=concat.out, spans=spans, hint=hint, **dict(first.attrs))


def _filling(graph: BlockGraph, place: float, arg: Value, op: Op) -> Value:
    """An operand in the shape of the result that it helps to make."""
    if arg.type.shape == op.out.type.shape:
        return arg
    return graph.op_at(place, "broadcast", arg, axes=op.out.type.axes, spans=op.spans, hint=arg.name)
