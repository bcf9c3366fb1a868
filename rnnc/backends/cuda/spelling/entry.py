"""The tables of spellings.

- MAPS: an element of the result is an expression of elements of the operands.
- REDUCTIONS: an element of the result combines many; see `reduction.py`.
- LINES: elements along one axis depend on those before; see `lines.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from rnnc.backends.cuda.kernels.elements import Elements
from rnnc.ir.program import Op, Value

Map = Callable[[Elements, Op, Value, tuple[str, ...]], str]
Whole = Callable[[Elements, Op, str], None]


@dataclass(frozen=True)
class Lanes:
    """The threads that make one element of a result: `count` of them, of which `lane` is this one. `by` stands in front
    of the names of functions that join what they have, and `several` is the condition of there being more than one.
    They combine all that there is, or from `start` on, which is this one's first place, to `end`."""

    count: str
    lane: str
    by: str = "warp_"
    several: str = ""
    start: str = ""
    end: str = ""


class Reduction(Protocol):
    """Writes the statements of one element of the result, by its place in its array; `lanes` make it together."""

    def __call__(self, e: Elements, op: Op, place: str, lanes: Lanes | None = None, /) -> None: ...


Spelling = TypeVar("Spelling", bound=Callable[..., object])

MAPS: dict[str, Map] = {}
REDUCTIONS: dict[str, Reduction] = {}
LINES: dict[str, Whole] = {}  # as a reduction, of one line


def enters(table: dict[str, Spelling], *names: str) -> Callable[[Spelling], Spelling]:
    """Enter a function as the spelling of operations."""

    def enter(spelling: Spelling) -> Spelling:
        for name in names:
            if name in MAPS or name in REDUCTIONS or name in LINES:
                raise ValueError(f"operation {name} is spelled twice")
            table[name] = spelling
        return spelling

    return enter
