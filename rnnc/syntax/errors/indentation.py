"""Blocks as Python has them, a colon and lines further in: told once, and read as if they had braces."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from rnnc.syntax.errors.place import Place, Problem, Repair, problem
from rnnc.syntax.tokens import Token

DEEPEST = 10  # blocks in one another, as far as they are mended together
LARGEST = 2000  # tokens of a block that is mended
_HEADS = {"def": "", "class": "cell", "cell": "cell", "fn": "fn", "network": "network"}


def definition(place: Place) -> Problem | None:
    """`def A(units):` and its lines."""
    if "CELL" not in place.starts or place.at - place.first > 1:
        return None
    word = place.tokens[place.first]
    if word.text not in _HEADS or place.tokens[place.first + 1].type != "NAME":
        return None
    line = _line(place.tokens, place.first)
    colon = place.first + len(line) - 1
    if line[-1].type != "COLON":
        return None
    body = braced(place.tokens, place.first, colon)
    if body is None:
        return None
    kind = _HEADS[word.text] or _kind(body.tokens)
    head = (Token("NAME", kind, word.span, kind.upper()), *line[1:-1])
    name = line[1].text
    fix = f"write `{kind} {name}(…) {{ … }}`" + (", or `fn` for a function" if kind == "cell" else "")
    message = f"`{word.text}` is a word of another language, and a block stands in braces"
    return problem("E131", message, word.span, fix, Repair(place.first, body.end, (*head, *body.tokens)))


def braced(tokens: Sequence[Token], first: int, colon: int, depth: int = 0) -> Repair | None:
    """The block behind a colon in braces, and those in it; None where no line further in follows it."""
    if tokens[colon + 1].type != "NEWLINE" or depth > DEEPEST:
        return None
    outer = tokens[first].span.column
    end = colon + 1
    while end < len(tokens) and tokens[end].type not in ("$END", "RBRACE"):
        if tokens[end].type == "ELSE" and tokens[end].span.column <= outer:
            break
        if tokens[end].type == "NEWLINE" and tokens[min(end + 1, len(tokens) - 1)].span.column <= outer:
            break
        if tokens[end].type == "LBRACE" or end - colon > LARGEST:
            return None
        end += 1
    inside: list[Token] = []
    line = at = colon + 2
    while at < end:
        line = at + 1 if tokens[at].type == "NEWLINE" else line
        inner = braced(tokens, line, at, depth + 1) if tokens[at].type == "COLON" else None
        inside += inner.tokens if inner is not None else (tokens[at],)
        at = inner.end if inner is not None else at + 1
    if not inside:
        return None
    closing = Token("RBRACE", "}", inside[-1].span)
    return Repair(colon, end, (Token("LBRACE", "{", tokens[colon].span), *inside, closing))


def kind_of_block(tokens: Sequence[Token], first: int) -> str:
    """Whether the definition at a token, with its block in braces, is a `cell` or a `fn`."""
    depth = 0
    for at in range(first, len(tokens)):
        depth += (tokens[at].type == "LBRACE") - (tokens[at].type == "RBRACE")
        if tokens[at].type in ("RBRACE", "NEWLINE", "$END") and depth == 0:
            return _kind(tokens[first:at])
    return "fn"


def _kind(tokens: Sequence[Token]) -> str:
    """Inputs and states are what a cell has, and no function."""
    declares = any(
        token.keyword in ("INPUT", "STATE") and after.type == "NAME" for token, after in itertools.pairwise(tokens)
    )
    return "cell" if declares else "fn"


def _line(tokens: Sequence[Token], first: int) -> Sequence[Token]:
    end = next((i for i in range(first, len(tokens)) if tokens[i].type in ("NEWLINE", "$END", "LBRACE")), len(tokens))
    return tokens[first:end]
