"""A loop over single steps, the hot code: what enters it, the operations of a step, what a step hands on, results."""

from __future__ import annotations

from collections import Counter

from rnnc.backends.escape import identifier
from rnnc.backends.numpy.block import Block
from rnnc.backends.numpy.emitter import DTYPES, Place, Root, hint
from rnnc.backends.numpy.liveness import origin, views, written
from rnnc.backends.numpy.spelling import SPELLINGS, View
from rnnc.backends.numpy.spelling.elementwise import operand
from rnnc.backends.numpy.step_emitter import Rows, State, StepEmitter
from rnnc.backends.numpy.views import Index, render, shape_text
from rnnc.ir.program import Carry, Loop, Op, Value, reads


def write_loop(outer: Block, loop: Loop) -> None:
    """Write a loop whose body holds operations only."""
    body = _Body(outer, loop)
    body.enter()
    body.steps()
    body.leave()


class _Body(StepEmitter):
    """The three parts of a loop: before, in and after it."""

    def __init__(self, outer: Block, loop: Loop) -> None:
        super().__init__(outer, loop)
        self._states: list[State] = []
        self._saved: dict[Value, str] = {}
        self._outer_roots: dict[Root, Root] = {}

    # --- before the loop --------------------------------------------------------------------------------------------

    def enter(self) -> None:
        """Find out what goes where; allocate what enters the first step."""
        loop, outer = self._loop, self._outer
        readers = self._readers()
        for seq, param in loop.xs:
            contiguous = outer.place(seq).contiguous
            own = outer.owned(seq) and readers[outer.place(seq).root] == 1
            root = Rows(outer.read(seq), own, [param])
            self.places[param] = Place(root, (), contiguous)
            if seq in self.frame.nullable:
                self.frame.nullable.add(param)
        own = written(loop.body)
        for carry in loop.carries:
            self._enter_carry(carry, own)
        looks_at = views(loop.body)
        stacked = {origin(value, looks_at) for value, _ in loop.ys}
        stacked = {value for value in stacked if value in own and value not in self._states_of}
        self._plan_parts(own, stacked)
        self._stacked = dict.fromkeys(sorted(stacked - set(self._parts), key=list(own).index))

    def _readers(self) -> Counter[Root]:
        """How many of the loop's sequences and captures lie in each array: one with several is not overwritten."""
        sequences = [seq for seq, _ in self._loop.xs]
        captured = set(reads(self._loop)).difference(sequences)
        places = self._outer.places
        return Counter(places[value].root for value in (*sequences, *captured) if value in places)

    def _enter_carry(self, carry: Carry, own: dict[Value, Op]) -> None:
        param, outer = carry.param, self._outer
        kept = carry.before is not None or any(value is carry.next for value, _ in self._loop.ys)
        shape, dtype = self.shape(param.type), DTYPES[param.type.dtype]
        initial = operand(outer, carry.init, param.type)
        stem = hint(param)
        if kept:
            array = self.frame.names.new(f"{stem}_all")
            outer.line(f"{array} = np.empty({shape_text((f'{self.time} + 1', *shape))}, {dtype})")
            outer.line(f"{array}[{'-1' if self._loop.reverse else '0'}] = {initial}")
            early, late = f"{array}[:-1]", f"{array}[1:]"
            if self._loop.reverse:
                early, late = late, early
            state = State(carry, Rows(early, False, [param]), Rows(late, True), array)
        else:
            buffer = self.frame.names.new(stem)
            outer.line(f"{buffer} = np.empty({shape_text(shape)}, {dtype})")
            outer.line(f"{buffer}[...] = {initial}")
            root = Root(buffer, True, [param])
            state = State(carry, root, root, None)
        self._states.append(state)
        self.places[param] = Place(state.before)
        if carry.next in own and carry.next.type == param.type:
            self._states_of.setdefault(carry.next, state)

    # --- the steps ----------------------------------------------------------------------------------------------------

    def steps(self) -> None:
        """Write the operations of one step."""
        self._save_states()
        for position, node in enumerate(self._loop.body):
            self._position = position
            assert isinstance(node, Op)
            self._release()
            self._write_op(node)
        self._position += 1
        self._hand_on()

    def _write_op(self, op: Op) -> None:
        spelling = SPELLINGS[op.name]
        if isinstance(spelling, View):
            if spelling.rename(self, op):
                return
        elif op.name in ("const", "extent"):
            spelling.write(self, op)
            return
        elif op.name == "masked" and self._mask_sequence(op):
            return
        self._op, self._over = op, () if isinstance(spelling, View) else spelling.over
        for out in op.outs:
            self.places[out] = place = self._choose(out)
            place.root.members.append(out)
        before = len(self._lines)
        spelling.write(self, op)
        self._annotate(op, before)
        for root in self._temporaries:
            self._give_back(root)
        self._temporaries.clear()

    def _annotate(self, op: Op, before: int) -> None:
        """Say what a buffer holds, where its name says something else."""
        name = identifier(op.outs[0].name) if op.outs[0].name else ""
        if name and len(self._lines) > before:
            variable = self.read(op.outs[0])
            if variable != name and not variable.startswith(f"{name}_"):
                self._lines[-1] += f"  # {name}"

    def _mask_sequence(self, op: Op) -> bool:
        """Elements of a sequence are masked all at once, before the loop; nothing happens where lengths are absent."""
        x, valid = op.args
        place = self.places.get(x)
        whole = place is not None and isinstance(place.root, Rows) and not place.steps
        if valid is not self._loop.valid or not whole or x not in (param for _, param in self._loop.xs):
            return False
        assert place is not None
        assert self._loop.lengths is not None
        name = self.frame.names.new(hint(op.out))
        lengths = self._outer.read(self._loop.lengths)
        function = self.helper("_zero_past")
        self._outer.line(
            f"{name} = {place.root.name} if {lengths} is None else {function}({place.root.name}, {lengths})"
        )
        # Without lengths both are one array, so what reads the one keeps the other.
        place.root.members.append(op.out)
        self.places[op.out] = Place(Rows(name, False, place.root.members), (), place.contiguous)
        return True

    # --- what a step hands on -----------------------------------------------------------------------------------------

    def _masked_states(self) -> list[State]:
        if self._loop.lengths is None:
            return []
        return [s for s in self._states if s.carry.param.type.batch and s.carry.next is not s.carry.param]

    def _save_states(self) -> None:
        """Rows that are past their length keep their state: remember what will be overwritten in place."""
        for state in self._masked_states():
            if state.array is None:
                type = state.carry.param.type
                name = self.frame.names.new(f"{state.before.name}_saved")
                self._outer.line(f"{name} = np.empty({shape_text(self.shape(type))}, {DTYPES[type.dtype]})")
                self._saved[state.carry.param] = name
                self.line(f"if {self._past_of(type)} is not None:")
                self.line(f"    {name}[...] = {state.before.name}")

    def _hand_on(self) -> None:
        for value, seq in self._loop.ys:
            if self._rows_of(value) is None:
                self._copy_row(value, seq)
        staged = [s for s in self._states if not self._arrived(s)]
        sources = {state.carry.param: self._staged(state) for state in staged}
        for state in staged:
            self.line(f"{self._name(state.after, (), state.carry.next)}[...] = {sources[state.carry.param]}")
        for state in self._masked_states():
            old = self._saved.get(state.carry.param) or self._name(state.before, (), state.carry.param)
            past = self._past_of(state.carry.param.type)
            self.line(f"if {past} is not None:")
            self.line(f"    np.copyto({self._name(state.after, (), state.carry.next)}, {old}, where={past})")

    def _arrived(self, state: State) -> bool:
        """Whether the next value was computed where it belongs."""
        place = self._place_or_none(state.carry.next)
        return place is not None and place.root is state.after and not place.steps

    def _staged(self, state: State) -> str:
        """The next value as an operand: a copy of it where it lies in another carried buffer, which will change now."""
        following, type = state.carry.next, state.carry.param.type
        source = operand(self, following, type)
        place = self._place_or_none(following)
        if place is None or all(place.root is not other.after for other in self._states if other is not state):
            return source
        copy = self._scratch(self.shape(type), DTYPES[type.dtype], "handed_on")
        self.line(f"{copy.name}[...] = {source}")
        return copy.name

    def _place_or_none(self, value: Value) -> Place | None:
        return None if self.scalar(value) is not None else self.place(value)

    def _rows_of(self, value: Value) -> Place | None:
        """The place of a stacked value, if its array keeps it for every step."""
        place = self._place_or_none(value)
        if place is None or not isinstance(place.root, Rows):
            return None
        kept = {id(root) for root in self._stacked.values()} | {
            id(s.after) for s in self._states if s.array is not None
        }
        return place if id(place.root) in kept else None

    def _copy_row(self, value: Value, seq: Value) -> None:
        type = seq.type.with_(time=False)
        name = self.frame.names.new(hint(seq) + "_all")
        self._outer.line(f"{name} = {self._outer.empty(seq.type)}")
        self._outer.define(seq, name, writable=True)
        row = self._name(Rows(name, False), (), value)
        self.line(f"{row}[...] = {operand(self, value, type)}")

    # --- after the loop -----------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Put the loop together and name its results."""
        outer = self._outer
        if self._functions:
            outer.line(f"{', '.join(self._functions.values())} = {', '.join(self._functions)}")
        for line in _for_lines(self._walked, self.time):
            outer.line(line)
        for line in self._lines or ["pass"]:
            outer.line(f"    {line}")
        for state in self._states:
            self._leave_carry(state)
        for value, seq in self._loop.ys:
            self._leave_sequence(value, seq)

    def _leave_carry(self, state: State) -> None:
        carry, outer = state.carry, self._outer
        if state.array is None:
            outer.define(carry.final, state.before.name, writable=True)
            return
        root = Root(state.array, writable=True)
        final = Index(("0" if self._loop.reverse else "-1",))
        outer.define(carry.final, render(state.array, (final,)), root, (final,))
        if carry.before is not None:
            outer.define(carry.before, state.before.name, root, (Index(("before",)),))
        for value, seq in self._loop.ys:
            if (place := self._rows_of(value)) is not None and place.root is state.after:
                name = self._sequence_name(seq)
                outer.line(f"{name} = {render(state.after.name, place.steps, self.time)}")
                outer.define(seq, name, root, (Index(("after",)), *place.steps), contiguous=place.contiguous)
                if (lengths := self._cut_at(seq)) is not None:
                    outer.line(f"if {lengths} is not None:")
                    outer.line(f"    {name} = {self.helper('_zero_past')}({name}, {lengths})")

    def _leave_sequence(self, value: Value, seq: Value) -> None:
        outer, place = self._outer, self._rows_of(value)
        if seq not in outer.places:
            assert place is not None
            name = place.root.name
            if place.steps:
                name = self._sequence_name(seq)
                outer.line(f"{name} = {render(place.root.name, place.steps, self.time)}")
            outer.define(seq, name, self._outer_root(place.root), place.steps, contiguous=place.contiguous)
        elif place is not None:
            return  # the rows of a carried value: named above
        if (lengths := self._cut_at(seq)) is not None:
            outer.clear_past(seq, outer.read(seq), lengths)

    def _cut_at(self, seq: Value) -> str | None:
        """The lengths past which a result is zero, if there are any."""
        lengths = self._loop.lengths
        return None if lengths is None or not seq.type.batch else self._outer.read(lengths)

    def _outer_root(self, root: Root) -> Root:
        """The stacked array as the block around knows it: one root, however many views of it are results."""
        for seq, param in self._loop.xs:
            if self.places[param].root is root:
                return self._outer.places[seq].root
        return self._outer_roots.setdefault(root, Root(root.name, writable=True))

    def _sequence_name(self, seq: Value) -> str:
        return self.frame.names.new(hint(seq))


def _for_lines(walked: dict[str, str], time: str) -> list[str]:
    """The head of the loop."""
    if not walked:
        return [f"for _ in range({time}):"]
    if len(walked) == 1:
        ((name, sequence),) = walked.items()
        return [f"for {name} in {sequence}:"]
    names, sequences = ", ".join(walked), ", ".join(walked.values())
    line = f"for {names} in zip({sequences}):"
    if len(line) <= 110:
        return [line]
    return [
        "for (",
        *(f"    {name}," for name in walked),
        ") in zip(",
        *(f"    {sequence}," for sequence in walked.values()),
        "):",
    ]
