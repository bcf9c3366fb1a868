"""A loop over single steps: the hot code.

All memory is allocated before the loop, and every view is taken there: of buffers once, of sequences as a whole
sequence of views that `zip` walks along. So a step consists of ufuncs and products with destinations, and nothing else.
Where values live is decided here:

- a value that is stacked goes straight into its row of the stacked sequence, which may be the storage of a
  sequence that the loop reads and nobody needs afterwards;
- a value that only a concatenation reads goes straight into its slice of the concatenation;
- a carried value that is kept for later (`before`, or stacked too) lives in the rows of one array of T + 1 steps, so that
  the state before and the state after are views of the same numbers; any other overwrites its old value in place;
- everything else goes into scratch buffers, which are used again as soon as nothing reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnnc.backends.escape import identifier
from rnnc.backends.numpy.block import Block
from rnnc.backends.numpy.emitter import DTYPES, Emitter, Place, Root, hint, zero
from rnnc.backends.numpy.liveness import last_uses, origin, results_of, views, written
from rnnc.backends.numpy.spelling import SPELLINGS, View
from rnnc.backends.numpy.spelling.elementwise import operand
from rnnc.backends.numpy.spelling.view import concat_parts
from rnnc.backends.numpy.views import Index, Step, render, shape_text
from rnnc.ir.program import Carry, DType, Loop, Op, Type, Value


def write_loop(outer: Block, loop: Loop) -> None:
    """Write a loop whose body holds operations only."""
    body = _Body(outer, loop)
    body.enter()
    body.steps()
    body.leave()


@dataclass(eq=False)
class _Rows(Root):
    """An array that has one row a step: `name` is the sequence."""


@dataclass(frozen=True)
class _State:
    """Where a carried value is: `before` holds what enters a step, `after` is where the step's result belongs.

    `array` holds all T + 1 steps where they are kept; otherwise before and after are one buffer.
    """

    carry: Carry
    before: Root
    after: Root
    array: str | None


class _Body(Emitter):
    def __init__(self, outer: Block, loop: Loop) -> None:
        super().__init__(outer.frame, outer.time)
        self._outer, self._loop = outer, loop
        self._lines: list[str] = []
        self._walked: dict[str, str] = {}  # variable of a step: sequence that it walks along
        self._known: dict[tuple[Root, tuple[Step, ...]], str] = {}
        self._dies = last_uses(loop.body, results_of(loop))
        self._position = 0
        self._op: Op | None = None
        self._over: tuple[int, ...] = ()
        self._free: dict[tuple[tuple[str, ...], str], list[Root]] = {}
        self._busy: dict[Root, tuple[tuple[str, ...], str]] = {}
        self._temporaries: list[Root] = []
        self._states: list[_State] = []
        self._states_of: dict[Value, _State] = {}  # by the value that a step hands on
        self._parts: dict[Value, tuple[Value, Index]] = {}
        self._outer_roots: dict[Root, Root] = {}
        self._saved: dict[Value, str] = {}
        self._constants: dict[tuple[str, DType], str] = {}
        self._stacked: dict[Value, Root | None] = {}  # root values whose rows are kept, and their arrays once they exist

    # --- before the loop --------------------------------------------------------------------------------------------

    def enter(self) -> None:
        """Find out what goes where; allocate what enters the first step."""
        loop, outer = self._loop, self._outer
        for seq, param in loop.xs:
            contiguous = outer.place(seq).contiguous
            root = _Rows(outer.read(seq), outer.owned(seq), [param])
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
            state = _State(carry, _Rows(early, False, [param]), _Rows(late, True), array)
        else:
            buffer = self.frame.names.new(stem)
            outer.line(f"{buffer} = np.empty({shape_text(shape)}, {dtype})")
            outer.line(f"{buffer}[...] = {initial}")
            root = Root(buffer, True, [param])
            state = _State(carry, root, root, None)
        self._states.append(state)
        self.places[param] = Place(state.before)
        if carry.next in own and carry.next.type == param.type:
            self._states_of.setdefault(carry.next, state)

    def _plan_parts(self, own: dict[Value, Op], stacked: set[Value]) -> None:
        """Which values are computed in their slice of a concatenation: each at most once, and no carried ones."""
        for op in (node for node in self._loop.body if isinstance(node, Op) and node.name == "concat"):
            for arg, index in concat_parts(self, op):
                free = arg in own and arg not in self._parts and arg not in self._states_of
                if free and arg.type.batch == op.out.type.batch and (arg not in stacked or op.out in stacked):
                    self._parts[arg] = (op.out, index)

    # --- the steps ----------------------------------------------------------------------------------------------------

    def steps(self) -> None:
        """Write the operations of one step."""
        self._save_states()
        for self._position, node in enumerate(self._loop.body):
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
        whole = place is not None and isinstance(place.root, _Rows) and not place.steps
        if valid is not self._loop.valid or not whole or x not in (param for _, param in self._loop.xs):
            return False
        assert place is not None and self._loop.lengths is not None
        name = self.frame.names.new(hint(op.out))
        lengths = self._outer.read(self._loop.lengths)
        function = self.helper("_zero_past")
        self._outer.line(f"{name} = {place.root.name} if {lengths} is None else {function}({place.root.name}, {lengths})")
        self.places[op.out] = Place(_Rows(name, False, [op.out]), (), place.contiguous)
        return True

    # --- where results go ---------------------------------------------------------------------------------------------

    def _choose(self, out: Value) -> Place:
        if out in self._parts:
            whole, index = self._parts[out]
            place = self._whole(whole)
            return Place(place.root, (*place.steps, index), place.contiguous and index.items[0] != ":")
        return self._whole(out)

    def _whole(self, out: Value) -> Place:
        """The place of a value, chosen now where it has none yet (a concatenation gets its with its first part)."""
        if out in self.places:
            return self.places[out]
        if out in self._parts:
            self.places[out] = self._choose(out)
        elif out in self._stacked:
            self.places[out] = Place(self._stack(out))
        else:
            self.places[out] = Place(self._buffer(out))
        self.places[out].root.members.append(out)
        return self.places[out]

    def _stack(self, out: Value) -> Root:
        """The array that keeps a value of every step: one that the loop has read and nobody needs, or a fresh one."""
        for seq, param in self._loop.xs:
            root = self.places[param].root
            if param.type == out.type and root.writable and self._can_take(root, out):
                root.writable = False  # taken
                self._stacked[out] = root
                self._outer.places[seq].root.members.extend(s for v, s in self._loop.ys if v is out)
                return root
        name = self.frame.names.new(hint(out, self._op) + "_all")
        self._outer.line(f"{name} = np.empty({shape_text((self.time, *self.shape(out.type)))}, {DTYPES[out.type.dtype]})")
        root = _Rows(name, False)
        self._stacked[out] = root
        return root

    def _buffer(self, out: Value) -> Root:
        state = self._states_of.get(out)
        if state is not None and (state.array is not None or self._can_take(state.after, out)):
            return state.after
        op = self._op
        assert op is not None
        for index in self._over if out in op.outs else ():
            if index < len(op.args) and (place := self.places.get(op.args[index])) is not None:
                root = place.root
                if root.writable and not isinstance(root, _Rows) and self._can_take(root, out):
                    return root
        return self._scratch(self.shape(out.type), DTYPES[out.type.dtype], hint(out, op))

    def _can_take(self, root: Root, out: Value) -> bool:
        """Whether a result may be written over an array: nothing reads it later, and nothing but elementwise now."""
        op = self._op
        assert op is not None
        if any(self._dies.get(member, -1) > self._position for member in root.members):
            return False
        for index, arg in enumerate(op.args):
            place = self.places.get(arg)
            if place is not None and place.root is root:
                if out not in op.outs or index not in self._over or place.steps or arg.type != out.type:
                    return False
        return True

    def _scratch(self, shape: tuple[str, ...], dtype: str, stem: str) -> Root:
        if free := self._free.get((shape, dtype)):
            root = free.pop()
        else:
            root = Root(self.frame.names.new(stem), writable=True)
            self._outer.line(f"{root.name} = np.empty({shape_text(shape)}, {dtype})")
        self._busy[root] = (shape, dtype)
        return root

    def _release(self) -> None:
        for root in [r for r in self._busy if all(self._dies.get(m, -1) < self._position for m in r.members)]:
            self._give_back(root)

    def _give_back(self, root: Root) -> None:
        root.members.clear()
        self._free.setdefault(self._busy.pop(root), []).append(root)

    # --- what a step hands on -----------------------------------------------------------------------------------------

    def _masked_states(self) -> list[_State]:
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

    def _arrived(self, state: _State) -> bool:
        """Whether the next value was computed where it belongs."""
        place = self._place_or_none(state.carry.next)
        return place is not None and place.root is state.after and not place.steps

    def _staged(self, state: _State) -> str:
        """The next value as an operand; a copy of it where it lies in another carried buffer, which is about to change."""
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
        if place is None or not isinstance(place.root, _Rows):
            return None
        kept = {id(root) for root in self._stacked.values()} | {id(s.after) for s in self._states if s.array is not None}
        return place if id(place.root) in kept else None

    def _copy_row(self, value: Value, seq: Value) -> None:
        type = seq.type.with_(time=False)
        name = self.frame.names.new(hint(seq) + "_all")
        self._outer.line(f"{name} = {self._outer.empty(seq.type)}")
        self._outer.define(seq, name, writable=True)
        row = self._name(_Rows(name, False), (), value)
        self.line(f"{row}[...] = {operand(self, value, type)}")

    def _past_of(self, type: Type) -> str:
        """The variable that says which rows are past their length in this step (None: none of them)."""
        assert self._loop.lengths is not None
        lengths = self._outer.read(self._loop.lengths)
        rows = f"{self.helper('_past_steps')}({lengths}, {self.time}, {type.rank})"
        for variable, sequence in self._walked.items():
            if sequence.startswith(rows):
                return variable
        variable = self.frame.names.new("past")
        self._walked[variable] = rows + ("[::-1]" if self._loop.reverse else "")
        return variable

    # --- after the loop -----------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Put the loop together and name its results."""
        outer = self._outer
        for line in _for_lines(self._walked, self.time):
            outer.line(line)
        for line in self._lines or ["pass"]:
            outer.line(f"    {line}")
        for state in self._states:
            self._leave_carry(state)
        for value, seq in self._loop.ys:
            self._leave_sequence(value, seq)

    def _leave_carry(self, state: _State) -> None:
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
                if self._zeroed(seq):
                    lengths = outer.read(self._loop.lengths)  # type: ignore[arg-type]
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
        if self._zeroed(seq):
            lengths = outer.read(self._loop.lengths)  # type: ignore[arg-type]
            outer.line(f"if {lengths} is not None:")
            past = f"{self.helper('_past')}({lengths}, {self.time}, {seq.type.rank})"
            outer.line(f"    np.copyto({outer.read(seq)}, {zero(seq.type)}, where={past})")

    def _zeroed(self, seq: Value) -> bool:
        return self._loop.lengths is not None and seq.type.batch

    def _outer_root(self, root: Root) -> Root:
        """The stacked array as the block around knows it: one root, however many views of it are results."""
        for seq, param in self._loop.xs:
            if self.places[param].root is root:
                return self._outer.places[seq].root
        return self._outer_roots.setdefault(root, Root(root.name, writable=True))

    def _sequence_name(self, seq: Value) -> str:
        return self.frame.names.new(hint(seq))

    # --- the interface of spellings -----------------------------------------------------------------------------------

    def read(self, value: Value, *steps: Step) -> str:
        if (text := self._scalar(value)) is not None:
            return text
        place = self.place(value)
        return self._name(place.root, (*place.steps, *steps), value)

    def write(self, value: Value, *steps: Step) -> str:
        return self.read(value, *steps)

    def destination(self, value: Value) -> Place:
        return self.places[value]

    def place(self, value: Value) -> Place:
        if value in self.scalars:
            name = self.frame.names.new("number")
            self._outer.line(f"{name} = np.array({self.scalars.pop(value)}, {DTYPES[value.type.dtype]})")
            self.places[value] = Place(Root(name, False, [value]))
        elif value not in self.places:  # captured
            place = self._outer.place(value)
            self.places[value] = Place(Root(self._outer.read(value), False, [value]), (), place.contiguous)
        return self.places[value]

    def view_of(self, place: Place, *steps: Step) -> str:
        return self._name(place.root, (*place.steps, *steps), None)

    def temporary(self, shape: Sequence[str], dtype: str, hint: str) -> Place:
        root = self._scratch(tuple(shape), dtype, hint)
        self._temporaries.append(root)
        return Place(root)

    def past(self, valid: Value, like: Type) -> tuple[str, str]:
        if valid is not self._loop.valid:
            return self.read(valid), f"~{self.aligned(valid, like)}"
        name = self._past_of(like)
        return name, name

    def call(
        self, function: str, args: Sequence[str], out: Value, *, into: tuple[Step, ...] = (), back: tuple[Step, ...] = ()
    ) -> None:
        self.line(f"{function}({', '.join(args)}, out={self.write(out, *into)})")

    def line(self, text: str) -> None:
        self._lines.append(text)

    def scalar(self, value: Value) -> str | None:
        return self._scalar(value)

    def constant(self, text: str, dtype: DType) -> str:
        name = self._constants.get((text, dtype))
        if name is None:
            name = self._constants[text, dtype] = self.frame.names.new(_number_name(text))
            self._outer.line(f"{name} = np.array({text}, {DTYPES[dtype]})")
        return name

    def _scalar(self, value: Value) -> str | None:
        if value in self.scalars:
            return self.scalars[value]
        return None if value in self.places else self._outer.scalar(value)

    def _name(self, root: Root, steps: tuple[Step, ...], value: Value | None) -> str:
        """The variable that holds a view in every step: taken before the loop, or walked along with it."""
        key = (root, steps)
        if key not in self._known:
            self._known[key] = self._new_name(root, steps, value)
        return self._known[key]

    def _new_name(self, root: Root, steps: tuple[Step, ...], value: Value | None) -> str:
        if not isinstance(root, _Rows):
            if not steps:
                return root.name
            view = render(root.name, steps)
            name = self.frame.names.new(hint(value) if value else root.name)
            self._outer.line(f"{name} = None if {root.name} is None else {view}" if value in self.frame.nullable else f"{name} = {view}")
            return name
        name = self.frame.names.new((hint(value) if value else "row") + "_t")
        sequence = render(root.name, steps, self.time)
        if value is not None and value in self.frame.nullable:
            if steps:
                whole = self.frame.names.new(hint(value))
                self._outer.line(f"{whole} = None if {root.name} is None else {sequence}")
                sequence = whole
            sequence = f"{self.helper('_rows')}({sequence}, {self.time})"
        elif value is not None and not value.type.batch and not value.type.rank:
            sequence = f"{self.helper('_numbers')}({sequence})"
        self._walked[name] = sequence + ("[::-1]" if self._loop.reverse else "")
        return name


def _number_name(text: str) -> str:
    """A name for a constant: `minus_0_5`, `one`, `half`."""
    words = {"0": "zero", "0.0": "zero", "1": "one", "1.0": "one", "2": "two", "2.0": "two", "0.5": "half"}
    return words.get(text, "minus_" + text[1:] if text.startswith("-") else "c_" + text)


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
