"""Straight code over whole sequences: the top level of a program, and the body of a loop over stretches.

A result is a fresh array, or overwrites an operand of the same type that nothing reads any more.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence

from rnnc.backends.escape import identifier
from rnnc.backends.numpy.emitter import DTYPES, Emitter, Frame, Place, Root, hint, zero
from rnnc.backends.numpy.liveness import last_uses, written
from rnnc.backends.numpy.spelling import SPELLINGS, View
from rnnc.backends.numpy.spelling.view import concat_parts
from rnnc.backends.numpy.views import Index, Step, render, reshaped, shape_text
from rnnc.ir.program import DType, Loop, Node, Op, Type, Value, reads

_UNLESS_ABSENT = ("fill_past", "masked", "dropout")  # the first operand itself, where the second one is absent


class Block(Emitter):
    """Writes nodes as lines, in order. How loops are written is for `body.py` to say: they hold blocks themselves."""

    def __init__(self, frame: Frame, time: str, nodes: Sequence[Node], results: Iterable[Value]) -> None:
        super().__init__(frame, time)
        self.lines: list[str] = []
        self._variables: dict[Value, str] = {}
        self._nodes = nodes
        results = list(results)
        self._dies = last_uses(nodes, results)
        self._position = 0
        self._parts = self._plan_parts({*results})
        self.into: dict[Value, str] = {}  # where results are wanted: expressions of arrays that exist
        self._wanted: set[Value] = set()
        self._exists = False  # whether the array of the result being written exists already

    def write_all(self) -> None:
        """Write every node."""
        for position, node in enumerate(self._nodes):
            self._position = position
            if isinstance(node, Op):
                self._op(node)
            else:
                self.write_loop(node)

    def define(
        self,
        value: Value,
        variable: str,
        root: Root | None = None,
        steps: tuple[Step, ...] = (),
        *,
        writable: bool = False,
        contiguous: bool = True,
    ) -> None:
        """Say where a value that no operation of the block computes can be read, and of which array it is a view."""
        root = root or Root(variable, writable)
        root.members.append(value)
        self.places[value] = Place(root, steps, contiguous)
        self._variables[value] = variable

    def inherit(self, outer: Emitter, values: Iterable[Value]) -> None:
        """Take over values of the block around, to read them."""
        for value in values:
            if (text := outer.scalar(value)) is not None:
                self.scalars[value] = text
            else:
                self.define(value, outer.read(value), contiguous=outer.place(value).contiguous)

    def owned(self, value: Value) -> bool:
        """Whether the array of a value may be overwritten now: it belongs to this call and nothing reads it later."""
        place = self.places.get(value)
        return place is not None and place.root.writable and not place.steps and self._dead(place.root)

    # The interface of spellings.

    def read(self, value: Value, *steps: Step) -> str:
        return render(self.scalars.get(value) or self._variables[value], steps)

    def write(self, value: Value, *steps: Step) -> str:
        variable = self._variables[value]
        if not self._exists:
            self.line(f"{variable} = {self.empty(value.type)}")
            self._exists = True
        return render(variable, steps)

    def destination(self, value: Value) -> Place:
        return self.places[value]

    def place(self, value: Value) -> Place:
        if value in self.scalars:
            variable = self.frame.names.new("number")
            self.line(f"{variable} = np.array({self.scalars.pop(value)}, {DTYPES[value.type.dtype]})")
            self.define(value, variable)
        return self.places[value]

    def view_of(self, place: Place, *steps: Step) -> str:
        for member in place.root.members:
            if self.places[member] is place:  # a variable holds just this view
                return render(self._variables[member], steps)
        return render(place.root.name, (*place.steps, *steps))

    def temporary(self, shape: Sequence[str], dtype: str, hint: str) -> Place:
        variable = self.frame.names.new(hint)
        self.line(f"{variable} = np.empty({shape_text(tuple(shape))}, {dtype})")
        return Place(Root(variable, writable=True))

    def past(self, valid: Value, like: Type) -> tuple[str, str]:
        if valid.type.dtype is DType.INT:  # lengths, where the operand has time
            return self.read(valid), f"{self.helper('_past')}({self.read(valid)}, {self.time}, {like.rank})"
        return self.read(valid), f"~{self.aligned(valid, like)}"

    def call(self, function: str, args: Sequence[str], out: Value, shape: tuple[str, ...] | None = None) -> None:
        operands = ", ".join(args)
        if self._exists or not self.shape(out.type):
            self.store(function, args, self.write(out, *reshaped(shape)))
            return
        back = reshaped(None if shape is None else self.shape(out.type))
        self.line(f"{self._variables[out]} = {render(f'{function}({operands})', back)}")
        self._exists = True

    def line(self, text: str) -> None:
        self.lines.append(text)

    # One node.

    def _op(self, op: Op) -> None:
        spelling = SPELLINGS[op.name]
        if isinstance(spelling, View):
            if spelling.rename(self, op):
                self._name_views(op)
                return
        elif op.name in ("const", "extent"):
            spelling.write(self, op)
            return
        elif op.name in _UNLESS_ABSENT and self._same_if_absent(op):
            return
        over = () if isinstance(spelling, View) else spelling.over
        first = len(self.lines)
        for out in op.outs:
            self._choose(op, out, over)
        spelling.write(self, op)
        self._annotate(op, first)

    def _same_if_absent(self, op: Op) -> bool:
        """An operand that cannot be overwritten is copied only where lengths, a mask, … are there at run time."""
        x, given = op.args[0], self.read(op.args[1])
        if x not in self.places or x.type != op.out.type or self.owned(x):
            return False
        variable, source = self.frame.names.new(hint(op.out, op)), self._variables[x]
        self.line(f"{variable} = {source} if {given} is None else np.array({source})")
        place = self.places[x]
        # The result may be the operand itself: it is read as a view of it, which nothing overwrites.
        self.define(op.out, variable, place.root, (Index((":",)),), contiguous=place.contiguous)
        self._exists = True
        self._variables[x] = variable  # the copy is what gets changed
        SPELLINGS[op.name].write(self, op)
        self._variables[x] = source
        return True

    def _plan_parts(self, results: set[Value]) -> dict[Value, tuple[Value, Index]]:
        """Which values are computed in their slice of a concatenation, their only reader."""
        counts = Counter(value for node in self._nodes for value in reads(node))
        own = written(self._nodes)
        parts: dict[Value, tuple[Value, Index]] = {}
        for op in (node for node in self._nodes if isinstance(node, Op) and node.name == "concat"):
            for arg, index in concat_parts(self, op):
                fits = arg.type.time == op.out.type.time and arg.type.batch == op.out.type.batch
                if (
                    arg in own
                    and own[arg].name not in _UNLESS_ABSENT
                    and counts[arg] == 1
                    and arg not in results
                    and fits
                ):
                    parts[arg] = (op.out, index)
        return parts

    def _choose_part(self, out: Value) -> None:
        whole, index = self._parts[out]
        if whole not in self.places:
            if whole in self._parts:
                self._choose_part(whole)
            elif not self._choose_wanted(whole):
                self.define(whole, self.frame.names.new(hint(whole)), writable=True)
                self.line(f"{self._variables[whole]} = {self.empty(whole.type)}")
        place = self.places[whole]
        variable = render(self._variables[whole], (index,))
        self.define(out, variable, place.root, (*place.steps, index), contiguous=False)
        self._exists = True

    def _choose_wanted(self, out: Value) -> bool:
        """Put a result where it is wanted."""
        if out not in self.into:
            return False
        variable = self.frame.names.new(hint(out))
        self.line(f"{variable} = {self.into[out]}")
        self.define(out, variable)
        self._wanted.add(out)
        self._exists = True
        return True

    def clear_past(self, seq: Value, array: str, lengths: str) -> None:
        """Zeros past every row's length in an array that holds a sequence, where there are lengths at run time."""
        self.line(f"if {lengths} is not None:")
        past = f"{self.helper('_past')}({lengths}, {self.time}, {seq.type.rank})"
        self.line(f"    np.copyto({array}, {zero(seq.type)}, where={past})")

    def written_into(self, value: Value) -> bool:
        """Whether a value went where it was wanted."""
        return value in self._wanted

    def _choose(self, op: Op, out: Value, over: Sequence[int]) -> None:
        if out in self.places:  # a concatenation whose first part is there
            self._exists = True
            return
        if out in self._parts:
            self._choose_part(out)
            return
        if self._choose_wanted(out):
            return
        for index in over:
            if index < len(op.args):
                arg = op.args[index]
                if arg.type == out.type and self.owned(arg):
                    self.define(out, self._variables[arg], self.places[arg].root)
                    self._exists = True
                    return
        self.define(out, self.frame.names.new(hint(out, op)), writable=True)
        self._exists = False

    def _name_views(self, op: Op) -> None:
        """Views get variables of their own; a mere other name for a value needs none."""
        source = op.args[0]
        if source in self.scalars:
            return
        for out in op.outs:
            steps = self.places[out].steps[len(self.places[source].steps) :]
            if steps:
                self._variables[out] = self.frame.names.new(hint(out, op))
                self.line(f"{self._variables[out]} = {render(self._variables[source], steps)}")
            else:
                self._variables[out] = self._variables[source]

    def _annotate(self, op: Op, first: int) -> None:
        """Where a result overwrites an operand, say what the array holds from then on."""
        (out, *_) = op.outs
        name = identifier(out.name) if out.name else ""
        if name and first < len(self.lines) and self._variables[out] != name and not self._exists_as(name, out):
            self.lines[-1] += f"  # {name}"

    def _exists_as(self, name: str, out: Value) -> bool:
        variable = self._variables[out]
        return variable.startswith(name) and variable[len(name) :].lstrip("_").isdigit()

    @abstractmethod
    def write_loop(self, loop: Loop) -> None:
        """Write a loop."""

    def nested(self, time: str, nodes: Sequence[Node], results: Iterable[Value]) -> Block:
        """A block inside of this one, of the same kind."""
        return type(self)(self.frame, time, nodes, results)

    def _dead(self, root: Root) -> bool:
        """Whether nothing after the present node reads any view of an array."""
        return all(self._dies.get(member, -1) <= self._position for member in root.members)
