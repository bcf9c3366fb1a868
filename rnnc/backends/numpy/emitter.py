"""What the spelling of an operation may ask for: the interface between spellings and the two kinds of block.

Every operation writes into a destination that the block chose (a fresh array, a buffer that is free again, a row of
a stacked sequence, a slice of a concatenation), so no spelling decides where anything is stored.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from rnnc.backends.escape import Names, identifier, number
from rnnc.backends.numpy.views import Broadcast, Index, Step, shape_text
from rnnc.backends.sizes import Sizes
from rnnc.ir.program import DType, Op, Type, Value
from rnnc.ir.size import Size

DTYPES = {DType.FLOAT: "dt", DType.INT: "np.int32", DType.BOOL: "np.bool_"}


@dataclass(eq=False)
class Root:
    """One array that values live in. `members` are the values whose numbers it holds, itself or as views."""

    name: str
    writable: bool
    members: list[Value] = field(default_factory=list[Value])


@dataclass(frozen=True)
class Place:
    """Where a value is: a view of a root. `contiguous`: axes may be merged by `reshape` without a copy."""

    root: Root
    steps: tuple[Step, ...] = ()
    contiguous: bool = True


@dataclass(frozen=True)
class Frame:
    """What all blocks of one function share."""

    names: Names
    sizes: Sizes
    helpers: set[str]  # names of the helper functions that the text calls
    nullable: set[Value]  # values that may be None at run time


class Emitter(ABC):
    """A block of straight code that is being written. `time` names the length of the time axis in it."""

    def __init__(self, frame: Frame, time: str) -> None:
        self.frame = frame
        self.time = time
        self.places: dict[Value, Place] = {}
        self.scalars: dict[Value, str] = {}

    # What differs between straight code and the body of a loop.

    @abstractmethod
    def read(self, value: Value, *steps: Step) -> str:
        """The name (or expression) of a value, or of a view of it."""

    @abstractmethod
    def write(self, value: Value, *steps: Step) -> str:
        """The name of the destination of a value that is being computed, or of a view of it."""

    @abstractmethod
    def place(self, value: Value) -> Place:
        """Where a value that is already computed is."""

    @abstractmethod
    def destination(self, value: Value) -> Place:
        """Where a value that is being computed goes."""

    @abstractmethod
    def temporary(self, shape: Sequence[str], dtype: str, hint: str) -> Place:
        """Scratch space for the operation that is being written."""

    @abstractmethod
    def view_of(self, place: Place, *steps: Step) -> str:
        """The name of a view of a place."""

    @abstractmethod
    def call(self, function: str, args: Sequence[str], out: Value, shape: tuple[str, ...] | None = None) -> None:
        """`out = function(args)`: one call, which gives an array of the type of `out`, or of this shape: some axes are
        merged in it.
        """

    @abstractmethod
    def past(self, valid: Value, like: Type) -> tuple[str, str]:
        """The variable of `valid` (None at run time: every step is valid) and "not valid", in line with `like`."""

    @abstractmethod
    def line(self, text: str) -> None:
        """Append a line of code."""

    # What is the same.

    def store(self, function: str, args: Sequence[str], out: str, *, indent: str = "") -> None:
        """One call of NumPy's that writes into an array."""
        self.line(f"{indent}{function}({', '.join(args)}, out={out})")

    def operand(self, place: Place, *steps: Step) -> str:
        """The name of a view of a place, which is a matrix of a product, or a stack of such."""
        return self.view_of(place, *steps)

    def product(self, left: str, right: Place, steps: tuple[Step, ...], out: Value) -> None:
        """`out = left @ right`: the product of two matrices. Its rows lie in memory one after another."""
        self.call("np.dot", [left, self.operand(right, *steps)], out)

    def helper(self, name: str) -> str:
        """The name of a helper function, which the module will then have."""
        self.frame.helpers.add(name)
        return name

    def size(self, size: Size) -> str:
        return self.frame.sizes.text(size)

    def features(self, type: Type) -> tuple[str, ...]:
        """The feature sizes of a type, as text."""
        return tuple(self.size(size) for size in type.shape)

    def shape(self, type: Type) -> tuple[str, ...]:
        """The whole shape of an array of a type, as text."""
        return (*((self.time,) if type.time else ()), *(("B",) if type.batch else ()), *self.features(type))

    def empty(self, type: Type) -> str:
        return f"np.empty({shape_text(self.shape(type))}, {DTYPES[type.dtype]})"

    def alias(self, value: Value, source: Value, *steps: Step, contiguous: bool = True) -> None:
        """A value that is a view of another."""
        if source in self.scalars and not steps:
            self.scalars[value] = self.scalars[source]
            return
        place = self.place(source)
        place = Place(place.root, (*place.steps, *steps), place.contiguous and contiguous)
        place.root.members.append(value)
        self.places[value] = place

    def aligned(self, value: Value, like: Type) -> str:
        """The operand, brought into line with a result of type `like` so that NumPy's broadcasting is right."""
        return self.read(value, *alignment(value.type, like))

    def stretched(self, value: Value, like: Type) -> str:
        """The operand as a view in the whole shape of `like`."""
        steps = alignment(value.type, like)
        if value.type.with_(dtype=like.dtype) == like and value not in self.scalars:
            return self.read(value)
        return self.read(value, *steps, Broadcast(self.shape(like)))

    def scalar(self, value: Value) -> str | None:
        """The literal text of a value that is a plain number, else None."""
        return self.scalars.get(value)

    def literal(self, value: float | int | bool) -> str:
        return number(value)

    def constant(self, text: str, dtype: DType) -> str:
        """A plain number as an operand. (Where it is used again and again, as an array: that is quicker.)"""
        return text


def alignment(type: Type, like: Type) -> tuple[Step, ...]:
    """The view that inserts the axes which `like` has and `type` has not, where NumPy would not."""
    items: list[str] = []
    for present, wanted in ((type.time, like.time), (type.batch, like.batch)):
        if present:
            items.append(":")
        elif wanted and items:
            items.append("None")
    if type.rank:
        items += [":"] * type.rank
    elif items:
        items += ["None"] * like.rank
    return (Index(tuple(items)),) if "None" in items else ()


def zero(type: Type) -> str:
    """The literal of nothing."""
    return "False" if type.dtype is DType.BOOL else "0"


def leads(type: Type) -> int:
    """How many axes stand before the features."""
    return int(type.time) + int(type.batch)


def hint(value: Value, op: Op | None = None) -> str:
    """A readable stem for the variable of a value."""
    return identifier(value.name or (op.name if op is not None else "v"))
