"""What the grammar would accept, in words."""

from __future__ import annotations

from collections.abc import Mapping, Set

_MANY = 4

# What can always follow an operand; named one by one it would hide what else is possible.
_CONTINUATIONS = frozenset({"IF", "AND", "OR", "AS", "WITH", "DOT", "LPAR", "LSQB", "PLUS", "MINUS"})
_BEGINNINGS = frozenset(
    {"NAME", "PRIMED", "NUMBER", "STRING", "LPAR", "LSQB", "MINUS", "PLUS", "NOT", "NONE", "TRUE", "FALSE"}
)
_IN_WORDS = {
    "NAME": "a name",
    "PRIMED": "a name",
    "NUMBER": "a number",
    "STRING": "a string",
    "DOC": "a docstring",
    "NEWLINE": "the end of the line",
    "$END": "the end",
}
_OPERATORS = frozenset({"<", "<=", ">", ">=", "==", "!=", "..", "+", "-", "*", "/", "//", "%", "@", "**"})


def expectation(expected: Set[str], spelling: Mapping[str, str]) -> str:
    """A phrase for a set of terminals: "an expression", "`)` or `,`"."""
    terminals = {name for name in expected if name.isupper() or name.startswith("$")}
    if {"GATE", "LET"} <= terminals:
        return "an equation, a declaration or another statement"
    if "NETWORK" in terminals:
        return "a definition"
    if {"SCOPE", "ORDER"} <= terminals:
        return "an entry of the layout"
    phrases: list[str] = []
    if {"NAME", "NUMBER", "LPAR"} <= terminals:
        phrases.append("an expression")
        terminals -= _BEGINNINGS
    elif "PLUS" in terminals:
        phrases.append("an operator")
        terminals = {name for name in terminals - _CONTINUATIONS if spelling.get(name) not in _OPERATORS}
    words = sorted({_IN_WORDS.get(name) or f"`{spelling.get(name, name)}`" for name in terminals})
    phrases += words or ([] if phrases else ["the end"])
    if len(phrases) > _MANY:
        phrases = [*phrases[:_MANY], "…"]
    return " or ".join(phrases) if len(phrases) < 3 else ", ".join(phrases[:-1]) + f" or {phrases[-1]}"
