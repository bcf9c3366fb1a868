"""What the backward side of a block reads of the forward side: which values are kept, and which are computed again.

A block is the program itself or the body of a loop. Kept values cost memory, one array per step where the block
is a body; computing a value again costs time. Under `CHEAP` products and transcendental functions are never
computed twice, and of what remains the least memory is taken (a minimum cut). Outer products are no exception: a state
that one is added to would be made again, where it lies on the tape anyway, as what enters the next step. Under
`STEP_FREE` anything but a recurrence may run again (a product that a pass has taken out of a loop still belongs to its
steps); under `EVERYTHING` only what enters the block is kept.

Kept values are rounded, so what is computed again differs in its last digits, and what jumps may jump elsewhere: a
comparison, a floor, the question which number is the largest one, which then is none. Such decisions are made once, on
the forward side, and kept (`_decides`, `settled`). The kinks of functions without a jump (`relu`, `clip`, the larger
one of two) are looked for again: within a rounding of one, either side is the derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from rnnc.autodiff.mincut import UNBOUNDED, cheapest_cut
from rnnc.ir.operations import TABLE
from rnnc.ir.operations.elementwise import JUMPS
from rnnc.ir.operations.reduction import EXTREMA
from rnnc.ir.program import DType, Node, Op, Type, Value, reads
from rnnc.ir.rewrite import Substitution, clone, substitute
from rnnc.ir.size import Size

CHEAP_KINDS = frozenset({"source", "view", "random"})
# fmt: off
CHEAP_OPS = frozenset((
    "neg", "abs", "sign", "square", "relu", "floor", "ceil", "round", "logical_not", "stop_gradient", "cast",
    "zeros_like", "add", "sub", "mul", "max", "min", "lt", "le", "gt", "ge", "eq", "ne", "logical_and", "logical_or",
    "where", "clip", "shift", "fill_past", "patches",
))
# fmt: on

# What an open size counts for when memory is compared; only the proportions matter.
NOMINAL_SIZE, NOMINAL_BATCH, NOMINAL_TIME = 128, 32, 64
BYTES = {DType.FLOAT: 4, DType.INT: 4, DType.BOOL: 1}  # of one element, where floats are float32


@dataclass(frozen=True)
class Policy:
    """`recomputable`: nodes that may run again. `keeps_results`: whether results of nodes may be kept at all."""

    recomputable: Callable[[Node], bool]
    keeps_results: bool


def _cheap(node: Node) -> bool:
    return isinstance(node, Op) and (node.name in CHEAP_OPS or TABLE[node.name].kind in CHEAP_KINDS)


def _step_free(node: Node) -> bool:
    return isinstance(node, Op) and not node.name.startswith("scan_")


def _anything(node: Node) -> bool:
    return True


CHEAP = Policy(_cheap, keeps_results=True)
STEP_FREE = Policy(_step_free, keeps_results=True)
EVERYTHING = Policy(_anything, keeps_results=False)


@dataclass(frozen=True, eq=False)
class Block:
    """A block of the forward side: what enters it, with the cost of keeping that, and its nodes."""

    params: Mapping[Value, int]
    nodes: Sequence[Node]

    @cached_property
    def definitions(self) -> dict[Value, Node]:
        """The node that defines each value of the block."""
        return {out: node for node in self.nodes for out in node.outs}

    @cached_property
    def reads(self) -> dict[Node, tuple[Value, ...]]:
        """The values of the block that each of its nodes reads, once each."""
        return {node: tuple(dict.fromkeys(v for v in reads(node) if v in self)) for node in self.nodes}

    def __contains__(self, value: object) -> bool:
        return value in self.definitions or value in self.params


def cost(type: Type) -> int:
    """Bytes of an array in which open sizes have nominal values."""
    total = BYTES[type.dtype] * (NOMINAL_BATCH if type.batch else 1) * (NOMINAL_TIME if type.time else 1)
    for size in type.shape:
        total *= max(1, nominal(size))
    return total


def nominal(size: Size) -> int:
    """A size with every open symbol at its nominal value."""
    try:
        return size.evaluate(dict.fromkeys(size.symbols, NOMINAL_SIZE))
    except ZeroDivisionError:  # a quotient by a difference of sizes: no estimate is better than another
        return NOMINAL_SIZE


def settled(block: Block, nodes: Sequence[Node]) -> tuple[Block, tuple[Node, ...]]:
    """The backward nodes that ask which numbers are the largest ones, or are floors (of `%`), moved to the end of the
    forward side."""
    there = {*block.params, *block.definitions, *(value for node in block.nodes for value in reads(node))}
    found: dict[Value, Op] = {}  # by what backward nodes make of the forward side alone
    for node in nodes:
        if isinstance(node, Op) and all(arg in found or arg in there for arg in node.args):
            found.update(dict.fromkeys(node.outs, node))

    def jumps(node: Op) -> bool:
        return node.name == "floor" or (node.name == "eq" and any(map(is_extremum, node.args)))

    def is_extremum(value: Value) -> bool:
        node = found.get(value) or block.definitions.get(value)
        while isinstance(node, Op) and TABLE[node.name].kind == "view":
            node = found.get(node.args[0]) or block.definitions.get(node.args[0])
        return isinstance(node, Op) and node.name in EXTREMA

    asked = list(filter(jumps, found.values()))
    moved: set[Node] = set()
    while asked:
        node = asked.pop()
        moved.add(node)
        asked += [found[arg] for arg in node.args if arg in found and found[arg] not in moved]
    first = tuple(node for node in nodes if node in moved)
    return Block(block.params, (*block.nodes, *first)), tuple(node for node in nodes if node not in moved)


def choose(block: Block, wanted: Iterable[Value], policy: Policy) -> tuple[Value, ...]:
    """The values of the block to keep, so that everything wanted can be had; in order of definition."""
    wanted = {value for value in wanted if value in block}
    closure = _closure(block, wanted, policy)
    costs: dict[Value, int] = {}
    given: list[Value] = []
    edges: list[tuple[Value, Value]] = []
    for value in (*block.params, *block.definitions):
        if value not in closure:
            continue
        node = block.definitions.get(value)
        if node is None:
            costs[value] = block.params[value]
        else:
            costs[value] = cost(value.type) if policy.keeps_results else UNBOUNDED
        if node is not None and _may_run_again(block, node, policy):
            edges += [(read, value) for read in block.reads[node] if read in closure]
        else:
            given.append(value)
    return tuple(cheapest_cut(costs, edges, given, [value for value in costs if value in wanted]))


def _may_run_again(block: Block, node: Node, policy: Policy) -> bool:
    return policy.recomputable(node) and not (policy.keeps_results and _decides(block, node))


def _decides(block: Block, node: Node) -> bool:
    """Does this jump between floats of which one is computed here? (What enters a block is the same later.)"""
    if not isinstance(node, Op) or node.name not in JUMPS:
        return False
    makers = [block.definitions.get(arg) for arg in node.args if arg.type.dtype is DType.FLOAT]
    return any(isinstance(m, Op) and TABLE[m.name].kind not in ("source", "view") for m in makers)


def weave(
    block: Block, nodes: Sequence[Node], results: Sequence[Value], kept: Mapping[Value, Value]
) -> tuple[tuple[Node, ...], Substitution]:
    """Backward nodes that read `kept` stand-ins for forward values, each recomputation just before its first reader.

    Returns the nodes, and the stand-ins for everything that was kept or recomputed (`results` among them).
    """
    available = dict(kept)
    woven: list[Node] = []

    def provide(values: Iterable[Value]) -> None:
        pending = [v for v in values if v in block.definitions]
        while pending:
            value = pending[-1]
            if value in available:
                pending.pop()
                continue
            node = block.definitions[value]
            missing = [v for v in block.reads[node] if v in block.definitions and v not in available]
            if missing:
                pending += missing
            else:
                copies, mapping = clone([node], available)
                woven.extend(copies)
                available.update((out, mapping[out]) for out in node.outs)

    for node in nodes:
        provide(reads(node))
        woven.append(substitute(node, Substitution(available)))
    provide(results)
    return tuple(woven), Substitution(available)


def _closure(block: Block, wanted: Iterable[Value], policy: Policy) -> set[Value]:
    """What is wanted, and what its recomputation could read."""
    found: set[Value] = set()
    pending = list(wanted)
    while pending:
        value = pending.pop()
        if value in found:
            continue
        found.add(value)
        node = block.definitions.get(value)
        if node is not None and _may_run_again(block, node, policy):
            pending += block.reads[node]
    return found
