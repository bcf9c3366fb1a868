"""Typeset mathematics as a tree, on one page: what LaTeX, MathML and drawings are all written from.

Leaves hold names, numbers and words of a description as they are; the writers escape them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

AccentKind: TypeAlias = Literal["tilde", "hat", "bar"]
FenceKind: TypeAlias = Literal["(", "[", "|", "floor", "ceil"]


@dataclass(frozen=True)
class Letter:
    """A name: one letter stands in italics, a longer name upright."""

    text: str


@dataclass(frozen=True)
class Greek:
    """A Greek letter, by its name."""

    name: str


@dataclass(frozen=True)
class Digits:
    """A number as it is written."""

    text: str


@dataclass(frozen=True)
class Named:
    """The name of a function: upright, with a little space around it."""

    text: str


@dataclass(frozen=True)
class Words:
    """Plain text."""

    text: str


@dataclass(frozen=True)
class Sign:
    """An operator or mark: a key of SIGNS."""

    key: str


@dataclass(frozen=True)
class Row:
    """Side by side."""

    items: tuple[Math, ...]


@dataclass(frozen=True)
class Script:
    """Below and above, at the right."""

    base: Math
    sub: Math | None = None
    sup: Math | None = None


@dataclass(frozen=True)
class Under:
    """A large operator with what it runs over."""

    base: Math
    under: Math


@dataclass(frozen=True)
class Fraction:
    top: Math
    bottom: Math


@dataclass(frozen=True)
class Root:
    body: Math


@dataclass(frozen=True)
class Accent:
    """A mark over a symbol: a key of ACCENTS."""

    mark: AccentKind
    base: Math


@dataclass(frozen=True)
class Fence:
    """Between brackets that grow: a key of FENCES."""

    kind: FenceKind
    body: Math


@dataclass(frozen=True)
class Choices:
    """A brace before rows of a value and its condition."""

    rows: tuple[tuple[Math, Math], ...]


Math: TypeAlias = (
    Letter | Greek | Digits | Named | Words | Sign | Row | Script | Under | Fraction | Root | Accent | Fence | Choices
)


class Mark(NamedTuple):
    """A sign in LaTeX, as a character, and how it stands: "binary", "relation", "large", "prefix", "punctuation"."""

    latex: str
    text: str
    role: str


SIGNS: dict[str, Mark] = {
    "+": Mark("+", "+", "binary"),
    "-": Mark("-", "−", "binary"),
    "negative": Mark("-", "−", "prefix"),
    "less": Mark("-", "−", "plain"),
    "odot": Mark(r"\odot", "⊙", "binary"),
    "times": Mark(r"\cdot", "·", "binary"),
    "by": Mark(r"\times", "×", "binary"),
    "outer": Mark(r"\otimes", "⊗", "binary"),
    "conv": Mark("*", "∗", "binary"),
    "mod": Mark(r"\bmod", "mod", "binary"),
    "nabla": Mark(r"\nabla", "∇", "plain"),
    "space": Mark(r"\,", "\u2009", "space"),
    "=": Mark("=", "=", "relation"),
    "!=": Mark(r"\neq", "≠", "relation"),
    "<": Mark("<", "<", "relation"),
    "<=": Mark(r"\leq", "≤", "relation"),
    ">": Mark(">", ">", "relation"),
    ">=": Mark(r"\geq", "≥", "relation"),
    "and": Mark(r"\wedge", "∧", "binary"),
    "or": Mark(r"\vee", "∨", "binary"),
    "not": Mark(r"\neg", "¬", "prefix"),
    ",": Mark(",", ",", "punctuation"),
    ";": Mark(";", ";", "punctuation"),
    ":": Mark(":", ":", "plain"),
    "sum": Mark(r"\sum", "∑", "large"),
    "prod": Mark(r"\prod", "∏", "large"),
    "infinity": Mark(r"\infty", "∞", "plain"),
    "top": Mark(r"\top", "⊤", "plain"),
    "dots": Mark(r"\ldots", "…", "plain"),
}

FENCES: dict[FenceKind, tuple[Mark, Mark]] = {
    "(": (Mark("(", "(", ""), Mark(")", ")", "")),
    "[": (Mark("[", "[", ""), Mark("]", "]", "")),
    "|": (Mark(r"\lvert", "|", ""), Mark(r"\rvert", "|", "")),
    "floor": (Mark(r"\lfloor", "⌊", ""), Mark(r"\rfloor", "⌋", "")),
    "ceil": (Mark(r"\lceil", "⌈", ""), Mark(r"\rceil", "⌉", "")),
}

GREEK: dict[str, str] = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "upsilon": "υ", "phi": "ϕ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ",
    "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ",
    "Omega": "Ω",
}  # fmt: skip

ACCENTS: dict[AccentKind, tuple[str, str]] = {"tilde": (r"\tilde", "~"), "hat": (r"\hat", "^"), "bar": (r"\bar", "¯")}


def row(*items: Math) -> Math:
    """Side by side, without rows in rows."""
    flat: list[Math] = []
    for item in items:
        flat += item.items if isinstance(item, Row) else (item,)
    return flat[0] if len(flat) == 1 else Row(tuple(flat))


def listed(items: list[Math], separator: str = ",") -> Math:
    """With a separator between them."""
    parts: list[Math] = []
    for at, item in enumerate(items):
        parts += [Sign(separator), item] if at else [item]
    return row(*parts)


def called(function: Math, body: Math) -> Math:
    """`f(body)`."""
    return row(function, Fence("(", body))
