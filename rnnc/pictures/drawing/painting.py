"""How each piece looks."""

from __future__ import annotations

from rnnc.pictures.drawing.boxes import box
from rnnc.pictures.drawing.pieces import (
    CAPTION,
    FOOT,
    SMALL,
    CellBox,
    Dot,
    Formula,
    Matrix,
    Sized,
    Terminal,
    Unit,
    caption_of,
    cell_label,
    grid,
    head_of,
    sum_width,
)
from rnnc.pictures.drawing.svg import FAINT, FILLS, INK, SOFT, Canvas
from rnnc.pictures.equations.symbols import weight
from rnnc.pictures.equations.typeset import typeset
from rnnc.pictures.equations.widths import text_width
from rnnc.pictures.placement.layout import Point


def paint(canvas: Canvas, sized: Sized, place: Point) -> None:
    """One piece at its place."""
    x, y = place
    match sized.piece:
        case Terminal() as piece:
            _terminal(canvas, sized, piece, x, y)
        case Matrix() as piece:
            _matrix(canvas, piece, x, y)
        case Unit() as piece:
            _unit(canvas, sized, piece, x, y)
        case Dot() as piece:
            _dot(canvas, sized, piece, x, y)
        case Formula():
            canvas.rect(x, y, sized.body, sized.item.height, fill="#ffffff", r=4, stroke=SOFT)
            canvas.math(sized.boxes["label"], x + sized.body / 2, y + sized.item.height / 2)
        case CellBox() as piece:
            _cell(canvas, sized, piece, x, y)
    _name(canvas, sized, x, y)


def _name(canvas: Canvas, sized: Sized, x: int, y: int) -> None:
    """The name of a value, over the wire that carries it."""
    if "name" in sized.boxes:
        name = sized.boxes["name"]
        out = y + sized.item.outs[0]
        canvas.math(name, x + sized.body + 4 + name.width / 2, out - 3 - name.height / 2)


def caption(canvas: Canvas, text: str, x: float, y: float, fill: str = SOFT) -> None:
    """Small text, centred."""
    width = text_width(text, CAPTION, "sans")
    canvas.text(x - width / 2, y, text, CAPTION, "sans", width, fill)


def _terminal(canvas: Canvas, sized: Sized, piece: Terminal, x: int, y: int) -> None:
    width = sized.item.width
    if piece.kind == "state":
        canvas.rect(x, y, width, 26, fill=FILLS["state"], r=13, width=1.6)
    elif piece.kind == "parameter":
        canvas.rect(x, y, width, 26, fill="#ffffff", stroke=FAINT)
    else:
        canvas.rect(x, y, width, 26, fill=FILLS["input"])
    canvas.math(sized.boxes["label"], x + width / 2, y + 13)
    text = f"{piece.caption}  {piece.also}" if piece.also else piece.caption
    if text:
        caption(canvas, text, x + width / 2, y + 35)


def _matrix(canvas: Canvas, piece: Matrix, x: int, y: int) -> None:
    table, g = piece.table, grid(piece.table)
    top, rows = y + g.top, len(table.rows)
    tall = g.height / rows
    if g.strip:
        each = g.height / len(table.columns)
        for at, column in enumerate(table.columns):
            canvas.rect(x, top + at * each, g.strip - 5, each, fill="#ffffff", stroke=SOFT, width=0.8)
            canvas.math(box(typeset(column.operand), SMALL - 1), x + (g.strip - 5) / 2, top + (at + 0.5) * each)
    left = float(x + g.strip)
    for column, width in zip(table.columns, g.columns, strict=True):
        canvas.rect(left, top, width, g.height, fill=FILLS[column.runs or ""], stroke="none")
        for at, cell in enumerate(column.cells):
            cy = top + at * tall
            if cell.kind == "diagonal":
                canvas.line([(left + 3, cy + 3), (left + width - 3, cy + tall - 3)], stroke=FAINT, width=0.8)
            if at:
                canvas.line([(left, cy), (left + width, cy)], stroke=FAINT, width=0.7)
            canvas.math(cell_label(cell), left + width / 2, cy + tall / 2)
        canvas.rect(left, top, width, g.height, fill="none", width=1.4)
        caption(canvas, head_of(column), left + width / 2, top - 4)
        shown = caption_of(column.size)
        if shown is not None:
            canvas.math(shown, left + width / 2, top + g.height + FOOT / 2, SOFT)
        left += width
    for at, bias in enumerate(table.bias):
        if bias is None:
            canvas.line([(left, top + (at + 0.5) * tall), (left + g.bias, top + (at + 0.5) * tall)], width=1.1)
        else:
            canvas.rect(left + 3, top + at * tall, g.bias - 3, tall, fill="#ffffff", stroke=SOFT, width=0.8)
            label = box(weight(bias.weight, "bias"), SMALL - 1)
            canvas.math(label, left + 3 + (g.bias - 3) / 2, top + (at + 0.5) * tall)


