"""The text of the description: the definitions that it needs, and the cell or network of the call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from itertools import chain

from rnnc.diagnostics import Source
from rnnc.importing.formulas.written import named_in
from rnnc.importing.pieces import library
from rnnc.importing.pieces.alive import arrays_of, read_too, unread, without
from rnnc.importing.pieces.further import declared_input
from rnnc.importing.pieces.layouts import named
from rnnc.importing.pieces.network import Flow, Meaning, Network
from rnnc.importing.pieces.pieces import Piece
from rnnc.importing.python.values import Made, Remarks
from rnnc.render import screen
from rnnc.syntax.printing.format import format_source


@dataclass(frozen=True)
class Written:
    """A description in the standard form, the functions written out in it, and the cells that it is made of."""

    text: str
    functions: frozenset[str]
    cells: tuple[Piece, ...]


@dataclass(frozen=True)
class Writer:
    """What a description is written with, beside its meaning.

    `name` is what the cell or network is called where it has no name of the library, or where it is `renamed`;
    `functions` are texts of functions by name, `places` names of layers, `parameters` those of the network, `spare`
    what its layout says of the layers but for these, `made` all layers of the text. `inline` writes definitions out
    that are known in every file.
    """

    name: str
    functions: Mapping[str, str]
    places: Mapping[int, str]
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    spare: Callable[[set[int]], list[str]] = lambda _: []
    made: Iterable[Made] = ()
    remarks: Remarks = field(default_factory=Remarks)
    renamed: bool = False
    inline: bool = False

    def written(self, meaning: Meaning, call: str = "") -> Written:
        """The description, below the text of the call."""
        if isinstance(meaning, Flow):
            functions, cells, text = self._network(meaning)
        else:
            functions, cells, text = self.functions, [meaning], self._cell(meaning)
        head = "".join(f"# {screen(line)}".rstrip() + "\n" for line in call.strip().splitlines())
        gap = "\n" if text.startswith('"""') else ""  # the comment is of the whole text, not of that definition
        return Written(format_source(Source("<imported>", head + gap + text)), frozenset(functions), tuple(cells))

    def _network(self, flow: Flow) -> tuple[Mapping[str, str], list[Piece], str]:
        """The functions of a network, its cells, and all of the text, of which a layout has what nothing reads, too."""
        network = Network(reserved=frozenset(self.parameters))
        output = flow.build(network, "x")
        named(network, self.places, self.made, self.remarks)
        if "torch" in network.layouts:
            network.layouts["torch"] += self.spare({id(each.made) for each in network.weights})
        if dead := unread(network, output):
            _, whole = self._body(network, read_too(dead, output))
            network.lines = [line for line in network.lines if line not in dead]
            network.layouts = {key: without(lines, dead) for key, lines in network.layouts.items()}
            _, alone = self._body(network, output)
            for key, lines in network.layouts.items():
                lines += arrays_of(key, whole, self.name, alone)
        functions, text = self._body(network, output)
        return functions, network.pieces, text

    def _body(self, network: Network, output: str) -> tuple[Mapping[str, str], str]:
        """The functions that are called, and all of the text."""
        body = network.text(output)
        called = {key: text for key, text in named_in(body).items() if key not in self.functions}
        called |= {**self.functions, **network.functions}
        own = ", ".join(f"{key} = {value}" for key, value in self.parameters.items())
        header = f"network {self.name}{f'({own})' if own else ''}"
        return called, _together(called.values(), self._library(network.needs), [f"{header} {{\n{body}\n}}\n"])

    def _cell(self, cell: Piece) -> str:
        """All of the text of a cell: a name for a call of it, or its definition with other defaults."""
        functions = self.functions.values()
        if cell.definition in library.KNOWN_EVERYWHERE and not self.inline and cell.scope is None:
            return _together(functions, self._library(cell.needs), [f"cell {self.name} = {cell.text}\n"])
        inside = cell.definition in library.closure(cell.needs, known=True)  # with its own defaults
        but = frozenset[str]() if inside else {cell.definition}
        needed = self._library({*cell.needs, *library.find(cell.definition).needs}, but)
        scopes = {cell.layout or "tf": cell.scope} if cell.scope is not None else {}
        own = self.name if self.renamed or inside else cell.definition
        texts = library.renamed(cell.definition, own, cell.arguments, scopes)
        texts[own] = declared_input(texts[own], cell)
        return _together(functions, needed, texts.values())

    def _library(self, needs: Iterable[str], but: Set[str] = frozenset()) -> list[str]:
        """The definitions of the library that are written out, in its order."""
        return [library.find(each).text() for each in library.closure(needs, known=self.inline) if each not in but]


def _together(*texts: Iterable[str]) -> str:
    return "\n".join(chain(*texts)) + "\n"
