"""Hoisting: everything that is free of a loop's state leaves the loop, whole, and is computed for all steps at once.

    loop x_t in x, carry h {                    z = add(contract(x, W), b)          # all steps: one large product
      zx = add(contract(x_t, W), b)             loop zx in z, carry h {
      zh = contract(h, U)               =>        zh = contract(h, U)
      h' = tanh(add(zx, zh))                      h' = tanh(add(zx, zh))
    }                                           }

What depends on captured values alone moves out as it is; what depends on the elements of sequences too becomes an
operation on sequences, which the loop then runs over. Nested loops are treated from the inside out. From a loop over
stretches (`chunk`) only the former leaves: its purpose is not to have the whole sequence at once. Sums and products of
several terms are brought into an order in which what is free is taken together (`regroup`).

Some nodes stay although they could leave:
- what spreads out smaller values (an outer product, a broadcast) at the edge of the loop: the sequence to be stored
  would be larger than those it is made from, for at most two operations saved (`_spread`);
- what is large and made of the tape by cheap operations: it would be stored a second time, and its calls are no fewer
  where an element fills them (`_from_tape`);
- what sums over the batch: a sequence of weight gradients would dwarf everything (`defer` treats those).

Past a row's length the new sequences hold what the padding gives. Steps ignore those; a sequence that was a result of
the loop itself gets its zeros from `fill_past`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from rnnc.ir.operations import TABLE
from rnnc.ir.operations.contraction import sums_nothing
from rnnc.ir.program import Loop, Node, Op, Program, Value, reads
from rnnc.ir.rewrite import loop_results
from rnnc.ir.trim import length_givers
from rnnc.passes.analysis.extent import features, outgrows, row_cost
from rnnc.passes.analysis.freedom import Freedom, freedom
from rnnc.passes.manager import PassContext, compiler_pass
from rnnc.passes.rewrites.lift import Lifter, fill_past
from rnnc.passes.rewrites.regroup import regroup
from rnnc.passes.rewrites.rewriting import PassRewriter

LARGE = 2048  # numbers of a row that fill a call
DWARFS = 8  # how many times more a row has than the loop carries, to be large beside that
SPREAD_LIMIT = 2  # arithmetic operations that may be repeated at every step to avoid a larger sequence


@compiler_pass
def hoist(program: Program, context: PassContext) -> Program:
    """Everything free of a loop's state leaves the loop and is computed for all steps at once."""
    tape = frozenset(port.value for port in program.inputs_of("tape"))
    return _Hoist(tape, context).rewrite(program)


class _Hoist(PassRewriter):
    def __init__(self, tape: frozenset[Value], context: PassContext) -> None:
        super().__init__(context)
        self._tape = tape

    def loop(self, loop: Loop) -> None:
        constants, loop = hoist_constants(regroup(self.body(loop)))
        before, loop, results = _hoist_steps(loop, self._tape, self._context)
        for node in (*constants, *before):
            self.emit(node)
        for old, new in results:
            self.replace(old, new)
        if loop.carries or loop.ys:
            self.emit(loop)


def hoist_constants(loop: Loop) -> tuple[tuple[Node, ...], Loop]:
    """The nodes of the body that are the same at every step, and the loop without them."""
    level = freedom(loop)
    moved = tuple(node for node in loop.body if _level(node, level) is Freedom.CONSTANT)
    gone = set(moved)
    return moved, replace(loop, body=tuple(node for node in loop.body if node not in gone))


def _hoist_steps(
    loop: Loop, tape: Set[Value], context: PassContext
) -> tuple[list[Node], Loop, list[tuple[Value, Value]]]:
    """The sequence-level nodes, the loop that runs over their results, and what replaces the loop's own results."""
    level = freedom(loop)
    lifter = Lifter(loop)
    results: list[tuple[Value, Value]] = []
    ys: list[tuple[Value, Value]] = []
    for value, seq in loop.ys:
        if level.get(value) is not Freedom.STEP:
            ys.append((value, seq))
            continue
        filled = fill_past(lifter.builder, lifter.sequence(value), loop.lengths, 0.0, seq.name)
        results.append((seq, filled))
    loop = replace(loop, ys=tuple(ys))

    staying = [node for node in loop.body if _level(node, level) is Freedom.STATE]
    needed = dict.fromkeys([*(v for node in staying for v in reads(node)), *loop_results(loop)])
    defined = {out: node for node in loop.body for out in node.outs if level[out] is Freedom.STEP}
    kept: set[Op] = set()
    for value in [v for v in needed if v in defined and v not in lifter.outer]:
        spread = _spread(value, defined, lifter.outer)
        if spread is not None and spread.known_smaller:
            kept.update(spread.nodes)
            _remark_kept(value, spread.nodes, context)
        elif _is_large(value, loop) and (made := _from_tape(value, defined, lifter.outer, tape)):
            kept.update(made)
            _remark_large(value, made, context)
    staying = [node for node in loop.body if node in kept or _level(node, level) is Freedom.STATE]
    inside = {out for node in staying for out in node.outs}
    needed = dict.fromkeys([*(v for node in staying for v in reads(node)), *loop_results(loop)])
    frontier = [v for v in needed if level.get(v) is Freedom.STEP and v not in inside]
    lifter.lift(frontier)
    _remark_moved(lifter.builder.nodes, context)
    xs = tuple((lifter.outer[v], v) for v in frontier)
    return lifter.builder.nodes, with_xs(replace(loop, body=tuple(staying)), xs), results


