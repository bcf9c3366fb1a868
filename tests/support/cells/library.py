"""What a text defines so far, for what comes later in it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Library:
    """What a file defines so far."""

    functions: list[str] = field(default_factory=list[str])
    patterned: list[str] = field(default_factory=list[str])
    transforms: list[str] = field(default_factory=list[str])
    layers: list[Layer] = field(default_factory=list["Layer"])


@dataclass(frozen=True)
class Layer:
    """A cell from [input] to [units] (its first parameter), and its float states under that size."""

    name: str
    states: tuple[str, ...]
    alike: bool  # all of its states have the axes [units]
