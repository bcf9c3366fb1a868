"""Common subexpressions: what is computed twice from the same values is computed once.

A node is found again in its own block and in the blocks around it, never in one beside it. The spans of all that
became one are kept on the one. Loops are compared too: a sequence that enters twice, a value that is collected
twice, two carries that start alike and step alike, and whole loops that do the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from rnnc.ir.operations import TABLE
from rnnc.ir.program import Carry, Loop, Node, Op, Program, Spans, Value
from rnnc.passes.analysis.numbering import Key, Numbering
from rnnc.passes.manager import PassContext, compiler_pass
from rnnc.passes.rewrites.rewriting import PassRewriter


@compiler_pass
def cse(program: Program, context: PassContext) -> Program:
    """Computes once what is computed several times from the same values."""
    return _Cse(context).rewrite(program)


class _Cse(PassRewriter):
    def __init__(self, context: PassContext) -> None:
        super().__init__(context)
        self._numbers = Numbering()
        self._known: list[dict[Key, Node]] = []  # by block, the innermost last
        self._merged: dict[Node, Spans] = {}  # of nodes that stand for others: all their spans

    def block(self, nodes: Sequence[Node]) -> tuple[Node, ...]:
        self._known.append({})
        inner = super().block(nodes)
        self._known.pop()
        return tuple(self._with_spans(node) for node in inner)

    def op(self, op: Op) -> None:
        key = self._numbers.op_key(op)
        known = self._find(key)
        if known is None:
            self._keep(key, op)
            return
        for out, other in zip(op.outs, known.outs, strict=True):
            self.replace(out, other)
        self._merge_spans(known, op)

    def loop(self, loop: Loop) -> None:
        loop = self._merge_carries(self._merge_xs(loop))
        loop = self._merge_ys(self.body(loop))
        key = self._numbers.loop_key(loop)
        known = self._find(key)
        if isinstance(known, Loop) and self._stands_for(known, loop):
            self._merge_spans(known, loop)
        else:
            self._keep(key, loop)

    # Finding ----------------------------------------------------------------------------------------------------------

    def _find(self, key: Key) -> Node | None:
        return next((known[key] for known in reversed(self._known) if key in known), None)

    def _keep(self, key: Key, node: Node) -> None:
        self._known[-1].setdefault(key, node)
        self.emit(node)

    def _stands_for(self, known: Loop, loop: Loop) -> bool:
        """Replace the results of `loop` by those of a loop of the same key, if that collects all that this one does."""
        collected = dict(self._numbers.yields(known))
        wanted = self._numbers.yields(loop)
        if any(key not in collected for key, _ in wanted):
            return False
        for key, seq in wanted:
            self.replace(seq, collected[key])
        for carry, other in zip(loop.carries, known.carries, strict=True):
            self.replace(carry.final, other.final)
        return True

    # Inside one loop --------------------------------------------------------------------------------------------------

    def _merge_xs(self, loop: Loop) -> Loop:
        """A sequence that enters twice enters once."""
        first: dict[Key, Value] = {}
        kept: list[tuple[Value, Value]] = []
        for seq, param in loop.xs:
            known = first.setdefault((seq, param.type), param)
            if known is param:
                kept.append((seq, param))
            self.replace(param, known)
        return replace(loop, xs=tuple(kept))

    def _merge_ys(self, loop: Loop) -> Loop:
        """A value that is collected twice is collected once."""
        first: dict[Value, Value] = {}
        for value, seq in loop.ys:
            self.replace(seq, first.setdefault(value, seq))
        return replace(loop, ys=tuple(first.items()))

    def _merge_carries(self, loop: Loop) -> Loop:
        """Carries that start alike and, as long as they are alike, step alike, are one."""
        kept: list[Carry] = []
        for alike in self._alike(loop):
            stands = alike[0]
            befores = [c.before for c in alike if c.before is not None]
            for carry in alike[1:]:
                self.replace(carry.param, stands.param)
                self.replace(carry.final, stands.final)
            for before in befores[1:]:
                self.replace(before, befores[0])
            kept.append(replace(stands, before=befores[0] if befores else None))
        return replace(loop, carries=tuple(kept))

    def _alike(self, loop: Loop) -> list[list[Carry]]:
        """The carries in groups of equals: first by their start, then split by their steps until nothing splits."""
        groups = _grouped([loop.carries], lambda c: (c.init, c.param.type))
        while len(groups) < len(loop.carries):
            numbers = Numbering(self.values)
            for place, group in enumerate(groups):
                for carry in group:
                    numbers.assume(carry.param, ("alike", place))
            numbers.block(loop.body)
            finer = _grouped(groups, lambda c, numbers=numbers: numbers[c.next])
            if len(finer) == len(groups):
                break
            groups = finer
        return groups

    # Spans ------------------------------------------------------------------------------------------------------------

    def _merge_spans(self, known: Node, node: Node) -> None:
        spans = self._merged.get(known, known.spans)
        self._merged[known] = spans | node.spans
        if isinstance(known, Op) and TABLE[known.name].kind not in ("source", "view") and node.spans - spans:
            self._context.remark("merged", f"`{known.name}` is computed once for several places", self._merged[known])

    def _with_spans(self, node: Node) -> Node:
        spans = self._merged.get(node)
        return node if spans is None or spans == node.spans else replace(node, spans=spans)


def _grouped(groups: Iterable[Sequence[Carry]], key: Callable[[Carry], Key]) -> list[list[Carry]]:
    """Every group split by a key, in order."""
    finer: list[list[Carry]] = []
    for group in groups:
        split: dict[Key, list[Carry]] = {}
        for carry in group:
            split.setdefault(key(carry), []).append(carry)
        finer.extend(split.values())
    return finer
