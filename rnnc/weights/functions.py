"""Functions by what they compute: descriptions have two names for some."""

from __future__ import annotations

SAME = {"swish": "silu", "celu": "elu"}  # of the language, where `beta` and `alpha` are the defaults


def are_the_same(one: str, other: str) -> bool:
    """Whether two names of descriptions, or other words of layouts, mean the same."""
    return SAME.get(one, one) == SAME.get(other, other)
