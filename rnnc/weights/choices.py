"""Which cell arrays belong to, where nobody says: the known cells, with every choice that they leave."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product

from rnnc.compiler import model_of
from rnnc.diagnostics import DiagnosticError, Source, Span
from rnnc.resources import resource_text
from rnnc.semantics.files import LIBRARY
from rnnc.semantics.scopes.choose import choose
from rnnc.syntax import ast
from rnnc.syntax.parse import parse
from rnnc.syntax.source import source_from_text
from rnnc.verify.errors import VerifyError
from rnnc.weights.cell import Cell, Seen, see
from rnnc.weights.table import NO_CELL, Table

NEAR = 0.7  # of names, from where on arrays are most likely meant to be those of a cell
ELSEWHERE = "say which cell or network it is: --cell FILE[:NAME]; `rnnc import` writes one for a model"
MOST = 64  # combinations of a cell's choices that are tried


def discover(kind: str, table: Table, options: Mapping[str, object], zeros: Sequence[str] = ()) -> Seen:
    """The one known cell whose arrays these are. Raises VerifyError (E813) where there is none, or several.

    `options` are bound in every cell; those that lack one are not meant.
    """
    found, reasons = _known(kind, table, options, zeros)
    certain = [seen for seen in found if seen.certain] or found
    certain = [seen for seen in certain if seen.zeros] or certain  # zeros that are asked for have a place in the cell
    if len(certain) == 1:
        return certain[0]
    known = ", ".join(LIBRARY)
    if not certain:
        message = f"these are not the {kind} arrays of {known}, whatever their choices"
        strangers = _strangers(kind, table)
        rest = table.keep(n for n in table.arrays if n not in strangers)
        if strangers and rest.arrays and _known(kind, rest, options, zeros)[0]:
            fix = "leave out what is none of its weights: " + " ".join(f"--without '{name}'" for name in strangers)
            raise VerifyError(NO_CELL, f"{message}, but they are without {', '.join(map(repr, strangers))}", fix=fix)
        (nearness, nearest), *others = sorted(reasons, reverse=True)
        if nearness >= NEAR and nearness > others[0][0]:
            message = f"these are not the {kind} arrays of {known}; the nearest is {nearest}"
            fix = "--only, --without and --zeros say which arrays are meant, --cell FILE[:NAME] of which cell"
            raise VerifyError(NO_CELL, message, fix=fix)
        notes = [reason for _, reason in reasons]
        raise VerifyError(NO_CELL, message, notes=notes, fix=ELSEWHERE)
    fits = " or ".join(seen.cell.spelled for seen in certain)
    raise VerifyError(NO_CELL, f"these may be the arrays of {fits}", fix="say which: --cell FILE[:NAME], -D NAME=VALUE")


def _strangers(kind: str, table: Table) -> tuple[str, ...]:
    """Numbers that stand beside weights, such as the count of steps in training: no known cell has such names."""
    known = {
        _last(array.name)
        for name, path in LIBRARY.items()
        for one in model_of(_source(path), name, {}).layouts
        if one.name == kind or one.name.startswith(f"{kind}_")
        for array in one.arrays
    }
    return tuple(name for name, array in table.arrays.items() if _last(name) not in known and array.ndim == 0)


def _known(
    kind: str, table: Table, options: Mapping[str, object], zeros: Sequence[str]
) -> tuple[list[Seen], list[tuple[float, str]]]:
    """The known cells that have these arrays, and why others have not, by their nearness."""
    reasons: list[tuple[float, str]] = []
    found = [
        seen
        for name, path in LIBRARY.items()
        for seen in _fitting(_source(path), name, kind, table, options, zeros, reasons)
    ]
    return found, reasons


def _last(name: str) -> str:
    return re.split(r"[./]", name)[-1]


def _source(path: str) -> Source:
    return source_from_text(path.rpartition("/")[2], resource_text(path))


def alternatives(cell: Cell, kind: str, table: Table, zeros: Sequence[str] = ()) -> list[str]:
    """`-D reset=after`: other choices with which the cell would have these arrays."""
    try:
        name = choose(parse(cell.source), None, cell.name or cell.model.name, Span(cell.source, 0, 0))
    except DiagnosticError:
        return []
    found: list[str] = []
    for chosen in _choices(cell.source, name, {}):
        other = Cell(cell.source, cell.name, {**cell.options, **chosen})
        if all(cell.options.get(key) == value for key, value in chosen.items()):
            continue
        if not isinstance(_tried(other, kind, table, zeros), Seen):
            continue
        changed = [item for item in chosen.items() if dict(cell.model.options).get(item[0]) != item[1]]
        if changed:
            found.append(" ".join(f"-D {key}={value}" for key, value in changed))
    return found


def _fitting(
    source: Source,
    name: str,
    kind: str,
    table: Table,
    options: Mapping[str, object],
    zeros: Sequence[str],
    reasons: list[tuple[float, str]],
) -> Iterator[Seen]:
    """The cell with every choice that is open and fits; where none does, with zeros for its numbers, since a layout may
    have no place for one; where none of these does, the reason of the first."""
    cells = [Cell(source, name, {**options, **chosen}) for chosen in _choices(source, name, options)]
    tried = [_tried(cell, kind, table, zeros) for cell in cells]
    fitting = [one for one in tried if isinstance(one, Seen)]
    numbers = {p.name: "0" for p in _parameters(source, name) if p.name not in options and _is_number(p.default)}
    if not fitting and numbers:
        others = [_tried(Cell(cell.source, name, {**cell.options, **numbers}), kind, table, zeros) for cell in cells]
        fitting = [one for one in others if isinstance(one, Seen)]
    yield from fitting
    if not fitting:
        told = [(_nearness(cell, kind, table), one) for cell, one in zip(cells, tried, strict=True)]
        nearest, error = max(told, key=lambda each: each[0])
        assert isinstance(error, DiagnosticError)
        reasons.append((nearest, f"{name}: {error.diagnostics[0].message}"))


def _nearness(cell: Cell, kind: str, table: Table) -> float:
    """The share of names that the table and the cell's arrays have both, of all that they have."""
    try:
        wanted = {foreign.name.rpartition("/")[2] for foreign in cell.layout(kind).arrays}
    except DiagnosticError:
        return 0.0
    known = {name.rpartition("/")[2] for name in table.arrays}
    return len(wanted & known) / len(wanted | known)


