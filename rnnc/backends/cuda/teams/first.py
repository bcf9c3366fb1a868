"""The first element of each thread, of which registers have more than of others.

In a loop over the elements of a block a thread mostly has one, and the same one in every step. So what it alone reads
and writes from step to step stays in its registers (`Held`), and what it reads of sequences is asked for while others
are waited for (`Ahead`). Elements that a thread has beside its first one go through memory.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from rnnc.backends.cuda.kernels.kernel import Kernel
from rnnc.backends.cuda.teams.ways import Way

_WORD = re.compile(r"[A-Za-z_]\w*")
_WHOLE = re.compile(r"\s*const long long (\w+) = ([^;\[]*);")  # without memory

OWN = ("own_row", "own_feature")  # the variables of a thread's first element, with a number behind

# Of a kernel: registers are few, and what is first in a step is waited for most.
MOST_AHEAD, MOST_HELD = 12, 6
MOST_ITEMS = 8  # of a step: kernels of more have no registers to spare, and more to do than to wait for


def constants(known: Sequence[tuple[str, str, str]], lines: Sequence[str]) -> list[str]:
    """Statements that define those of some constants (their types, names and values) which lines read."""
    read = set(_WORD.findall(" ".join(lines)))
    found: list[str] = []
    for type, name, value in reversed(known):
        if name in read:
            read |= set(_WORD.findall(value))
            found.append(f"const {type} {name} = {value};")
    return found[::-1]


class Holding(Exception):
    """A kernel was written for other arrays than those whose first elements registers can hold."""

    def __init__(self, arrays: frozenset[str]) -> None:
        super().__init__(", ".join(sorted(arrays)))
        self.arrays = arrays


@dataclass(frozen=True)
class Where:
    """What the threads of a block go through: rows of the batch, and of each the block's features of a share. `place`
    is the number of an element in its array, in terms of its row and feature."""

    share: str
    place: str

    @property
    def variables(self) -> tuple[str, str]:
        """Those that have the first element's row and feature, counted from the block's."""
        number = self.share.removeprefix("share")
        row, feature = OWN
        return f"{row}{number}", f"{feature}{number}"

    def before(self) -> list[str]:
        """Statements before the loop: which element is the first one."""
        row, feature = self.variables
        own = f"({self.share}.own > 0 ? {self.share}.own : 1)"
        return [f"const int {row} = threadIdx.x / {own}, {feature} = threadIdx.x % {own};"]

    def around(self, lines: Sequence[str]) -> list[str]:
        """Statements for the first element."""
        row, feature = self.variables
        count = "(team.rows < at_once ? team.rows : at_once)"
        where = [
            ("long long", "row", f"team.first + {row}"),
            ("long long", "f", f"{self.share}.first + {feature}"),
            ("long long", "n", f"{self.place} + f"),
        ]
        return [
            f"if ((int)threadIdx.x < {count} * {self.share}.own) {{",
            *("  " + line for line in constants(where, lines)),
            *("  " + line for line in lines),
            "}",
        ]

    def each(self, lines: Sequence[str]) -> list[str]:
        """The statements of an element for all of them, for the first one apart: without branches."""
        (row, feature), own = self.variables, f"{self.share}.own"
        where = [
            ("int", "r", f"first ? {row} : e / {own}"),
            ("int", "j", f"first ? {feature} : e % {own}"),
            ("long long", "row", "team.first + pass + r"),
            ("long long", "f", f"{self.share}.first + j"),
            ("long long", "n", f"{self.place} + f"),
        ]
        return [
            "const auto element = [&](const bool first, const int e) __attribute__((always_inline)) {",
            *("  " + line for line in constants(where, lines)),
            *lines,
            "};",
            f"if (pass == 0 && (int)threadIdx.x < count * {own}) element(true, threadIdx.x);",
            f"for (int e = threadIdx.x + (pass == 0 ? blockDim.x : 0); e < count * {own}; e += blockDim.x) {{",
            "  element(false, e);",
            "}",
        ]


@dataclass
class Ahead:
    """What an item reads of sequences: statements that ask for the first element's, and for the memory of the step
    after that."""

    where: Where
    variables: list[str] = field(default_factory=list[str])  # their declarations
    lines: list[str] = field(default_factory=list[str])

    def add(self, kernel: Kernel, start: int, type: str, pointer: str, place: str, after: str) -> str | None:
        """The variable of a number at a place of a sequence; None where more than whole numbers lead to the place, as
        statements of the kernel from `start` on compute it. `after` asks for the next step's."""
        needed = _leading(kernel.lines[start:], place)
        if needed is None:
            return None
        name = kernel.names.new("ahead")
        self.variables.append(f"{type} {name}{{}};")
        self.lines += [line for line in needed if line not in self.lines]
        self.lines += [after, f"{name} = {pointer}[{place}];"]
        return name

    def ask(self, way: Way, steps: str, last: int, *, next: bool) -> list[str]:
        """Statements that ask for a step's, or for the `next` step's."""
        lines = self.where.around(self.lines)
        if next:
            inside = [*way.variables(steps, lags=last > 0), *way.around(lines, last)]
            shifted = ["const long long step_ahead = step + 1;", "{", "  const long long step = step_ahead;"]
            lines = [*shifted, *("  " + line for line in inside), "}"]
            return ["{", *("  " + line for line in lines), "}"] if last else _if_more(way, lines)
        return way.around(lines, last)


