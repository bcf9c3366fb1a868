"""A drawing as SVG: text stays text, and every name of a description is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from rnnc.pictures.drawing.boxes import Box, Mark, Text, centred
from rnnc.pictures.placement.layout import Layout, Point

MARGIN = 10
INK, SOFT, FAINT = "#1a1a1a", "#555555", "#9a9a9a"

# Tints of Okabe and Ito's colours, which colour-blind readers tell apart; in grey, frames and captions say the same.
FILLS = {
    "all steps": "#dcebf7", "each step": "#fdebcf", "once": "#efefef", "": "#ffffff", "gate": "#d5efe3",
    "state": "#ffffff", "input": "#f3f3f3", "cell": "#f7f4ee",
}  # fmt: skip

_FACES = {
    "italic": 'font-family="Times New Roman,Times,STIX Two Text,STIXGeneral,serif" font-style="italic"',
    "roman": 'font-family="Times New Roman,Times,STIX Two Text,STIXGeneral,serif"',
    "sans": 'font-family="Helvetica,Arial,Liberation Sans,DejaVu Sans,sans-serif"',
}


class Canvas:
    """Collects elements."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def rect(
        self, x: float, y: float, w: float, h: float, *, fill: str, r: float = 0, stroke: str = INK, width: float = 1
    ) -> None:
        corner = f' rx="{_n(r)}"' if r else ""
        self.lines.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(w)}" height="{_n(h)}"{corner} fill="{fill}" '
            f'stroke="{stroke}" stroke-width="{_n(width)}"/>'
        )

    def line(self, points: Sequence[tuple[float, float]], *, stroke: str = INK, width: float = 1) -> None:
        path = "M" + " L".join(f"{_n(x)},{_n(y)}" for x, y in points)
        self.lines.append(f'<path d="{path}" fill="none" stroke="{stroke}" stroke-width="{_n(width)}"/>')

    def circle(self, x: float, y: float, r: float, *, fill: str, stroke: str = INK) -> None:
        self.lines.append(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(r)}" fill="{fill}" stroke="{stroke}"/>')

    def marks(self, marks: Sequence[Mark], fill: str = INK) -> None:
        for mark in marks:
            if isinstance(mark, Text):
                self.text(mark.x, mark.y, mark.text, mark.size, mark.face, mark.width, fill)
            else:
                self.line(mark.points, stroke=fill, width=0.8)

    def text(self, x: float, y: float, text: str, size: float, face: str, width: float, fill: str = INK) -> None:
        """Text of a known width: other fonts are fitted to it."""
        fitted = f' textLength="{_n(width)}" lengthAdjust="spacingAndGlyphs"' if len(text) > 1 else ""
        self.lines.append(
            f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" {_FACES[face]} fill="{fill}"{fitted}>'
            f"{escaped(text)}</text>"
        )

    def math(self, box: Box, x: float, y: float, fill: str = INK) -> None:
        """Mathematics with its middle at a point."""
        self.marks(centred(box, x, y), fill)


def wire(canvas: Canvas, nets: Sequence[Sequence[Sequence[Point]]]) -> None:
    """Wires, net by net: where two cross, the later one passes over a gap."""
    for links in nets:
        path = " ".join(dict.fromkeys(_rounded(points) for points in links))  # as one: branches do not add up
        canvas.lines.append(f'<path d="{path}" fill="none" stroke="#ffffff" stroke-width="4"/>')
        canvas.lines.append(f'<path d="{path}" fill="none" stroke="{INK}" stroke-width="1.1"/>')


def arrow(canvas: Canvas, x: float, y: float) -> None:
    """The head of an arrow that ends at a point, from the left."""
    canvas.lines.append(f'<path d="M{_n(x)},{_n(y)} l-6,-2.8 l1.2,2.8 l-1.2,2.8 z" fill="{INK}"/>')


def document(body: Canvas, layout: Layout, title: str, description: str) -> str:
    """The whole file."""
    width, height = layout.width + 2 * MARGIN, layout.height + 2 * MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="{-MARGIN} {-MARGIN} {width} {height}" role="img">'
    )
    texts = [f"<title>{escaped(title)}</title>"] + ([f"<desc>{escaped(description)}</desc>"] if description else [])
    ground = f'<rect x="{-MARGIN}" y="{-MARGIN}" width="{width}" height="{height}" fill="#ffffff"/>'
    return "\n".join([head, *texts, ground, *body.lines, "</svg>"]) + "\n"


def escaped(text: str) -> str:
    """Text of a description as text of an SVG: no markup, no control characters."""
    return escape("".join(c if c.isprintable() else " " for c in text), {'"': "&quot;", "'": "&#39;"})


def _rounded(points: Sequence[Point]) -> str:
    """A path with round corners."""
    d = f"M{points[0][0]},{points[0][1]}"
    for at in range(1, len(points) - 1):
        (x0, y0), (x1, y1), (x2, y2) = points[at - 1 : at + 2]
        before, behind = abs(x1 - x0) + abs(y1 - y0), abs(x2 - x1) + abs(y2 - y1)
        r = min(4, before / 2, behind / 2)
        start = (x1 - r * _sign(x1 - x0), y1 - r * _sign(y1 - y0))
        end = (x1 + r * _sign(x2 - x1), y1 + r * _sign(y2 - y1))
        d += f" L{_n(start[0])},{_n(start[1])} Q{x1},{y1} {_n(end[0])},{_n(end[1])}"
    return d + f" L{points[-1][0]},{points[-1][1]}"


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)


def _n(value: float) -> str:
    """A number with at most one decimal, the same on every machine."""
    text = f"{value:.1f}"
    return text.removesuffix(".0")
