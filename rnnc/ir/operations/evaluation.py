"""What `evaluate` functions share: the environment, and bringing arrays into line by their types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnc.ir.program import DType, Op, Type, Value
from rnnc.ir.size import Size

Array = Any  # numpy.ndarray, which the compile path must not import
OptionalArray = Any  # an array, or None where a mask, lengths, … are absent


@dataclass(frozen=True)
class Env:
    """What a run fixes: sizes of symbols, the float dtype, and T and B where anything has time and batch."""

    sizes: Mapping[str, int]
    float_dtype: str = "float64"
    time: int | None = None
    batch: int | None = None

    def size(self, size: Size) -> int:
        return size.evaluate(self.sizes)

    def dtype(self, dtype: DType) -> str:
        """The NumPy name of a dtype."""
        return {DType.FLOAT: self.float_dtype, DType.INT: "int32", DType.BOOL: "bool"}[dtype]

    def shape(self, type: Type) -> tuple[int, ...]:
        """[T?, B?, *features] of an array of that type."""
        leads: list[int] = []
        for present, lead, word in ((type.time, self.time, "time"), (type.batch, self.batch, "batch")):
            if present:
                if lead is None:
                    raise ValueError(f"nothing determines the {word} size of {type}")
                leads.append(lead)
        return (*leads, *(self.size(s) for s in type.shape))


def leads(type: Type) -> int:
    """How many axes stand before the features."""
    return int(type.time) + int(type.batch)


def aligned(array: Array, type: Type, like: Type) -> Array:
    """A view with the leads and the rank of `like`, size 1 where `type` has none, so that NumPy broadcasts rightly."""
    features = array.shape[leads(type) :] or (1,) * like.rank
    time = (array.shape[0] if type.time else 1,) if like.time else ()
    batch = (array.shape[int(type.time)] if type.batch else 1,) if like.batch else ()
    return array.reshape(time + batch + features)


def full(array: Array, type: Type, like: Type, env: Env) -> Array:
    """The array of `type`, stretched to the whole shape of `like` and converted to its dtype; a fresh one."""
    import numpy as np

    stretched = np.broadcast_to(aligned(array, type, like), env.shape(like))
    return np.array(stretched, dtype=env.dtype(like.dtype))


def operands(op: Op, args: Sequence[Array], dtype: DType, env: Env) -> list[Array]:
    """All arguments in one dtype, aligned with the output."""
    return [aligned(a, v.type, op.out.type).astype(env.dtype(dtype)) for a, v in zip(args, op.args, strict=True)]


def result(array: Array, value: Value, env: Env) -> Array:
    """An array that is aligned with a value, in the value's whole shape and dtype; a fresh one."""
    import numpy as np

    return np.array(np.broadcast_to(array, env.shape(value.type)), dtype=env.dtype(value.type.dtype))
