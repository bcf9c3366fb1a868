"""Single elements of values: read from an array where the value is one, computed from other elements elsewhere."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rnnc.backends.cuda.kernels.kernel import C_TYPES, Kernel
from rnnc.ir.program import Axis, DType, Op, Type, Value
from rnnc.ir.size import Size

ONE = Size.of(1)


@dataclass(frozen=True)
class Home:
    """Where a value is: an array of the host, or what an index picks of it. `nullable` where the array may be None,
    `wide` where it holds halves as float32."""

    array: str
    index: str = ""
    nullable: bool = False
    wide: bool = False

    @property
    def host(self) -> str:
        """The expression of the host."""
        picked = self.array + self.index
        return f"(None if {self.array} is None else {picked})" if self.nullable and self.index else picked


_IN_BRACKETS = re.compile(r"\([^()]*\)")


def place_of(index: Sequence[str], extents: Sequence[str]) -> str:
    """The place of an index among all that there are of axes of these sizes, the last one fastest."""
    text = ""
    for at, extent in zip(index, extents, strict=True):
        if extent != "1":
            text = at if not text else f"{factor(text)} * {extent} + {at}"
    return text or "0"


def total_of(extents: Iterable[str]) -> str:
    """How many elements there are of axes of these sizes. Numbers are multiplied here: in C they might leave an int."""
    known, others = 1, list[str]()
    for extent in extents:
        if extent.isdecimal():
            known *= int(extent)
        else:
            others.append(extent)
    return " * ".join(others if known == 1 and others else [*others, str(known)])


def factor(text: str) -> str:
    """An expression where it is multiplied or cast."""
    return text if text.isalnum() or text.isidentifier() or _IN_BRACKETS.fullmatch(text) else f"({text})"


def along(axes: Sequence[Axis]) -> list[str]:
    """What indices along axes are called: a label alone is a size's name already."""
    return [f"i_{axis.label}" if axis.label else "i" for axis in axes]