def _unit(canvas: Canvas, sized: Sized, piece: Unit, x: int, y: int) -> None:
    height, width = sized.item.height, sized.body
    radius = min(height / 2, 14)
    canvas.rect(x, y, width, height, fill=FILLS["gate" if piece.gate else ""], r=radius if piece.gate else 6, width=1.2)
    left = 0
    if piece.sums:
        left = sum_width(piece, sized.boxes)
        canvas.line([(x + left, y), (x + left, y + height)], width=0.8)
        middle = y + height / 2
        if piece.constant is None:
            canvas.text(x + left / 2 - 4, middle + 4.5, "+", 14, "roman", 8)
        else:
            canvas.math(sized.boxes["constant"], x + left / 2, middle)
    canvas.math(sized.boxes["label"], x + left + (width - left) / 2, y + height / 2)


def _dot(canvas: Canvas, sized: Sized, piece: Dot, x: int, y: int) -> None:
    height, r = sized.item.height, 11
    canvas.rect(x, y, 2 * r, height, fill="#ffffff", r=r, width=1.2)
    middle = (x + r, y + height / 2)
    strokes = {
        "+": [[(-5, 0), (5, 0)], [(0, -5), (0, 5)]],
        "−": [[(-5, 0), (5, 0)]],
        "⊗": [[(-4, -4), (4, 4)], [(-4, 4), (4, -4)]],
        "÷": [[(-5, 0), (5, 0)]],
    }.get(piece.sign, [])
    for stroke in strokes:
        canvas.line([(middle[0] + dx, middle[1] + dy) for dx, dy in stroke], width=1.3)
    if piece.sign == "⊙":
        canvas.circle(*middle, 2.2, fill=INK)
    elif piece.sign == "÷":
        canvas.circle(middle[0], middle[1] - 4, 1.3, fill=INK)
        canvas.circle(middle[0], middle[1] + 4, 1.3, fill=INK)
    elif not strokes:
        width = text_width(piece.sign, 12, "roman")
        canvas.text(middle[0] - width / 2, middle[1] + 4, piece.sign, 12, "roman", width)


def sign_of(sized: Sized, port: int) -> str:
    """The sign of a wire that was given for a port."""
    signs = sized.piece.signs if isinstance(sized.piece, Unit | Dot) else ()
    return signs[port] if port < len(signs) else ""


def _cell(canvas: Canvas, sized: Sized, piece: CellBox, x: int, y: int) -> None:
    height, width = sized.item.height, sized.body
    canvas.rect(x, y, width, height, fill=FILLS["cell"], r=5, width=1.4)
    canvas.rect(x + 3, y + 3, width - 6, height - 6, fill="none", r=3, stroke=FAINT, width=0.7)
    names = [text_width(n, CAPTION, "sans") for n in piece.names] if len(piece.names) > 1 else []
    middle = x + (width - max(names, default=0)) / 2
    wide = text_width(piece.title, SMALL, "sans")
    lines = 1 + bool(piece.detail) + bool(piece.arrow)
    at = y + height / 2 + {1: 4, 2: 0, 3: -4}[lines]
    canvas.text(middle - wide / 2, at, piece.title, SMALL, "sans", wide)
    if piece.detail:
        caption(canvas, piece.detail, middle, at + 11)
    if piece.arrow:
        ay = at + (19 if piece.detail else 9)
        ends = (middle - 9, middle + 9) if piece.arrow == "forward" else (middle + 9, middle - 9)
        step = -3 if piece.arrow == "forward" else 3
        canvas.line([(ends[0], ay), (ends[1], ay)], stroke=SOFT)
        canvas.line([(ends[1] + step, ay - 2.5), (ends[1], ay), (ends[1] + step, ay + 2.5)], stroke=SOFT)
    if names:
        for name, port, wide in zip(piece.names, sized.item.outs, names, strict=True):
            canvas.text(x + width - 6 - wide, y + port + 3, name, CAPTION, "sans", wide, SOFT)
