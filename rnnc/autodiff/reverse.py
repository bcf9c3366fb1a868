"""Reverse mode over blocks: nodes backwards, each operation by its row's derivative, each loop by a loop.

The derivative of a loop runs the other way over the same steps. It carries the cotangents of the carries, and
one sum per captured value. Cotangents that come in pass through `masked` first, so that a step past a row's length
contributes nothing; what a batched carry then does there (keep its value) hands the cotangent of the final state
through to the last valid step, as it should. Derivatives read forward values as if they were in reach; when a body
is complete, `partition` decides which of them the forward loop collects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rnnc.autodiff.activity import influencing
from rnnc.autodiff.partition import CHEAP, EVERYTHING, Block, Policy, choose, cost, settled, weave
from rnnc.ir.operations import TABLE, Builder
from rnnc.ir.program import Carry, DType, Loop, Node, Op, Spans, Type, Value, reads
from rnnc.ir.trim import length_givers, trim


class Cotangents:
    """The cotangents found so far, as sums that are built when somebody asks."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._parts: dict[Value, list[Value]] = {}

    def add(self, value: Value, part: Value) -> None:
        """One more contribution to the cotangent of a value; of the value's own type."""
        if part.type != value.type:
            raise TypeError(f"cotangent {part.type} of a {value.type} ({value.name})")
        self._parts.setdefault(value, []).append(part)

    def get(self, value: Value) -> Value | None:
        """The whole cotangent, or None where nothing flows."""
        parts = self._parts.get(value)
        if parts is None:
            return None
        if len(parts) > 1:
            parts[:] = [self._builder.sum(parts)]
        return parts[0]

    def __contains__(self, value: object) -> bool:
        return value in self._parts

    def __iter__(self) -> Iterator[Value]:
        return iter(tuple(self._parts))


@dataclass(frozen=True)
class Origin:
    """Where a collected sequence comes from; `every`: steps per entry."""

    spans: Spans
    every: int = 1


@dataclass
class Reverse:
    """Differentiates blocks with respect to the values in `varied`.

    `free` says of a sequence outside a loop whether reading it again costs no memory. `origins` is filled with
    the sequences that forward loops collect for the backward side.
    """

    varied: set[Value]
    states_only: bool
    free: set[Value]
    origins: dict[Value, Origin] = field(default_factory=dict[Value, Origin])

    def block(self, nodes: Sequence[Node], cotangents: Cotangents, builder: Builder) -> tuple[Node, ...]:
        """Pull cotangents through a block. Returns its nodes, with what loops must collect for the backward side."""
        forward: list[Node] = []
        for node in reversed(nodes):
            with builder.at(node.spans):
                if isinstance(node, Op):
                    self._op(node, cotangents, builder)
                    forward.append(node)
                else:
                    forward.append(self._loop(node, cotangents, builder))
        return tuple(reversed(forward))

    def _op(self, op: Op, cotangents: Cotangents, builder: Builder) -> None:
        derive = TABLE[op.name].derive
        if derive is None or self.varied.isdisjoint(op.args):
            return
        incoming = [cotangents.get(out) for out in op.outs]
        if all(d is None for d in incoming):
            return
        for arg, d in zip(op.args, derive(builder, op, incoming), strict=True):
            if d is not None and arg in self.varied:
                cotangents.add(arg, d)

    def _loop(self, loop: Loop, cotangents: Cotangents, builder: Builder) -> Loop:
        if not any(out in cotangents for out in loop.outs):
            return loop
        return _LoopReverse(self, loop, cotangents, builder).run()