class Elements(ABC):
    """Writes the elements of values into one kernel.

    `homes` are the values that lie in memory when the kernel runs; all others are made by `definitions`. An index has
    an expression for each of [time?, batch?, *features]. `time` is the number of steps, on the host.
    """

    def __init__(
        self,
        kernel: Kernel,
        homes: Callable[[Value], Home | None],
        definitions: Mapping[Value, Op],
        numbers: Mapping[Value, float | int | bool | Size],
        time: str,
    ) -> None:
        self.kernel, self.homes, self.definitions, self.numbers, self.time = kernel, homes, definitions, numbers, time

    # --- elements -----------------------------------------------------------------------------------------------------

    def get(self, value: Value, index: Sequence[str]) -> str:
        """The variable (or literal) of an element."""
        if value in self.numbers:
            return self.literal(self.numbers[value], value.type.dtype)
        index = tuple(index)
        found = self.kernel.known(value, index)
        if found is not None:
            return found
        home = self.homes(value)
        if home is not None:
            text = self.read(value, home, index)
        else:
            op = self.definitions[value]
            self.kernel.spans |= op.spans
            text = self.spell(op, value, index)
        if (known := self.kernel.known(value, index)) is not None:
            return known
        type = C_TYPES[value.type.dtype]
        name = text if self.kernel.holds(text, type) else self.kernel.bind(type, value.name or "v", text)
        return self.kernel.remember(value, index, name)

    @abstractmethod
    def spell(self, op: Op, value: Value, index: tuple[str, ...]) -> str:
        """An element of a result of a map, as an expression of elements of its operands."""

    def read(self, value: Value, home: Home, index: tuple[str, ...]) -> str:
        """An element that is in memory."""
        return self.loaded(value, home, self.flat(value.type, index))

    def loaded(self, value: Value, home: Home, place: str) -> str:
        """The element at a place of an array, as it is computed with."""
        return self.computed(value, home, f"{self.pointer(home, value)}[{place}]")

    def computed(self, value: Value, home: Home, text: str) -> str:
        """A number that an array holds, as it is computed with."""
        return f"to_float({text})" if value.type.dtype is DType.FLOAT and not home.wide else text

    def stored(self, value: Value, home: Home, element: str) -> str:
        """A number that was computed, as an array holds it."""
        return f"from_float<item>({element})" if value.type.dtype is DType.FLOAT and not home.wide else element

    def pointer(self, home: Home, value: Value, *, written: bool = False) -> str:
        """The kernel's parameter for an array."""
        return self.kernel.pointer(home.host, value.type.dtype, written=written, wide=home.wide)

    def write(self, value: Value, home: Home, place: str, element: str) -> None:
        """Put an element into memory, at its place in the array."""
        if value in self.definitions:
            self.kernel.spans |= self.definitions[value].spans
        element = self.stored(value, home, element)
        self.kernel.line(f"{self.pointer(home, value, written=True)}[{place}] = {element};")

    def index(self, type: Type, place: str) -> list[str]:
        """The index of the element at a place of an array without gaps."""
        return self.parted(self.extents(type), place, [*["step"] * type.time, *["row"] * type.batch, *along(type.axes)])

    def parted(self, extents: Sequence[str], place: str, names: Sequence[str] = ()) -> list[str]:
        """A place as an index into axes of these sizes, in variables of these names."""
        names = names or ["i"] * len(extents)
        found: list[str] = []
        for number, extent in reversed(list(enumerate(extents))):
            if number == 0:
                found.insert(0, place)
            else:
                found.insert(0, self.kernel.bind("long long", names[number], f"{place} % {extent}"))
                place = self.kernel.bind("long long", names[0] if number == 1 else "rest", f"{place} / {extent}")
        return found

    def operand(self, value: Value, like: Type, index: Sequence[str], dtype: DType | None = None) -> str:
        """The element of an operand in line with element `index` of a result of type `like`, as a C expression."""
        text = self.get(value, self.aligned(value.type, like, index))
        return self.cast(text, value, dtype or value.type.dtype)

    def anticipate(self, value: Value, like: Type, index: Sequence[str]) -> None:
        """A branch may read this operand: the place to read it in front of the branch, where that is better."""
        del value, like, index

    def walks(self, names: Sequence[str]) -> None:
        """The index of what several threads go through together, each with some of it."""
        del names

    def cast(self, text: str, value: Value, dtype: DType) -> str:
        if value.type.dtype is dtype:
            return text
        if value in self.numbers:
            return self.literal(self.numbers[value], dtype)
        return f"({C_TYPES[dtype]}){factor(text)}"

    def aligned(self, type: Type, like: Type, index: Sequence[str]) -> tuple[str, ...]:
        """The index of an operand that broadcasts to a result with that index."""
        leads, features = self.parts(like, index)
        found = [leads[lead] for lead, has in (("t", type.time), ("b", type.batch)) if has]
        if type.rank:
            stretched = zip(type.shape, like.shape[-type.rank :], features[-type.rank :], strict=True)
            found += ["0" if size == ONE and other != ONE else at for size, other, at in stretched]
        return tuple(found)

    def parts(self, type: Type, index: Sequence[str]) -> tuple[dict[str, str], list[str]]:
        """The leads of an index by letter, and its features."""
        letters = "t" * type.time + "b" * type.batch
        return dict(zip(letters, index, strict=False)), list(index[len(letters) :])

    def literal(self, number: float | int | bool | Size, dtype: DType) -> str:
        """A constant as C has it."""
        if isinstance(number, Size):
            return f"({C_TYPES[dtype]}){self.kernel.size(number)}"
        if dtype is DType.BOOL:
            return "true" if number else "false"
        if dtype is DType.INT:
            return str(int(number))
        value = float(number)
        if value != value:
            return "(real)nan_()"
        if value in (float("inf"), float("-inf")):
            return "(real)inf_()" if value > 0 else "(real)-inf_()"
        return f"(real){value!r}"

    # --- sizes and places ---------------------------------------------------------------------------------------------

    def extents(self, type: Type) -> list[str]:
        """The sizes of [time?, batch?, *features]."""
        time = [self.steps()] if type.time else []
        batch = [self.rows()] if type.batch else []
        return [*time, *batch, *(self.kernel.size(size) for size in type.shape)]

    def step(self) -> str:
        """The step of the loop around."""
        return self.kernel.scalar("t", "t")

    def steps(self) -> str:
        return self.kernel.scalar("T", self.time)

    def rows(self) -> str:
        return self.kernel.scalar("B", "B")

    def flat(self, type: Type, index: Sequence[str]) -> str:
        """The place of an element in an array without gaps."""
        return place_of(index, self.extents(type))

    def there(self, value: Value) -> str | None:
        """The flag that tells whether a value that may be absent is there; None where it always is."""
        if value in self.numbers:
            return None
        home = self.homes(value)
        if home is None or not home.nullable:
            return None
        return self.kernel.whole(f"has_{self.pointer(home, value)}", f"int({home.array} is not None)")
