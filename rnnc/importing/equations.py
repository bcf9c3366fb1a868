"""The equations of a network while it is put together, and the expressions for what it computes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Built:
    """The expression for a tensor. `steps_first`: how a text has the array; None where nothing tells. `width`: how many
    features it has, where that is known; of what comes in the name of its axis, where nothing tells. `repeats`: it is
    one value, which is to stand at every step. `axes`: those of the text's array, where they are others than rows,
    steps and features (pieces/axes.py). `padding`: of a sequence whose rows have lengths of their own, what the text
    has behind them (pieces/padding.py)."""

    text: str
    is_sequence: bool = True
    steps_first: bool | None = None
    width: str | None = None
    repeats: bool = False
    axes: str = ""
    padding: str = ""


@dataclass
class Equations:
    """What comes in, what is computed of it line by line, and the functions that the language does not have."""

    inputs: dict[str, str] = field(default_factory=lambda: {"x": "x[input]"})  # by name, as they are declared
    reserved: frozenset[str] = frozenset()  # names of parameters
    lines: list[str] = field(default_factory=list[str])
    functions: dict[str, str] = field(default_factory=dict[str, str])  # that the language does not have, as text
    sizes: dict[str, str] = field(default_factory=dict[str, str])  # how long axes of inputs are that have names

    def equation(self, hint: str, value: str) -> str:
        """`hint = value`, under a name that is free; the name."""
        name = self._free(hint, (line.split()[0] for line in self.lines))
        self.lines.append(f"{name} = {value}")
        return name

    def named(self, hint: str, layer: str) -> str:
        """`use hint = layer`, under a name that is free; the name."""
        name = self._free(hint, (part for line in self.lines for part in line.split()[:2]))
        self.lines.append(f"use {name} = {layer}")
        return name

    def _free(self, hint: str, words: Iterable[str]) -> str:
        taken = {*words, *self.inputs, *self.reserved}
        return next(each for each in (hint, *(f"{hint}{k}" for k in range(2, 1000))) if each not in taken)
