"""Recurrences that need no loop: delays become shifts, linear and max-plus recurrences become scans.

    loop f_t in f, z_t in z, carry c {          a = fill_past(f, lengths; 1)
      c' = f_t * c + (1 - f_t) * z_t            b = fill_past((1 - f) * z, lengths; 0)
      y <- o_t * c'                        =>   s = scan_affine(a, b, init)         # c' of all steps
    }                                           y = fill_past(o * s, lengths; 0)    # after `hoist`

The states of a loop are taken one by one, in the order of their dependencies. A state is free of the others where what
the step makes of it needs, besides itself, only states that turned out to be free before. It is then

- a delay, where it does not even need itself: the state before the step is the sequence of new values, shifted;
- a window, which holds what came in at the last steps (`analysis/windows.py`): delays in a row;
- `a * s + b`, elementwise: an affine scan;
- `max(s + a, b)`: a max-plus scan (the stabiliser of exponential gates);
- an integer (the step counter): scans are of floats, which would lose count, so it gets a small loop of its own.

What depends on such states only can leave the loop like anything that needs no state (`hoist`, which runs again). Past
a row's length a scan stands still (a = 1, b = 0; a = 0, b = -inf). A scan stores its state at every step: where that is
too much (a matrix made by an outer product, or more than BUDGET numbers per row and step), the loop stays. So does that
of a window that is larger than BUDGET and more than GROWTH times what comes in at a step.

At an exact tie the derivative of `max(b, s + a)` goes to the state's side, as that of `max(s + a, b)` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rnnc.ir.program import Carry, DType, Loop, Node, Program, Spans, Type, Value, reads
from rnnc.ir.rewrite import (
    Substitution,
    clone,
    dependents,
    fresh,
    loop_results,
    substitute,
    substitute_results,
)
from rnnc.ir.size import ZERO
from rnnc.ir.trim import length_givers, trim
from rnnc.passes.analysis.cycles import explain_cycles
from rnnc.passes.analysis.extent import at_most, features
from rnnc.passes.analysis.freedom import Freedom, freedom
from rnnc.passes.analysis.linearity import Coefficients, NoForm, affine, between, max_plus
from rnnc.passes.analysis.windows import PARTS, ManyParts, Piece, window
from rnnc.passes.hoist import hoist_constants, spreads, with_xs
from rnnc.passes.manager import PassContext, compiler_pass
from rnnc.passes.rewrites.lift import Lifter
from rnnc.passes.rewrites.rewriting import StepRewriter

BUDGET = 4096  # numbers that a scan may store per row and step
GROWTH = 4  # how many times more than what comes in a window may store whatever that is


@compiler_pass
def recurrences(program: Program, context: PassContext) -> Program:
    """Delays become shifts, linear and max-plus recurrences become scans: they need no loop."""
    optional = frozenset(port.value for port in program.inputs if port.optional)
    return _Recurrences(optional, context).rewrite(program)


class _Recurrences(StepRewriter):
    def __init__(self, optional: frozenset[Value], context: PassContext) -> None:
        super().__init__(context)
        self._optional = optional

    def steps(self, loop: Loop) -> None:
        constants, loop = hoist_constants(loop)
        freed = _Freed(loop, self._optional, self._context)
        freed.find()
        for node in (*constants, *freed.nodes):
            self.emit(node)
        for old, new in freed.results:
            self.replace(old, new)
        rest = freed.rest()
        if rest.carries or rest.ys:
            self.emit(rest)


class _Freed:
    """Takes states out of one loop. `nodes` compute them before it; `results` replace what the loop gave."""

    def __init__(self, loop: Loop, optional: frozenset[Value], context: PassContext) -> None:
        self._loop = loop
        self._context = context
        sequences = [
            value for value in (loop.like, *length_givers(loop)) if value is not None and value not in optional
        ]
        self._like = sequences[0] if sequences else None
        self._lifter = Lifter(loop)
        self._known: dict[Value, Freedom] = {}
        self._left: list[Carry] = list(loop.carries)
        self._refused: set[Carry] = set()
        self.results: list[tuple[Value, Value]] = []

    @property
    def nodes(self) -> Sequence[Node]:
        return self._lifter.builder.nodes

    def find(self) -> None:
        """Take out states until none is left that can go."""
        while any(self._take(carry) for carry in self._left if carry not in self._refused):
            pass
        explain_cycles(self._loop, self._left, self._refused, self._context)

    def rest(self) -> Loop:
        """The loop without the states that were taken out: it runs over their sequences instead."""
        copies = Substitution()
        xs = {param: seq for seq, param in self._loop.xs}
        for carry in self._loop.carries:
            if carry in self._left:
                continue
            if carry.next is carry.param:
                copies.replace(carry.param, carry.init)
                continue
            xs[carry.param] = self._lifter.outer[carry.param]
            if carry.next not in xs:
                copy = fresh(carry.next)
                xs[copy] = self._lifter.outer[carry.next]
                copies.replace(carry.next, copy)
        loop = substitute_results(replace(self._loop, carries=tuple(self._left)), copies)
        body = trim([substitute(node, copies) for node in loop.body], loop_results(loop))
        needed = {*loop_results(loop), *(value for node in body for value in reads(node))}
        return with_xs(replace(loop, body=body), [(seq, param) for param, seq in xs.items() if param in needed])

    # One state --------------------------------------------------------------------------------------------------------

    def _take(self, carry: Carry) -> bool:
        """Replace one state by sequences, if it can be."""
        if carry.next is carry.param:
            return self._constant(carry)
        level = freedom(self._loop, self._known)
        if level.get(carry.next, Freedom.CONSTANT) is Freedom.STEP:
            return self._delay(carry)
        if self._window(carry, level):
            return True
        others = [other.param for other in self._left if other is not carry]
        needed = [*others, *(() if self._loop.valid is None else (self._loop.valid,))]
        if carry.next in dependents(self._loop.body, needed):
            return False
        return self._scan(carry) if carry.param.type.dtype is DType.FLOAT else self._count(carry)

    def _constant(self, carry: Carry) -> bool:
        """A state that never changes is its initial value."""
        if carry.init.type != carry.param.type or carry.before is not None:
            return False
        self._lifter.know(carry.param, carry.init)
        self._known[carry.param] = Freedom.CONSTANT
        self._left.remove(carry)
        self.results.append((carry.final, carry.init))
        return True

    def _delay(self, carry: Carry) -> bool:
        loop = self._loop
        if carry.before is not None and loop.lengths is not None:
            return False  # past its end the row would have to keep its last value
        spans = _spans(trim(loop.body, [carry.next])) or loop.spans
        after = self._lifter.sequence(carry.next)
        if after.type != carry.param.type.with_(time=True):
            return False
        with self._lifter.builder.at(spans):
            self._finish(carry, self._delayed(after, carry.init, carry.param.name), after)
        message = f"the state {_name(carry)} is a delay: all steps at once see the sequence shifted by one"
        self._context.remark("delay", message, spans)
        return True

    def _delayed(self, after: Value, init: Value, name: str) -> Value:
        """What the steps find of what they leave."""
        loop, build = self._loop, self._lifter.builder
        if loop.reverse and loop.lengths is not None and after.type.batch:
            # The first step of a row is its last element: what it finds there is the initial value.
            zeros = build.op("zeros_like", after)
            past = build.op("gt", build.op("fill_past", zeros, loop.lengths, value=1.0), zeros)
            after = build.op("where", past, init, after)
        return build.op("shift", after, init, reverse=loop.reverse, hint=name)

    def _window(self, carry: Carry, level: Mapping[Value, Freedom]) -> bool:
        """Replace a state that holds what came in at the last steps: its parts are delays of one another."""
        loop, type_ = self._loop, carry.param.type
        spans = _spans(between(loop.body, [carry.param], [carry.next]))
        try:
            found = window(loop.body, carry.param, carry.next)
        except ManyParts:
            reason = f"the state {_name(carry)} stays in the loop: a window of the last steps has up to {PARTS} parts"
            self._context.remark("window-too-large", reason, spans, kind="missed")
            return False
        if found is None or (carry.before is not None and loop.lengths is not None):
            return False
        new = [piece for piece in found.after if isinstance(piece, Piece)]
        if any(level.get(piece.source, Freedom.CONSTANT) is not Freedom.STEP for piece in new):
            return False
        if any(piece.source.type.batch is not type_.batch for piece in new):
            return False
        grows = at_most(sum((piece.size for piece in new), ZERO) * GROWTH + 1, type_.shape[found.axis])
        if grows and (reason := _too_large(carry, spread=False)) is not None:
            self._refused.add(carry)
            self._context.remark("window-too-large", reason, spans, kind="missed")
            return False
        build = self._lifter.builder
        with build.at(spans):
            inits = build.ops("split", carry.init, axis=found.axis, sizes=found.sizes)
            before: dict[int, Value] = {}
            after: dict[int, Value] = {}
            for n in found.order:
                source = found.after[n]
                after[n] = before[source] if isinstance(source, int) else self._stretch(source, found.axis)
                before[n] = self._delayed(after[n], inits[n], carry.param.name)
            places = range(len(found.sizes))
            shown = build.op("concat", *(before[n] for n in places), axis=found.axis, hint=carry.param.name)
            left = build.op("concat", *(after[n] for n in places), axis=found.axis, hint=carry.next.name)
            finals = [self._final(after[n], inits[n], carry.final.name) for n in places]
            self._finish(carry, shown, left, build.op("concat", *finals, axis=found.axis, hint=carry.final.name))
        message = f"the state {_name(carry)} is a window of the last steps, {len(found.sizes)} delays in a row"
        self._context.remark("window", f"{message}: all steps at once see the sequences shifted", spans)
        return True

    def _stretch(self, piece: Piece, axis: int) -> Value:
        """What comes in new, for all steps."""
        sequence = self._lifter.sequence(piece.source)
        if piece.size == sequence.type.shape[axis]:
            return sequence
        return self._lifter.builder.op("slice", sequence, axis=axis, start=piece.start, stop=piece.stop)

    def _scan(self, carry: Carry) -> bool:
        loop, type_ = self._loop, carry.param.type
        spans = _spans(between(loop.body, [carry.param], [carry.next]))
        found = _scan_of(loop, carry)
        if found is None:
            return False
        if type_.batch and loop.lengths is None and not any(v.type.batch for v in (found.a, found.b, carry.init)):
            return False  # all rows are alike, and nothing would give the sequence its batch axis
        with_coefficients = replace(loop, body=(*loop.body, *found.nodes))
        level = freedom(with_coefficients, self._known)
        levels = {level.get(value, Freedom.CONSTANT) for value in (found.a, found.b)}
        if Freedom.STATE in levels or (Freedom.CONSTANT in levels and self._like is None):
            return (
                False  # they are made of something that cannot leave the loop, or nothing says how many steps there are
            )
        reason = _too_large(carry, spreads(found.b, with_coefficients, self._known, self._lifter.outer))
        if reason is not None:
            self._refused.add(carry)
            self._context.remark("scan-too-large", reason, spans, kind="missed")
            return False
        self._lifter.extend(found.nodes)
        build = self._lifter.builder
        with build.at(spans):
            a = self._filled(self._timed(found.a), type_, found.a_past)
            b = self._timed(found.b)
            if b.type.shape != type_.shape:
                b = build.op("broadcast", b, axes=type_.axes)
            b = self._filled(b, type_, found.b_past)
            after = build.op(found.name, a, b, carry.init, reverse=loop.reverse, hint=carry.next.name)
            before = build.op("shift", after, carry.init, reverse=loop.reverse, hint=carry.param.name)
            self._finish(carry, before, after)
        form = "a * s + b" if found.name == "scan_affine" else "max(s + a, b)"
        self._context.remark("scan", f"the state {_name(carry)} is of the form {form}: a scan, without a loop", spans)
        return True

    def _filled(self, sequence: Value, type_: Type, value: float) -> Value:
        """A coefficient that lets a state of this type stand still past a row's length."""
        if self._loop.lengths is None or not type_.batch:
            return sequence
        return self._lifter.builder.op("fill_past", sequence, self._loop.lengths, hint=sequence.name, value=value)

    def _timed(self, value: Value) -> Value:
        """A coefficient for all steps."""
        sequence = self._lifter.sequence(value)
        build = self._lifter.builder
        if not sequence.type.time:
            assert self._like is not None  # see `_scan`
            zeros = build.op("cast", build.op("zeros_like", self._like), dtype="float")
            zeros = build.op("reduce_to", zeros, axes=(), batch=False, time=True)
            sequence = build.op("add", zeros, sequence, hint=sequence.name)
        return sequence

    def _count(self, carry: Carry) -> bool:
        """An integer state that needs itself only: a loop of its own collects it."""
        loop = self._loop
        own = trim(loop.body, [carry.next])
        level = freedom(loop, self._known)
        if self._like is None or any(level.get(value) is Freedom.STEP for node in own for value in reads(node)):
            return False
        param, final = fresh(carry.param), fresh(carry.final)
        body, copies = clone(own, {carry.param: param})
        sequence = carry.param.type.with_(time=True)
        before, after = Value(sequence, carry.param.name), Value(sequence, carry.next.name)
        counter = Loop(
            xs=(),
            carries=(Carry(carry.init, param, copies[carry.next], final, before),),
            body=body,
            ys=((copies[carry.next], after),),
            reverse=loop.reverse,
            lengths=loop.lengths,
            like=self._like,
            name=f"{loop.name}_{_name(carry)}",
            spans=loop.spans,
        )
        self._lifter.builder.emit(counter)
        self._finish(carry, before, after, final)
        message = f"the integer state {_name(carry)} needs no other: a loop of its own counts all steps first"
        self._context.remark("counter", message, _spans(own))
        return True

    def _finish(self, carry: Carry, before: Value, after: Value, final: Value | None = None) -> None:
        """From now on the state is known: as the sequences of what the steps find and of what they leave."""
        self._lifter.know(carry.param, before)
        self._lifter.know(carry.next, after)
        self._known[carry.param] = self._known[carry.next] = Freedom.STEP
        self._left.remove(carry)
        if final is None:
            final = self._final(after, carry.init, carry.final.name)
        self.results.append((carry.final, final))
        if carry.before is not None:
            self.results.append((carry.before, before))

    def _final(self, after: Value, init: Value, name: str) -> Value:
        """What the last step of every row left."""
        loop, build = self._loop, self._lifter.builder
        if loop.lengths is None or not after.type.batch:
            return build.op("at", after, index=0 if loop.reverse else -1, hint=name)
        return build.op("final", after, init, loop.lengths, reverse=loop.reverse, hint=name)


