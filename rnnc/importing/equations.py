"""The equations of a network while it is put together, and the expressions for what it computes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_WORD = re.compile(r"[A-Za-z_]\w*")
_LEFT = re.compile(r"\b([A-Za-z_]\w*)(?:\[\d+\]|\.\w+)*'")  # `layer.forward.h'`


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


def names_in(text: str) -> frozenset[str]:
    """The names in an expression, of whatever kind."""
    return frozenset(_WORD.findall(text))


def left_in(text: str) -> frozenset[str]:
    """The layers whose final states an expression reads."""
    return frozenset(_LEFT.findall(text))


@dataclass(frozen=True)
class Line:
    """`y = layer(x)`; or what a layer is, `use layer = GRU(3)`."""

    name: str
    value: str
    is_use: bool = False
    runs: str | None = None  # the layer of which these are the outputs
    apart: bool = False  # of its directions, each by itself

    @property
    def text(self) -> str:
        return f"{'use ' if self.is_use else ''}{self.name} = {self.value}"

    @property
    def family(self) -> str:
        """`f`, of `f[0]`."""
        return self.name.partition("[")[0]


@dataclass
class Equations:
    """What comes in, what is computed of it line by line, and the functions that the language does not have."""

    inputs: dict[str, str] = field(default_factory=lambda: {"x": "x[input]"})  # by name, as they are declared
    reserved: frozenset[str] = frozenset()  # names of parameters
    lines: list[Line] = field(default_factory=list[Line])
    functions: dict[str, str] = field(default_factory=dict[str, str])  # that the language does not have, as text
    sizes: dict[str, str] = field(default_factory=dict[str, str])  # how long axes of inputs are that have names

    def equation(self, hint: str, value: str) -> str:
        """`hint = value`, under a name that is free; the name."""
        return self._add(Line(self._free(hint), value))

    def run(self, hint: str, layer: str, given: str, *, apart: bool = False) -> str:
        """The outputs of a layer, `hint = layer(given)`, under a name that is free; the name."""
        return self._add(Line(self._free(hint), f"{layer}({given})", runs=layer, apart=apart))

    def named(self, hint: str, layer: str) -> str:
        """`use hint = layer`, under a name that is free; the name."""
        return self.use_as(self._free(hint), layer)

    def use_as(self, name: str, layer: str) -> str:
        """`use name = layer`; the name."""
        return self._add(Line(name, layer, is_use=True))

    def _add(self, line: Line) -> str:
        self.lines.append(line)
        return line.name

    def _free(self, hint: str) -> str:
        taken = {*(line.family for line in self.lines), *self.inputs, *self.reserved}
        return next(each for each in (hint, *(f"{hint}{k}" for k in range(2, 1000))) if each not in taken)
