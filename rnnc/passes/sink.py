"""Sinking: what no later step needs leaves the loop behind it, and is computed for all steps at once.

    loop x_t in x, carry h {                     loop x_t in x, carry h {
      h'  = …                                      h'  = …
      out = contract(h', P)                  =>    hs <- h'
      y   <- out                                 }
    }                                            y = fill_past(contract(hs, P), lengths; 0)

The operands become sequences; what was collected before is collected no longer. That is done where a row does not store
more than before: an output projection moves if the states are collected anyway, or are no larger than its result. So
do the gradients of inputs (`contract(dz, W)`), once deferred weight gradients have collected dz.

A norm or a quotient reads more than it makes, but what it reads is often made of one value: operations leave together
where all of them store no more (`_region`).

Past a row's length collected operands are zero, where a quotient or a logarithm is no number. Results are zero there
all the same, and sums of gradients are kept from it (`autodiff/padding.py`). Comparisons of floats and what else jumps
stay: collected numbers may be rounded.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from rnnc.ir.operations import TABLE
from rnnc.ir.operations.elementwise import JUMPS
from rnnc.ir.program import DType, Loop, Node, Op, Program, Value, reads
from rnnc.ir.size import Size
from rnnc.passes.analysis.collect import Collector
from rnnc.passes.analysis.extent import at_most, outgrows, row_cost
from rnnc.passes.analysis.freedom import is_masking, sums_batch
from rnnc.passes.manager import PassContext, compiler_pass
from rnnc.passes.rewrites.lift import Lifter, fill_past
from rnnc.passes.rewrites.rewriting import PassRewriter

STAY = frozenset(["floordiv", "mod"])  # they jump, and of whole numbers have no answer at zero
REGION = 16  # operations that leave together or not at all


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
    """The operations that may leave, in order."""
    leaving = _Leaving(loop)
    for node in reversed(loop.body):
        if isinstance(node, Op) and any(out in leaving.stored for out in node.outs):
            leaving.consider(node)
    return tuple(node for node in loop.body if isinstance(node, Op) and node in leaving.moved)


class _Leaving:
    """Decides which operations of a loop leave it, from the last one backwards.

    `stored`: the values that are collected in the place of the loop's results.
    """

    def __init__(self, loop: Loop) -> None:
        self.moved: set[Op] = set()
        self.stored = {value for value, _ in loop.ys}
        self._loop = loop
        self._carried = {carry.next for carry in loop.carries}
        self._collector = Collector(replace(loop, ys=()))
        self._places = {node: place for place, node in enumerate(loop.body)}
        self._producers = {out: node for node in loop.body for out in node.outs}
        self._readers: dict[Value, list[Node]] = {}
        for node in loop.body:
            for value in reads(node):
                self._readers.setdefault(value, []).append(node)

    def consider(self, op: Op) -> None:
        """Let an operation leave, alone or with some that make its operands, if a row then stores no more."""
        if not self._may_go(op, ()):
            return
        region = [op]
        while not self._pays(region):
            makers = (node for node in self._makers(region) if self._may_go(node, region))
            before = max(makers, key=self._place, default=None)
            if before is None or len(region) == REGION or outgrows(row_cost(before.outs), self._results(region)):
                return  # all of it would have to be there at once
            region.append(before)
        gone = {out for node in region for out in node.outs}
        self.stored = self.stored - gone | set(self._needed(region))
        self.moved.update(region)

    def _place(self, op: Op) -> int:
        return self._places[op]

    def _makers(self, region: Collection[Op]) -> list[Op]:
        """What makes the values that would have to be stored for a region to leave."""
        producers = [self._producers.get(value) for value in self._needed(region)]
        return [node for node in producers if isinstance(node, Op)]

    def _needed(self, region: Collection[Op]) -> list[Value]:
        """The values that would be stored for a region, and are not yet."""
        inside = {out for node in region for out in node.outs}
        operands = self._collector.missing(arg for node in region for arg in node.args)
        return [value for value in operands if value not in inside and value not in self.stored]

    def _pays(self, region: Collection[Op]) -> bool:
        return at_most(row_cost(self._needed(region)), self._results(region))

    def _results(self, region: Collection[Op]) -> Size:
        """What a row stores of the results of a region, as long as it stays."""
        return row_cost(out for node in region for out in node.outs if out in self.stored)

    def _may_go(self, op: Op, region: Collection[Op]) -> bool:
        """Whether an operation may leave behind those that have left already and a region."""
        if not self._carried.isdisjoint(op.outs) or not _may_run_later(op, self._loop, self._collector):
            return False
        readers = (reader for out in op.outs for reader in self._readers.get(out, ()))
        return all(reader in self.moved or reader in region for reader in readers)


def _may_run_later(op: Op, loop: Loop, collector: Collector) -> bool:
    """Whether an operation means the same on sequences, and has an answer past a row's length."""
    if op.name in JUMPS and any(arg.type.dtype is DType.FLOAT for arg in op.args):
        return False
    if op.name in STAY or TABLE[op.name].kind == "time" or sums_batch(op):
        return False
    if loop.valid in op.args and not is_masking(op, loop):
        return False
    return any(collector.is_inside(arg) for arg in op.args if arg is not loop.valid)
