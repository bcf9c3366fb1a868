"""Checks every definition of a file, also those whose parameters nobody has given yet."""

from __future__ import annotations

from pathlib import Path

from rnnc.codes import CODES
from rnnc.diagnostics import Diagnostic, DiagnosticError, Diagnostics, Source, Span
from rnnc.semantics.definitions import parsed
from rnnc.semantics.elaborate import elaborate
from rnnc.semantics.scope import Work
from rnnc.syntax import ast

# What only says that a parameter has not been given, or that the cell that stands in for one has other states.
UNGIVEN = frozenset({"E207", "E230", "E240"})
OF_STAND_INS = frozenset({"E244", "E409"})
# What may follow from definitions that could not be read; and, of a function on its own, what not only a call can tell.
OF_BODIES = frozenset({"E201", "E202", "E203", "E205", "E221", "E222", "E402", "E406", "E410", "E412", "E413"})
OF_FILES = frozenset({"E219", "E405", "E231", "E233", "E234", "E235", "E236"})
STAND_INS = "stand-ins"  # the name of their source
STAND_IN = (
    "cell StandIn(units) {\n  input x[input]\n  state c[units], h[units]\n"
    "  c' = c + x_\n  x_ = linear(x, h)\n  h' = tanh(c')\n  output h'\n}\n"
)
MAX_CHOICES = 64


def check_file(file: ast.File, path: Path | None, diagnostics: Diagnostics, *, complete: bool) -> None:
    """Report what is wrong with each definition. `complete`: the whole file could be read, so a name that is missing
    really is."""
    found = _Checker(file, path).all()
    damaged = _damaged(file, diagnostics)
    diagnostics.extend([d for d in found if (complete or d.code not in OF_BODIES) and not _within(d, damaged)])


class _Checker:
    """Elaborates every definition of a file, with stand-ins for what nobody has given yet."""

    def __init__(self, file: ast.File, path: Path | None) -> None:
        self.file, self.path = file, path
        self.found = Diagnostics()
        self.limit = Work.LIMIT

    def all(self) -> Diagnostics:
        """What is wrong with the file."""
        for definition in self.file.definitions:
            match definition:
                case ast.Cell() | ast.Network() | ast.Variant():
                    self._choices(definition)
                case ast.Fn():
                    self._function(definition)
                case ast.Import():
                    pass
        if all(isinstance(d, ast.Import) for d in self.file.definitions):
            self._elaborate(STAND_IN, "StandIn", {}, UNGIVEN)  # are the imports there?
        return self.found

    def _choices(self, definition: ast.Cell | ast.Network | ast.Variant) -> None:
        """Check a definition with every combination of its choices and flags, as long as that is not too much work."""
        hidden = UNGIVEN | OF_STAND_INS if any(p.kind is not None for p in definition.parameters) else UNGIVEN
        spent = 0
        for options in _combinations(definition):
            spent += self._elaborate(STAND_IN, definition.name, options, hidden)
            if spent > self.limit // 4:
                break

    def _function(self, fn: ast.Fn) -> None:
        """A function is read in a cell that calls it with tensors of as many axes as its parameters name."""
        arguments: list[str] = []
        declared: list[str] = []
        for i, p in enumerate(fn.parameters):
            if p.default is None:
                axes = ", ".join(f"a{i}_{k}: s{i}_{k}" for k in range(len(p.axes) if p.axes is not None else 1))
                declared.append(f"x{i}[{axes}]")
                arguments.append(f"x{i}")
        inputs = "\n".join(f"  input {d}" for d in declared) or "  input x[1]"
        text = f"cell StandIn() {{\n{inputs}\n  y = {fn.name}({', '.join(arguments)})\n  output y\n}}\n"
        self._elaborate(text, "StandIn", {}, frozenset(CODES) - OF_BODIES)

    def _elaborate(self, extra: str, name: str, options: dict[str, object], hidden: frozenset[str]) -> int:
        """Elaborate one definition beside the definitions in `extra`; how much work it was."""
        definitions = (*self.file.definitions, *parsed(Source(STAND_INS, extra)).definitions)
        file, work = ast.File(definitions, self.file.doc, span=self.file.span), Work(self.limit)
        try:
            elaborate(file, self.path, name, options, work=work)
        except DiagnosticError as error:
            found = [d for d in error.diagnostics if d.code not in hidden or d.code in OF_FILES]
            found = [d for d in found if d.span is None or d.span.source.name != STAND_INS]
            if self.limit < Work.LIMIT:
                found = [d for d in found if d.code != "E219"]
            self.found.extend(found)
            if work.spent > work.limit:  # what is too large once is not tried to its end again with every definition
                self.limit = Work.LIMIT // 100
        return work.spent


def _damaged(file: ast.File, diagnostics: Diagnostics) -> list[Span]:
    """Definitions that could be read in part only, each up to the next one: what they lack now is no further error."""
    starts = [d.span.start for d in file.definitions]
    ends = [*starts[1:], len(file.span.source.text)]
    regions = [Span(file.span.source, start, end) for start, end in zip(starts, ends, strict=False)]
    wrong = [d.span for d in diagnostics if d.span is not None]
    return [r for r in regions if any(_overlap(r, w) for w in wrong)]


def _within(diagnostic: Diagnostic, regions: list[Span]) -> bool:
    span = diagnostic.span
    return span is not None and any(_overlap(span, region) for region in regions)


def _overlap(a: Span, b: Span) -> bool:
    return a.source == b.source and a.start < b.end + 1 and b.start < a.end + 1


def _combinations(definition: ast.Cell | ast.Network | ast.Variant) -> list[dict[str, object]]:
    """Options to check with: a stand-in for cells, and every combination of choices and flags (up to a number)."""
    combinations: list[dict[str, object]] = [{}]
    for p in definition.parameters:
        values: list[object] = []
        if p.kind == "cell" and p.default is None:
            values = ["StandIn(units = 3)"]
        elif p.kind == "fn" and p.default is None:
            values = ["tanh"]
        elif p.choices:
            values = list(p.choices)
        elif isinstance(p.default, ast.Constant) and isinstance(p.default.value, bool):
            values = [p.default.value, not p.default.value]
        if values and len(combinations) * len(values) <= MAX_CHOICES:
            combinations = [{**c, p.name: v} for c in combinations for v in values]
        elif values:
            combinations = [{**c, p.name: values[0]} for c in combinations]
    return combinations
