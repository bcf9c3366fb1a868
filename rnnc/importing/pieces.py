"""What calls mean, in the words of the language: cells and networks of the library with arguments, and flows of layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rnnc.importing import library


@dataclass(frozen=True)
class Piece:
    """A definition of the library with arguments: `LSTM(128, peepholes = true)`."""

    definition: str
    arguments: Mapping[str, str]  # what differs from the definition's defaults, in its own order
    needs: frozenset[str] = frozenset()  # definitions of the library that the arguments name

    @property
    def is_network(self) -> bool:
        return library.find(self.definition).word == "network"

    @property
    def everything(self) -> frozenset[str]:
        return self.needs | {self.definition}

    @property
    def text(self) -> str:
        """The expression; the first parameter of a cell goes without saying."""
        first = next(iter(library.find(self.definition).parameters), None)
        shown = [value if name == first else f"{name} = {value}" for name, value in self.arguments.items()]
        return f"{self.definition}({', '.join(shown)})"


@dataclass(frozen=True)
class Flow:
    """A network of its own: the lines between its input and the end, and the functions and cells that it needs."""

    lines: tuple[str, ...]
    output: str
    layout: tuple[str, ...] = ()  # lines of layouts
    needs: frozenset[str] = frozenset()
    inputs: str = "input x[input]"


Meaning = Piece | Flow


def piece(definition: str, arguments: Mapping[str, str], needs: frozenset[str] = frozenset()) -> Piece:
    """A definition with those of the arguments that differ from its defaults, in the order of its parameters."""
    kept: dict[str, str] = {}
    for name, parameter in library.find(definition).parameters.items():
        if name in arguments:
            default = parameter.default.span.text if parameter.default is not None else None
            if default is None or not _same(arguments[name], default):
                kept[name] = arguments[name]
    assert arguments.keys() <= library.find(definition).parameters.keys(), (definition, arguments)
    return Piece(definition, kept, needs)


def _same(text: str, other: str) -> bool:
    """Two ways of writing one value: `1` and `1.0`."""
    try:
        return float(text) == float(other)
    except ValueError:
        return text == other
