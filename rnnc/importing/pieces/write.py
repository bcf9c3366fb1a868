"""The text of the description: the definitions that it needs, and the cell or network of the call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from rnnc.diagnostics import Source
from rnnc.importing.formulas.written import named_in
from rnnc.importing.pieces import library
from rnnc.importing.pieces.alive import arrays_of, read_too, unread, without
from rnnc.importing.pieces.further import declared_input
from rnnc.importing.pieces.layouts import named
from rnnc.importing.pieces.network import Flow, Meaning, Network
from rnnc.importing.python.values import Made, Remarks
from rnnc.render import screen
from rnnc.syntax.printing.format import format_source


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
) -> str:
    """A description in the standard form.

    `name` is what the cell or network is called where it has no name of the library, or where it is `renamed`;
    `functions` are texts of functions by name, `places` names of layers, `parameters` those of the network, `spare`
    what its layout says of layers but for these, `made` all layers
    of the text. `inline` writes definitions out that are known in every file.
    """
    head = "".join(f"# {screen(line)}".rstrip() + "\n" for line in call.strip().splitlines())
    parts: list[str] = []
    if isinstance(meaning, Flow):
        network = Network(reserved=frozenset(parameters))
        output = meaning.build(network, "x")
        named(network, places, made, remarks)
        if "torch" in network.layouts:
            network.layouts["torch"] += spare({id(each.made) for each in network.weights})
        own = ", ".join(f"{key} = {value}" for key, value in parameters.items())

        def written(output: str) -> list[str]:
            body = network.text(output)
            there = {**functions, **network.functions}
            texts = [text for key, text in named_in(body).items() if key not in functions]
            texts += there.values()
            texts += [library.find(needed).text() for needed in library.closure(network.needs, known=inline)]
            return [*texts, f"network {name}{f'({own})' if own else ''} {{\n{body}\n}}\n"]

        if dead := unread(network, output):
            whole = "\n".join(written(read_too(dead, output)))
            network.lines = [line for line in network.lines if line not in dead]
            network.layouts = {key: without(lines, dead) for key, lines in network.layouts.items()}
            alone = "\n".join(written(output))
            for key, lines in network.layouts.items():
                lines += arrays_of(key, whole, name, alone)
        parts += written(output)
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
    return format_source(Source("<imported>", head + gap + "\n".join(parts) + "\n"))
