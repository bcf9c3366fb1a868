"""Straight code over tensors: a function's body, or that of one step, as lines of Python.

Every value is a variable that is bound once, so the body of a loop is a nested function that reads what is around it.
Scalar constants have no variable: they are written where they are read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field

from rnnc.backends.escape import Names, identifier, number
from rnnc.backends.sizes import Sizes
from rnnc.backends.tensorflow.places import Places
from rnnc.backends.tensorflow.slopes import Slopes
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import DType, Loop, Node, Op, Spans, Type, Value
from rnnc.ir.size import Size

DTYPES = {DType.FLOAT: "dt", DType.INT: "tf.int32", DType.BOOL: "tf.bool"}


@dataclass(frozen=True)
class Frame:
    """What all blocks of one function share."""

    names: Names
    sizes: Sizes
    places: Places
    helpers: set[str] = field(default_factory=set[str])  # names of the helper functions that the text calls
    nullable: set[Value] = field(default_factory=set[Value])  # values that may be None when a graph is built
    apart: frozenset[Value] = frozenset()  # values with columns behind them that mean nothing: see `apart.py`
    biases: dict[Value, Value] = field(default_factory=dict[Value, Value])  # of products that include one
    slopes: Slopes = field(default_factory=Slopes)


class Block(ABC):
    """Writes nodes as lines, in order. What stands in them is for `body.py` to say.

    `time` names the length of the time axis in it. The variables `lengths` [B] (of a whole sequence) or `valid` [B] (in
    one step) tell which rows and steps count; they hold None where all do.
    """

    def __init__(self, frame: Frame, time: str, around: Block | None = None, *, valid: str | None = None) -> None:
        self.frame, self.time = frame, time
        self.lengths: str | None = None
        self.valid = valid
        self.lines: list[str] = []
        self.named: dict[str, str] = {}  # what a reader may look for by name: name of a value -> its variable
        self.preparations: list[str] = []  # variables that bodies of loops have asked for
        self._around = around
        self._prepared: dict[tuple[Value, str], str] = {}
        self._variables: dict[Value, str] = {}
        self._numbers: dict[Value, float | int | bool | str] = {}  # constants, and expressions of sizes
        self._place = ""

    def write(self, nodes: Iterable[Node]) -> None:
        """Write nodes; those of one equation stand in a name scope of its own."""
        for node in nodes:
            if isinstance(node, Op) and node.name in ("const", "extent"):
                self._number(node)
            elif isinstance(node, Op):
                if node.outs[0] not in self.frame.slopes.needless:
                    self._op(node)
            else:
                self._place = ""
                self.write_loop(node)

    def define(self, value: Value, variable: str) -> str:
        """Say which variable holds a value."""
        self._variables[value] = variable
        return variable

    def fresh(self, value: Value, otherwise: str = "v") -> str:
        """A new variable for a value, named after it."""
        return self.define(value, self.frame.names.new(value.name or otherwise))

    def line(self, text: str) -> None:
        """Append a line outside of any equation."""
        self._place = ""
        self.lines.append(text)

    # --- what spellings ask for ---------------------------------------------------------------------------------------

    def read(self, value: Value) -> str:
        """The tensor of a value."""
        text = self.number(value)
        if text is not None:
            return f"tf.constant({text}, {DTYPES[value.type.dtype]})"
        return self.variable(value)

    def variable(self, value: Value) -> str:
        """The variable of a value that is no constant; it may hold None where the value is nullable."""
        return self._home(value)._variables[value]

    def _home(self, value: Value) -> Block:
        """The block in which a value has its variable."""
        block: Block | None = self
        while block is not None:
            if value in block._variables:
                return block
            block = block._around
        raise KeyError(f"no variable holds {value.name!r}")

    def number(self, value: Value, dtype: DType | None = None) -> str | None:
        """The literal of a scalar constant, as a float where `dtype` says so; None for everything else."""
        block: Block | None = self
        while block is not None:
            if value in block._numbers:
                found = block._numbers[value]
                if isinstance(found, str):
                    return f"float({found})" if dtype is DType.FLOAT and value.type.dtype is DType.INT else found
                return number(float(found)) if dtype is DType.FLOAT else number(found)
            block = block._around
        return None

    def absent(self, value: Value) -> bool:
        """Whether a value may be None."""
        return value in self.frame.nullable

    def shape(self, type: Type) -> str:
        """The shape of an array of that type, as a list."""
        leads = ([self.time] if type.time else []) + (["B"] if type.batch else [])
        return f"[{', '.join([*leads, *map(self.size, type.shape)])}]"

    def size(self, size: Size) -> str:
        return self.frame.sizes.text(size)

    def aligned(self, value: Value, like: Type, dtype: DType | None = None) -> str:
        """The tensor of a value with axes of size 1 where `like` has more, so that it broadcasts; cast to `dtype`."""
        type = value.type
        text = self.read(value)
        inner = like.rank if type.rank == 0 and (type.time or type.batch) else 0
        if type.time and not type.batch and like.batch:
            text += f"[:, {', '.join(['tf.newaxis'] * (1 + inner))}]"
        elif inner:
            text += f"[..., {', '.join(['tf.newaxis'] * inner)}]"
        return text if dtype in (None, type.dtype) else f"tf.cast({text}, {DTYPES[dtype]})"

    def full(self, value: Value, type: Type) -> str:
        """The tensor of a value, stretched to a whole type."""
        if value.type == type:
            return self.read(value)
        if (literal := self.number(value, type.dtype)) is not None:
            return f"tf.fill({self.shape(type)}, tf.constant({literal}, {DTYPES[type.dtype]}))"
        return f"tf.broadcast_to({self.aligned(value, type, type.dtype)}, {self.shape(type)})"

    def within(self, type: Type) -> tuple[str, str] | None:
        """(the variable that holds None where all rows and steps count, where they do in line with a tensor of `type`).

        None where the tensor has no rows, or nothing tells.
        """
        if type.batch and self.valid is not None and not type.time:
            items = ", ".join([":", *["tf.newaxis"] * type.rank])
            return self.valid, f"{self.valid}[{items}]" if type.rank else self.valid
        if type.batch and self.lengths is not None and type.time:
            return self.lengths, f"{self.helper('_within')}({self.lengths}, {self.time}, {type.rank})"
        return None

    def safe(self, text: str, type: Type) -> str:
        """The tensor with ones past the lengths.

        What collected values hold there is zero, of which a quotient or logarithm is not a number. Nothing reads that,
        but zero times its derivative is not a number either, and would reach the gradients of parameters.
        """
        if (condition := self.within(type)) is None:
            return text
        return f"({text} if {condition[0]} is None else tf.where_v2({condition[1]}, {text}, tf.ones_like({text})))"

    def prepared(self, value: Value, text: str, spans: Spans) -> str:
        """The variable of an expression of a value from outside, computed once, where the value is."""
        block = self._home(value)
        if (value, text) not in block._prepared:
            block._enter(spans)
            variable = self.frame.names.new(f"{value.name or 'weight'}_ready")
            block._prepared[value, text] = variable
            block.preparations.append(variable)
            block.lines.append(f"{'    ' if block._place else ''}{variable} = {text}")
        return block._prepared[value, text]

    def outside(self, value: Value) -> bool:
        """Whether a value is from around: the same at every step of a loop, or in every call with the same weights."""
        return self.number(value) is None and self._home(value) is not self

    def helper(self, name: str) -> str:
        """The name of a helper function of the module, which will be there."""
        self.frame.helpers.add(name)
        return name

    # --- nodes --------------------------------------------------------------------------------------------------------

    def _number(self, op: Op) -> None:
        attrs = Attrs(op)
        if op.name == "const":
            self._numbers[op.out] = attrs.scalar("value")
        else:
            size = self.size(attrs.size("size"))
            self._numbers[op.out] = f"float({size})" if op.out.type.dtype is DType.FLOAT else size

    def _op(self, op: Op) -> None:
        text = self.spell(op)
        written = [arg for arg in op.args if arg not in self.frame.slopes.needless and self.number(arg) is None]
        if any(text == self.variable(arg) for arg in written):
            self.define(op.out, text)  # another name for the same tensor
        else:
            targets = [self.frame.names.new(out.name or op.name) for out in op.outs]
            for out, target in zip(op.outs, targets, strict=True):
                self.define(out, target)
            self._enter(op.spans)
            self.lines.append(f"{'    ' if self._place else ''}{', '.join(targets)} = {text}")
        for out in op.outs:
            if out.name:
                self.named[identifier(out.name)] = self._variables[out]

    def _enter(self, spans: Spans) -> None:
        """Open the name scope of an equation, unless it is open."""
        head = self.frame.places.scope(spans)
        if head != self._place:
            self._place = head
            if head:
                self.lines.append(head)

    @abstractmethod
    def spell(self, op: Op) -> str:
        """The expression of an operation's results."""

    @abstractmethod
    def write_loop(self, loop: Loop) -> None:
        """Write a loop."""

    def nested(self, time: str, valid: str | None) -> Block:
        """A block inside of this one, of the same kind."""
        return type(self)(self.frame, time, self, valid=valid)
