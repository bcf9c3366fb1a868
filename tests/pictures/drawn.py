"""Every definition of examples/ with options with which it compiles: what the tests of pictures go through."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from rnnc.diagnostics import Diagnostic
from rnnc.pictures.description import Description
from rnnc.syntax import ast
from rnnc.syntax.parse import parse
from rnnc.syntax.source import read_source, source_from_text
from tests.support.examples import OPTIONS

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
INNER = {"inner": "LSTM(3)"}
MORE = {
    "bidirectional:TimeReversed": INNER,
    "mamba:S6": {"units": "2", "N": "3"},
    "multi:SharedLayers": INNER,
    "wrappers:InputProjection": {**INNER, "size": "4"},
    "wrappers:OutputProjection": {**INNER, "size": "4"},
    "wrappers:Highway": INNER,
}


def names() -> Iterator[str]:
    """`FILE:NAME` of every cell and network."""
    for path in sorted(EXAMPLES.glob("*.rnn")):
        for definition in parse(read_source(path)).definitions:
            if isinstance(definition, ast.Cell | ast.Network | ast.Variant):
                yield f"{path.stem}:{definition.name}"


@cache
def example(full: str) -> Description:
    """The description of one definition of examples/."""
    file, _, name = full.partition(":")
    options = MORE.get(full) or OPTIONS.get(full) or OPTIONS.get(file) or {}
    return Description(read_source(EXAMPLES / f"{file}.rnn"), name, options)


def described(text: str, **options: object) -> Description:
    """The description of a text."""
    return Description(source_from_text("<test>", text), None, options)


__all__ = ["Diagnostic", "described", "example", "names"]
