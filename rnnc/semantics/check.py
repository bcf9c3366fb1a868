"""Checks every definition of a file, also those whose parameters nobody has given yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Literal

from rnnc.codes import CODES
from rnnc.diagnostics import Diagnostic, DiagnosticError, Diagnostics, Note, Source, Span
from rnnc.ir.model import Model
from rnnc.semantics.elaborate import file_scope, read_definition
from rnnc.semantics.files import Files
from rnnc.semantics.heads import with_single_parameters
from rnnc.semantics.layouts.absent import Absent
from rnnc.semantics.problems import Work
from rnnc.semantics.roles import SIGNATURES, Roles, called, common_to, ungiven
from rnnc.semantics.scopes.values import CellValue, FnValue, Scope
from rnnc.semantics.told_once import told_once
from rnnc.semantics.unknown_words import report_unknown_words
from rnnc.semantics.unread import warn_of_leads, warn_of_old_outputs, warn_of_unread, warn_of_unread_declarations
from rnnc.semantics.unread_changes import warn_of_unread_changes
from rnnc.syntax import ast
from rnnc.syntax.errors.damage import Remains, damage_of
from rnnc.syntax.parse import parse
from rnnc.syntax.walk import heading

Compiled = ast.Cell | ast.Network | ast.Variant
Options = dict[str, object]

# What only says that a parameter has not been given.
UNGIVEN = frozenset({"E207", "E230", "E240"})
# What is found in layouts, at the end of everything, where no cell is unknown any more.
OF_LAYOUTS = frozenset({"E501", "E502", "E504"})
# What may follow from definitions that could not be read; and, of a function on its own, what not only a call can tell.
OF_BODIES = frozenset(
    {"E201", "E202", "E203", "E205", "E221", "E222", "E223", "E225", "E246", "E402", "E406", "E410", "E412", "E413"}
)
OF_NAMES = frozenset({"E201", "E202", "E203", "E238", "E407"})
OF_FILES = frozenset({"E219", "E405", "E231", "E233", "E234", "E235", "E236"})
Role = Literal["tensor", "number", "fn"]
# What says that a parameter of a function has this role.
OF_ROLES: dict[str, Role] = {"E206": "number", "E209": "number", "E205": "fn", "E213": "tensor"}
STAND_INS = "stand-ins"  # the name of their source
STAND_IN = (
    "cell StandIn(units) {\n  input x[input]\n  state c[units], h[units]\n"
    "  c' = c + x_\n  x_ = linear(x, h)\n  h' = tanh(c')\n  output h'\n}\n"
)
MAX_CHOICES = 64
# Sizes for what must be given, for the first name and for all others: numbers that much divides, and neither name is
# always the smaller one.
TRIED = ((12, 12), (24, 12), (12, 24))
ASKED = 4  # so many times one size that is given may show that a further one must be
FILE = 1.5  # so many times as much work as for one definition is done for a whole file
ENTRY_COST = 50  # of one elaboration, in units of work


def check_file(left: Remains, path: Path | None, diagnostics: Diagnostics) -> None:
    """Report what is wrong with each definition of what is left of a file after its syntax errors, if it has some."""
    found = Diagnostics()
    absent: list[Absent] = []
    warnings: list[Diagnostic] = []
    file = with_single_parameters(left.file, found)
    checker: _Checker | None = None
    try:
        checker = _Checker(file_scope(file, path, left.lost), found)
        absent, warnings = checker.check(file), checker.warnings
    except DiagnosticError as error:
        found.extend(error.diagnostics)
    if left.certain and checker is not None:
        report_unknown_words(file, checker.scope, found)
    if left.certain and not (found.has_errors or diagnostics.has_errors):
        warn_of_unread(left.file, found)
        warn_of_unread_declarations(left.file, found)
        if checker is not None:
            warn_of_unread_changes(left.file, checker.scope, found)
        warn_of_old_outputs(left.file, found)
        told = warn_of_leads(left.file, found)
        found.extend(
            [w for w in warnings if w.code != "E422" or w.span is None or not any(_within(w.span, d) for d in told)]
        )
        for one in absent:
            one.warn(found)
    diagnostics.extend(told_once([d for d in found if left.certain or d.code not in OF_BODIES], left.file))


@dataclass(frozen=True)
class _Text:
    """A text that may be read with sizes: what is given already, and what their names are to whoever wrote it."""

    source: Source
    options: Options
    read: Callable[[Options], list[Diagnostic]]
    names: Mapping[str, str] = field(default_factory=dict[str, str])


class _Checker:
    """Elaborates every definition of a file, with stand-ins for what nobody has given yet."""

    def __init__(self, scope: Scope, found: Diagnostics) -> None:
        self.scope, self.found = scope, found
        self.left = int(Work.LIMIT * FILE)  # units of work for the whole file
        self.told: set[tuple[str, Span | None, str]] = set()  # what is kept so far
        self.warnings: list[Diagnostic] = []  # of what could be read to its end
        self.model: Model | None = None  # of the last definition that was elaborated, if nothing is wrong with it
        self.plain = self._beside(STAND_IN)  # with a cell like most
        self.cells = self._beside(STAND_IN)  # with one of which nothing is known
        stand_in = self.cells.names["StandIn"]
        assert isinstance(stand_in, CellValue)
        self.cells.names["StandIn"] = replace(stand_in, unknown=True)

    def check(self, file: ast.File) -> list[Absent]:
        """Report what is wrong with the file: with every definition, then with every combination of its choices and
        flags, as far as the work for a file goes. What layouts name that is not there, by the definitions."""
        absent = {d.name: Absent(d) for d in file.definitions if isinstance(d, ast.Cell | ast.Network)}
        rest: list[tuple[Compiled, Options]] = []
        for definition in file.definitions:
            if isinstance(definition, ast.Import):
                continue
            if self.left <= 0:
                message = "this file is too large to check as a whole: it was read up to this definition"
                self.found.error("E219", message, heading(definition), fix="split it, and `import` the parts")
                return []
            if isinstance(definition, ast.Fn):
                self._function(definition)
                continue
            first, *others = _combinations(definition)
            if prod(len(_tried(p)) or 1 for p in definition.parameters) > MAX_CHOICES and definition.name in absent:
                absent[definition.name].enter(None)  # not all are tried
            self._cell(definition, first, absent.get(definition.name))
            rest += [(definition, options) for options in others]
        for definition, options in rest:
            if self.left > 0:
                self._cell(definition, options, absent.get(definition.name), _chosen(definition, options))
            elif definition.name in absent:
                absent[definition.name].enter(None)
        return list(absent.values())

    def _cell(self, definition: Compiled, options: Options, absent: Absent | None, chosen: Note | None = None) -> None:
        """Read it with a cell of which nothing is known for each that is a parameter: what is wrong then is wrong
        whatever is given. Such a reading has no end, so layouts are read with a cell like most."""
        found = self._elaborate(self.cells, definition.name, options)
        if absent is not None:
            absent.enter(self.model)
        if isinstance(definition, ast.Variant) and damage_of(definition) is not None:
            found = [d for d in found if d.span is None or _within(d.span, definition.span)]  # not of what it changes
        roles = Roles(ungiven(definition, self.scope))
        roles.find(found, lambda more: self._elaborate(self.cells, definition.name, {**options, **more}))
        if roles.values:
            self._with_roles(definition, options, roles, chosen)
            return
        self._report(found, UNGIVEN | _of_missing_names(definition), chosen)
        if not found and any(p.kind == "cell" for p in definition.parameters):
            layouts = self._elaborate(self.plain, definition.name, options)
            self._report(layouts, frozenset(CODES) - OF_LAYOUTS, chosen)
        if _asked(found):
            common = common_to(self._with_sizes(self._text(definition, options)))
            self._report(common, UNGIVEN | OF_FILES | _of_missing_names(definition), chosen)

    def _with_roles(self, definition: Compiled, options: Options, roles: Roles, chosen: Note | None) -> None:
        """Parameters that are no sizes are given such as the text wants, several in turn."""

        def readings() -> Iterator[list[Diagnostic]]:
            for row in roles.rows():
                if self.left <= 0:
                    yield []  # not all are read
                    return
                found = self._elaborate(self.cells, definition.name, {**options, **row})
                if _asked(found):
                    yield from self._with_sizes(self._text(definition, {**options, **row}), found)
                else:
                    yield found

        self._report(roles.common(readings()), UNGIVEN | OF_FILES | _of_missing_names(definition), chosen)

    def _text(self, definition: Compiled, options: Options) -> _Text:
        def read(sizes: Options) -> list[Diagnostic]:
            return self._elaborate(self.cells, definition.name, {**options, **sizes})

        return _Text(definition.span.source, options, read)

    def _with_sizes(self, text: _Text, before: list[Diagnostic] | None = None) -> Iterator[list[Diagnostic]]:
        """What stands behind a size that must be given is read with several: what all of them find is wrong. `before`:
        what is found without them counts, too."""
        for first, other in TRIED:
            sizes: Options = {}
            found: list[Diagnostic] = []
            for _ in range(ASKED):
                if self.left <= 0:
                    yield []  # not all are read
                    return
                found = text.read(sizes)
                asked = [n for n in _asked(found) if n not in sizes and n not in text.options]
                if not asked:
                    break
                sizes.update({n: other if sizes or n != asked[0] else first for n in asked})
            if rates := _rates(found, sizes):
                with_rates = text.read({**sizes, **rates})
                if not any(d.code == "E208" for d in with_rates):  # none is a size as well
                    sizes, found = {**sizes, **rates}, with_rates
            words = [f"`{text.names.get(n, n)} = {size}`" for n, size in sizes.items()]
            given = Note(f"with {', '.join(dict.fromkeys(words))}")
            here = [d for d in found if d.span is not None and d.span.source == text.source]
            yield [*(before or ()), *(replace(d, notes=(*d.notes, given)) for d in here)]

    def _function(self, fn: ast.Fn) -> None:
        """A function is read in a cell that calls it with tensors of as many axes as its parameters name; where that
        shows that one of them is a number or a function, it is read again with such a one."""
        roles: dict[str, Role] = {p.name: "fn" if p.kind == "fn" else "tensor" for p in _given(fn)}
        first = found = self._alone(fn, roles)
        while self.left > 0:
            said: dict[str, Role] = {n: OF_ROLES[d.code] for n, d in _of_parameters(found, fn) if roles[n] == "tensor"}
            if not set(said.values()) - {"tensor"}:
                break
            roles.update(said)
            found = self._alone(fn, roles)
        computed = {n for n, d in _of_parameters(found, fn) if d.code == "E213"}  # with what is called, too
        both = [d for n, d in _of_parameters(first, fn) if d.code == "E205" and n in computed]
        elsewhere = OF_ROLES.keys() | SIGNATURES  # what other functions say of what they are given
        found = [d for d in found if d.code not in elsewhere or (d.span is not None and _within(d.span, fn.span))]
        found = [d for d in found if not _of_a_stand_in(d, roles)]
        self._report([*both, *found], (frozenset(CODES) - OF_BODIES - OF_FILES) | _of_missing_names(fn))

    def _alone(self, fn: ast.Fn, roles: dict[str, Role]) -> list[Diagnostic]:
        """What is wrong with a function that is given arguments of these roles, with several sizes where it asks for
        one."""
        text = self._called(fn, roles)
        found = text.read({})
        return [*found, *common_to(self._with_sizes(text))] if _asked(found) else found

    def _called(self, fn: ast.Fn, roles: dict[str, Role]) -> _Text:
        """A function in a cell that calls it with arguments of these roles."""
        given: list[str] = []
        sizes: list[str] = []
        declared: list[str] = []
        names: dict[str, str] = {}
        for i, p in enumerate(_given(fn)):
            if p.choices:
                given.append(p.choices[0])
            elif roles[p.name] == "fn":
                given.append("tanh")
            elif roles[p.name] == "number":
                sizes.append(f"n{i}")
                given.append(f"n{i}")
                names[f"n{i}"] = p.name
            else:
                written = [axis.span.text for axis in p.axes] if p.axes is not None else ["size"]
                declared.append(f"x{i}[{', '.join(f'a{i}_{k}: s{i}_{k}' for k in range(len(written)))}]")
                given.append(f"x{i}")
                names.update({f"s{i}_{k}": text for k, text in enumerate(written)})
        inputs = "\n".join(f"  input {d}" for d in declared) or "  input x[1]"
        call = f"{fn.name}({', '.join(given)})"
        scope = self._beside(f"cell StandIn({', '.join(sizes)}) {{\n{inputs}\n  y = {call}\n  output y\n}}\n")
        value = self.scope.names[fn.name]
        if isinstance(value, FnValue):
            scope.names[fn.name] = replace(value, damaged=False)  # what is left of it is read
        source = fn.span.source
        return _Text(source, {}, lambda sizes: self._elaborate(scope, "StandIn", sizes, fn.span), names)

    def _beside(self, text: str) -> Scope:
        """The file's scope, and a cell in it that the file itself does not know."""
        return Files(self.found).beside(parse(Source(STAND_INS, text)), self.scope)

    def _elaborate(self, scope: Scope, name: str, options: Options, own: Span | None = None) -> list[Diagnostic]:
        """Elaborate one definition: what is wrong with it. `own`: it stands for this text."""
        work, self.model = Work(), None
        try:
            reading = read_definition(scope, name, options, work=work, own=own)
        except DiagnosticError as error:
            return [d for d in error.diagnostics if d.severity == "error"]
        finally:
            self.left -= work.spent + ENTRY_COST
        self.model = reading.model
        self.warnings += [d for d in reading.warnings if d.span is None or d.span.source.name != STAND_INS]
        return []

    def _report(self, found: list[Diagnostic], hidden: frozenset[str], chosen: Note | None = None) -> None:
        """Keep what is not hidden, and not said of a stand-in. `chosen`: what these choices alone bring about."""
        shown = [d for d in found if d.code not in hidden]
        for d in shown:
            key = (d.code, d.span, d.message)
            if (d.span is None or d.span.source.name != STAND_INS) and key not in self.told:
                self.told.add(key)
                self.found.extend([d if chosen is None else replace(d, notes=(*d.notes, chosen))])


