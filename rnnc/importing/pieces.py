"""What calls mean, in the words of the language: definitions of the library with arguments, and flows of layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from rnnc.importing import library


@dataclass(frozen=True)
class Piece:
    """A definition of the library with arguments: `LSTM(128, peepholes = true)`."""

    definition: str
    arguments: Mapping[str, str]  # what differs from the definition's defaults, in its own order
    needs: frozenset[str] = frozenset()  # definitions of the library that the arguments name
    scope: str | None = None  # of the variables, where it is another than the definition's layout says
    alias: str | None = None  # what the definition is called where it is written out with another scope

    @property
    def is_network(self) -> bool:
        return library.find(self.definition).word == "network"

    @property
    def everything(self) -> frozenset[str]:
        own = library.find(self.definition).needs if self.alias is not None else (self.definition,)
        return self.needs.union(own)

    @property
    def text(self) -> str:
        """The expression; the first parameter of a cell goes without saying."""
        first = next(iter(library.find(self.definition).parameters), None)
        shown = [value if name == first else f"{name} = {value}" for name, value in self.arguments.items()]
        return f"{self.alias or self.definition}({', '.join(shown)})"


@dataclass
class Network:
    """A network while it is put together: its input, its equations, what they need, and lines of its layouts."""

    inputs: str = "input x[input]"
    is_sequence: bool = True  # what comes out so far
    lines: list[str] = field(default_factory=list[str])
    needs: set[str] = field(default_factory=set[str])
    layouts: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    options: dict[str, str] = field(default_factory=dict[str, str])  # of layouts, as text

    def equation(self, hint: str, value: str) -> str:
        """`hint = value`, under a name that is free; the name."""
        taken = {line.split()[0] for line in self.lines} | {"x"}
        name = next(each for each in (hint, *(f"{hint}{k}" for k in range(2, 1000))) if each not in taken)
        self.lines.append(f"{name} = {value}")
        return name

    def layer(self, cell: Piece, x: str, hint: str = "y") -> str:
        """A layer of a cell."""
        self.needs |= cell.everything
        return self.equation(hint, f"{cell.text}({x})")

    def text(self, output: str) -> str:
        """The statements."""
        blocks = [
            f"layout {name}{f'({self.options[name]})' if name in self.options else ''} {{\n" + "\n".join(lines) + "\n}"
            for name, lines in self.layouts.items()
        ]
        return "\n".join([self.inputs, *self.lines, f"output {output}", *([""] if blocks else []), *blocks])


@dataclass(frozen=True)
class Flow:
    """A layer that is more than a cell over a sequence: `build` adds it behind an expression, and tells its outputs."""

    build: Callable[[Network, str], str]


Meaning = Piece | Flow


def built(meaning: Meaning, network: Network, x: str) -> str:
    """Any layer behind an expression; the expression for its outputs."""
    return meaning.build(network, x) if isinstance(meaning, Flow) else network.layer(meaning, x)


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


def together(pieces: Iterable[Piece]) -> frozenset[str]:
    """The definitions that all of them need."""
    return frozenset(name for each in pieces for name in each.everything)


def _same(text: str, other: str) -> bool:
    """Two ways of writing one value: `1` and `1.0`."""
    try:
        return float(text) == float(other)
    except ValueError:
        return text == other
