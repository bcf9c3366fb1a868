"""Characters that look like those of the language, and what to type instead."""

from __future__ import annotations

import unicodedata

PRIMES = "′’‘ʹʼ´`＇"
SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉₊₋ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼᵣᵤᵥ"
QUOTES = "“”„‟«»＂"
# Marks above a letter, which tell one quantity from another.
ACCENTS = {"\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0305": "bar", "\u0307": "dot", "\u030c": "check"}

_SIGNS = {
    **dict.fromkeys("–—−‐‑‒―", "-"),
    **dict.fromkeys("×∗⋅·•⊙∘⊗", "*"),
    **dict.fromkeys("÷∕⁄", "/"),
    **dict.fromkeys("…‥", ".."),
    **dict.fromkeys(PRIMES, "'"),
    **dict.fromkeys(QUOTES, '"'),
    "≤": "<=", "≥": ">=", "≠": "!=", "←": "=", "≔": "=", "∧": "and", "∨": "or", "¬": "not", "∞": "inf",
    "⟨": "(", "⟩": ")",
}  # fmt: skip

# Cyrillic and Greek letters whose shape is that of a Latin one.
_LETTERS = dict(
    zip("АВЕКМНОРСТУХавеіјкорсухѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧοι", "ABEKMHOPCTYXabeijkopcyxsABEZHIKMNOPTYXoi", strict=True)
)


def ascii_for(character: str) -> str | None:
    """What to type instead of a character, None where nothing comes to mind."""
    if character in _SIGNS:
        return _SIGNS[character]
    if character.isascii():
        return None
    if character in _LETTERS:
        return _LETTERS[character]
    if unicodedata.category(character) == "Zs":
        return " "
    plain = unicodedata.normalize("NFKD", character)
    plain = "".join(part for part in plain if not unicodedata.combining(part))
    if plain.isascii() and plain:
        return plain
    words = unicodedata.name(character, "").split()
    if words[:1] != ["GREEK"] or "LETTER" not in words:
        return None
    return words[-1].title() if "CAPITAL" in words else words[-1].lower()


def without_accents(word: str) -> str | None:
    """`ĥ` as `h_hat`: a word in ASCII, with the names of the marks above its letters; None where it has none."""
    parts = unicodedata.normalize("NFKD", word)
    marks = [ACCENTS[part] for part in parts if part in ACCENTS]
    plain = "".join(part for part in parts if part not in ACCENTS)
    return f"{plain}_{'_'.join(marks)}" if marks and plain.isascii() and plain.isidentifier() else None


# What papers write with a sign, and the language with a word.
WORDS = {
    "√": "write `sqrt(v)`", "∑": "write `sum(v)`, or over an axis `sum(v, axis)`",
    "∏": "write `prod(v)`, or over an axis `prod(v, axis)`", "‖": "the norm of `v` is `sqrt(sum(v * v))`",
    "∥": "the norm of `v` is `sqrt(sum(v * v))`; side by side is `concat(a, b)`", "⊕": "write `+`, or `concat(a, b)`",
    "∇": "derivatives are a module's own, `backward`", "∂": "derivatives are a module's own, `backward`",
    "∼": "noise that a cell draws is an input, `input noise[units]`",
    "∈": "axes and sizes are declared: `W[units, input]`",
}  # fmt: skip


def named(character: str) -> str:
    """A character for a message: its name and number, itself only where it can be seen."""
    name = unicodedata.name(character, "a control character")
    shown = f"`{character}`, " if character.isprintable() else ""
    return f"{shown}{name} (U+{ord(character):04X})"
