"""Where the values of a step live, and the variables that hold views of them.

All memory is allocated before the loop, and every view is taken there: of buffers once, of sequences as a whole
sequence of views that `zip` walks along. So a step consists of ufuncs and products with destinations, and nothing else.

- A value that is stacked goes straight into its row of the stacked sequence, which may be the storage of a
  sequence that the loop reads and nobody needs afterwards.
- A value that only a concatenation reads goes straight into its slice of the concatenation.
- A carried value that is kept for later lives in the rows of one array of T + 1 steps; any other overwrites its old
  value in place.
- Everything else goes into scratch buffers, which are used again as soon as nothing reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnnc.backends.numpy.block import Block
from rnnc.backends.numpy.emitter import DTYPES, Emitter, Place, Root, hint
from rnnc.backends.numpy.liveness import last_uses, results_of
from rnnc.backends.numpy.spelling import SPELLINGS, Written
from rnnc.backends.numpy.spelling.view import concat_parts, slice_part, split_parts
from rnnc.backends.numpy.views import Index, Laid, Step, Transpose, render, reshaped, shape_text
from rnnc.ir.program import Carry, DType, Loop, Op, Type, Value

BY_KEYWORD = {"np.maximum", "np.minimum"}  # NumPy warns where their third argument is an array


@dataclass(eq=False)
class Rows(Root):
    """An array that has one row a step: `name` is the sequence."""


@dataclass(frozen=True)
class State:
    """Where a carried value is: `before` holds what enters a step, `after` is where the step's result belongs.

    `array` holds all T + 1 steps where they are kept; otherwise before and after are one buffer.
    """

    carry: Carry
    before: Root
    after: Root
    array: str | None


class StepEmitter(Emitter):
    """The body of a loop, as far as spellings need it."""

    def __init__(self, outer: Block, loop: Loop) -> None:
        super().__init__(outer.frame, outer.time)
        self._outer, self._loop = outer, loop
        self._lines: list[str] = []
        self._weights: set[Root] = set()  # what comes from outside of the loop and is the same for all rows
        self._functions: dict[str, str] = {}  # what they are called in the loop
        self._walked: dict[str, str] = {}  # variable of a step: sequence that it walks along
        self._known: dict[tuple[Root, tuple[Step, ...]], str] = {}
        self._dies = last_uses(loop.body, results_of(loop))
        self._position = 0
        self._op: Op | None = None
        self._over: tuple[int, ...] = ()
        self._free: dict[tuple[tuple[str, ...], str], list[Root]] = {}
        self._busy: dict[Root, tuple[tuple[str, ...], str]] = {}
        self._temporaries: list[Root] = []
        self._states_of: dict[Value, State] = {}  # by the value that a step hands on
        self._parts: dict[Value, tuple[Value, Index]] = {}
        self._constants: dict[tuple[str, DType], str] = {}
        self._products: dict[tuple[Place, tuple[Step, ...], Place], tuple[str, str, str]] = {}
        self._stacked: dict[
            Value, Root | None
        ] = {}  # root values whose rows are kept, and their arrays once they exist

    def _plan_parts(self, own: dict[Value, Op], stacked: set[Value]) -> None:
        """Which values are computed in their slice of a concatenation: each at most once, and no carried ones."""
        for op in (node for node in self._loop.body if isinstance(node, Op) and node.name == "concat"):
            for arg, index in concat_parts(self, op):
                free = arg in own and arg not in self._parts and arg not in self._states_of
                if free and arg.type.batch == op.out.type.batch and (arg not in stacked or op.out in stacked):
                    self._parts[arg] = (op.out, index)

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
            if param.type == out.type and root.writable and (self._can_take(root, out) or self._fits_over(param, out)):
                root.writable = False  # taken
                self._stacked[out] = root
                self._outer.places[seq].root.members.extend(s for v, s in self._loop.ys if v is out)
                return root
        name = self.frame.names.new(hint(out, self._op) + "_all")
        self._outer.line(
            f"{name} = np.empty({shape_text((self.time, *self.shape(out.type)))}, {DTYPES[out.type.dtype]})"
        )
        root = Rows(name, False)
        self._stacked[out] = root
        return root

    def _fits_over(self, param: Value, out: Value) -> bool:
        """Whether a concatenation can be written over an element that is read in just the same parts.

        Each part must be computed in its place, by an operation that reads that part of the element last (or nothing
        reads that part). What is read as a whole, or cut otherwise, stands in the way.
        """
        body = [node for node in self._loop.body if isinstance(node, Op)]
        makers = {value: position for position, node in enumerate(body) for value in node.outs}
        targets = {index: value for value, (whole, index) in self._parts.items() if whole is out}
        if makers[out] < self._position or len(targets) < len(body[makers[out]].args):
            return False
        views = self._cuts(body, param)
        results = results_of(self._loop)
        whole = [node for node in body if param in node.args and not set(node.outs) <= set(views)]
        if whole or param in results:
            return False
        for view, index in views.items():
            if index not in targets or view in results:
                return False
            made = makers[targets[index]]
            for position, node in enumerate(body):
                if view in node.args and not self._read_before(node, view, targets[index], position, made):
                    return False
        return True

    def _read_before(self, node: Op, view: Value, target: Value, position: int, made: int) -> bool:
        """Whether a reader of a view comes before the view is overwritten, or is what overwrites it, in place."""
        if position != made:
            return position < made
        spelling = SPELLINGS[node.name]
        over = spelling.over if isinstance(spelling, Written) else ()
        at = [index for index, arg in enumerate(node.args) if arg is view]
        return view.type == target.type and set(at) <= set(over)

    def _cuts(self, body: Sequence[Op], param: Value) -> dict[Value, Index]:
        """The parts of an element that are looked at, with their indices."""
        found: dict[Value, Index] = {}
        for node in body:
            if node.name in ("split", "slice") and node.args[0] is param:
                found.update(split_parts(self, node) if node.name == "split" else [slice_part(self, node)])
        return found

    def _buffer(self, out: Value) -> Root:
        state = self._states_of.get(out)
        if state is not None and (state.array is not None or self._can_take(state.after, out)):
            return state.after
        op = self._op
        assert op is not None
        for index in self._over if out in op.outs else ():
            if index < len(op.args) and (place := self.places.get(op.args[index])) is not None:
                root = place.root
                if root.writable and not isinstance(root, Rows) and self._can_take(root, out):
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
            if place is None or place.root is not root:
                continue
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
            root = Root(self._outer.read(value), False, [value])
            if not value.type.batch and not value.type.time:
                self._weights.add(root)
            self.places[value] = Place(root, (), place.contiguous)
        return self.places[value]

    def view_of(self, place: Place, *steps: Step) -> str:
        return self._name(place.root, (*place.steps, *steps), None)

    def operand(self, place: Place, *steps: Step) -> str:
        turned = any(isinstance(step, Transpose) for step in (*place.steps, *steps))
        if turned and place.root in self._weights:
            return self.view_of(place, *steps, Laid(self.helper("_laid"), self.time))
        return self.view_of(place, *steps)

    def product(self, left: str, right: Place, steps: tuple[Step, ...], out: Value) -> None:
        """A weight is laid for all steps before the first one."""
        goal = self.destination(out)
        if right.root not in self._weights or isinstance(goal.root, Rows):
            super().product(left, right, steps, out)
            return
        key = (right, steps, goal)
        if key not in self._products:
            new = self.frame.names.new
            names = self._products[key] = (new("product"), new(right.root.name), new(f"{goal.root.name}_parts"))
            operands = f"{self.view_of(right, *steps)}, {self.read(out)}, {self.time}"
            self._outer.line(f"{', '.join(names)} = {self.helper('_product')}({operands})")
        function, weight, parts = self._products[key]
        self.line(f"{function}({left}, {weight}, {parts})")

    def temporary(self, shape: Sequence[str], dtype: str, hint: str) -> Place:
        root = self._scratch(tuple(shape), dtype, hint)
        self._temporaries.append(root)
        return Place(root)

    def past(self, valid: Value, like: Type) -> tuple[str, str]:
        if valid is not self._loop.valid:
            return self.read(valid), f"~{self.aligned(valid, like)}"
        name = self._past_of(like)
        return name, name

    def call(self, function: str, args: Sequence[str], out: Value, shape: tuple[str, ...] | None = None) -> None:
        self.store(function, args, self.write(out, *reshaped(shape)))

    def store(self, function: str, args: Sequence[str], out: str, *, indent: str = "") -> None:
        """A local name and no keyword: of the smallest calls that is a quarter."""
        if not function.startswith("np."):
            super().store(function, args, out, indent=indent)
            return
        name = self._functions.get(function)
        if name is None:
            name = self._functions[function] = self.frame.names.new(function.replace(".", "_"))
        goal = f"out={out}" if function in BY_KEYWORD else out
        self.line(f"{indent}{name}({', '.join(args)}, {goal})")

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
        if not isinstance(root, Rows):
            if not steps:
                return root.name
            view = render(root.name, steps)
            name = self.frame.names.new(hint(value) if value else root.name)
            self._outer.line(
                f"{name} = None if {root.name} is None else {view}"
                if value in self.frame.nullable
                else f"{name} = {view}"
            )
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
