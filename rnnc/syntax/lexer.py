"""From characters to tokens, by the terminals of `grammar/rnn.lark`.

What the language does not have is reported here and, where its meaning is plain, replaced (`&&` by `and`), so that
one slip is one diagnostic and the parser goes on behind it.
"""

from __future__ import annotations

import re

from rnnc.diagnostics import Diagnostic, Diagnostics, Source, Span
from rnnc.syntax.spelling.lookalikes import named
from rnnc.syntax.spelling.slips import slip_at
from rnnc.syntax.tables import Tables
from rnnc.syntax.tokens import Token

MAX_ERRORS = 50  # of one file; behind so many, text is no program
MAX_TOKENS = 50_000

# Never allowed, not even in comments and strings: control characters, and those that turn the direction of text.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def tokenize(source: Source, tables: Tables, diagnostics: Diagnostics) -> list[Token]:
    """All tokens of a source, newlines among them, comments and blanks left out; none where there are too many."""
    text = source.text
    tokens: list[Token] = []
    position = 0
    for match in _FORBIDDEN.finditer(text):
        if len(diagnostics) > MAX_ERRORS:
            return tokens
        span = Span(source, match.start(), match.end())
        diagnostics.error("E105", f"a character that must not be in a file: {named(match[0])}", span, fix="remove it")
    match_at = tables.token.match
    while position < len(text):
        match = match_at(text, position)
        if match is not None and match.lastgroup != "SLIP":
            if match.lastgroup is not None:
                tokens.append(_token(match, match.lastgroup, Span(source, position, match.end()), tables))
            position = match.end()
            if len(tokens) > MAX_TOKENS:
                message = f"more than {MAX_TOKENS} words and signs up to here: too large for a description of cells"
                diagnostics.error("E101", message, tokens[-1].span, fix="split the file, and `import` the parts")
                return []
            continue
        slip = slip_at(text, position)
        span = Span(source, *slip.shown)
        if not _FORBIDDEN.fullmatch(text[position]):
            diagnostics.add(Diagnostic(slip.code, slip.message, span, fix=slip.fix, mended=slip.certain))
        if len(diagnostics) > MAX_ERRORS:
            break
        instead = tables.token.finditer(slip.instead)
        tokens += [_token(match, match.lastgroup, span, tables) for match in instead if match.lastgroup]
        position = slip.end
    return tokens


def _token(match: re.Match[str], terminal: str, span: Span, tables: Tables) -> Token:
    text = match[0]
    if terminal == "NAME":
        return Token(tables.reserved.get(text, "NAME"), text, span, tables.keywords.get(text))
    return Token(tables.punctuation[text] if terminal == "PUNCTUATION" else terminal, text, span)