def _given(fn: ast.Fn) -> list[ast.Parameter]:
    """The parameters that every call gives."""
    return [p for p in fn.parameters if p.default is None]


def _of_parameters(found: list[Diagnostic], fn: ast.Fn) -> list[tuple[str, Diagnostic]]:
    """What is said in a function of the role that one of its parameters has, and of which one."""
    said: list[tuple[str, Diagnostic]] = []
    for d in found:
        if d.code in OF_ROLES and d.span is not None and _within(d.span, fn.span):
            words = re.findall(r"\w+", d.span.source.text[d.span.start : d.span.end])
            said += [(p.name, d) for p in _given(fn) if p.name in words]
    return said


def _of_a_stand_in(d: Diagnostic, roles: dict[str, Role]) -> bool:
    """Is it said that what stands for a parameter takes other arguments? Nobody knows what a call is going to give."""
    return d.code in SIGNATURES and d.span is not None and called(d.span) in roles


def _asked(found: list[Diagnostic]) -> list[str]:
    """The sizes of which E207 says that they must be given."""
    names = [re.findall(r"`(\w+)`", d.message)[-1:] for d in found if d.code == "E207"]
    return list(dict.fromkeys(name for each in names for name in each))


def _rates(found: list[Diagnostic], sizes: Options) -> Options:
    """A rate for each of the sizes of which E228 says that they are none."""
    words = [re.findall(r"\w+", d.span.text) for d in found if d.code == "E228" and d.span is not None]
    return {name: 0.5 for each in words for name in each if name in sizes}


