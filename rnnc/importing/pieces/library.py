"""The library of cells that comes with rnnc (`examples/`): where a definition stands, its text, and what it needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
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
    lstm_variants minimal_rnn cfn phased_lstm conv_lstm strided_conv_lstm group_lstm sru indrnn time_freq_lstm
    grid_lstm attention wrappers residual dropout variational skip_input multi bidirectional
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

    @property
    def base(self) -> str | None:
        """The definition whose layout `tf` a variant has, where that is not its own."""
        changed = self.node.base if isinstance(self.node, ast.Variant) else None
        call = changed.base if isinstance(changed, ast.With) and not any(self.layouts_of("tf")) else None
        return call.function.id if isinstance(call, ast.Call) and isinstance(call.function, ast.Name) else None

    @property
    def input_names(self) -> tuple[str, ...]:
        """The inputs that a body declares itself; none of what inherits them."""
        return tuple(item.name for item in self._inputs)

    @property
    def takes(self) -> str | None:
        """The axes of a body's only input and its type, where that is no vector: `[row, col, channel]`, `[]: int`."""
        inputs = self._inputs
        if len(inputs) != 1 or len(inputs[0].axes) == 1:
            return None
        axes = ", ".join(axis.span.text for axis in inputs[0].axes)
        return f"[{axes}]: int" if inputs[0].dtype == "int" else f"[{axes}]"

    @property
    def _inputs(self) -> list[ast.Declared]:
        body = self.node.body if isinstance(self.node, ast.Cell | ast.Network) else ()
        return [item for s in body if isinstance(s, ast.Declaration) and s.kind == "input" for item in s.items]

    def scopes_of(self, layout: str) -> list[ast.String]:
        """Where the layouts of that name say what scope their variables have."""
        return [value for value in self._options(layout, "scope") if isinstance(value, ast.String)]

    def _reference_ends(self, layout: str) -> list[int]:
        """Where the arguments end of the cells of TensorFlow that layouts of that name are compared with."""
        calls = (value.span for value in self._options(layout, "reference"))
        return [span.end - 1 for span in calls if span.text.startswith("tf.nn.rnn_cell.")]

    def _renamed(self, layout: str, name: str) -> Iterator[tuple[int, int, str]]:
        """The edits that give the layouts of that name another one."""
        for each in self.layouts_of(layout):
            start = each.span.start + each.span.text.index(layout, len("layout"))
            yield start, start + len(layout), name

    def _options(self, layout: str, option: str) -> list[ast.Expr]:
        """The values of an option in the layouts of that name."""
        return [each.value for one in self.layouts_of(layout) for each in one.options if each.name == option]

    def layouts_of(self, name: str) -> Iterator[ast.Layout]:
        node = self.node.base if isinstance(self.node, ast.Variant) else self.node
        return _layouts_in(node.body if isinstance(node, ast.Cell | ast.Network | ast.With) else (), name)

    def text(
        self,
        name: str | None = None,
        bound: Mapping[str, str] | None = None,
        scopes: Mapping[str, str] | None = None,
        layout: str | None = None,
        base: str | None = None,
    ) -> str:
        """The text of the definition; under another name, with other defaults, with other scopes of its layouts, where
        they are given, with the layout of that name called `tf` (and `tf` by that name), and as a variant of another
        `base`."""
        span = self.node.span
        head = span.start + span.text.index(self.node.name, len(self.word))
        edits = [(head, head + len(self.node.name), name or self.node.name)]
        for parameter, value in (bound or {}).items():
            node = self.parameters[parameter]
            if node.default is None:
                edits.append((node.span.end, node.span.end, f" = {value}"))
            else:
                edits.append((node.default.span.start, node.default.span.end, value))
        for scoped, scope in (scopes or {}).items():
            edits += [(each.span.start, each.span.end, f'"{scope}"') for each in self.scopes_of(scoped)]
            edits += [(end, end, f', name = "{scope}"') for end in self._reference_ends(scoped)]
        if layout is not None:
            edits += [*self._renamed("tf", layout), *self._renamed(layout, "tf")]
        if base is not None and self.base is not None:
            start = span.start + span.text.index(f" = {self.base}(") + len(" = ")
            edits.append((start, start + len(self.base), base))
        doc = f'"""{self.doc}"""\n' if self.doc is not None else ""
        return doc + _edited(span.source.text, span.start, span.end, edits)


def find(name: str) -> Entry:
    """A definition of the library. Raises KeyError."""
    return _entries()[name]


def renamed(
    name: str,
    alias: str,
    bound: Mapping[str, str] | None,
    scopes: Mapping[str, str],
    layout: str | None = None,
) -> dict[str, str]:
    """The text of a definition under another name, with other defaults and other scopes, by that name. One that has its
    layout of another definition is a variant of that with these scopes, which stands in front of it."""
    entry, scope = find(name), scopes.get("tf")
    if scope is None or entry.base is None:
        return {alias: entry.text(alias, bound, scopes, layout)}
    base = f"{entry.base}_{re.sub(r'[^A-Za-z0-9]+', '_', scope)}".rstrip("_")
    return {
        base: find(entry.base).text(base, scopes=scopes),
        alias: entry.text(alias, bound, scopes, layout, base),
    }


def defines(name: str) -> bool:
    return name in _entries()


def scopes(name: str, layout: str) -> list[str]:
    """The statements by which a layout of a network names the scopes of its layers, as text; where an option decides,
    those without it."""
    node = find(name).node
    assert isinstance(node, ast.Network)
    statements = [statement for each in _layouts_in(node.body, layout) for statement in each.body]
    chosen = [s.orelse if isinstance(s, ast.If) else (s,) for s in statements]
    return [statement.span.text for several in chosen for statement in several]


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


def _layouts_in(body: Iterable[ast.Statement], name: str) -> Iterator[ast.Layout]:
    """The layouts of a body, those under conditions included."""
    for statement in body:
        if isinstance(statement, ast.Layout) and statement.name == name:
            yield statement
        elif isinstance(statement, ast.If):
            yield from _layouts_in((*statement.body, *statement.orelse), name)


def _edited(text: str, start: int, end: int, edits: list[tuple[int, int, str]]) -> str:
    """The characters [start, end) of a text with some stretches of them replaced."""
    parts: list[str] = []
    for first, last, new in sorted(edits):
        parts += [text[start:first], new]
        start = last
    return "".join([*parts, text[start:end]])
