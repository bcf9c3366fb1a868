"""What the threads of a team read of one another: pairs of arrays, of which every block may have copies of its own.

Whether there are copies, the planner says when the loop is launched (`templates/cuda/exchange.cuh`); kernels read and
write through `Seen`, which is either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from rnnc.backends.cuda.kernels.elements import Home
from rnnc.backends.cuda.kernels.looped import Exchanged
from rnnc.backends.cuda.teams.first import Holding, Touched, holdable
from rnnc.backends.cuda.teams.team import Team, number_of
from rnnc.backends.cuda.teams.ways import Way
from rnnc.ir.program import Type
from rnnc.ir.size import product

Swap = tuple[Home, Home, Type]  # two arrays that change places after a step


class Exchanging(Exception):
    """A kernel was written for other arrays than those that its threads read of one another."""

    def __init__(self, arrays: Mapping[str, str]) -> None:
        super().__init__(", ".join(arrays))
        self.arrays = arrays


@dataclass(frozen=True)
class Exchange:
    """The pairs of a kernel. `carried` have numbers before the first step, and are read behind the last one."""

    team: Team
    carried: Sequence[Swap]
    doubled: Sequence[Swap]

    def check(self, read: Set[str]) -> None:
        """Of two arrays that change places, threads read both of one another or none. Raises Exchanging."""
        pairs = [(a.array, b.array) for a, b, _ in (*self.carried, *self.doubled)]
        found = {array: pair[0] for pair in pairs if read & {*pair} for array in pair}
        if found != self.team.exchanged:
            raise Exchanging(found)

    def holdable(self, items: Sequence[Touched]) -> None:
        """The first elements that registers can hold are those that they hold. Raises Holding."""
        pairs = [(a.array, b.array) for a, b, type in self.carried if type.batch]
        found = holdable(items, pairs, self.team.exchanged.keys())
        if found != self.team.holdable:
            raise Holding(found)

    def pairs(self) -> tuple[Exchanged, ...]:
        """In the order of the kernel's parameters."""
        heads = len(self.team.heads)
        return tuple(
            Exchanged(product(type.shape[heads:]), number_of(home, type), type.batch) for home, _, type in self._seen()
        )

    def numbers(self) -> tuple[str, ...]:
        """The kernel's parameters: where all copies begin and end, and where those of each array are."""
        numbered = self.team.kernel.numbered
        places = [f"copy_at_{numbered('copy_at', number=n)}" for n in range(1, 2 * len(self._seen()) + 1)]
        return ("copies_from", "copies_end", *places) if places else ()

    def before(self) -> list[str]:
        """The last statements before the loop."""
        if not self._seen():
            return []
        kernel, heads, at = self.team.kernel, len(self.team.heads), iter(self.numbers()[2:])
        lines = ["clear_copies(smem, copies_from, copies_end);"]
        for pair in self._seen():
            home, _, type = pair
            sizes = ", ".join(kernel.size(product(shape)) for shape in (type.shape[:heads], type.shape[heads:]))
            of = f"const Seen<{number_of(home, type)}> {self.team.seen(home.array)[0]}"
            lines.append(f"{of}(team, smem, {next(at)}, {next(at)}, {', '.join(self._pointers(pair))}, {sizes});")
        return [*lines, *self._moved("fetch"), *self._settle()]

    def turn(self, ways: Sequence[Way]) -> list[str]:
        """Statements at the beginning of a step: which array of each pair is the first one."""
        used = [way for way in ways if any(self.team.turns[home.array] == way for home, _, _ in self._seen())]
        return [
            f"const bool turned{way.number} = {f'(step + {way.lag})' if way.lag else 'step'} % 2 != 0;" for way in used
        ]

    def swaps(self, way: Way) -> list[str]:
        """Statements at the end of a step: other arrays change places."""
        pairs = [pair for pair in (*self.carried, *self.doubled) if pair[0].array not in self.team.exchanged]
        pairs = [pair for pair in pairs if self.team.turns[pair[0].array] == way]
        return [f"swap_({', '.join(self._pointers(pair))});" for pair in pairs]

    def after(self, steps: str) -> list[str]:
        """Statements behind the loop."""
        return [*self._settle(), *self._moved("leave", f"{steps} % 2 != 0, ")]

    def _pointers(self, pair: Swap) -> list[str]:
        """The kernel's parameters for two arrays."""
        pointer = self.team.kernel.pointer
        return [pointer(home.array, pair[2].dtype, written=True, wide=home.wide) for home in pair[:2]]

    def _settle(self) -> list[str]:
        return ["team.settle();"] if self._seen() else []

    def _moved(self, how: str, turned: str = "") -> list[str]:
        return [
            f"{self.team.seen(home.array)[0]}.{how}({turned}team, {'team.rows' if type.batch else '1'});"
            for home, _, type in self.carried
            if home.array in self.team.exchanged
        ]

    def _seen(self) -> list[Swap]:
        return [pair for pair in (*self.carried, *self.doubled) if pair[0].array in self.team.exchanged]
