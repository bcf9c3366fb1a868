"""Mathematics as boxes of text and lines with sizes: what drawings show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnnc.pictures.equations import mathtree as m
from rnnc.pictures.equations.widths import text_width

_SMALLER = 0.72
_SMALLEST = 6.5
_ASCENT, _DESCENT = 0.68, 0.22


@dataclass(frozen=True)
class Text:
    """A run of text, its baseline starting at (x, y)."""

    x: float
    y: float
    text: str
    size: float
    face: str  # "italic", "roman" or "sans"
    width: float


@dataclass(frozen=True)
class Line:
    """A stroke through points."""

    points: tuple[tuple[float, float], ...]


Mark = Text | Line


@dataclass(frozen=True)
class Box:
    """Marks around a baseline that starts at the origin; y grows downwards."""

    width: float
    ascent: float
    descent: float
    marks: tuple[Mark, ...]

    @property
    def height(self) -> float:
        return self.ascent + self.descent


def moved(marks: Sequence[Mark], dx: float, dy: float) -> tuple[Mark, ...]:
    """The same marks elsewhere."""
    return tuple(
        Text(k.x + dx, k.y + dy, k.text, k.size, k.face, k.width)
        if isinstance(k, Text)
        else Line(tuple((x + dx, y + dy) for x, y in k.points))
        for k in marks
    )


def centred(box: Box, x: float, y: float) -> tuple[Mark, ...]:
    """A box's marks with its middle at (x, y)."""
    return moved(box.marks, x - box.width / 2, y + (box.ascent - box.descent) / 2)


def box(math: m.Math, size: float) -> Box:
    """Mathematics set in a size."""
    match math:
        case m.Letter(text):
            return _text(text, size, "italic" if len(text) == 1 else "roman")
        case m.Greek(name):
            return _text(m.GREEK[name], size, "roman" if name[0].isupper() else "italic")
        case m.Digits(text) | m.Named(text) | m.Words(text):
            return _text(text, size, "roman")
        case m.Sign(key):
            return _sign(m.SIGNS[key], size)
        case m.Row(items):
            return _row([box(i, size) for i in items])
        case m.Script(base, sub, sup):
            return _script(box(base, size), sub, sup, size)
        case m.Under(base, under):
            return _script(box(base, size), under, None, size)
        case m.Fraction(top, bottom):
            return _fraction(box(top, size * 0.9), box(bottom, size * 0.9), size)
        case m.Root(body):
            return _root(box(body, size), size)
        case m.Accent(mark, base):
            return _accent(mark, box(base, size), size)
        case m.Fence(kind, body):
            left, right = m.FENCES[kind]
            inner = box(body, size)
            return _row([_bracket(left.text, inner, size), inner, _bracket(right.text, inner, size)])
        case m.Choices(rows):
            return _choices(rows, size)


def _text(text: str, size: float, face: str) -> Box:
    width = text_width(text, size, face)
    return Box(width, _ASCENT * size, _DESCENT * size, (Text(0, 0, text, size, face, width),) if text.strip() else ())


def _sign(sign: m.Mark, size: float) -> Box:
    inner = _text(sign.text, size, "roman")
    left, right = {
        "binary": (0.2, 0.2), "relation": (0.25, 0.25), "punctuation": (0.0, 0.18), "large": (0.0, 0.12),
    }.get(sign.role, (0.0, 0.0))  # fmt: skip
    if sign.role == "large":
        inner = _text(sign.text, size * 1.25, "roman")
    return _row([Box(left * size, 0, 0, ()), inner, Box(right * size, 0, 0, ())])


def _row(boxes: Sequence[Box]) -> Box:
    x, ascent, descent = 0.0, 0.0, 0.0
    marks: list[Mark] = []
    for b in boxes:
        marks += moved(b.marks, x, 0)
        x += b.width
        ascent, descent = max(ascent, b.ascent), max(descent, b.descent)
    return Box(x, ascent, descent, tuple(marks))


def _script(base: Box, sub: m.Math | None, sup: m.Math | None, size: float) -> Box:
    small = max(size * _SMALLER, _SMALLEST)
    below = None if sub is None else box(sub, small)
    above = None if sup is None else box(sup, small)
    drop = max(0.18 * size, base.descent - 0.1 * size)
    rise = max(0.38 * size, base.ascent - 0.3 * size)
    if below is not None and above is not None:  # keep the two apart
        close = max(0.0, (above.descent - rise) - (drop - below.ascent) + 0.5)
        drop, rise = drop + close / 2, rise + close / 2
    marks, width = list(base.marks), base.width
    ascent, descent = base.ascent, base.descent
    if below is not None:
        marks += moved(below.marks, base.width + 0.03 * size, drop)
        descent = max(descent, drop + below.descent)
        width = max(width, base.width + 0.03 * size + below.width)
    if above is not None:
        marks += moved(above.marks, base.width + 0.05 * size, -rise)
        ascent = max(ascent, rise + above.ascent)
        width = max(width, base.width + 0.05 * size + above.width)
    return Box(width + 0.04 * size, ascent, descent, tuple(marks))


