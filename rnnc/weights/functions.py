"""Functions by what they compute: what files call them, and descriptions, which have two names for some."""

from __future__ import annotations

# What Keras calls functions that descriptions have under other names; before Keras 3 `hard_sigmoid` was the language's.
KERAS = {
    "linear": "identity", "none": "identity", "swish": "silu", "hard_swish": "hard_silu", "exponential": "exp",
    "hard_sigmoid": "keras_hard_sigmoid", "sparsemax": "keras_sparsemax",
}  # fmt: skip
OLDER_KERAS = {**KERAS, "hard_sigmoid": "hard_sigmoid"}
SAME = {"swish": "silu", "celu": "elu"}  # of the language, where `beta` and `alpha` are the defaults


def are_the_same(one: str, other: str) -> bool:
    """Whether two names of descriptions, or other words of layouts, mean the same."""
    return SAME.get(one, one) == SAME.get(other, other)
