"""Steps whose number kernels know themselves: the host gives them whole sequences, and they find their step in them."""

from __future__ import annotations

from collections.abc import Sequence

from rnnc.backends.cuda.kernels.elements import Home, factor, total_of
from rnnc.backends.cuda.spelling.spelled import Spelled
from rnnc.backends.cuda.straight.stages import Straight
from rnnc.ir.program import Loop, Value


class InnerElements(Spelled):
    """An index that a home has on the host is that of the step `t` here."""

    def read(self, value: Value, home: Home, index: tuple[str, ...]) -> str:
        return self.loaded(value, home, self._placed(value, home, self.flat(value.type, index)))

    def write(self, value: Value, home: Home, place: str, element: str) -> None:
        super().write(value, home, self._placed(value, home, place), element)

    def pointer(self, home: Home, value: Value, *, written: bool = False) -> str:
        return self.kernel.pointer(home.array, value.type.dtype, written=written, wide=home.wide)

    def _placed(self, value: Value, home: Home, place: str) -> str:
        if not home.index:
            return place
        return f"{self.step()} * {factor(total_of(self.extents(value.type)))} + {place}"


class InnerBlock(Straight):
    """The step of a loop, or of a kernel that is a loop."""

    def home(self, value: Value) -> Home | None:
        """As in any block; indices of the host around are part of the array, here they are of the step."""
        found = super().home(value)
        if found is None or value in self.homes:
            return found
        return Home(found.host, nullable=found.nullable, wide=found.wide)

    def write_loops(self, loops: Sequence[Loop]) -> None:
        raise AssertionError("a step whose kernels know its number holds no loops")