def with_xs(loop: Loop, xs: Iterable[tuple[Value, Value]]) -> Loop:
    """The loop over other sequences; where none is left that says how long it is, `like` keeps saying it."""
    changed = replace(loop, xs=tuple(xs))
    if length_givers(changed):
        return replace(changed, like=None)
    return changed if loop.like is not None else replace(changed, like=length_givers(loop)[0])


@dataclass(frozen=True)
class _Spread:
    nodes: tuple[Op, ...]
    known_smaller: bool


def _spread(value: Value, defined: dict[Value, Node], outer: Mapping[Value, Value]) -> _Spread | None:
    """The cheap nodes that make a value out of smaller ones, if they are few."""
    size = row_cost([value])
    nodes: dict[Op, None] = {}
    inputs: dict[Value, None] = {}
    pending, seen = [value], {value}
    repeated = 0
    while pending:
        current = pending.pop()
        node = defined.get(current)
        own = row_cost([current])
        if current is not value and (outgrows(size, own) or current in outer):
            inputs[current] = None
        elif isinstance(node, Op) and _cheap(node):
            repeated += node not in nodes and TABLE[node.name].kind != "view"
            if repeated > SPREAD_LIMIT:
                return None
            nodes[node] = None
            news = [arg for arg in dict.fromkeys(node.args) if (arg in defined or arg in outer) and arg not in seen]
            seen.update(news)
            pending.extend(news)
        else:
            return None
    return _Spread(tuple(nodes), outgrows(size, row_cost(inputs)))


def _is_large(value: Value, loop: Loop) -> bool:
    """Whether an element is so large, in itself and beside what the loop carries, that calls for it are no waste."""
    size = features(value.type)
    if size.constant is not None and size.constant < LARGE:
        return False
    return outgrows(row_cost([value]), row_cost(carry.param for carry in loop.carries) * DWARFS)


def _from_tape(
    value: Value, defined: Mapping[Value, Node], outer: Mapping[Value, Value], tape: Set[Value]
) -> tuple[Op, ...]:
    """The cheap nodes that make a value of what the tape holds and of constants; none where it takes others."""
    nodes: dict[Op, None] = {}
    pending = [value]
    while pending:
        current = pending.pop()
        node = defined.get(current)
        if current in outer:
            if outer[current] not in tape:
                return ()
        elif isinstance(node, Op) and TABLE[node.name].kind in ("elementwise", "view"):
            nodes[node] = None
            pending.extend(arg for arg in node.args if arg in defined or arg in outer)
        else:
            return ()
    return tuple(nodes)


def _cheap(op: Op) -> bool:
    """Whether an operation costs about as much as reading its result from memory."""
    if op.name == "contract":
        return sums_nothing(op)
    return TABLE[op.name].kind in ("elementwise", "view") or op.name == "patches"


def spreads(value: Value, loop: Loop, known: Mapping[Value, Freedom], outer: Mapping[Value, Value]) -> bool:
    """Whether a body value is made by few cheap nodes from values that are smaller taken together.

    `known` and `outer`: what else than the loop's own sequences needs no state, and the sequences of it.
    """
    level = freedom(loop, known)
    defined = {out: node for node in loop.body for out in node.outs if level[out] is Freedom.STEP}
    spread = _spread(value, defined, outer) if value in defined else None
    return spread is not None and spread.known_smaller


def _level(node: Node, level: dict[Value, Freedom]) -> Freedom:
    return max((level[out] for out in node.outs), default=Freedom.CONSTANT)


def _remark_moved(nodes: Sequence[Node], context: PassContext) -> None:
    others: list[Node] = []
    for node in nodes:
        if isinstance(node, Op) and node.name == "contract":
            context.remark(
                "hoisted-product", "the input product leaves the loop: one product for all steps", node.spans
            )
        else:
            others.append(node)
    if others:
        count = "one operation leaves" if len(others) == 1 else f"{len(others)} operations leave"
        message = f"{count} the loop, free of its state: computed for all steps at once"
        context.remark("hoisted", message, frozenset(span for node in others for span in node.spans))


def _remark_large(value: Value, nodes: Sequence[Op], context: PassContext) -> None:
    spans = frozenset(span for node in nodes for span in node.spans)
    message = (
        f"stays in the loop although it needs no state: made of the tape, its {features(value.type)} numbers per row "
        "and step would be stored for all steps besides"
    )
    context.remark("kept-large", message, spans, kind="info")


def _remark_kept(value: Value, nodes: Sequence[Op], context: PassContext) -> None:
    spans = frozenset(span for node in nodes for span in node.spans)
    size = features(value.type)
    message = (
        f"stays in the loop although it needs no state: its {size} numbers per row and step are more than "
        "what they are made from, so that it is cheaper to make them again than to store them"
    )
    context.remark("kept-inside", message, spans, kind="info")
