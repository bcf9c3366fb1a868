"""The tables of spellings.

- MAPS: an element of the result is an expression of elements of the operands.
- REDUCTIONS: an element of the result combines many; see `reduction.py`.
- LINES: elements along one axis depend on those before; see `lines.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from rnnc.ir.program import Op, Value

if TYPE_CHECKING:
    from rnnc.backends.cuda.elements import Elements

Map = Callable[["Elements", Op, Value, tuple[str, ...]], str]
Whole = Callable[["Elements", Op, str], None]
Spelling = TypeVar("Spelling", bound=Callable[..., object])

MAPS: dict[str, Map] = {}
REDUCTIONS: dict[str, Whole] = {}  # writes the statements of one element of the result, and its place in the array
LINES: dict[str, Whole] = {}


def enters(table: dict[str, Spelling], *names: str) -> Callable[[Spelling], Spelling]:
    """Enter a function as the spelling of operations."""

    def enter(spelling: Spelling) -> Spelling:
        for name in names:
            if name in MAPS or name in REDUCTIONS or name in LINES:
                raise ValueError(f"operation {name} is spelled twice")
            table[name] = spelling
        return spelling

    return enter
