"""What calls mean, in the words of the language: definitions of the library with arguments, and flows of layers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rnnc.importing.pieces import library
from rnnc.importing.pieces.further import declaration, further_inputs, given, handing_on
from rnnc.importing.pieces.outputs import width_of

if TYPE_CHECKING:
    from rnnc.importing.python.values import Built, Made


@dataclass(frozen=True)
class Piece:
    """A definition of the library with arguments: `LSTM(128, peepholes = true)`."""

    definition: str
    arguments: Mapping[str, str]  # what differs from the definition's defaults, in its own order
    cells: Mapping[str, tuple[Piece, ...]] = field(default_factory=dict[str, "tuple[Piece, ...]"])  # among them
    scope: str | None = None  # of the variables, where it is another than the definition's layout says
    layout: str | None = None  # of the definition's layouts the one that the library has, where that is not `tf`
    alias: str | None = None  # what the definition is called where it is written out with another scope or layout
    instance: str | None = None  # what stands for it where it has one set of weights in several places
    wide: str | None = None  # how wide its input is, where its arguments do not tell
    wider: int = 0  # by how much the input is wider than the output of the cell inside, where that is so

    @property
    def is_network(self) -> bool:
        return library.find(self.definition).word == "network"

    @property
    def needs(self) -> frozenset[str]:
        """The definitions of the library that the arguments name."""
        return frozenset(name for cells in self.cells.values() for cell in cells for name in cell.everything)

    @property
    def everything(self) -> frozenset[str]:
        """Those, and the definition itself."""
        own = library.find(self.definition).needs if self.alias is not None else (self.definition,)
        return self.needs.union(own)

    @property
    def text(self) -> str:
        """The expression; the first parameter of a cell goes without saying."""
        if self.instance is not None:
            return self.instance
        first = next(iter(library.find(self.definition).parameters), None)
        shown = [value if name == first else f"{name} = {value}" for name, value in self.arguments.items()]
        return f"{self.alias or self.definition}({', '.join(shown)})"


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
class Network:
    """A network while it is put together: its input, its equations, what they need, and lines of its layouts."""

    inputs: dict[str, str] = field(default_factory=lambda: {"x": "x[input]"})  # by name, as they are declared
    is_sequence: bool = True  # what comes out so far
    reserved: frozenset[str] = frozenset()  # names of parameters
    alone: bool = True  # it is one layer, whose variables have no other scope in front of theirs
    lines: list[str] = field(default_factory=list[str])
    needs: set[str] = field(default_factory=set[str])
    layouts: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    options: dict[str, str] = field(default_factory=dict[str, str])  # of layouts, as text
    functions: dict[str, str] = field(default_factory=dict[str, str])  # that the language does not have, as text
    # of the layer that is put in: its arrays by the library's names, and the scopes inside of it that cells have
    arrays: dict[str, str] = field(default_factory=dict[str, str])
    scopes: dict[str, str] = field(default_factory=dict[str, str])
    reference: str | None = None  # the call that makes such a layer, where one can be compared with it
    weights: list[Weights] = field(default_factory=list["Weights"])  # of all layers so far
    is_row: bool = False  # its layers stand one behind the other, and nothing else
    steps: int | None = None  # how many there are, where a text tells
    repeats: bool = False  # what comes out so far is one value, which is to stand at every step
    width: str | None = None  # how many features it has, where that is known
    sizes: dict[str, str] = field(default_factory=dict[str, str])  # how long axes of inputs are that have names
    now: Built | None = None  # what the layer that is put in is given; what its last layer gives, where it has several

    def equation(self, hint: str, value: str) -> str:
        """`hint = value`, under a name that is free; the name."""
        taken = {line.split()[0] for line in self.lines} | self.inputs.keys() | self.reserved
        name = next(each for each in (hint, *(f"{hint}{k}" for k in range(2, 1000))) if each not in taken)
        self.lines.append(f"{name} = {value}")
        return name

    def layer(self, cell: Piece, x: str, hint: str = "y") -> str:
        """A layer of a cell."""
        self.use(cell, x)
        y = self.equation(hint, f"{cell.text}({given(cell, x)})")
        self.scopes[y] = ""
        return y

    def instance(self, cell: Piece) -> str:
        """A name for a cell that the network has once, whoever calls it."""
        return self.named("one", cell.text)

    def named(self, hint: str, layer: str) -> str:
        """`use hint = layer`, under a name that is free; the name."""
        taken = {part for line in self.lines for part in line.split()[:2]} | self.inputs.keys() | self.reserved
        name = next(each for each in (hint, *(f"{hint}{k}" for k in range(2, 1000))) if each not in taken)
        self.lines.append(f"use {name} = {layer}")
        return name

    def told(self, made: Made, layers: Sequence[tuple[str, int, str]] = ()) -> None:
        """A layer is put in: what it has left in `arrays` and `scopes`, and the layers of a recurrence, are its own."""
        self.weights.append(Weights(made, {**self.arrays}, {**self.scopes}, tuple(layers), self.reference))
        self.arrays.clear()
        self.scopes.clear()
        self.reference = None

    def use(self, cell: Piece, x: str) -> None:
        """A cell stands behind an expression: what it needs, and how wide it wants the input."""
        self.needs |= cell.everything
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
        return "\n".join([*inputs, *self.lines, f"output {output}", *([""] if blocks else []), *blocks])


@dataclass(frozen=True)
class Flow:
    """A layer that is more than a cell over a sequence: `build` adds it behind an expression, and tells its outputs."""

    build: Callable[[Network, str], str]


Meaning = Piece | Flow


def built(meaning: Meaning, network: Network, x: str) -> str:
    """Any layer behind an expression; the expression for its outputs."""
    return meaning.build(network, x) if isinstance(meaning, Flow) else network.layer(meaning, x)


Value = str | Piece | list[Piece]


def piece(definition: str, values: Mapping[str, Value]) -> Piece:
    """A definition with those of the arguments that differ from its defaults, in the order of its parameters."""
    arguments = {name: _text(value) for name, value in values.items()}
    cells = {name: _cells(value) for name, value in values.items() if not isinstance(value, str)}
    kept: dict[str, str] = {}
    for name, parameter in library.find(definition).parameters.items():
        if name in arguments:
            default = parameter.default.span.text if parameter.default is not None else None
            if default is None or not _same(arguments[name], default):
                kept[name] = arguments[name]
    assert arguments.keys() <= library.find(definition).parameters.keys(), (definition, arguments)
    return Piece(definition, kept, cells)


# Definitions whose input is as wide as the output of a cell inside, or as their own, and those that hand it on to one,
# or to several.
AS_WIDE_AS = {"Residual": "inner", "ResidualBy": "inner", "Highway": "inner", "SharedLayers": "inner"}
AS_WIDE_AS_UNITS = frozenset(("IntersectionRNN", "SkipInputLSTM", "SkipInputGRU", "SkipInputRNN"))
HANDS_ON = {
    "Dropout": ("inner",), "OutputProjection": ("inner",), "Attention": ("inner",), "TimeReversed": ("inner",),
    "Multi": ("cells",), "MultiCell": ("cells",), "Bidirectional": ("fw", "bw"), "SharedBidirectional": ("inner",),
    "StackedBidirectional": ("fw", "bw"),
}  # fmt: skip
OUTPUTS = {"OutputProjection": "size", "Attention": "size"}  # parameters that say how wide outputs are


def input_of(cell: Piece) -> str | None:
    """The axes of the input and its type, `[5]`, `[row, col, channel]` or `[]: int`; None where it is one axis whose
    size is left to whoever uses the cell."""
    if cell.wide is not None:
        return f"[{cell.wide}]"
    if cell.definition in AS_WIDE_AS:
        one = cell.cells[AS_WIDE_AS[cell.definition]][0]
        *axes, _ = (input_of(one) or "[input]").strip("[]").split(", ")
        wide = output_of(one)
        return f"[{', '.join([*axes, wide])}]" if wide is not None else None
    if "same" in cell.arguments and (wide := behind_itself(cell.cells["cells"], json.loads(cell.arguments["same"]))):
        return f"[{wide}]"
    if cell.definition in AS_WIDE_AS_UNITS:
        return f"[{cell.arguments['units']}]"
    if cell.definition == "Attention" and "project" in cell.arguments:
        return None
    inner = [input_of(cell.cells[name][0]) for name in HANDS_ON.get(cell.definition, ())]
    return next((found for found in inner if found is not None), library.find(cell.definition).takes)


def behind_itself(cells: Sequence[Piece], same: Sequence[int]) -> str | None:
    """How wide the input of layers is whose first one also runs behind another, where the arguments tell; `same` are
    the places of the layers whose weights they have."""
    before = [cells[k - 1] for k in range(1, len(cells)) if same[k] == 0]
    return output_of(before[0]) if before else None


def declared_input(text: str, cell: Piece) -> str:
    """The text of a definition with the input that the cells inside of it want, and for the states that they have."""
    text, wanted = handing_on(text, cell), input_of(cell)
    if cell.wider:
        return text.replace("input x[inner.output.size]", f"input x[inner.output.size + {cell.wider}]")
    if cell.definition == "Attention" and "Attention" in cell.needs:  # one of its states inside is a matrix
        text = text.replace("concat(f.states')", "concat(merge(s) for s in f.states')")
    if wanted is None:
        return text
    axes = re.search(r"(?<=input x)\[[^\]\n]*\](?=\n)", text)
    if axes is None:
        return text
    before, after = text[: axes.start()], text[axes.end() :]
    if axes[0] == "[input]" and re.search(r"\binput\b", re.sub(r'"[^"]*"', "", after)):  # a size that it goes on with
        start = before.rindex("input x")
        return f"{before[:start]}let input = {wanted.strip('[]')}\n{before[start:]}{axes[0]}{after}"
    return f"{before}{wanted}{after}"


def output_of(cell: Piece) -> str | None:
    """How wide the output is, where the arguments tell."""
    if (told := cell.arguments.get(OUTPUTS.get(cell.definition, ""))) is not None:
        return told
    inner = cell.cells.get("inner") or cell.cells.get("cells")
    if inner:
        return output_of(inner[-1])
    return width_of(cell.definition, cell.arguments) if not cell.cells else None


def _text(value: Value) -> str:
    match value:
        case str():
            return value
        case Piece():
            return value.text
        case _:
            return f"[{', '.join(each.text for each in value)}]"


def _cells(value: Piece | list[Piece]) -> tuple[Piece, ...]:
    return (value,) if isinstance(value, Piece) else tuple(value)


def _same(text: str, other: str) -> bool:
    """Two ways of writing one value: `1` and `1.0`."""
    try:
        return float(text) == float(other)
    except ValueError:
        return text == other
