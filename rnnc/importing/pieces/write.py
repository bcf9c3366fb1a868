"""The text of the description: the definitions that it needs, and the cell or network of the call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

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


def write(
    meaning: Meaning,
    call: str,
    name: str,
    functions: Mapping[str, str],
    places: Mapping[int, str],
    parameters: Mapping[str, str],
    spare: Callable[[set[int]], list[str]],
    made: Iterable[Made],
    remarks: Remarks,
    *,
    renamed: bool,
    inline: bool,
) -> Written:
    """The description of a meaning.

    `name` is what the cell or network is called where it has no name of the library, or where it is `renamed`;
    `functions` are texts of functions by name, `places` names of layers, `parameters` those of the network, `spare`
    what its layout says of layers but for these, `made` all layers
    of the text. `inline` writes definitions out that are known in every file.
    """
    head = "".join(f"# {screen(line)}".rstrip() + "\n" for line in call.strip().splitlines())
    parts: list[str] = []
    cells: tuple[Piece, ...] = (meaning,) if isinstance(meaning, Piece) else ()
    if isinstance(meaning, Flow):
        network = Network(reserved=frozenset(parameters))
        output = meaning.build(network, "x")
        named(network, places, made, remarks)
        if "torch" in network.layouts:
            network.layouts["torch"] += spare({id(each.made) for each in network.weights})
        own = ", ".join(f"{key} = {value}" for key, value in parameters.items())

        def written(output: str) -> tuple[dict[str, str], str]:
            """The functions that are called, and all of the text."""
            body = network.text(output)
            called = {key: text for key, text in named_in(body).items() if key not in functions}
            called |= {**functions, **network.functions}
            texts = [library.find(needed).text() for needed in library.closure(network.needs, known=inline)]
            texts.append(f"network {name}{f'({own})' if own else ''} {{\n{body}\n}}\n")
            return called, "\n".join([*called.values(), *texts])

        if dead := unread(network, output):
            _, whole = written(read_too(dead, output))
            network.lines = [line for line in network.lines if line not in dead]
            network.layouts = {key: without(lines, dead) for key, lines in network.layouts.items()}
            _, alone = written(output)
            for key, lines in network.layouts.items():
                lines += arrays_of(key, whole, name, alone)
        functions, text = written(output)
        parts.append(text)
        cells = tuple(network.pieces)
    elif meaning.definition in library.KNOWN_EVERYWHERE and not inline and meaning.scope is None:
        parts += functions.values()
        parts += [library.find(needed).text() for needed in library.closure(meaning.needs, known=inline)]
        parts.append(f"cell {name} = {meaning.text}\n")
    else:
        entry = library.find(meaning.definition)
        scopes = {meaning.layout or "tf": meaning.scope} if meaning.scope is not None else {}
        parts += functions.values()
        needed = library.closure({*meaning.needs, *entry.needs}, known=inline)
        inside = meaning.definition in library.closure(meaning.needs, known=True)  # with its own defaults
        parts += [library.find(each).text() for each in needed if inside or each != meaning.definition]
        own = name if renamed or inside else meaning.definition
        texts = library.renamed(meaning.definition, own, meaning.arguments, scopes)
        texts[own] = declared_input(texts[own], meaning)
        parts += texts.values()
    gap = "\n" if parts[0].startswith('"""') else ""  # the comment is of the whole text, not of that definition
    text = format_source(Source("<imported>", head + gap + "\n".join(parts) + "\n"))
    return Written(text, frozenset(functions), cells)
