"""The table of spellings: how TensorFlow says each operation."""

from __future__ import annotations

from collections.abc import Callable

from rnnc.backends.tensorflow.block import Block
from rnnc.ir.program import Op

Spelling = Callable[[Block, Op], str]  # the expression of the result (of all results, for operations with several)

SPELLINGS: dict[str, Spelling] = {}


def spells(*names: str) -> Callable[[Spelling], Spelling]:
    """Enter a function as the spelling of operations."""

    def enter(spelling: Spelling) -> Spelling:
        for name in names:
            if name in SPELLINGS:
                raise ValueError(f"operation {name} is spelled twice")
            SPELLINGS[name] = spelling
        return spelling

    return enter
