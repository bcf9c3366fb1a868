"""Characters that look like those of the language, and what to type instead."""

from __future__ import annotations

import unicodedata

PRIMES = "′’‘ʹʼ´`＇"
SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
QUOTES = "“”„‟«»＂"

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
    return words[-1].lower() if words[:1] == ["GREEK"] and "LETTER" in words else None


def named(character: str) -> str:
    """A character for a message: its name and number, itself only where it can be seen."""
    name = unicodedata.name(character, "a control character")
    shown = f"`{character}`, " if character.isprintable() else ""
    return f"{shown}{name} (U+{ord(character):04X})"
