"""Typed reading of an operation's attributes. A wrong kind is a bug of the compiler, so it raises TypeError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, cast

from rnnc.ir.program import AttrValue, Axis, Op
from rnnc.ir.size import Size

T = TypeVar("T")


class Attrs:
    """The attributes of an operation, of an `Op` or as a mapping."""

    def __init__(self, source: Op | Mapping[str, AttrValue]) -> None:
        self._values: Mapping[str, object] = dict(source.attrs) if isinstance(source, Op) else source

    def _get(self, key: str, kind: type[T]) -> T:
        value = self._values[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise TypeError(f"attribute {key} should be {kind.__name__}, and is {value!r}")
        return value

    def _tuple(self, key: str, kind: type[T]) -> tuple[T, ...]:
        values = cast("tuple[object, ...]", self._get(key, tuple))
        if not all(isinstance(v, kind) for v in values):
            raise TypeError(f"attribute {key} should hold {kind.__name__} only, and is {values!r}")
        return cast("tuple[T, ...]", values)

    def integer(self, key: str) -> int:
        return self._get(key, int)

    def flag(self, key: str) -> bool:
        return self._get(key, bool)

    def text(self, key: str) -> str:
        return self._get(key, str)

    def size(self, key: str) -> Size:
        return self._get(key, Size)

    def number(self, key: str) -> float:
        value = self._values[key]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"attribute {key} should be a number, and is {value!r}")
        return float(value)

    def scalar(self, key: str) -> float | int | bool:
        value = self._values[key]
        if not isinstance(value, int | float):  # bool is an int
            raise TypeError(f"attribute {key} should be a number or a truth value, and is {value!r}")
        return value

    def integers(self, key: str) -> tuple[int, ...]:
        return self._tuple(key, int)

    def sizes(self, key: str) -> tuple[Size, ...]:
        return self._tuple(key, Size)

    def axes(self, key: str) -> tuple[Axis, ...]:
        return self._tuple(key, Axis)
