"""Conversion: a file's arrays to a cell's parameters through one layout, and to other arrays through another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rnnc.diagnostics import DiagnosticError
from rnnc.verify.arrays import Array
from rnnc.verify.errors import VerifyError
from rnnc.weights.cell import Cell, Seen, as_type, see
from rnnc.weights.choices import alternatives, discover
from rnnc.weights.table import OTHER_MEANING, Table, float_type


@dataclass(frozen=True)
class Converted:
    """Arrays by the names that they get; `notes` say what was taken for granted."""

    arrays: dict[str, Array]
    notes: tuple[str, ...]


def seen_as(
    kind: str, table: Table, cell: Cell | None, options: Mapping[str, object], zeros: Sequence[str] = ()
) -> Seen:
    """The table as arrays of that kind, of the given cell or of the known one that fits.

    Raises DiagnosticError (E80x, E81x), with what would help.
    """
    if cell is None:
        return discover(kind, table, options, zeros)
    try:
        return see(cell, kind, table, zeros)
    except VerifyError as error:
        raise _with_help(error, kind, table, cell, zeros) from error


def convert(
    table: Table,
    seen: Seen,
    kind: str,
    into: Table | None = None,
    dtype: str | None = None,
    zeros: Sequence[str] = (),
) -> Converted:
    """The arrays as another kind has them; with `into` under the names that these have in that table, which may lack
    arrays whose names fit one of `zeros`, if they are.

    Raises DiagnosticError where it would mean something else.
    """
    arrays = seen.arrays(table)
    own = float_type(arrays) if dtype is None else np.dtype(dtype)
    cell = seen.cell
    target = None if into is None else _place(cell, kind, into, zeros)
    layout = cell.layout(kind) if target is None else target.layout
    # In float64, so that sums and offsets of biases are rounded once
    params = cell.to_parameters(seen.layout, as_type(arrays, np.dtype(np.float64)))
    written = cell.to_arrays(layout, params)
    notes = (*table.notes, *seen.found.notes, *_not_finite(arrays))
    if into is None or target is None:
        variables = {array.name: array.variable for array in layout.arrays}
        return Converted(as_type({variables[name]: array for name, array in written.items()}, own), notes)
    for name in target.zeros:
        if written[name].any():
            raise VerifyError(
                OTHER_MEANING, f"{name!r} is not zero, and has no place in the file that it is to go into"
            )
    placed = target.found.matching.split(written, dict(into.arrays))
    return Converted(_as_in(placed, into), (*notes, *into.notes, *target.found.notes))


def _not_finite(arrays: Mapping[str, Array]) -> Iterator[str]:
    """What a model that went wrong in training leaves."""
    for name, array in arrays.items():
        count = array.size - int(np.count_nonzero(np.isfinite(array)))
        if count:
            yield f"{name!r} holds {count} of {array.size} numbers that are not finite"


def _place(cell: Cell, kind: str, into: Table, zeros: Sequence[str]) -> Seen:
    try:
        return see(cell, kind, into, zeros)
    except VerifyError as error:
        (diagnostic,) = error.diagnostics
        notes = [note.message for note in diagnostic.notes]
        fix = "--at GLOB says which arrays of the --into file are meant; `rnnc weights list` shows them"
        raise VerifyError(diagnostic.code, f"the --into file: {diagnostic.message}", notes=notes, fix=fix) from error


def _as_in(arrays: Mapping[str, Array], into: Table) -> dict[str, Array]:
    """With the types of the arrays in whose places they come."""
    found: dict[str, Array] = {}
    for name, array in arrays.items():
        old = into.arrays[name]
        if old.shape != array.shape:
            message = f"{name!r} has the shape {old.shape} there, and would get {array.shape}"
            raise VerifyError(OTHER_MEANING, message)
        found |= as_type({name: array}, old.dtype)
    return found


def _with_help(error: VerifyError, kind: str, table: Table, cell: Cell, zeros: Sequence[str]) -> DiagnosticError:
    """The error, with the options of the cell under which there is none."""
    others = alternatives(cell, kind, table, zeros)
    (diagnostic,) = error.diagnostics
    notes = [note.message for note in diagnostic.notes]
    fix = diagnostic.fix
    if others:
        fix = f"they are arrays of this cell with {' or '.join(others)}"
    elif diagnostic.code == "E803":
        fix = "; ".join([*([fix] if fix else []), "--only, --without and --zeros say which arrays are meant"])
    return VerifyError(diagnostic.code, diagnostic.message, notes=[*notes, f"the cell is {cell.spelled}"], fix=fix)