def _within(span: Span, outer: Span) -> bool:
    return span.source == outer.source and outer.start <= span.start and span.end <= outer.end


def _of_missing_names(definition: ast.Definition) -> frozenset[str]:
    """What may follow where text is missing of which nobody knows what it defined."""
    damage = damage_of(definition)
    return frozenset() if damage is None or damage.named else OF_NAMES


def _chosen(definition: Compiled, options: Options) -> Note | None:
    """The choices and flags that are not those by default."""
    chosen = [p for p in definition.parameters if p.kind is None and options.get(p.name) not in (None, _usual(p))]
    words = ", ".join(f"`{p.name} = {_word(options[p.name])}`" for p in chosen)
    return Note(f"with {words}") if words else None


def _usual(p: ast.Parameter) -> object:
    """The choice or flag that a parameter has where none is given."""
    if isinstance(p.default, ast.Constant):
        return "none" if p.default.value is None else p.default.value
    return p.default.id if isinstance(p.default, ast.Name) else None


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _combinations(definition: Compiled) -> list[Options]:
    """Options to check with: a stand-in for cells, and every combination of choices and flags (up to a number)."""
    combinations: list[Options] = [{}]
    for p in definition.parameters:
        values = _tried(p)
        if values and len(combinations) * len(values) <= MAX_CHOICES:
            combinations = [{**c, p.name: v} for c in combinations for v in values]
        elif values:
            combinations = [{**c, p.name: values[0]} for c in combinations]
    return combinations


def _tried(p: ast.Parameter) -> list[object]:
    """What is given for a parameter; nothing where its default is, or a size that stays open."""
    if p.kind == "cell" and p.default is None:
        return ["StandIn(units = 3)"]
    if p.kind == "fn" and p.default is None:
        return ["tanh"]
    if p.choices:
        return sorted(p.choices, key=lambda choice: choice != _usual(p))  # the default first
    if isinstance(p.default, ast.Constant) and isinstance(p.default.value, bool):
        return [p.default.value, not p.default.value]
    return []
