"""Loops that can go a step behind another one: the layers of a stack, whose steps one kernel can then run at once.

A layer needs of the layer below no more than the step that it is at itself. What stands between the two (a product with
weights, a dropout) is computed for all steps at once where the layers run one after the other, and inside of the upper
layer's step where it runs behind the lower one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rnnc.ir.operations import TABLE
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Loop, Node, Op, Value, reads
from rnnc.passes.analysis.freedom import sums_batch

MOST = 4  # loops of one kernel: more would take long to compile
MOST_BETWEEN = 24  # operations between two loops
_KINDS = frozenset({"elementwise", "view", "reduction"})
_OTHERS = frozenset({"contract", "dropout", "fill_past"})
_EXCEPT = frozenset({"reduce_to", "cumsum"})


@dataclass(frozen=True)
class Behind:
    """A loop that can run `lag` steps behind another one, the first of a chain.

    `inside` is the same loop with what stands between (`between` in its steps, `outside` as it stands before the loop,
    if nothing else reads it).
    """

    loop: Loop
    inside: Loop
    lag: int
    between: tuple[Op, ...]
    outside: tuple[Value, ...]


def chains(nodes: Sequence[Node], results: Iterable[Value]) -> dict[Loop, list[Behind]]:
    """For each loop those that can run behind it, in order, as far as one kernel goes."""
    return _Chains(nodes, frozenset(results)).found


def in_order(nodes: Sequence[Node], found: Mapping[Loop, Sequence[Behind]]) -> list[Node]:
    """The nodes in an order in which all that a chain needs stands before its first loop."""
    made = {out: node for node in nodes for out in node.outs}
    needed: dict[Node, list[Value]] = {
        loop: [value for one in behind for value in reads(one.inside)] for loop, behind in found.items()
    }
    inner = {out for loop, behind in found.items() for one in (loop, *(b.loop for b in behind)) for out in one.outs}
    ordered: dict[Node, None] = {}
    stack: list[tuple[Node, bool]] = [(node, False) for node in reversed(nodes)]
    while stack:
        node, is_ready = stack.pop()
        if node in ordered:
            continue
        if is_ready:
            ordered[node] = None
            continue
        wanted = [*reads(node), *(value for value in needed.get(node, ()) if value not in inner)]
        stack.append((node, True))
        stack += [(made[value], False) for value in reversed(wanted) if value in made]
    return list(ordered)


class _Chains:
    def __init__(self, nodes: Sequence[Node], results: frozenset[Value]) -> None:
        self.made = {out: node for node in nodes for out in node.outs}
        self.found: dict[Loop, list[Behind]] = {}
        self._results = results
        self._readers: dict[Value, list[Node]] = {}
        self._needs: dict[Value, frozenset[Loop]] = {}  # the loops that a value needs
        self._lags: dict[Loop, dict[Loop, int]] = {}  # how far behind a first loop those of its chain are
        self._lowest: dict[Loop, Loop] = {}  # of the longest chain that a loop is in
        for node in nodes:
            needs = self._needed(node)
            for value in reads(node):
                self._readers.setdefault(value, []).append(node)
            self._needs.update((out, needs | {node} if isinstance(node, Loop) else needs) for out in node.outs)
        for node in nodes:
            if isinstance(node, Loop) and node.is_plain:
                self._place(node)

    def touches(self, value: Value, chain: Sequence[Loop]) -> bool:
        """Whether a value needs a loop of a chain."""
        return not self._needs.get(value, frozenset()).isdisjoint(chain)

    def _needed(self, node: Node) -> frozenset[Loop]:
        return frozenset[Loop]().union(*(self._needs.get(value, frozenset()) for value in reads(node)))

    def _place(self, loop: Loop) -> None:
        """Put a loop behind others, where that can be: behind the lowest of a chain, and then behind any of it."""
        needed = self._needed(loop) if _can_be_behind(loop) else frozenset[Loop]()
        for first, lags in self._lags.items():
            lowest = self._lowest[first]
            alike = (first.reverse, first.lengths) == (loop.reverse, loop.lengths)
            if alike and len(lags) < MOST and not needed.isdisjoint(lags) and self._lowest.get(loop, first) is lowest:
                behind = self._behind(loop, lags)
                if behind is not None:
                    self.found.setdefault(first, []).append(behind)
                    lags[loop] = behind.lag
                    self._lowest[loop] = lowest
        self._lags[loop] = {loop: 0}
        self._lowest.setdefault(loop, loop)

    def _behind(self, loop: Loop, lags: Mapping[Loop, int]) -> Behind | None:
        chain = list(lags)
        inside = _Inside(self, loop, chain)
        if not inside.enter():
            return None
        whole = replace(loop, xs=tuple(inside.xs), body=(*inside.body, *loop.body))
        own = self._needed(chain[0])
        for value in reads(whole):
            if value not in inside.steps and not self._needs.get(value, own) <= own:
                return None  # it would wait for all steps of the chain, or for a loop that the first one does not need
        found = [lags[inside.steps[seq]] for seq, _ in whole.xs if seq in inside.steps]
        if not found:
            return None  # it wants to know how many steps there are, and nothing else
        return Behind(loop, whole, 1 + max(found), tuple(inside.body), self._outside(inside))

    def _outside(self, inside: _Inside) -> tuple[Value, ...]:
        """What is computed of whole sequences for this loop alone."""
        alone: dict[Node, None] = {}
        for value in reversed(inside.moved):
            node = self.made[value]
            readers = {reader for out in node.outs for reader in self._readers.get(out, ())}
            if self._results.isdisjoint(node.outs) and all(one is inside.loop or one in alone for one in readers):
                alone[node] = None
        return tuple(out for node in alone for out in node.outs)


class _Inside:
    """What a loop reads of a chain, moved into its step: sequences, and operations on what is there of them."""

    def __init__(self, chains: _Chains, loop: Loop, chain: Sequence[Loop]) -> None:
        self.loop, self.steps = loop, {value: one for one in chain for _, value in one.ys}
        self.xs: list[tuple[Value, Value]] = []
        self.body: list[Op] = []
        self.moved: list[Value] = []  # the sequences that were computed before the loop
        self._chains, self._chain = chains, chain
        self._made: dict[Value, Value] = {}  # what there is of a sequence in a step

    def enter(self) -> bool:
        """Whether that can be."""
        computed: list[tuple[Value, Value]] = []
        for seq, param in self.loop.xs:
            if self._is_there(seq):
                self.xs.append((seq, param))
                self._made[seq] = param
            else:
                computed.append((seq, param))
        return all(self._enter(seq, param) for seq, param in computed)

    def _enter(self, seq: Value, param: Value) -> bool:
        if not self._move(seq):
            return False
        step = self._made[seq]
        whole = next((whole for whole, one in self.xs if one is step), None)
        if whole is None:
            self.body.append(Op("cuda.full", (step,), (param,)))
        else:
            self.xs.append((whole, param))
        return True

    def _is_there(self, value: Value) -> bool:
        """Whether a value is a result of the chain, or needs none."""
        return value in self.steps or not self._chains.touches(value, self._chain)

    def _move(self, value: Value) -> bool:
        """Compute a step of a sequence; whether that can be."""
        if value in self._made:
            return True
        if self._is_there(value):
            self._made[value] = value
            if value.type.time:
                self._made[value] = _of_a_step(value)
                self.xs.append((value, self._made[value]))
            return True
        node = self._chains.made[value]
        if not isinstance(node, Op) or not _may_move(node) or len(self.body) == MOST_BETWEEN:
            return False
        args = node.args[:1] if node.name == "fill_past" else node.args
        if not all(self._move(arg) for arg in args):
            return False
        self.moved += node.outs
        if node.name == "fill_past":  # nobody looks at what is past a row's length
            self._made[value] = self._made[args[0]]
            return True
        outs = tuple(map(_of_a_step, node.outs))
        self._made.update(zip(node.outs, outs, strict=True))
        self.body.append(replace(node, args=tuple(self._made[arg] for arg in args), outs=outs))
        return True


def _of_a_step(value: Value) -> Value:
    return Value(value.type.with_(time=False), value.name)


def _can_be_behind(loop: Loop) -> bool:
    """Whether nobody looks at what is past a row's length: sums over rows rely on zeros there."""
    return loop.is_plain and not any(isinstance(node, Op) and sums_batch(node) for node in loop.body)


def _may_move(op: Op) -> bool:
    """Whether an operation on sequences does to a step what it does to all of them."""
    if any(not (out.type.time and out.type.batch) for out in op.outs) or op.name in _EXCEPT:
        return False
    if op.name == "fill_past":
        return Attrs(op).number("value") == 0
    if op.name == "contract":
        return not Attrs(op).text("reduce")
    return op.name in _OTHERS or (op.name in TABLE and TABLE[op.name].kind in _KINDS)  # windows are not in the table
