"""The text of a definition as a page shows it: with the definitions of its file that it needs, without layouts."""

from __future__ import annotations

import re
from dataclasses import replace

from rnnc.diagnostics import Source
from rnnc.syntax import ast
from rnnc.syntax.parse import parse
from rnnc.syntax.walk import names_in


def shown_source(source: Source, name: str) -> tuple[str, bool]:
    """The text of definition `name` and, before it, of those in the file that it is made of; and whether layouts of
    weights were left out. Docstrings are left out, too."""
    definitions = {d.name: d for d in parse(source).definitions if not isinstance(d, ast.Import)}
    wanted: dict[str, None] = {}
    _collect(name, definitions, wanted)
    texts: list[str] = []
    without = False
    for each in wanted:
        text, shortened = _without_layouts(definitions[each])
        texts.append(text)
        without = without or shortened
    return "\n\n".join(texts) + "\n", without


def without_layouts(definition: ast.Definition) -> ast.Definition:
    """What a definition means for numbers: no docstring, and nothing of how weights are arranged elsewhere."""
    if isinstance(definition, ast.Cell | ast.Network):
        return replace(definition, body=tuple(s for s in definition.body if not _is_layout(s)), doc=None)
    return replace(definition, doc=None) if isinstance(definition, ast.Fn | ast.Variant) else definition


def _collect(
    name: str, definitions: dict[str, ast.Fn | ast.Cell | ast.Variant | ast.Network], found: dict[str, None]
) -> None:
    """Definitions behind those that they need."""
    waiting = [(name, False)]
    open_: set[str] = set()
    while waiting:
        current, ready = waiting.pop()
        if ready:
            found.setdefault(current)
        elif current in definitions and current not in open_:
            open_.add(current)
            waiting.append((current, True))
            waiting += [(n, False) for n in reversed(list(dict.fromkeys(names_in(definitions[current]))))]


def _without_layouts(definition: ast.Definition) -> tuple[str, bool]:
    """The text, but not what says how weights are arranged elsewhere."""
    span = definition.span
    text = span.text
    body = definition.body if isinstance(definition, ast.Cell | ast.Network) else ()
    cuts = [s.span for s in body if _is_layout(s)]
    for cut in reversed(cuts):
        text = text[: cut.start - span.start].rstrip(" ") + text[cut.end - span.start :]
    if cuts:
        text = re.sub(r"\n\s*#[^\n]*(?=\n\s*\n*\})", "", text)  # what was said of them
        text = re.sub(r"\n(?:[ \t]*\n)+", "\n\n", text)
        text = re.sub(r"\n+\}\s*$", "\n}", text)
    return text, bool(cuts)


def _is_layout(s: ast.Statement) -> bool:
    """A layout, or a choice of nothing but layouts."""
    match s:
        case ast.Layout():
            return True
        case ast.If(_, body, orelse):
            return bool(body) and all(map(_is_layout, (*body, *orelse)))
        case ast.For(_, _, body):
            return bool(body) and all(map(_is_layout, body))
        case _:
            return False
