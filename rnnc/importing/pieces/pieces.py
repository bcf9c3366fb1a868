"""What calls mean, in the words of the language: definitions of the library with arguments, and the cells of layers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rnnc.importing.pieces import library
from rnnc.importing.pieces.outputs import width_of


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
    def inside(self) -> list[Piece]:
        """The cells among its arguments."""
        return [cell for cells in self.cells.values() for cell in cells]

    @property
    def needs(self) -> frozenset[str]:
        """The definitions of the library that the arguments name."""
        return frozenset(name for cell in self.inside for name in cell.everything)

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


Value = str | Piece | list[Piece]


def piece(definition: str, values: Mapping[str, Value]) -> Piece:
    """A definition with those of the arguments that differ from its defaults, in the order of its parameters; the cells
    in it know how wide their inputs are, where that is told."""
    values = {name: _entered_in(definition, values, value) for name, value in values.items()}
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
# Parameters that say how wide outputs are, and the inputs of the cells inside.
OUTPUTS = {"OutputProjection": "size", "Attention": "size", "ProjectedIntersectionRNN": "units"}
INSIDE = {"InputProjection": "size", "Attention": "project", "Embedding": "size"}


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


def output_of(cell: Piece) -> str | None:
    """How wide the output is, where the arguments tell."""
    if (told := cell.arguments.get(OUTPUTS.get(cell.definition, ""))) is not None:
        return told
    inner = cell.cells.get("inner") or cell.cells.get("cells")
    if inner:
        return output_of(inner[-1])
    return width_of(cell.definition, cell.arguments) if not cell.cells else None


def entered(cell: Piece, wide: str | None) -> Piece:
    """The cell, behind what is so wide. Of the intersection RNN that decides whether there is a product before it,
    which nobody can say where it stands inside of others."""
    if wide is None or not wide.isdigit() or cell.instance is not None:
        return cell
    if cell.definition == "ProjectedIntersectionRNN":
        rest = {name: value for name, value in cell.arguments.items() if name != "always"}
        definition = "IntersectionRNN" if wide == cell.arguments["units"] else cell.definition
        return replace(cell, definition=definition, arguments=rest)
    found = cell
    for name in HANDS_ON.get(cell.definition, ()):
        first, *others = cell.cells[name]
        inner = (entered(first, wide), *others)
        if inner[0] is not first and not (cell.definition == "Attention" and "project" in cell.arguments):
            is_list = cell.arguments[name].startswith("[")
            text = _text([*inner]) if is_list else inner[0].text
            found = replace(found, cells={**found.cells, name: inner}, arguments={**found.arguments, name: text})
    return found


def _entered_in(definition: str, values: Mapping[str, Value], value: Value) -> Value:
    """The cells that an argument holds, behind what they stand behind."""
    if isinstance(value, Piece):
        told = values.get(INSIDE.get(definition, ""))
        wide = output_of(value) if definition in AS_WIDE_AS else told if isinstance(told, str) else None
        return entered(value, wide)
    if isinstance(value, str) or definition not in ("Multi", "MultiCell"):
        return value
    cells: list[Piece] = []
    for each in value:
        cells.append(entered(each, output_of(cells[-1])) if cells else each)
    return cells


@dataclass(frozen=True)
class Recurrence:
    """What a call of a library runs: of every layer the cells of its directions, and what stands between layers."""

    layers: tuple[tuple[Piece, ...], ...]
    rate: float = 0.0  # of the dropout between layers
    merge: Callable[[str, str], str] = "concat({}, {})".format  # of the outputs of both directions
    backwards: bool = False  # it begins with the last step, and gives that first
    sequences: bool = True
    steps_first: bool | None = None

    @property
    def width(self) -> str | None:
        """How many features come out, where that is known."""
        sizes = [output_of(cell) or "" for cell in self.layers[-1]]
        if len(sizes) == 1:
            return sizes[0] or None
        is_joined = self.merge("1", "2") == "concat(1, 2)" and all(size.isdigit() for size in sizes)
        return str(sum(map(int, sizes))) if is_joined else None


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
