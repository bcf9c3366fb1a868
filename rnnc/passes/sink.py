"""Sinking: what no later step needs leaves the loop behind it, and is computed for all steps at once.

    loop x_t in x, carry h {                     loop x_t in x, carry h {
      h'  = …                                      h'  = …
      out = contract(h', P)                  =>    hs <- h'
      y   <- out                                 }
    }                                            y = fill_past(contract(hs, P), lengths; 0)

The operands become sequences; what was collected before is collected no longer. That is done where a row does not store
more than before: an output projection moves if the states are collected anyway, or are no larger than its result. So
do the gradients of inputs (`contract(dz, W)`), once deferred weight gradients have collected dz.

Past a row's length collected operands are zero. Operations that are not finite there (a quotient, a logarithm) stay,
since zero times their derivative would not be zero. Comparisons of floats and what else jumps stay, too: collected
numbers may be rounded.
"""

from __future__ import annotations

from dataclasses import replace

from rnnc.ir.operations import TABLE
from rnnc.ir.operations.elementwise import JUMPS
from rnnc.ir.program import DType, Loop, Node, Op, Program, Value, reads
from rnnc.passes.analysis.collect import Collector
from rnnc.passes.analysis.extent import at_most, row_cost
from rnnc.passes.analysis.freedom import is_masking, sums_batch
from rnnc.passes.manager import PassContext, compiler_pass
from rnnc.passes.rewrites.lift import Lifter, fill_past
from rnnc.passes.rewrites.rewriting import PassRewriter

DELICATE = frozenset(["div", "floordiv", "mod", "pow", "log", "sqrt", "rsqrt", "reciprocal"])


@compiler_pass
def sink(program: Program, context: PassContext) -> Program:
    """What no later step needs leaves the loop behind it, and is computed for all steps at once."""
    return _Sink(context).rewrite(program)


class _Sink(PassRewriter):
    def loop(self, loop: Loop) -> None:
        loop = self.body(loop)
        moved = () if loop.chunk is not None else _movable(loop)
        if not moved:
            self.emit(loop)
            return
        gone = {out for node in moved for out in node.outs}
        operands = [arg for node in moved for arg in node.args if arg not in gone and arg is not loop.valid]
        collector = Collector(replace(loop, ys=tuple((v, seq) for v, seq in loop.ys if v not in gone)))
        collector.add(operands)
        rest = replace(
            loop,
            body=tuple(node for node in loop.body if node not in moved),
            ys=tuple((value, seq) for value, seq in loop.ys if value not in gone),
        )
        self.emit(collector.apply(rest))
        lifter = Lifter(loop, {v: collector.sequence(v) for v in operands if collector.is_inside(v)})
        for value, seq in loop.ys:
            if value in gone:
                self.replace(seq, fill_past(lifter.builder, lifter.sequence(value), loop.lengths, 0.0, seq.name))
        for node in lifter.builder.nodes:
            self.emit(node)
        self._remark(moved)

    def _remark(self, moved: tuple[Op, ...]) -> None:
        for node in moved:
            if node.name == "contract":
                message = "no later step needs this product: it is done after the loop, once for all steps"
                self._context.remark("sunk-product", message, node.spans)
        spans = frozenset(span for node in moved for span in node.spans)
        count = "one operation leaves" if len(moved) == 1 else f"{len(moved)} operations leave"
        self._context.remark("sunk", f"{count} the loop behind it: no later step needs the result", spans)


def _movable(loop: Loop) -> tuple[Op, ...]:
    """The operations that may leave, in order: decided from the last one backwards."""
    readers: dict[Value, list[Node]] = {}
    for node in loop.body:
        for value in reads(node):
            readers.setdefault(value, []).append(node)
    carried = {carry.next for carry in loop.carries}
    collector = Collector(replace(loop, ys=()))
    stored = {value for value, _ in loop.ys}
    moved: dict[Op, None] = {}
    for node in reversed(loop.body):
        if not isinstance(node, Op) or not _may_run_later(node, loop, collector):
            continue
        if not all(reader in moved for out in node.outs for reader in readers.get(out, ())):
            continue
        if not carried.isdisjoint(node.outs) or not any(out in stored for out in node.outs):
            continue
        new = [value for value in collector.missing(node.args) if value not in stored]
        if at_most(row_cost(new), row_cost(out for out in node.outs if out in stored)):
            moved[node] = None
            stored.difference_update(node.outs)
            stored.update(new)
    return tuple(reversed(moved))


def _may_run_later(op: Op, loop: Loop, collector: Collector) -> bool:
    """Whether an operation means the same on sequences, and is harmless past a row's length."""
    if op.name in JUMPS and any(arg.type.dtype is DType.FLOAT for arg in op.args):
        return False
    if op.name in DELICATE or TABLE[op.name].kind == "time" or sums_batch(op):
        return False
    if loop.valid in op.args and not is_masking(op, loop):
        return False
    return any(collector.is_inside(arg) for arg in op.args if arg is not loop.valid)
