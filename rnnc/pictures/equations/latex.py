"""Mathematics as LaTeX (amsmath). Names and words of a description reach it escaped, here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rnnc.pictures.equations import mathtree as m

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"{<}", ">": r"{>}", '"': r"{''}", "\n": " ",
}  # fmt: skip
_OPERATORS = {
    "tanh", "exp", "log", "sin", "cos", "tan", "sinh", "cosh", "max", "min", "arctan", "arcsin", "arccos",
}  # fmt: skip


def escaped(text: str) -> str:
    """Any text as text of LaTeX."""
    return "".join(_SPECIAL.get(c, c) for c in text if c.isprintable() or c == "\n")


def latex(math: m.Math) -> str:
    """Mathematics, for between `$` and `$`."""
    match math:
        case m.Letter(text):
            return text if len(text) == 1 and text.isalpha() else rf"\mathrm{{{escaped(text)}}}"
        case m.Greek(name):
            return rf"\{name}"
        case m.Digits(text):
            return escaped(text)
        case m.Named(text):
            return rf"\{text}" if text in _OPERATORS else rf"\operatorname{{{escaped(text)}}}"
        case m.Words(text):
            return rf"\text{{{escaped(text)}}}"
        case m.Sign(key):
            return m.SIGNS[key].latex
        case m.Row(items):
            return _row(items)
        case m.Script(base, sub, sup):
            below = "" if sub is None else f"_{{{latex(sub)}}}"
            above = "" if sup is None else f"^{{{latex(sup)}}}"
            return f"{_base(base)}{below}{above}"
        case m.Under(base, under):
            return rf"{latex(base)}_{{{latex(under)}}}"
        case m.Fraction(top, bottom):
            return rf"\frac{{{latex(top)}}}{{{latex(bottom)}}}"
        case m.Root(body):
            return rf"\sqrt{{{latex(body)}}}"
        case m.Accent(mark, base):
            return rf"{m.ACCENTS[mark][0]}{{{latex(base)}}}"
        case m.Fence(kind, body):
            left, right = (mark.latex for mark in m.FENCES[kind])
            if is_tall(body):
                left, right = rf"\left{left}", rf"\right{right}"
            return _joined(_joined(left, latex(body)), right)
        case m.Choices(rows):
            lines = (rf"{latex(v)} & {latex(t)}" for v, t in rows)
            return r"\begin{cases} " + r" \\ ".join(lines) + r" \end{cases}"


def aligned(equations: Sequence[tuple[m.Math, m.Math]]) -> str:
    """Equations below one another, for a display."""
    lines = (rf"{latex(left)} &= {latex(right)}" for left, right in equations)
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def is_tall(math: m.Math) -> bool:
    """Does it stand higher than a line, so that brackets around it must grow?"""
    match math:
        case m.Fraction() | m.Choices() | m.Under() | m.Root():
            return True
        case m.Row(items):
            return any(is_tall(i) for i in items)
        case m.Script(base, _, _):
            return is_tall(base)
        case m.Fence(_, body) | m.Accent(_, body):
            return is_tall(body)
        case _:
            return False


def _base(base: m.Math) -> str:
    text = latex(base)
    return text if not isinstance(base, m.Row | m.Script) else f"{{{text}}}"


def _row(items: Sequence[m.Math]) -> str:
    """Spaces around what stands between two things, and where a command would run into a letter."""
    text = ""
    for item in items:
        part = latex(item)
        role = m.SIGNS[item.key].role if isinstance(item, m.Sign) else ""
        if role in ("binary", "relation"):
            part = f" {part} "
        elif role == "punctuation":
            part = f"{part} "
        text = _joined(text, part)
    return text


def _joined(left: str, right: str) -> str:
    runs = right[:1].isalpha() and re.search(r"\\[A-Za-z]+$", left) is not None
    return f"{left} {right}" if runs else left + right