class _LoopReverse:
    """The derivative of one loop: appended to the outer builder, its cotangents added to the outer ones."""

    def __init__(self, reverse: Reverse, loop: Loop, outer: Cotangents, builder: Builder) -> None:
        self.reverse, self.loop, self.outer, self.builder = reverse, loop, outer, builder
        self.body = Builder(loop.spans)
        self.inner = Cotangents(self.body)
        dtype = DType.BOOL if loop.chunk is None else DType.INT
        self.valid = None if loop.lengths is None else Value(Type((), dtype, batch=True), "valid")
        self.self_masking = {
            out
            for node in loop.body
            if isinstance(node, Loop) and node.lengths is not None and node.lengths is loop.valid
            for out in node.outs
        }
        self.xs: list[tuple[Value, Value]] = []
        self.ys: list[tuple[Value, Value]] = []
        self.carries: list[Carry] = []
        self.outgoing: list[tuple[Value, Value]] = []  # (value outside, a contribution to its cotangent)

    def run(self) -> Loop:
        """Build the backward loop. Returns the forward loop with the results that the backward one reads."""
        loop, reverse = self.loop, self.reverse
        reverse.free.update(param for seq, param in loop.xs if seq in reverse.free)
        states = {c: Value(c.param.type, f"d_{c.param.name}") for c in self._active_carries()}
        self._enter(states)
        forward_body = reverse.block(loop.body, self.inner, self.body)
        for carry, d in states.items():
            self._leave_state(carry, d)
        self._leave_sequences()
        self._leave_captured()
        forward = self._finish(forward_body)
        for value, part in self.outgoing:
            self.outer.add(value, self._reduced(part, value.type))
        return forward

    # Cotangents that come in ------------------------------------------------------------------------------------------

    def _active_carries(self) -> list[Carry]:
        """The carries that have a cotangent: from outside, or from what a step does with them."""
        loop, varied = self.loop, self.reverse.varied
        wanted = {value for value, seq in loop.ys if seq in self.outer}
        active: set[Carry] = set()
        while True:
            alive = influencing(loop.body, wanted, varied)
            more = [
                c
                for c in loop.carries
                if c not in active
                and c.param in varied
                and (c.param in alive or c.final in self.outer or c.before in self.outer)
            ]
            if not more:
                return [c for c in loop.carries if c in active]
            active.update(more)
            wanted.update(c.next for c in more)

    def _enter(self, states: Mapping[Carry, Value]) -> None:
        """Give the results of the body their cotangents, of the next step and of the sequences outside, masked once."""
        incoming: dict[Value, list[Value]] = {}
        for carry, d in states.items():
            incoming.setdefault(carry.next, []).append(d)
        for value, seq in self.loop.ys:
            outside = self.outer.get(seq)
            if outside is not None:
                d = Value(value.type, f"d_{value.name}")
                self.xs.append((outside, d))
                incoming.setdefault(value, []).append(d)
        for value, parts in incoming.items():
            self.inner.add(value, self._masked(self.body.sum(parts), value))

    def _masked(self, d: Value, value: Value) -> Value:
        """The cotangent of a result of the body, zero where the step lies past a row's length."""
        if self.valid is None or not d.type.batch or value in self.self_masking:
            return d
        if self.loop.chunk is None:
            return self.body.op("masked", d, self.valid)
        if d.type.time:
            return self.body.op("fill_past", d, self.valid, value=0.0)
        return self.body.op("sub", d, self.body.op("where_empty", d, self.valid))

    # Cotangents that go out -------------------------------------------------------------------------------------------

    def _leave_state(self, carry: Carry, d: Value) -> None:
        kept_at_start = self._collected_states(carry)
        total = self.inner.get(carry.param)
        initial = self.outer.get(carry.final)
        back = Carry(
            init=self.builder.zeros(d.type) if initial is None else initial,
            param=d,
            next=self.body.op("zeros_like", d) if total is None else total,
            final=Value(d.type, f"d_{carry.init.name}"),
        )
        self.carries.append(back)
        if carry.init in self.reverse.varied:
            self.outgoing += [(carry.init, part) for part in (back.final, *kept_at_start)]

    def _collected_states(self, carry: Carry) -> list[Value]:
        """Add the cotangent of the collected states step by step. Returns what belongs to the initial state.

        Past a row's length the collected state is the one that was kept: the final state, or, in a loop that
        starts at the end, the initial one.
        """
        outside = None if carry.before is None else self.outer.get(carry.before)
        if outside is None:
            return []
        loop, type_ = self.loop, carry.param.type
        if loop.chunk is not None:
            raise ValueError(f"loop {loop.name}: the states that a chunked loop collects have no derivative")
        element = Value(type_, f"d_{carry.param.name}")
        self.xs.append((outside, element))
        self.inner.add(carry.param, element)
        if loop.lengths is None or not type_.batch:
            return []
        within = self.builder.op("fill_past", outside, loop.lengths, value=0.0)
        past = self._reduced(self.builder.op("sub", outside, within), type_)
        if loop.reverse:
            return [past]
        self.outer.add(carry.final, past)
        return []

    def _leave_sequences(self) -> None:
        for seq, param in self.loop.xs:
            d = self.inner.get(param) if param in self.reverse.varied else None
            if d is not None:
                outside = Value(seq.type, f"d_{seq.name}")
                self.ys.append((d, outside))
                self.outgoing.append((seq, outside))

    def _leave_captured(self) -> None:
        """Sum the cotangents of values from outside over the steps.

        A sum without batch adds up what masked cotangents contribute. One with batch keeps its value past a row's
        length, as every carry does, which drops contributions of zero.
        """
        inside = {*self.loop.params, *(out for node in self.loop.body for out in node.outs)}
        for value in self.inner:
            d = None if value in inside else self.inner.get(value)
            if d is None:
                continue
            total = Value(value.type, f"d_{value.name}")
            carry = Carry(
                init=self.builder.zeros(value.type),
                param=total,
                next=self.body.op("add", total, d),
                final=Value(value.type, f"d_{value.name}"),
            )
            self.carries.append(carry)
            self.outgoing.append((value, carry.final))

    def _reduced(self, d: Value, type: Type) -> Value:
        if d.type == type:
            return d
        return self.builder.op("reduce_to", d, axes=type.axes, batch=type.batch, time=type.time)

    # The two loops ----------------------------------------------------------------------------------------------------

    def _finish(self, forward_body: tuple[Node, ...]) -> Loop:
        """Append the backward loop; what its body reads of the forward body becomes sequences between the two."""
        loop = self.loop
        results = (*(c.next for c in self.carries), *(value for value, _ in self.ys))
        nodes = trim(self.body.nodes, results)
        block, policy = Block(self._params(), forward_body), self._policy()
        if policy.keeps_results:
            block, nodes = settled(block, nodes)
        wanted = {*results, *(v for node in nodes for v in reads(node))}
        kept = choose(block, wanted, policy)
        forward, sequences = self._collecting(replace(loop, body=tuple(block.nodes)), kept)
        stand_ins = {value: Value(value.type, value.name) for value in sequences}
        if loop.valid is not None and self.valid is not None:
            stand_ins[loop.valid] = self.valid
        woven, mapping = weave(block, nodes, results, stand_ins)
        results = mapping(results)
        xs = (*self.xs, *((seq, stand_ins[value]) for value, seq in sequences.items()))
        back = Loop(
            xs=xs,
            carries=tuple(replace(c, next=mapping[c.next]) for c in self.carries),
            body=trim(woven, results),
            ys=tuple((mapping[value], seq) for value, seq in self.ys),
            reverse=not loop.reverse,
            lengths=loop.lengths,
            valid=self.valid,
            chunk=loop.chunk,
            name=f"d_{loop.name}",
            spans=loop.spans,
        )
        self.builder.emit(back if length_givers(back) else replace(back, like=self._like()))
        return forward

    def _params(self) -> dict[Value, int]:
        """What enters a step of the forward loop, with the cost of having it again."""
        costs = {param: 0 if seq in self.reverse.free else cost(param.type) for seq, param in self.loop.xs}
        return costs | {c.param: cost(c.param.type) for c in self.loop.carries}

    def _policy(self) -> Policy:
        """A chunked loop runs its stretches again: that is what it is for."""
        return EVERYTHING if self.reverse.states_only or self.loop.chunk is not None else CHEAP

    def _collecting(self, loop: Loop, kept: Sequence[Value]) -> tuple[Loop, dict[Value, Value]]:
        """The forward loop with a sequence for each kept value of its body, and these sequences."""
        sequences = {param: seq for seq, param in loop.xs if param in kept}
        carries: list[Carry] = []
        for carry in loop.carries:
            if carry.param in kept:
                before = _sequence(carry.param) if carry.before is None else carry.before
                sequences[carry.param] = before
                carries.append(replace(carry, before=before))
            else:
                carries.append(carry)
        ys = dict(loop.ys)
        for value in kept:
            if value not in sequences:
                sequences[value] = ys.setdefault(value, _sequence(value))
        new = tuple((v, s) for v, s in ys.items() if (v, s) not in loop.ys)
        spans = {out: node.spans for node in loop.body for out in node.outs}
        every = 1 if loop.chunk is None else loop.chunk
        for value, seq in sequences.items():
            self.reverse.origins.setdefault(seq, Origin(spans.get(value, loop.spans), every))
        return replace(loop, carries=tuple(carries), ys=(*loop.ys, *new)), sequences

    def _like(self) -> Value:
        """A sequence of the forward loop that says how many steps there are; one that is at hand, if any is."""
        candidates = length_givers(self.loop) or tuple(v for v in (self.loop.like,) if v is not None)
        return next((v for v in candidates if v in self.reverse.free), candidates[0])


def _sequence(value: Value) -> Value:
    return Value(value.type.with_(time=True), value.name)