@dataclass(frozen=True)
class _Scan:
    """A scan's operation, its coefficients (values of the body, and the nodes that make them), and what they are past a
    row's end."""

    name: str
    a: Value
    b: Value
    a_past: float
    b_past: float
    nodes: tuple[Node, ...]


def _scan_of(loop: Loop, carry: Carry) -> _Scan | None:
    """The scan that a state is, if it is one."""
    build = Coefficients(carry.param.type.dtype)
    try:
        linear = affine(loop.body, carry.param, carry.next, build)
    except NoForm:
        pass
    else:
        a, b = build.value(linear.scale), build.value(linear.offset)
        return _Scan("scan_affine", a, b, 1.0, 0.0, tuple(build.nodes))
    build = Coefficients(carry.param.type.dtype)
    try:
        form = max_plus(loop.body, carry.param, carry.next, build)
    except NoForm:
        return None
    lowest = float("-inf")
    a, b = build.value(form.shift), build.value(lowest if form.floor is None else form.floor)
    return _Scan("scan_maxplus", a, b, 0.0, lowest, tuple(build.nodes))


def _too_large(carry: Carry, spread: bool) -> str | None:
    """Why the states of all steps should not be stored, if so. `spread`: what is added is made of much less."""
    size = features(carry.param.type)
    number = size.constant
    if not spread and (number is None or number <= BUDGET):
        return None
    what = "collects products that spread out" if spread else "is large"
    return f"the state {_name(carry)} {what}: {size} numbers per row, which a scan would store at every step"


def _name(carry: Carry) -> str:
    return carry.param.name or "(unnamed)"


def _spans(nodes: Iterable[Node]) -> Spans:
    return frozenset(span for node in nodes for span in node.spans)
