"""What a drawing is made of, and how large each piece is: states, block matrices, gates, operations, boxes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from rnnc.ir.size import Size
from rnnc.pictures.drawing.boxes import Box, box
from rnnc.pictures.drawing.tables import Column, Table
from rnnc.pictures.equations import mathtree as m
from rnnc.pictures.equations.formula import Product
from rnnc.pictures.equations.symbols import size, weight
from rnnc.pictures.equations.typeset import typeset
from rnnc.pictures.equations.widths import text_width
from rnnc.pictures.placement.layered import Item

MATH, SMALL, CAPTION = 14.0, 12.0, 8.0
PORT = 16  # between wires that end in one piece
ROW = 26  # of a block matrix
HEAD, FOOT = 13, 12  # captions of a block matrix


@dataclass(frozen=True)
class Terminal:
    """Where a quantity enters or leaves: an input, a state, an output. `caption` are its axes."""

    kind: Literal["input", "state", "output", "parameter"]
    side: Literal["first", "last"]
    label: m.Math
    caption: str = ""
    also: str = ""  # "output", where a state is one


@dataclass(frozen=True)
class Matrix:
    """A block matrix."""

    table: Table


@dataclass(frozen=True)
class Unit:
    """A function of the sum of what comes in: a gate, an activation. `constant` is added, `signs` belong to wires."""

    label: m.Math
    inputs: int
    gate: bool = False
    sums: bool = False
    constant: m.Math | None = None
    signs: tuple[str, ...] = ()
    name: m.Math | None = None
    free: bool = False


@dataclass(frozen=True)
class Dot:
    """An elementwise operation, as a circle. `signs` stand where the wires end."""

    sign: str
    inputs: int
    signs: tuple[str, ...] = ()
    name: m.Math | None = None


@dataclass(frozen=True)
class Formula:
    """A box with mathematics in it, for what would be no clearer as a graph."""

    math: m.Math
    inputs: int
    name: m.Math | None = None


@dataclass(frozen=True)
class CellBox:
    """A cell inside of a cell, or a layer of a network. `arrow`: which way it runs; `names` of its outputs."""

    title: str
    detail: str
    inputs: int
    names: tuple[str, ...]
    arrow: Literal["", "forward", "backward"] = "forward"
    name: m.Math | None = None


Piece: TypeAlias = Terminal | Matrix | Unit | Dot | Formula | CellBox


@dataclass(frozen=True)
class Sized:
    """A piece with the room that it takes: `body` is the width without the name that stands at its right."""

    piece: Piece
    item: Item
    body: int
    boxes: dict[str, Box] = field(default_factory=dict[str, Box])


def sized(piece: Piece) -> Sized:
    """A piece and its size."""
    match piece:
        case Terminal():
            return _terminal(piece)
        case Matrix(table):
            return _matrix(piece, table)
        case Unit():
            return _unit(piece)
        case Dot():
            height = max(22, PORT * piece.inputs - 4)
            return _named(piece, 22, height, piece.inputs, {})
        case Formula():
            inner = box(piece.math, SMALL)
            height = max(26, round(inner.height + 12), PORT * piece.inputs + 4)
            return _named(piece, round(inner.width + 16), height, piece.inputs, {"label": inner})
        case CellBox():
            return _cell(piece)


def ports(count: int, height: int, top: int = 0) -> tuple[int, ...]:
    """Places for wires, evenly along a side."""
    return tuple(top + (2 * at + 1) * height // (2 * count) for at in range(count))


def _named(
    piece: Unit | Dot | Formula, width: int, height: int, inputs: int, boxes: dict[str, Box], outs: int = 1
) -> Sized:
    """With room for the name of what it gives, over the wire that leaves it."""
    extra = 0
    if piece.name is not None:
        boxes = {**boxes, "name": box(piece.name, SMALL)}
        extra = round(boxes["name"].width + 8)
        height = max(height, round(2 * boxes["name"].height + 4))
    item = Item(width + extra, height, ports(inputs, height), ports(outs, height), free=_is_free(piece))
    return Sized(piece, item, width, boxes)


def _is_free(piece: Unit | Dot | Formula) -> bool:
    """May its wires come in any order? (Signs go with their wires.)"""
    match piece:
        case Unit():
            return piece.sums or piece.free
        case Dot():
            return piece.sign in ("+", "⊙", "÷")
        case Formula():
            return True


def _terminal(piece: Terminal) -> Sized:
    label = box(piece.label, MATH)
    also = f"{piece.caption}  {piece.also}" if piece.also else piece.caption
    width = max(round(label.width + 18), round(text_width(also, CAPTION, "sans") + 8), 34)
    height = 26 + (CAPTION_ROOM if also else 0)
    middle = (13,)
    first = piece.side == "first"
    item = Item(width, height, () if first else middle, middle if first else (), piece.side)
    return Sized(piece, item, width, {"label": label})


CAPTION_ROOM = 11


def _unit(piece: Unit) -> Sized:
    label = box(piece.label, MATH)
    boxes = {"label": label}
    width = max(30, round(label.width + 16))
    if piece.constant is not None:
        boxes["constant"] = box(piece.constant, SMALL - 1.5)
    if piece.sums:
        width += sum_width(piece, boxes)
    height = max(28, PORT * piece.inputs + 6, round(label.height + 10))
    return _named(piece, width, height, piece.inputs, boxes)


def sum_width(piece: Unit, boxes: dict[str, Box]) -> int:
    """The width of the part of a gate that adds."""
    return max(20, round(boxes["constant"].width + 10)) if piece.constant is not None else 20


def cell_label(product: Product) -> Box:
    """The name of a weight in a block matrix."""
    return box(weight(product.weight, product.kind), SMALL)


def caption_of(taken: tuple[Size, Size] | None) -> Box | None:
    """`input × 4 units`."""
    if taken is None:
        return None
    rows, columns = taken
    if rows.constant == 1:
        return box(size(columns), CAPTION + 0.5)
    many = m.Fence("(", size(rows)) if len(rows.terms) > 1 else size(rows)
    return box(m.row(many, m.Sign("by"), size(columns)), CAPTION + 0.5)


CIRCLED = "①②③④⑤⑥⑦⑧⑨"


def head_of(column: Column) -> str:
    """What stands above a column: how often its product runs, and which one it is where several tables hold it."""
    runs, shared = column.runs, column.shared
    mark = "" if shared is None else CIRCLED[shared - 1] if shared <= len(CIRCLED) else f"({shared})"
    return " ".join(part for part in (mark, runs or "") if part)


@dataclass(frozen=True)
class Grid:
    """Where the parts of a block matrix stand: the operands at its left, its columns, the biases."""

    strip: int
    columns: tuple[int, ...]
    bias: int
    top: int
    height: int

    @property
    def width(self) -> int:
        return self.strip + sum(self.columns) + self.bias


def grid(table: Table) -> Grid:
    """The measures of a table."""
    rows, count = len(table.rows), len(table.columns)
    widths: list[int] = []
    for column in table.columns:
        width = max(cell_label(c).width for c in column.cells) + 14
        width = max(width, text_width(head_of(column), CAPTION, "sans") + 8)
        caption = caption_of(column.size)
        width = max(width, 0 if caption is None else caption.width + 8)
        widths.append(max(40, round(width)))
    operands = [box(typeset(c.operand), SMALL - 1) for c in table.columns]
    strip = round(max(b.width for b in operands) + 10) + 5 if count > 1 else 0
    height = max(ROW * rows, 20 * count if count > 1 else 0)
    biases = [box(weight(b.weight, "bias"), SMALL - 1).width for b in table.bias if b is not None]
    bias = round(max(biases) + 10) if biases else 0
    return Grid(strip, tuple(widths), bias + (3 if bias else 0), HEAD if _heads(table) else 0, height)


def _heads(table: Table) -> bool:
    return any(head_of(column) for column in table.columns)


def _matrix(piece: Matrix, table: Table) -> Sized:
    g = grid(table)
    rows, count = len(table.rows), len(table.columns)
    foot = 0 if all(column.size is None for column in table.columns) else FOOT
    item = Item(g.width, g.top + g.height + foot, ports(count, g.height, g.top), ports(rows, g.height, g.top))
    return Sized(piece, item, g.width)


def _cell(piece: CellBox) -> Sized:
    width = max(text_width(piece.title, SMALL, "sans"), text_width(piece.detail, CAPTION, "sans"), 44) + 22
    names = [text_width(n, CAPTION, "sans") for n in piece.names] if len(piece.names) > 1 else []
    width += max(names, default=0)
    count = max(piece.inputs, len(piece.names))
    height = max(46 if piece.detail or piece.arrow else 36, PORT * count + 8)
    boxes: dict[str, Box] = {}
    extra = 0
    if piece.name is not None and len(piece.names) == 1:
        boxes["name"] = box(piece.name, SMALL)
        extra = round(boxes["name"].width + 8)
    item = Item(
        round(width) + extra, height, ports(max(piece.inputs, 1), height), ports(max(len(piece.names), 1), height)
    )
    return Sized(piece, item, round(width), boxes)