def _if_more(way: Way, lines: Sequence[str]) -> list[str]:
    return [f"if (more{way.number}) {{", *("  " + line for line in lines), "}"]


def _leading(lines: Sequence[str], place: str) -> list[str] | None:
    """The statements that compute the whole numbers of a place, in order; None where others do, too."""
    found: list[str] = []
    wanted = set(_WORD.findall(place))
    for line in reversed(lines):
        defined = re.match(r"\s*(?:const )?[\w ]+ (\w+) = ", line)
        if defined is None or defined[1] not in wanted:
            continue
        whole = _WHOLE.fullmatch(line)
        if whole is None:
            return None
        found.append(line.strip())
        wanted |= set(_WORD.findall(whole[2]))
    return found[::-1]


@dataclass(frozen=True)
class Held:
    """The first elements of an array that the loop carries: the variable of a thread, and its type."""

    array: str
    name: str
    where: Where
    type: str
    pointer: str
    stays: bool  # whether the array itself is not written: nobody else reads it

    @property
    def following(self) -> str:
        """The variable of what it will be after the step."""
        return f"{self.name}_next"

    def before(self) -> list[str]:
        """Statements before the loop."""
        return [f"{self.type} {self.name}{{}};", *self.where.around([f"{self.name} = {self.pointer}[n];"])]

    def after(self) -> list[str]:
        """Statements behind the loop, where the array has changed places as often as all others."""
        return self.where.around([f"{self.pointer}[n] = {self.name};"]) if self.stays else []


@dataclass
class Touched:
    """The arrays of carries that an item touches: `own` are those of which every thread reads its own element;
    `anyhow`, reads and writes that registers cannot stand for. `where` is what its threads go through, if that has a
    first element."""

    where: Where | None = None
    own: set[str] = field(default_factory=set[str])
    written: list[str] = field(default_factory=list[str])
    anyhow: set[str] = field(default_factory=set[str])


def holdable(items: Sequence[Touched], pairs: Sequence[tuple[str, str]], exchanged: Set[str]) -> frozenset[str]:
    """Of pairs of arrays, the second of which becomes the first one after a step, those whose first elements can stay
    in registers: by the first array's name."""
    return frozenset([a for a, b in pairs if _holds(items, a, b, memory=a in exchanged)][:MOST_HELD])


def _holds(items: Sequence[Touched], a: str, b: str, *, memory: bool) -> bool:
    """`memory`: the array is written all the same, so that others may read what they like."""
    writers = [place for place, one in enumerate(items) if b in one.written]
    readers = [place for place, one in enumerate(items) if a in one.own]
    if len(writers) != 1 or items[writers[0]].written.count(b) != 1 or not readers or readers[-1] > writers[0]:
        return False
    if any(a in one.written or b in one.own or b in one.anyhow for one in items):
        return False
    if not memory and any(a in one.anyhow for one in items):
        return False
    wheres = {items[place].where for place in (*writers, *readers)}
    return len(wheres) == 1 and None not in wheres
