"""The drawing of a body: its pieces, laid out and painted."""

from __future__ import annotations

from collections.abc import Mapping

from rnnc.diagnostics import Diagnostic, DiagnosticError
from rnnc.ir.model import ParameterInfo
from rnnc.pictures.drawing.fusion import Fused
from rnnc.pictures.drawing.painting import paint, sign_of
from rnnc.pictures.drawing.pieces import Sized, sized
from rnnc.pictures.drawing.svg import INK, Canvas, arrow, document, wire
from rnnc.pictures.drawing.tables import tables
from rnnc.pictures.drawing.wiring import Wiring
from rnnc.pictures.equations import formula as f
from rnnc.pictures.placement.layout import Layout, Point, lay_out

MOST = 400  # pieces


class Drawing:
    """One body, laid out. `sizes` and `layout` are there for whoever checks the geometry.

    Raises DiagnosticError where it would be too large.
    """

    def __init__(self, body: f.Body, fused: list[Fused], parameters: Mapping[str, ParameterInfo]) -> None:
        self.body = body
        self.wiring = Wiring(body, tables((*body.equations, *body.outputs), fused, parameters))
        self.wiring.build()
        size = max(len(self.wiring.pieces), len(self.wiring.links) // 3)
        if size > MOST:
            message = f"a drawing of `{body.name}` would have {size} pieces, and nobody could read it"
            fix = "draw it with fewer members, or a cell inside of it: `--inner NAME`"
            raise DiagnosticError([Diagnostic("E219", message, fix=fix)])
        self.sizes: list[Sized] = [sized(piece) for piece in self.wiring.pieces]
        self.layout: Layout = lay_out([s.item for s in self.sizes], self.wiring.links)

    def svg(self, title: str, description: str = "") -> str:
        """The drawing as the text of an SVG file."""
        canvas = Canvas()
        nets: dict[tuple[int, int], list[tuple[Point, ...]]] = {}
        for link, points in zip(self.layout.links, self.layout.wires, strict=True):
            source = self.sizes[link.source]
            start = (points[0][0] - (source.item.width - source.body), points[0][1])  # names stand over their wires
            nets.setdefault(link.net, []).append((start, *points[1:]))
        wire(canvas, list(nets.values()))
        for x, y in self.layout.dots:
            canvas.circle(x, y, 1.9, fill=INK)
        for piece, place in zip(self.sizes, self.layout.places, strict=True):
            paint(canvas, piece, place)
        for given, points in zip(self.wiring.links, self.layout.wires, strict=True):
            x, y = points[-1]
            arrow(canvas, x, y)
            sign = sign_of(self.sizes[given.target], given.into)
            if sign:
                canvas.text(x - 14, y - 4, sign, 11, "roman", 6)
        return document(canvas, self.layout, title, description)