def _tried(cell: Cell, kind: str, table: Table, zeros: Sequence[str]) -> Seen | DiagnosticError:
    try:
        return see(cell, kind, table, zeros)
    except DiagnosticError as error:
        return error


def _choices(source: Source, name: str, options: Mapping[str, object]) -> Iterator[dict[str, str]]:
    """Every combination of the words and truth values that a definition's parameters can be."""
    open_ = {p.name: values for p in _parameters(source, name) if p.name not in options and (values := _values(p))}
    for combination in islice(product(*open_.values()), MOST):
        yield dict(zip(open_, combination, strict=True))


def _values(parameter: ast.Parameter) -> tuple[str, ...]:
    """The default first."""
    if parameter.choices:
        default = [word for word in parameter.choices if _is_word(parameter.default, word)]
        return (*default, *(word for word in parameter.choices if word not in default))
    if isinstance(parameter.default, ast.Constant) and parameter.default.value is not None:
        return ("true", "false") if parameter.default.value else ("false", "true")
    return ()


def _is_number(e: ast.Expr | None) -> bool:
    return isinstance(e, ast.Number) and e.value != 0


def _is_word(e: ast.Expr | None, word: str) -> bool:
    return isinstance(e, ast.Name) and e.id == word


def _parameters(source: Source, name: str) -> tuple[ast.Parameter, ...]:
    for definition in parse(source).definitions:
        if isinstance(definition, ast.Cell | ast.Network | ast.Variant) and definition.name == name:
            return definition.parameters
    return ()
