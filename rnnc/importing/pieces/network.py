"""A network of layers while it is put together, and what each of them adds to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rnnc.importing.equations import Built, Equations
from rnnc.importing.pieces.further import declaration, further_inputs, given
from rnnc.importing.pieces.pieces import Piece, input_of
from rnnc.importing.python.values import Made


@dataclass(frozen=True)
class Weights:
    """Those of a layer: arrays by the library's names, cells by their equations with the scopes inside of the layer,
    and of a recurrence with their layers and directions."""

    made: Made
    arrays: Mapping[str, str]
    scopes: Mapping[str, str]
    layers: tuple[tuple[str, int, str], ...]
    reference: str | None  # the call that makes such a layer, as layouts have it; "" where it computes nothing

    @property
    def are_there(self) -> bool:
        """Whether the layer has any."""
        return bool(self.arrays or self.scopes or self.layers)


@dataclass
class Network(Equations):
    """The equations of layers, the definitions that they need, and lines of the network's layouts."""

    is_sequence: bool = True  # what comes out so far
    alone: bool = True  # it is one layer, whose variables have no other scope in front of theirs
    pieces: list[Piece] = field(default_factory=list[Piece])  # the cells in its lines
    layouts: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    options: dict[str, str] = field(default_factory=dict[str, str])  # of layouts, as text
    # of the layer that is put in: its arrays by the library's names, and the scopes inside of it that cells have
    arrays: dict[str, str] = field(default_factory=dict[str, str])
    scopes: dict[str, str] = field(default_factory=dict[str, str])
    reference: str | None = None  # the call that makes such a layer, where one can be compared with it
    weights: list[Weights] = field(default_factory=list["Weights"])  # of all layers so far
    is_row: bool = False  # its layers stand one behind the other, and nothing else
    steps: int | None = None  # how many there are, where a text tells
    repeats: bool = False  # what comes out so far is one value, which is to stand at every step
    width: str | None = None  # how many features it has, where that is known
    now: Built | None = None  # what the layer that is put in is given; what its last layer gives, where it has several

    @property
    def needs(self) -> frozenset[str]:
        """The definitions of the library that its lines name."""
        return frozenset(name for cell in self.pieces for name in cell.everything)

    def layer(self, cell: Piece, x: str, hint: str = "y") -> str:
        """A layer of a cell."""
        self.use(cell, x)
        y = self.run(hint, cell.text, given(cell, x))
        self.scopes[y] = ""
        return y

    def instance(self, cell: Piece) -> str:
        """A name for a cell that the network has once, whoever calls it."""
        return self.named("one", cell.text)

    def told(self, made: Made, layers: Sequence[tuple[str, int, str]] = ()) -> None:
        """A layer is put in: what it has left in `arrays` and `scopes`, and the layers of a recurrence, are its own."""
        self.weights.append(Weights(made, {**self.arrays}, {**self.scopes}, tuple(layers), self.reference))
        self.arrays.clear()
        self.scopes.clear()
        self.reference = None

    def use(self, cell: Piece, x: str, *, written: bool = False) -> None:
        """A cell stands behind an expression: what it needs, and how wide it wants the input. `written`: what it is
        stands there, and it is not called."""
        self.pieces += cell.inside if written else [cell]
        wanted = input_of(cell)
        if x in self.inputs and (wanted is not None or further_inputs(cell)):
            axes = wanted or re.sub(r"^\w+", "", self.inputs[x])
            self.inputs[x] = declaration(cell, axes, x)

    def text(self, output: str) -> str:
        """The statements."""
        blocks = [
            f"layout {name}{f'({self.options[name]})' if name in self.options else ''} {{\n" + "\n".join(lines) + "\n}"
            for name, lines in self.layouts.items()
        ]
        inputs = [f"input {declared}" for declared in self.inputs.values()]
        lines = [line.text for line in self.lines]
        return "\n".join([*inputs, *lines, f"output {output}", *([""] if blocks else []), *blocks])


@dataclass(frozen=True)
class Flow:
    """A layer that is more than a cell over a sequence: `build` adds it behind an expression, and tells its outputs."""

    build: Callable[[Network, str], str]


Meaning = Piece | Flow


def built(meaning: Meaning, network: Network, x: str) -> str:
    """Any layer behind an expression; the expression for its outputs."""
    return meaning.build(network, x) if isinstance(meaning, Flow) else network.layer(meaning, x)
