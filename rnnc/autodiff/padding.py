"""Keeps what lies past a row's length out of sums over rows and steps.

Past its length a row's cotangents are zero, but zero times what a derivative makes of the padding need not be: an
input may hold anything there, and a collected value is zero, whose logarithm or reciprocal is not a number. Along
a batched value such numbers stay in their own row and step, where nothing reads them. They do harm where rows or
steps are added up: in the gradients of parameters. This walk follows through a backward program which values are
finite past the lengths and which are zero there up to that; where a sum needs it and it cannot be proved, it masks
the operand. A sequence that enters a loop is masked once, outside.

In a row without steps what has one value per row lies past the length, too: a context of zeros, and its quotients. A
loop hands out of such a row what its states begin with, and a sum over the steps begins with zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from rnnc.ir.operations import TABLE, Builder
from rnnc.ir.program import DType, Loop, Node, Op, Port, Program, Value
from rnnc.ir.rewrite import with_args


class Fact(NamedTuple):
    """What is known of a value past the lengths. `vanishes`: it is zero there, unless it is not finite.

    Of a value per row this is said of rows whose length is 0.
    """

    vanishes: bool
    finite: bool


UNKNOWN = Fact(False, False)
FINITE = Fact(False, True)
ZERO = Fact(True, True)

# Finite for finite arguments.
_FINITE = frozenset(
    [
        *("add", "sub", "mul", "neg", "abs", "sign", "square", "max", "min", "where", "clip", "cast"),
        *(
            "tanh",
            "sigmoid",
            "relu",
            "softplus",
            "log_sigmoid",
            "softmax",
            "sin",
            "cos",
            "atan",
            "asinh",
            "erf",
            "floor",
        ),
        *("ceil", "round", "stop_gradient", "reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "cumsum"),
        *(
            "argmax",
            "reduce_to",
            "contract",
            "patches",
            "unpatches",
            "lookup",
            "lookup_grad",
            "shift",
            "reverse_time",
            "place",
        ),
        *("scan_affine", "dropout", "zoneout", "default", "default_grad", "lt", "le", "gt", "ge", "eq", "ne"),
        *("logical_not", "logical_and", "logical_or"),
    ]
)
# Zero where every argument is, respectively where one of them is, or the first one.
_ZERO_OF_ALL = frozenset(
    [
        *("add", "sub", "neg", "abs", "sign", "square", "max", "min", "tanh", "relu", "sin", "tan", "sinh", "atan"),
        *(
            "asin",
            "asinh",
            "atanh",
            "erf",
            "expm1",
            "log1p",
            "sqrt",
            "floor",
            "ceil",
            "round",
            "stop_gradient",
            "reduce_sum",
            "reduce_mean",
        ),
        *("cumsum", "reduce_to", "concat", "split", "slice", "reshape", "transpose", "flip", "pad", "broadcast"),
        *("patches", "unpatches"),
    ]
)
_ZERO_OF_ANY = frozenset(["mul", "contract"])
_ZERO_OF_FIRST = frozenset(["div", "dropout", "reverse_time"])
# Sums over rows or steps, one step for all rows, and recurrences, which carry what they meet to other steps.
_MIXING = frozenset(["contract", "reduce_to", "lookup_grad", "at", "edge", "shift", "scan_affine"])


def guard_padding(train: Program, backward: Program) -> Program:
    """The backward program with its sums safe from padding. Its tape ports are those of `train`, by name."""
    if not backward.inputs_of("lengths"):
        return backward
    forward = _Walk.over(train, {})
    walk = _Walk.over(backward, {port.name: forward.facts[port.value] for port in train.outputs_of("tape")})
    outputs = tuple(replace(port, value=walk.cleaned(port.value)) for port in backward.outputs)
    return replace(backward, nodes=tuple(walk.builder.nodes), outputs=outputs)


@dataclass
class _Walk:
    """The walk over one block.

    `lengths` (in a step's body: `valid`) says what lies past a row's length here. `has_time`: the padding is along
    time; else the block is one step, whose rows may be past their length. `entering`: the elements of sequences;
    `unclean`: those whose sequence should be masked. `zeros`: constants, here and in the blocks around. `added`: the b
    of each recurrence a * s + b, by its a. `around`: the walk over the block with the loop. `masked`: what has been.
    """

    lengths: Value | None
    has_time: bool
    facts: dict[Value, Fact]
    entering: frozenset[Value] = frozenset()
    unclean: set[Value] = field(default_factory=set[Value])
    zeros: set[Value] = field(default_factory=set[Value])
    added: dict[Value, Value] = field(default_factory=dict[Value, Value])
    builder: Builder = field(default_factory=Builder)
    around: _Walk | None = None
    masked: dict[Value, Value] = field(default_factory=dict[Value, Value])

    @staticmethod
    def over(program: Program, tape: Mapping[str, Fact]) -> _Walk:
        """Walk over a program whose tape holds such values."""
        lengths = next((port.value for port in program.inputs_of("lengths")), None)
        walk = _Walk(lengths, has_time=True, facts={p.value: _port_fact(p, tape) for p in program.inputs})
        walk.block(program.nodes)
        return walk

    def block(self, nodes: Sequence[Node]) -> None:
        """Append the nodes, guarded, to the builder."""
        self.added.update((n.args[0], n.args[1]) for n in nodes if isinstance(n, Op) and n.name == "scan_affine")
        for node in nodes:
            with self.builder.at(node.spans):
                if isinstance(node, Op):
                    self._op(node)
                else:
                    self._loop(node)

    def cleaned(self, value: Value) -> Value:
        """The value, or, where it should be zero past the lengths and may not be, a masked copy."""
        return self._mask(value) if self._fact(value).vanishes else value

    # Operations -------------------------------------------------------------------------------------------------------

    def _op(self, op: Op) -> None:
        if op.name in _MIXING and self._mixes(op):
            op = with_args(op, tuple(self._mask(arg) for arg in op.args))
        self.builder.emit(op)
        if op.name in ("const", "full") and op.attr("value") == 0:
            self.zeros.update(op.outs)
        fact = self._after(op)
        self.facts.update((out, fact) for out in op.outs)

    def _mixes(self, op: Op) -> bool:
        """Whether an operation adds up, over rows or steps, what should vanish past the lengths."""
        facts = self._facts_of(op)
        if op.name == "scan_affine":
            return facts[1].vanishes
        if op.name == "shift":  # hands the first step of the padding to the last valid one, in reverse
            added = self.added.get(op.out)
            return facts[0].vanishes or (added is not None and self._fact(added).vanishes)
        rows = any(arg.type.batch for arg in op.args) and not op.out.type.batch
        steps = any(arg.type.batch and arg.type.time for arg in op.args) and not op.out.type.time
        return (rows or steps) and any(fact.vanishes for fact in facts)

    def _after(self, op: Op) -> Fact:
        """What is known of the outputs of an operation."""
        facts = self._facts_of(op)
        if op.name in ("masked", "fill_past") and op.args[1] is self.lengths:
            filler = op.attr("value") if op.name == "fill_past" else 0.0
            assert isinstance(filler, int | float)
            return Fact(filler == 0.0, math.isfinite(filler))
        if op.outs[0].type.dtype is not DType.FLOAT:
            return FINITE
        if op.name == "zeros_like":
            return ZERO
        if op.name in ("place", "last") and op.args[1] is self.lengths:  # of a row without steps there is nothing
            return ZERO
        if op.name == "final" and op.args[2] is self.lengths:
            return facts[1]
        if op.name in ("at", "edge", "where_empty"):
            return facts[0]
        finite = all(fact.finite for fact in facts) and (
            op.name in _FINITE
            or TABLE[op.name].kind in ("view", "source")
            or (op.name == "div" and not op.args[1].type.batch)
        )
        if op.name in _ZERO_OF_ANY:
            vanishes = any(fact.vanishes for fact in facts)
        elif op.name in _ZERO_OF_FIRST:
            vanishes = facts[0].vanishes
        elif op.name in ("where", "zoneout"):
            branches = facts[1:] if op.name == "where" else facts[:2]
            vanishes = all(fact.vanishes for fact in branches)
        elif op.name in ("shift", "scan_affine"):  # from the end, where nothing enters, zeros stay zeros
            sequence, initial = op.args[-2:]
            vanishes = op.attr("reverse") is True and initial in self.zeros and self._fact(sequence).vanishes
        else:
            vanishes = op.name in _ZERO_OF_ALL and all(fact.vanishes for fact in facts)
        return Fact(vanishes, finite)

    def _facts_of(self, op: Op) -> list[Fact]:
        """What is known of the operands. One that has no time is anything past the lengths of rows with steps."""
        facts = [self._fact(arg) for arg in op.args]
        timed = any(arg.type.time for arg in op.args)
        kept = [arg.type.time or not timed or arg in self.zeros for arg in op.args]
        return [f if keeps else f._replace(vanishes=False) for f, keeps in zip(facts, kept, strict=True)]

    def _fact(self, value: Value) -> Fact:
        if value in self.zeros:
            return ZERO
        if not value.type.batch:
            return FINITE
        if value in self.facts or self.around is None:
            return self.facts[value]
        return self.around._fact(value)._replace(vanishes=False)  # the same in steps past the length of a longer row

    def _mask(self, value: Value) -> Value:
        """The value, finite past the lengths: itself, where it is known to be."""
        if self.lengths is None or self._fact(value).finite or value.type.dtype is not DType.FLOAT:
            return value
        if value in self.entering:
            self.facts[value] = ZERO
            self.unclean.add(value)
            return value
        if value not in self.facts and self.around is not None:
            return self.around._mask(value)
        if value not in self.masked:
            self.masked[value] = masked = self._make_mask(value, self.lengths)
            self.facts[masked] = ZERO
        return self.masked[value]

    def _make_mask(self, value: Value, lengths: Value) -> Value:
        build = self.builder
        if not self.has_time:
            return build.op("masked", value, lengths, hint=value.name)
        if value.type.time:
            return build.op("fill_past", value, lengths, hint=value.name, value=0.0)
        zero = build.const(0.0)
        is_empty = build.op("ne", build.op("where_empty", build.const(1.0), lengths), zero)
        return build.op("where", is_empty, zero, value, hint=value.name)

    # Loops ------------------------------------------------------------------------------------------------------------

    def _loop(self, loop: Loop) -> None:
        if loop.lengths is None or loop.lengths is not self.lengths:
            self.builder.emit(loop)
            self.facts.update((out, UNKNOWN) for out in loop.outs)
            return
        valid = loop.valid
        if valid is None:
            dtype = DType.BOOL if loop.chunk is None else DType.INT
            valid = Value(loop.lengths.type.with_(dtype=dtype), "valid")
        begun = {c: self._fact(c.init)._replace(vanishes=False) for c in loop.carries}
        entering = {param: self._fact(seq) for seq, param in loop.xs}
        inside = _Walk(
            valid,
            has_time=loop.chunk is not None,
            facts=entering | {c.param: begun[c] for c in loop.carries} | {valid: FINITE},
            entering=frozenset(param for _, param in loop.xs if loop.chunk is None or param.type.time),
            zeros=self.zeros,
            around=self,
        )
        inside.block(loop.body)
        xs = tuple((self._mask(seq) if param in inside.unclean else seq, param) for seq, param in loop.xs)
        self.builder.emit(replace(loop, xs=xs, valid=valid, body=tuple(inside.builder.nodes)))
        self.facts.update((out, FINITE) for out in loop.outs)
        self.facts.update((seq, ZERO) for value, seq in loop.ys if loop.chunk is None or value.type.time)
        self.facts.update((carry.before, begun[carry]) for carry in loop.carries if carry.before is not None)
        self.facts.update((carry.final, self._fact(carry.init)) for carry in loop.carries)


def _port_fact(port: Port, tape: Mapping[str, Fact]) -> Fact:
    if port.role == "tape":
        return tape[port.name]
    if port.role == "cotangent":  # of a row without steps there are final states, and results per row
        return UNKNOWN if port.value.type.time else FINITE
    return UNKNOWN if port.role == "input" else FINITE
