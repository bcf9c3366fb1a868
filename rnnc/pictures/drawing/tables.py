"""Products of one body as tables: a row for each sum of products, a column for each operand.

Rows whose products the compiler fused, column by column, are one block matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rnnc.ir.model import ParameterInfo
from rnnc.ir.size import Size, product
from rnnc.pictures.drawing.fusion import Fused, Runs, by_parameter
from rnnc.pictures.equations import formula as f
from rnnc.pictures.equations.walking import parts


@dataclass(frozen=True)
class Column:
    """One packed weight. `shared`: its number where other tables hold parts of it, too. `size`: in and out."""

    operand: f.Formula
    cells: tuple[f.Product, ...]
    runs: Runs | None
    shared: int | None
    size: tuple[Size, Size] | None


@dataclass(frozen=True)
class Table:
    """A block matrix with its operands; `bias` has a vector, or nothing, for each row."""

    rows: tuple[int, ...]  # identities of the formulas
    columns: tuple[Column, ...]
    bias: tuple[f.Bias | None, ...]


@dataclass(frozen=True)
class _Row:
    key: int
    cells: tuple[f.Product, ...]
    bias: f.Bias | None


def tables(
    equations: tuple[f.Equation, ...], fused: list[Fused], parameters: Mapping[str, ParameterInfo]
) -> list[Table]:
    """The tables of a body, in the order of its equations."""
    rows: dict[tuple[object, ...], list[_Row]] = {}
    product_of = by_parameter(fused)
    for e in equations:
        for row in _rows(e.value):
            key = tuple((c.kind, c.operand, product_of.get(c.weight.parameter)) for c in row.cells)
            rows.setdefault(key, []).append(row)
    homes: dict[int, set[int]] = {}
    for at, group in enumerate(rows.values()):
        for row in group:
            for cell in row.cells:
                if cell.weight.parameter in product_of:
                    homes.setdefault(product_of[cell.weight.parameter], set()).add(at)
    spread = [p for p, places in sorted(homes.items()) if len(places) > 1]
    numbers = {p: n + 1 for n, p in enumerate(spread)}
    return [_table(group, fused, product_of, numbers, parameters) for group in rows.values()]


def _rows(formula: f.Formula) -> Iterator[_Row]:
    """Sums with products, and products on their own; those in operands first."""
    match formula:
        case f.Sum(terms):
            cells = tuple(t for negative, t in terms if isinstance(t, f.Product) and not negative and _joins(t))
            bias = [t for negative, t in terms if isinstance(t, f.Bias) and not negative]
            for negative, term in terms:
                if isinstance(term, f.Product) and not negative and _joins(term):
                    yield from _rows(term.operand)
                else:
                    yield from _rows(term)
            if cells:
                yield _Row(id(formula), cells, bias[0] if bias else None)
        case f.Product(operand=operand):
            yield from _rows(operand)
            yield _Row(id(formula), (formula,), None)
        case _:
            for part in parts(formula):
                yield from _rows(part)


def _joins(product: f.Product) -> bool:
    """Diagonals are elementwise: they join no matrix."""
    return product.kind != "diagonal"


def _table(
    rows: list[_Row],
    fused: list[Fused],
    product_of: Mapping[str, int],
    numbers: Mapping[int, int],
    parameters: Mapping[str, ParameterInfo],
) -> Table:
    columns: list[Column] = []
    for at, first in enumerate(rows[0].cells):
        cells = tuple(row.cells[at] for row in rows)
        home = product_of.get(first.weight.parameter)
        runs = None if home is None else fused[home].runs
        shared = None if home is None else numbers.get(home)
        columns.append(Column(first.operand, cells, runs, shared, _size(cells, parameters)))
    bias = tuple(row.bias for row in rows)
    return Table(tuple(row.key for row in rows), tuple(columns), bias if any(bias) else ())


def _size(cells: tuple[f.Product, ...], parameters: Mapping[str, ParameterInfo]) -> tuple[Size, Size] | None:
    """The size of a packed weight: what it takes, and what all of it gives."""
    total = Size.of(0)
    taken = Size.of(1)
    for name in dict.fromkeys(c.weight.parameter for c in cells):
        info = parameters.get(name)
        if info is None:
            return None
        inputs = info.fan_in_axes or tuple(range(len(info.axes) - 1))
        taken = product(tuple(info.axes[i].size for i in inputs))
        total = total + product(tuple(a.size for i, a in enumerate(info.axes) if i not in inputs))
    return taken, total
