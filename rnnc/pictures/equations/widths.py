"""How wide text is: the advance widths of Times (mathematics) and Helvetica (captions), in thousandths of the size.

Pictures must have the same bytes everywhere, so nobody asks a font. What a viewer has is fitted to these widths.
"""

from __future__ import annotations

_LOWER = "abcdefghijklmnopqrstuvwxyz"
_UPPER = _LOWER.upper()

_ITALIC = dict(
    zip(
        _LOWER + _UPPER,
        (
            *(500, 500, 444, 500, 444, 278, 500, 500, 278, 278, 444, 278, 722, 500, 500, 500, 500, 389, 389, 278),
            *(500, 444, 667, 444, 444, 389),
            *(611, 611, 667, 722, 611, 611, 722, 722, 333, 444, 667, 556, 833, 667, 722, 611, 722, 611, 500, 556),
            *(722, 611, 833, 611, 556, 556),
        ),
        strict=True,
    )
)
_ROMAN = dict(
    zip(
        _LOWER + _UPPER,
        (
            *(444, 500, 444, 500, 444, 333, 500, 500, 278, 278, 500, 278, 778, 500, 500, 500, 500, 333, 389, 278),
            *(500, 500, 722, 500, 500, 444),
            *(722, 667, 667, 722, 611, 556, 722, 722, 333, 389, 722, 611, 889, 722, 722, 556, 722, 667, 556, 611),
            *(722, 722, 944, 722, 722, 611),
        ),
        strict=True,
    )
)
_SANS = dict(
    zip(
        _LOWER + _UPPER,
        (
            *(556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278),
            *(556, 500, 722, 500, 500, 500),
            *(667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611),
            *(722, 667, 944, 667, 667, 611),
        ),
        strict=True,
    )
)
_MARKS = {
    " ": 250, "\u2009": 167, "(": 333, ")": 333, "[": 333, "]": 333, "|": 200, ",": 250, ".": 250, ":": 278, ";": 278,
    "/": 278, "_": 500, "{": 480, "}": 480, "+": 564, "−": 564, "=": 564, "<": 564, ">": 564, "⊙": 768, "⊗": 768,
    "·": 250, "∗": 500, "∑": 713, "∏": 823, "⌊": 333, "⌋": 333, "⌈": 333, "⌉": 333, "≤": 549, "≥": 549, "≠": 549,
    "∧": 603, "∨": 603, "¬": 564, "∞": 713, "×": 564, "÷": 564, "…": 1000, "′": 247,
}  # fmt: skip
_TABLES = {"italic": _ITALIC, "roman": _ROMAN, "sans": _SANS}


def text_width(text: str, size: float, face: str) -> float:
    """The width of a text in one of the faces "italic", "roman", "sans"."""
    table = _TABLES[face]
    units = 0
    for c in text:
        units += table.get(c) or _MARKS.get(c) or (556 if face == "sans" else 530)
    return units * size / 1000
