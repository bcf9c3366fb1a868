"""The library of cells that comes with rnnc (`examples/`): where a definition stands, its text, and what it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from rnnc.diagnostics import Source
from rnnc.resources import resource_text
from rnnc.syntax import ast
from rnnc.syntax.parse import parse
from rnnc.syntax.walk import names_in

# Those that are known in every file come first; their text is written out only where it is asked for.
_FILES = """
    rnn gru lstm basic_lstm lstm_block coupled_lstm layer_norm_lstm weight_norm_lstm nas ugrnn intersection_rnn
    phased_lstm conv_lstm group_lstm sru indrnn time_freq_lstm grid_lstm attention wrappers residual dropout
    multi bidirectional
"""
FILES = tuple(_FILES.split())
KNOWN_EVERYWHERE = frozenset({"RNN", "GRU", "LSTM"})

Body = ast.Fn | ast.Cell | ast.Variant | ast.Network


@dataclass(frozen=True)
class Entry:
    """A definition of the library: its tree, its documentation, and the definitions that it names."""

    node: Body
    doc: str | None
    needs: tuple[str, ...]

    @property
    def parameters(self) -> Mapping[str, ast.Parameter]:
        return {parameter.name: parameter for parameter in self.node.parameters}

    @property
    def word(self) -> str:
        """What the language calls it: "cell", "network" or "fn"."""
        return "cell" if isinstance(self.node, ast.Variant) else type(self.node).__name__.lower()

    def text(self, name: str | None = None, bound: Mapping[str, str] | None = None) -> str:
        """The text of the definition, under another name and with other defaults where they are given."""
        span = self.node.span
        head = span.start + span.text.index(self.node.name, len(self.word))
        edits = [(head, head + len(self.node.name), name or self.node.name)]
        for parameter, value in (bound or {}).items():
            node = self.parameters[parameter]
            if node.default is None:
                edits.append((node.span.end, node.span.end, f" = {value}"))
            else:
                edits.append((node.default.span.start, node.default.span.end, value))
        doc = f'"""{self.doc}"""\n' if self.doc is not None else ""
        return doc + _edited(span.source.text, span.start, span.end, edits)


def find(name: str) -> Entry:
    """A definition of the library. Raises KeyError."""
    return _entries()[name]


def defines(name: str) -> bool:
    return name in _entries()


def scopes(name: str) -> dict[str, list[str]]:
    """The statements of the layouts of a network that name the scopes of its layers, as text, by layout."""
    layouts = [statement for statement in find(name).node.body if isinstance(statement, ast.Layout)]  # type: ignore
    return {layout.name: [statement.span.text for statement in layout.body] for layout in layouts}


def closure(names: Iterable[str], *, known: bool) -> list[str]:
    """The definitions that these need, themselves included, in the order of the library; those that are known in every
    file only if `known`."""
    entries = _entries()
    wanted: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in wanted and (known or name not in KNOWN_EVERYWHERE):
            wanted.add(name)
            pending += entries[name].needs
    return [name for name in entries if name in wanted]


@lru_cache(maxsize=1)
def _entries() -> dict[str, Entry]:
    """All definitions by name. The documentation of a file is that of its first cell, if that has none of its own."""
    files = [parse(Source(f"{name}.rnn", resource_text(f"examples/{name}.rnn"))) for name in FILES]
    bodies = [(file, [d for d in file.definitions if not isinstance(d, ast.Import)]) for file in files]
    names = {definition.name for _, definitions in bodies for definition in definitions}
    found: dict[str, Entry] = {}
    for file, definitions in bodies:
        first = next(definition for definition in definitions if not isinstance(definition, ast.Fn))
        for definition in definitions:
            doc = definition.doc or (file.doc if definition is first else None)
            needs = tuple(sorted(names & set(names_in(definition)) - {definition.name}))
            assert definition.name not in found, f"{definition.name} stands twice in the library"
            found[definition.name] = Entry(definition, doc, needs)
    return found


def _edited(text: str, start: int, end: int, edits: list[tuple[int, int, str]]) -> str:
    """The characters [start, end) of a text with some stretches of them replaced."""
    parts: list[str] = []
    for first, last, new in sorted(edits):
        parts += [text[start:first], new]
        start = last
    return "".join([*parts, text[start:end]])
