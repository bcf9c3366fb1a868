"""What is known of the kernel of a loop while it is written: its variables, and what its threads share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rnnc.backends.cuda.kernels.elements import Home
from rnnc.backends.cuda.kernels.kernel import C_TYPES, STORED, Kernel
from rnnc.backends.cuda.teams.first import OWN, Held, Where
from rnnc.backends.cuda.teams.tiles import Multiplied, Tiled
from rnnc.backends.cuda.teams.ways import FIRST, VARIABLES, Way
from rnnc.ir.program import Axis, DType, Type, Value
from rnnc.ir.size import Size, product

# What the statements around the items define.
LOCAL = VARIABLES | frozenset({
    "lane", "team", "smem",
    "step", "pass", "count", "e", "r", "j", "row", "f", "n", "at_once",
    "counters", "team_blocks", "team_rows", "clustered", "Team", "Share", "Places", "Sums", "multiply",
    "keep_weights", "swap_", "team_heads", "head", "own_head", "places_of_head", "Kept", "InRegisters", "Left", "Seen",
    "clear_copies", "copies_from", "copies_end", "first", "step_ahead", "element", "joining", "c", "column", "left_at",
    "stage_at", "chunk", "parts", "totals", "totals_at",
})  # fmt: skip


@dataclass(frozen=True)
class Owner:
    """Threads by the elements that they have: of a type, one thread each or several together, of which as many as an
    element has parts (see `joining.cuh`), or a warp. `owner_of` makes them, of types without axes of size 1.

    An item that multiplies takes heads one after the other, so that elements are those of other threads of the same
    block: a barrier of the block stands at its beginning and its end.
    """

    type: Type
    parts: str = ""


def wide(axes: Sequence[Axis], heads: int) -> list[int]:
    """Which axes tell the threads of an element: not those of size 1, but for heads, and for one where there are no
    others, since threads share what has no features in another way."""
    features = range(heads, len(axes))
    return [*range(min(heads, len(axes))), *([n for n in features if axes[n].size != Size.of(1)] or features[:1])]


def owner_of(type: Type, heads: int, parts: str = "") -> Owner:
    """The threads that have the elements of a type, whose first axes are heads."""
    axes = tuple(type.axes[n] for n in wide(type.axes, heads))
    return Owner(type.with_(time=False, dtype=DType.FLOAT, axes=axes), parts)


@dataclass(frozen=True)
class Total:
    """A value that every block makes for itself: its place among those of a kernel, and its type there."""

    number: int
    type: str

    @property
    def name(self) -> str:
        """What stands for it among the arrays that threads read of one another."""
        return f"total {self.number}"

    @property
    def parts(self) -> str:
        """What stands for its parts there."""
        return f"parts of {self.name}"

    def parts_of(self, number: str) -> str:
        """Where the parts of one of its numbers are."""
        return f"totals.parts_of({self.number}, step, {number})"

    def part(self, parts: str, block: str) -> str:
        """Of such parts the one of a block."""
        return f"totals.part<{self.type}>({parts}, {block})"

    def own(self, number: str) -> str:
        """The block's own part of one of its numbers."""
        return f"totals.own<{self.type}>({self.number}, step, {number})"

    def get(self, number: str) -> str:
        """One of its numbers."""
        return f"totals.get<{self.type}>({self.number}, {number})"

    def put(self, number: str, text: str) -> str:
        """The statement that makes one of its numbers."""
        return f"totals.put<{self.type}>({self.number}, {number}, {text});"


class Team:
    """A kernel, which blocks write whose threads are in teams. `sizes` are its symbols of sizes; `heads` the first axes
    of everything that a step writes; `exchanged` the arrays that threads read of one another, with the first one of
    each pair; `holdable` those whose first elements stay in registers, if first elements are `apart` from others."""

    def __init__(
        self,
        sizes: dict[str, str],
        heads: tuple[Axis, ...],
        exchanged: Mapping[str, str],
        holdable: frozenset[str],
        *,
        apart: bool,
    ) -> None:
        self.heads, self.exchanged, self.holdable, self.apart = heads, exchanged, holdable, apart
        self.kernel = Kernel(sizes, LOCAL, shared=True)
        self.way = FIRST  # of the loop that is being written
        self.turns: dict[str, Way] = {}  # how the loop goes through the steps that an array belongs to
        self.tiled: dict[Value, Tiled] = {}
        self.multiplied: list[Multiplied] = []
        self.shares: dict[str, str] = {}  # by the text of a number of features
        self.owners: dict[str, Owner | None] = {}  # which threads write an array, where they are always the same
        self.following: dict[str, str] = {}  # of each carried array the one that it changes places with
        self.held: dict[str, Held] = {}  # by the array that a step reads, and by the one that it writes
        self.asked = 0  # numbers of sequences that are asked for ahead
        self.alone = False  # whether one team must have all rows
        self.totals: dict[str, Total] = {}  # by their names
        self._seen: dict[str, str] = {}

    def own(self, home: Home, following: Home, type: Type) -> None:
        """An array of what a loop carries, and the one that has it after the step: which threads write it."""
        self.turns[home.array] = self.way
        self.owners[home.array] = owner_of(type, len(self.heads))
        self.following[home.array] = following.array

    def hold(self, home: Home, type: Type, where: Where) -> Held:
        """What registers hold of an array that a step reads."""
        if home.array not in self.held:
            pointer = self.kernel.pointer(home.array, type.dtype, written=True, wide=home.wide)
            stays, name = home.array not in self.exchanged, self.kernel.names.new("held")
            found = Held(home.array, name, where, number_of(home, type), pointer, stays)
            self.kernel.names.new(found.following)
            self.held[home.array] = self.held[self.following[home.array]] = found
        return self.held[home.array]

    def total(self, type: Type) -> Total:
        """A new value that every block makes for itself."""
        found = Total(len(self.totals), C_TYPES[type.dtype])
        self.totals[found.name] = found
        return found

    def share(self, space: Type) -> str:
        """The variable that says which features of a type a block has; none where there are none to share."""
        if space.rank == len(self.heads):
            return ""
        features = self.kernel.size(product(space.shape[len(self.heads) :]))
        if features not in self.shares:
            number = self.kernel.numbered("share", *OWN, number=len(self.shares) + 1)
            self.shares[features] = f"share_{number}"
        return self.shares[features]

    def seen(self, array: str) -> tuple[str, str]:
        """The variable for what threads see of one another in a pair of arrays, and which of them an array is."""
        first = self.exchanged[array]
        if first not in self._seen:
            self._seen[first] = self.kernel.names.new(f"{first}_seen")
        turned = f"turned{self.way.number}"
        return self._seen[first], turned if array == first else f"!{turned}"


def number_of(home: Home, type: Type) -> str:
    """What a number of an array is called in kernels."""
    return (C_TYPES if home.wide else STORED)[type.dtype]
