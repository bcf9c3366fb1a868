"""Brackets, and what begins at a token: a statement, a definition, a line."""

from __future__ import annotations

from collections.abc import Sequence

from rnnc.diagnostics import Span
from rnnc.syntax.tokens import Token

OPENERS = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
SIGNS = {"LPAR": "(", "RPAR": ")", "LSQB": "[", "RSQB": "]", "LBRACE": "{", "RBRACE": "}"}
CLOSERS = frozenset(OPENERS.values())

# After one of these an expression may end.
OPERAND_ENDS = CLOSERS | {"NAME", "PRIMED", "NUMBER", "STRING", "NONE", "TRUE", "FALSE"}
_NAMES = frozenset({"NAME", "PRIMED"})
_DEFINITIONS = frozenset({"CELL", "FN", "NETWORK", "IMPORT"})
_WITH_NAME = frozenset({"GATE", "LET", "USE", "CARRY", "INPUT", "STATE", "PARAM", "FIXED", "DROP", "LAYOUT"})
_WITH_VALUE = frozenset({"OUTPUT", "RETURN"})


def begins_statement(tokens: Sequence[Token], at: int) -> bool:
    """Whether a statement, and no further part of an expression, begins at a token."""
    token, after = tokens[at], _type(tokens, at + 1)
    if token.type not in _NAMES:
        return False
    if token.keyword in _WITH_NAME and after in _NAMES:
        return True
    if token.keyword in _WITH_VALUE and after in _NAMES | {"NUMBER", "STRING"}:
        return True
    if after == "LSQB":  # `c'[k] = …`
        end = next((i for i in range(at + 2, len(tokens)) if tokens[i].type in ("RSQB", "NEWLINE")), len(tokens))
        return _type(tokens, end) == "RSQB" and _type(tokens, end + 1) == "EQUAL"
    return after == "EQUAL"


def begins_definition(tokens: Sequence[Token], at: int) -> bool:
    """Whether a definition or its docstring begins at the first token of a line."""
    token = tokens[at]
    if token.type == "DOC":
        at = next((i for i in range(at + 1, len(tokens)) if tokens[i].type != "NEWLINE"), at)
        token = tokens[at]
    if token.keyword not in _DEFINITIONS or _type(tokens, at + 1) not in ("NAME", "STRING"):
        return False
    return token.keyword == "IMPORT" or _type(tokens, at + 2) in ("LPAR", "LBRACE", "EQUAL")


def _type(tokens: Sequence[Token], at: int) -> str | None:
    return tokens[at].type if at < len(tokens) else None


def indent(span: Span) -> int:
    """How far the line is indented in which a span begins."""
    text = span.source.text
    start = text.rfind("\n", 0, span.start) + 1
    return len(text[start : span.start]) - len(text[start : span.start].lstrip())
