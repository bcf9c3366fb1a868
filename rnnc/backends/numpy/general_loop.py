"""Loops whose steps are blocks of their own: over stretches of K steps, or with loops inside.

A step runs as straight code on fresh arrays; carried values are names that are bound anew.
"""

from __future__ import annotations

from rnnc.backends.numpy.block import Block
from rnnc.backends.numpy.emitter import DTYPES, alignment, hint
from rnnc.backends.numpy.liveness import results_of
from rnnc.backends.numpy.lowering import STRIP
from rnnc.backends.numpy.spelling.elementwise import operand
from rnnc.backends.numpy.views import Broadcast, Index, render, shape_text
from rnnc.backends.sizes import times
from rnnc.ir.program import Carry, Loop, Type, Value, reads

STRIP_ELEMENTS = 32768  # of the widest array in a strip: with a few others it stays in a cache of some 100 KB


def write_general_loop(outer: Block, loop: Loop) -> None:
    """Write the loop into the block around it."""
    _GeneralLoop(outer, loop).write()


class _GeneralLoop:
    def __init__(self, outer: Block, loop: Loop) -> None:
        self._outer, self._loop = outer, loop
        new = outer.frame.names.new
        self._step = new("n" if loop.chunk else "t")  # counts stretches or steps
        self._steps = new("stretches") if loop.chunk else outer.time
        self._stretch = new("stretch")
        self._start, self._stop, self._size = new("start"), new("stop"), new("steps")
        self._states = {carry.param: new(hint(carry.param)) for carry in loop.carries}
        self._arrays = {seq: new(hint(seq)) for seq in self._sequences()}

    def _sequences(self) -> list[Value]:
        befores = [carry.before for carry in self._loop.carries if carry.before is not None]
        return [*befores, *(seq for _, seq in self._loop.ys)]

    def write(self) -> None:
        loop, outer = self._loop, self._outer
        if loop.chunk:
            outer.line(f"{self._stretch} = {self._stretch_size()}")
            outer.line(f"{self._steps} = -(-{outer.time} // {self._stretch})")
        for carry in loop.carries:
            type, state = carry.param.type, self._states[carry.param]
            outer.line(f"{state} = {outer.empty(type)}")
            outer.line(f"np.copyto({state}, {operand(outer, carry.init, type)})")
        inner_of = {seq: value for value, seq in loop.ys}
        for seq, name in self._arrays.items():
            whole = not loop.chunk or (seq in inner_of and inner_of[seq].type.time)
            length = outer.time if whole else self._steps
            shape = (length, *outer.shape(seq.type.with_(time=False)))
            outer.line(f"{name} = np.empty({shape_text(shape)}, {DTYPES[seq.type.dtype]})")
        order = f"range({self._steps})" + ("[::-1]" if loop.reverse else "")
        outer.line(f"for {self._step} in {order}:")
        for line in self._body():
            outer.line(f"    {line}")
        for carry in loop.carries:
            outer.define(carry.final, self._states[carry.param], writable=True)
        for seq, name in self._arrays.items():
            outer.define(seq, name, writable=True)
            if any(seq is stacked for _, stacked in loop.ys):
                self._clear_past(seq, name)

    def _stretch_size(self) -> str:
        """How many steps a stretch has: as many as fit the cache where the loop is there for that."""
        if self._loop.name != STRIP:
            return str(self._loop.chunk)
        types = dict.fromkeys(out.type for op in self._loop.body for out in op.outs)
        rows = dict.fromkeys(times(["B" if t.batch else "1", *self._outer.features(t)]) for t in types)
        return f"max(1, {STRIP_ELEMENTS} // max(1, {', '.join(rows)}))"

    def _body(self) -> list[str]:
        loop, outer = self._loop, self._outer
        time = self._size if loop.chunk else outer.time
        block = outer.nested(time, loop.body, results_of(loop))
        own = set(loop.params)
        inherited = [*dict.fromkeys(v for v in reads(loop) if v not in own and v not in loop.args)]
        captured = [v for node in loop.body for v in reads(node)] + results_of(loop)
        made = own | {out for node in loop.body for out in node.outs}
        block.inherit(outer, dict.fromkeys([*inherited, *(v for v in captured if v not in made)]))
        if loop.chunk:
            block.line(f"{self._start} = {self._step} * {self._stretch}")
            block.line(f"{self._stop} = min({self._start} + {self._stretch}, {outer.time})")
            block.line(f"{self._size} = {self._stop} - {self._start}")
        for seq, param in loop.xs:
            self._element(block, seq, param)
        for carry in loop.carries:
            block.define(carry.param, self._states[carry.param])
            if carry.before is not None:
                block.line(f"{self._arrays[carry.before]}[{self._step}] = {self._states[carry.param]}")
        if loop.valid is not None:
            self._validity(block, loop.valid)
        for value, seq in loop.ys:
            if value.type == seq.type and value not in block.into:
                block.into[value] = render(self._arrays[seq], (self._index(value.type),))
        block.write_all()
        for value, seq in loop.ys:
            self._store(block, value, seq)
        self._hand_on(block)
        return block.lines

    def _index(self, inner: Type) -> Index:
        return Index((f"{self._start}:{self._stop}",)) if self._loop.chunk and inner.time else Index((self._step,))

    def _element(self, block: Block, seq: Value, param: Value) -> None:
        name = self._outer.frame.names.new(hint(param))
        source = self._outer.read(seq)
        element = render(source, (self._index(param.type),))
        if seq in self._outer.frame.nullable:
            self._outer.frame.nullable.add(param)
            element = f"None if {source} is None else {element}"
        block.line(f"{name} = {element}")
        block.define(param, name, contiguous=self._outer.place(seq).contiguous)

    def _validity(self, block: Block, valid: Value) -> None:
        assert self._loop.lengths is not None
        name = self._outer.frame.names.new(hint(valid))
        lengths = self._outer.read(self._loop.lengths)
        if self._loop.chunk:
            now = f"np.clip({lengths} - {self._start}, 0, {self._size})"
        else:
            now = f"{self._step} < {lengths}"
        block.line(f"{name} = None if {lengths} is None else {now}")
        block.define(valid, name)
        self._outer.frame.nullable.add(valid)

    def _store(self, block: Block, value: Value, seq: Value) -> None:
        target = render(self._arrays[seq], (self._index(value.type),))
        if block.into.get(value) == target and block.written_into(value):
            return
        like = seq.type.with_(time=bool(self._loop.chunk) and value.type.time)
        block.line(f"{target} = {operand(block, value, like)}")
        if self._loop.lengths is not None and seq.type.batch and self._loop.chunk and not value.type.time:
            lengths = self._outer.read(self._loop.lengths)
            block.line(f"if {lengths} is not None:")
            block.line(f"    {target}[{self._start} >= {lengths}] = 0")

    def _hand_on(self, block: Block) -> None:
        """Bind the carried names to the next values, all at once; rows that are past their length keep theirs."""
        moving = [c for c in self._loop.carries if c.next is not c.param]
        following = [self._next(block, carry) for carry in moving]
        if moving:
            names = ", ".join(self._states[carry.param] for carry in moving)
            block.line(f"{names} = {', '.join(following)}")

    def _next(self, block: Block, carry: Carry) -> str:
        type = carry.param.type
        value = block.read(carry.next, *alignment(carry.next.type, type), Broadcast(block.shape(type)))
        fresh = f"np.array({value}, {DTYPES[type.dtype]})"
        if self._loop.lengths is None or not type.batch:
            return fresh
        lengths = self._outer.read(self._loop.lengths)
        first = self._start if self._loop.chunk else self._step
        valid = f"({first} < {lengths}).reshape({', '.join(['-1', *['1'] * type.rank])})"
        return f"{fresh} if {lengths} is None else np.where({valid}, {value}, {self._states[carry.param]})"

    def _clear_past(self, seq: Value, name: str) -> None:
        loop, outer = self._loop, self._outer
        inner = next(value for value, stacked in loop.ys if stacked is seq)
        if loop.lengths is not None and seq.type.batch and (inner.type.time or not loop.chunk):
            outer.clear_past(seq, name, outer.read(loop.lengths))
