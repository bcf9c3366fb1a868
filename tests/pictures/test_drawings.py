"""Drawings hold their shape: no box covers another, no wire runs through a box or along another wire."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rnnc.diagnostics import DiagnosticError
from rnnc.pictures.drawing.drawing import Drawing
from rnnc.pictures.drawing.pieces import Matrix, Terminal
from tests.pictures.drawn import described, example, names

GOLDEN = Path(__file__).parent / "golden"
NAMES = list(names())
SVG = "{http://www.w3.org/2000/svg}"

Rect = tuple[int, int, int, int]


def boxes(drawing: Drawing) -> list[Rect]:
    """Left, top, right, bottom of every piece, with its name and captions."""
    places = zip(drawing.layout.places, drawing.sizes, strict=True)
    return [(x, y, x + s.item.width, y + s.item.height) for (x, y), s in places]


def segments(drawing: Drawing) -> list[tuple[tuple[int, int], Rect]]:
    """Every straight piece of wire with its net, as a rectangle without width or height."""
    return [
        (link.net, (min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1])))
        for link, points in zip(drawing.layout.links, drawing.layout.wires, strict=True)
        for a, b in pairwise(points)
    ]


def meet(a: Rect, b: Rect) -> bool:
    """Do two rectangles share more than an edge? (One without width counts as a line.)"""
    across = a[0] < b[2] and b[0] < a[2]
    down = a[1] < b[3] and b[1] < a[3]
    return across and down


def along(a: Rect, b: Rect) -> bool:
    """Do two lines run along each other, nearer than three?"""
    level = a[1] == a[3] and b[1] == b[3] and abs(a[1] - b[1]) < 3 and a[0] < b[2] and b[0] < a[2]
    upright = a[0] == a[2] and b[0] == b[2] and abs(a[0] - b[0]) < 3 and a[1] < b[3] and b[1] < a[3]
    return level or upright


def check(drawing: Drawing) -> None:
    found = boxes(drawing)
    assert not [(a, b) for a, b in combinations(found, 2) if meet(a, b)]
    wires = segments(drawing)
    assert not [(line, box) for _, line in wires for box in found if meet(line, box)]
    assert not [(a, b) for (m, a), (n, b) in combinations(wires, 2) if m != n and along(a, b)]
    assert all(x >= 0 and y >= 0 and r <= drawing.layout.width for x, y, r, _ in found)
    assert max(box[3] for box in found) <= drawing.layout.height


@pytest.mark.parametrize("name", NAMES)
def test_boxes_and_wires_keep_apart(name: str) -> None:
    """In the drawing of the definition, and in those of the cells in it."""
    description = example(name)
    for inner in ["", *description.inner()]:
        drawing = description.drawing(inner)
        check(drawing)
        ElementTree.fromstring(drawing.svg(name))


@pytest.mark.parametrize("name", NAMES)
def test_states_enter_at_the_left_and_leave_at_the_right(name: str) -> None:
    drawing = example(name).drawing()
    for sized, (x, _) in zip(drawing.sizes, drawing.layout.places, strict=True):
        if isinstance(sized.piece, Terminal) and sized.piece.kind != "parameter":
            ends_left = sized.piece.side == "first"
            assert (x < drawing.layout.width / 2) == ends_left, sized.piece


def test_fused_products_stand_in_one_frame() -> None:
    """The four products of x are one matrix, which leaves the loop, those of h another."""
    (matrix,) = [p for p in example("lstm:LSTM").drawing().wiring.pieces if isinstance(p, Matrix) and p.table.bias]
    assert [(c.runs, len(c.cells)) for c in matrix.table.columns] == [("all steps", 4), ("each step", 4)]


def test_products_that_are_fused_across_tables_are_numbered() -> None:
    """That of x serves all gates of a GRU; the candidate has another operand beside it."""
    tables = [p.table for p in example("gru:GRU").drawing().wiring.pieces if isinstance(p, Matrix)]
    assert len({c.shared for t in tables for c in t.columns if c.runs == "all steps"}) == 1


@pytest.mark.parametrize("name", ["lstm:LSTM", "min_gru:MinGRU", "bidirectional:StackedBidirectional", "xlstm:MLSTM"])
def test_golden(name: str, update_golden: bool) -> None:
    """The whole text of some drawings, for people to review: `--update-golden` rewrites it."""
    path = GOLDEN / f"{name.replace(':', '_')}.svg"
    text = example(name).svg()
    if update_golden:
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def test_a_chain_is_drawn_however_it_is_written() -> None:
    """From its end, each equation is read before the one that it needs."""
    text = "cell C(n = 60) {\n  input x[3]\n  q[0] = x\n"
    text += "  for k in 1..n { q[n - k] = tanh(q[n - k - 1] + x) }\n  output q[n - 1]\n}"
    check(described(text).drawing())


@pytest.mark.parametrize(
    "equation",
    [
        "y = (h + linear(x)) % 2",
        "y = where(h > 0, exp(sigmoid(linear(x, c: h) + 1)), 0)",
        "y = (h - linear(x, bias = false)) // (linear(h) as rec)",
        "y = h + sum(outer(h, relabel(x, of: units)), [units, of])",
        "y = h + sum(softmax(outer(h, relabel(x, of: units)), [units, of]), of)",
    ],
)
def test_products_in_a_box_stand_outside_of_it(equation: str) -> None:
    check(
        described(
            f"cell C(units = 3) {{\n  input x[units]\n  state h[units]\n  {equation}\n  h' = y\n  output h'\n}}"
        ).drawing()
    )


def test_what_nobody_could_read_is_an_error() -> None:
    text = "cell C(units) {\n  input x[units]\n  for k in 0..600 { q[k] = tanh(x) }\n"
    text += "  output sum(q[k] for k in 0..600)\n}"
    with pytest.raises(DiagnosticError) as caught:
        described(text).drawing()
    assert [d.code for d in caught.value.diagnostics] == ["E219"]


def test_text_is_text() -> None:
    """No name is drawn as a path: it can be searched, read aloud and edited."""
    tree = ElementTree.fromstring(example("lstm:LSTM").svg())
    shown = [t.text for t in tree.iter(f"{SVG}text")]
    assert {"tanh", "σ", "all steps", "each step"} <= set(shown)
