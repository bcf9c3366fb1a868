"""Layers whose results nobody reads, `return h[0]` of two layers: no module has them, but files of the text's model
have their arrays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from rnnc.compiler import model_of
from rnnc.diagnostics import DiagnosticError, Source
from rnnc.importing.equations import Line, left_in, names_in
from rnnc.importing.pieces.network import Network


def unread(network: Network, output: str) -> list[Line]:
    """The lines that compute nothing of an output. A layer runs whose states are read."""
    names, left = {*names_in(output)}, {*left_in(output)}
    pending = network.lines
    while now := [each for each in pending if each.family in names or each.runs in left]:
        pending = [each for each in pending if each not in now]
        for each in now:
            names |= names_in(each.value)
            left |= left_in(each.value)
    return pending


def read_too(lines: Iterable[Line], output: str) -> str:
    """The output, and what these lines compute."""
    found: list[str] = []
    for each in lines:
        if not each.is_use:
            found += [f"{each.name}.{side}" for side in ("forward", "backward")] if each.apart else [each.name]
    shown = output if re.match(r"\w+\s*[:,]|\w+$", output) else f"out: {output}"
    return ", ".join([shown, *(f"unread{k}: {each}" for k, each in enumerate(found))])


def arrays_of(layout: str, whole: str, name: str, without: str) -> list[str]:
    """How a layout says of the arrays that one network has, and another of this name has not, that they mean nothing;
    of none where the text of one is no description."""
    try:
        had, kept = (_arrays(text, name, layout) for text in (whole, without))
    except DiagnosticError:
        return []
    return unused({array: shape for array, shape in had.items() if array not in kept})


def unused(arrays: Mapping[str, Sequence[str]]) -> list[str]:
    """How a layout says that these arrays mean nothing."""
    return [f'"{name}" = unused([{", ".join(shape)}])' for name, shape in arrays.items()]


def arrays_alone(layout: str, text: str, name: str, wide: str | None) -> list[str]:
    """The same of all arrays of a network, whose input is so wide; of none where their sizes are not known."""
    try:
        found = _arrays(text, name, layout)
    except DiagnosticError:
        return []
    shapes = {array: [str(wide) if size == "input" else size for size in shape] for array, shape in found.items()}
    are_known = all(size.isdigit() for shape in shapes.values() for size in shape)
    return unused(shapes) if are_known else []


def _arrays(text: str, name: str, layout: str) -> dict[str, list[str]]:
    """The shapes of a layout's arrays, by their names."""
    layouts = [each for each in model_of(Source("<imported>", text), name).layouts if each.name == layout]
    return {array.name: [str(size) for size in array.shape] for each in layouts for array in each.arrays}


def without(layouts: Sequence[str], lines: Iterable[Line]) -> list[str]:
    """The lines of a layout that are of none of these layers."""
    names = {each.family for each in lines}
    return [each for each in layouts if names.isdisjoint(names_in(re.sub(r'"[^"]*"', "", each)))]
