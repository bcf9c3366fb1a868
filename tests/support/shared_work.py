"""How CUDA modules share work among threads, made otherwise: as if lines and reductions were long, and few.

Modules of small sizes have one thread for each line and each sum. What they do for large ones runs here on small ones.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch


def short_parts(space: dict[str, Any], part: int) -> None:
    """Cut lines into parts of that many elements, in a module with these names."""

    def parts(length: int, lines: int, numbers: int, dtype: Any) -> tuple[int, Any]:
        joints = -(-length // part) - 1
        return part, space["cp"].empty((joints, numbers, lines), dtype) if joints > 0 else None

    space["_parts"] = parts


def whole_warps(space: dict[str, Any], lanes: int = 32) -> None:
    """Let so many threads, 1 or a warp, make each element of a reduction."""
    space["_lanes"] = lambda *_: lanes


@contextmanager
def long_sums() -> Generator[None]:
    """While a module is written, sums of two elements are long: loops have them made by several threads together."""
    with patch("rnnc.backends.cuda.straight.reductions.SHORT", 2):
        yield


def by_blocks(space: dict[str, Any], parts: int = 4) -> None:
    """Let blocks make sums of so many parts, and warps those of fewer, in a module with these names; and warps what
    every block makes of two parts."""
    text = space["_JOINING"]
    for right, other in (
        ("parts < blockDim.x ?", f"parts < {parts} ?"),
        ("rounds * (parts / 32 + 28) < parts", "parts > 1"),
    ):
        assert right in text
        text = text.replace(right, other)
    space["_JOINING"] = text


def share_out(space: dict[str, Any]) -> None:
    """Parts of one element, and a warp for each sum."""
    short_parts(space, 1)
    whole_warps(space)