def _fraction(top: Box, bottom: Box, size: float) -> Box:
    width = max(top.width, bottom.width) + 0.3 * size
    axis = 0.26 * size
    up, down = axis + top.descent + 0.14 * size, bottom.ascent - axis + 0.16 * size
    marks = (
        *moved(top.marks, (width - top.width) / 2, -up),
        Line(((0.05 * size, -axis), (width - 0.05 * size, -axis))),
        *moved(bottom.marks, (width - bottom.width) / 2, down),
    )
    return Box(width, up + top.ascent, down + bottom.descent, marks)


def _root(body: Box, size: float) -> Box:
    start = 0.55 * size
    top = body.ascent + 0.12 * size
    hook = ((0.05 * size, -0.2 * size), (0.2 * size, -0.28 * size), (0.35 * size, body.descent))
    line = Line((*hook, (start, -top), (start + body.width + 0.05 * size, -top)))
    return Box(start + body.width + 0.1 * size, top + 0.1 * size, body.descent, (line, *moved(body.marks, start, 0)))


def _accent(mark: str, base: Box, size: float) -> Box:
    y, middle, half = -base.ascent - 0.06 * size, base.width / 2 + 0.06 * size, 0.18 * size
    shapes = {
        "bar": ((-half, 0.0), (half, 0.0)),
        "hat": ((-half, 0.0), (0.0, -half * 0.8), (half, 0.0)),
        "tilde": ((-half, 0.0), (-half / 2, -half * 0.5), (half / 2, 0.0), (half, -half * 0.5)),
    }
    line = Line(tuple((middle + dx, y + dy) for dx, dy in shapes[mark]))
    return Box(base.width, base.ascent + 0.25 * size, base.descent, (*base.marks, line))


def _bracket(text: str, inner: Box, size: float) -> Box:
    """A bracket: a character, or lines where what it holds stands higher than that."""
    if inner.height <= 1.25 * size:
        return _text(text, size, "roman")
    top, bottom, w = -inner.ascent - 1, inner.descent + 1, 0.3 * size
    a, b, middle = 0.08 * size, w - 0.06 * size, (top + bottom) / 2
    shapes: dict[str, tuple[tuple[float, float], ...]] = {
        "(": ((b, top), (a + 0.05 * size, top + 3), (a, middle), (a + 0.05 * size, bottom - 3), (b, bottom)),
        ")": ((a, top), (b - 0.05 * size, top + 3), (b, middle), (b - 0.05 * size, bottom - 3), (a, bottom)),
        "[": ((b, top), (a, top), (a, bottom), (b, bottom)),
        "]": ((a, top), (b, top), (b, bottom), (a, bottom)),
        "|": ((w / 2, top), (w / 2, bottom)),
        "⌊": ((a, top), (a, bottom), (b, bottom)),
        "⌋": ((b, top), (b, bottom), (a, bottom)),
        "⌈": ((b, top), (a, top), (a, bottom)),
        "⌉": ((a, top), (b, top), (b, bottom)),
    }
    return Box(w, inner.ascent + 1, inner.descent + 1, (Line(shapes[text]),))


def _choices(rows: Sequence[tuple[m.Math, m.Math]], size: float) -> Box:
    cells = [(box(v, size * 0.92), box(t, size * 0.92)) for v, t in rows]
    first = max(v.width for v, _ in cells)
    left = 0.6 * size
    marks: list[Mark] = []
    y, width = 0.0, 0.0
    for at, (value, test) in enumerate(cells):
        y += max(value.ascent, test.ascent) + (0.25 * size if at else 0)
        marks += (*moved(value.marks, left, y), *moved(test.marks, left + first + 0.7 * size, y))
        y += max(value.descent, test.descent)
        width = max(width, left + first + 0.7 * size + test.width)
    middle, a, b = y / 2, 0.15 * size, 0.45 * size
    c = (a + b) / 2
    brace = Line(((b, 0), (c, 2), (c, middle - 3), (a, middle), (c, middle + 3), (c, y - 2), (b, y)))
    ascent = y / 2 + 0.25 * size
    return Box(width, ascent, y - ascent, moved((brace, *marks), 0, -ascent))
