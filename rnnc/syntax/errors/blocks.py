"""Braces of blocks, where the lines around them tell what is wrong: one that is missing behind a head, one too many,
and one where another bracket was meant. Everything behind such a slip is right, and is read as what it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnnc.diagnostics import Diagnostics, Note, Span
from rnnc.syntax.errors.signs import CLOSERS, OPENERS, OPERAND_ENDS, SIGNS, begins_definition, begins_statement, indent
from rnnc.syntax.tokens import Token

_BEGINS = {"begin": "end", "do": "end", "is": "end", "where": "end"}  # other languages' braces
_NAMED = frozenset({"CELL", "FN", "NETWORK"})
_HEADS = frozenset({"FOR", "IF", "ELSE"})
_ENDS = frozenset({"RBRACE", "ELSE"})


class _Open:
    """A bracket that is open. `column` is where the head stands whose brace was missing, None where it is written."""

    def __init__(self, token: Token, column: int | None = None) -> None:
        self.token, self.column = token, column

    @property
    def is_block(self) -> bool:
        return self.token.type == "LBRACE"


def with_braces(tokens: Sequence[Token], diagnostics: Diagnostics) -> list[Token]:
    """The tokens with the braces that were meant."""
    return list(_Braces(tokens, diagnostics).run())


class _Braces:
    def __init__(self, tokens: Sequence[Token], diagnostics: Diagnostics) -> None:
        self.tokens, self.diagnostics = tokens, diagnostics
        self.open: list[_Open] = []
        self.behind: list[int] | None = None  # see `_behind`

    def run(self) -> Iterator[Token]:
        tokens, first, is_first = self.tokens, 0, True
        for at, token in enumerate(tokens):
            if token.type == "NEWLINE":
                if self._is_between_lines():
                    yield from self._missing(first, at)
                    is_first, first = True, at + 1
                yield token
                continue
            if is_first:
                first, is_first = at, False
                yield from self._dedented(at)
                if self._is_end(at):
                    self.open.pop()
                    yield Token("RBRACE", "}", token.span)
                    continue
            if token.type in OPENERS:
                self.open.append(_Open(token))
            elif token.type in CLOSERS:
                meant = self._closed(at)
                if meant is None:
                    continue
                token = meant
            if self._is_begin(first, at):
                self._tell(first, at, token.span, f"`{token.text}` begins no block", "E131")
                self.open.append(_Open(Token("LBRACE", "{", token.span), indent(tokens[first].span)))
                token = self.open[-1].token
            yield token
        yield from self._closing(0)

    def _is_between_lines(self) -> bool:
        return not self.open or self.open[-1].is_block

    # --- a brace that is missing behind a head ---

    def _missing(self, first: int, end: int) -> Iterator[Token]:
        """The brace that the line [first, end) lacks."""
        after = next((i for i in range(end, len(self.tokens)) if self.tokens[i].type != "NEWLINE"), None)
        if first >= end or after is None:
            return
        head, last, token = self.tokens[first], self.tokens[end - 1], self.tokens[after]
        if head.type == "RBRACE" and end - first > 1 and self.tokens[first + 1].type == "ELSE":
            first += 1
            head = self.tokens[first]
        column = indent(head.span)
        if head.keyword in _NAMED:
            is_head = self._is_definition(first, end) and _begins(self.tokens, after)
        else:
            is_head = head.type in _HEADS and self._is_head(first, end) and indent(token.span) > column
        if not is_head or token.type in ("LBRACE", *_ENDS):
            return
        span = Span(last.span.source, last.span.end, last.span.end)
        self._tell(first, end, span, "`{` is missing behind this head", "E141")
        self.open.append(_Open(Token("LBRACE", "{", span), column))
        yield self.open[-1].token

    def _tell(self, first: int, end: int, span: Span, message: str, code: str) -> None:
        head = " ".join(self.tokens[first].span.to(self.tokens[end - 1].span).text.split())
        self.diagnostics.error(code, message, span, fix=f"write `{head} {{`" if len(head) <= 60 else "write `{`")

    def _is_definition(self, first: int, end: int) -> bool:
        """`cell A(units)`, and nothing else."""
        if end - first < 2 or self.tokens[first + 1].type != "NAME":
            return False
        depth = 0
        for at in range(first + 2, end):
            type_ = self.tokens[at].type
            depth += (type_ == "LPAR") - (type_ == "RPAR")
            if depth == 0 and (type_ != "RPAR" or at < end - 1):
                return False
        return depth == 0

    def _is_head(self, first: int, end: int) -> bool:
        """`for k in 0..n`, `if a == b`, `else`, `else if a`"""
        types = [token.type for token in self.tokens[first:end]]
        if types[0] == "ELSE":
            return types == ["ELSE"] or (types[1] == "IF" and types[-1] in OPERAND_ENDS and "LBRACE" not in types)
        is_loop = types[0] == "FOR" and types[2:3] == ["IN"]
        return (is_loop or types[0] == "IF") and types[-1] in OPERAND_ENDS and "LBRACE" not in types and end - first > 1

    def _is_begin(self, first: int, at: int) -> bool:
        """Whether a word stands for the brace of a definition."""
        tokens = self.tokens
        if tokens[at].text not in _BEGINS or tokens[first].keyword not in _NAMED or at < first + 2:
            return False
        is_last = at + 1 < len(tokens) and tokens[at + 1].type == "NEWLINE"
        return is_last and self._is_definition(first, at)

    def _is_end(self, at: int) -> bool:
        """Whether a word stands for the closing brace of such a block."""
        is_alone = at + 1 == len(self.tokens) or self.tokens[at + 1].type == "NEWLINE"
        began = self.open[-1] if self.open else None
        if not is_alone or began is None or began.column is None:
            return False
        return self.tokens[at].text == "end" and indent(self.tokens[at].span) == began.column

    def _dedented(self, at: int) -> Iterator[Token]:
        """Close the blocks whose brace was missing, as far as a line that begins at a token stands outside of them."""
        token, left = self.tokens[at], len(self.open)
        if not self.open:
            return
        is_definition = begins_definition(self.tokens, at) and indent(token.span) <= indent(self.open[0].token.span)
        while left:
            one = self.open[left - 1]
            column = indent(token.span)
            if one.column is None or column > one.column or (token.type == "RBRACE" and column == one.column):
                break
            if left == 1 and not is_definition:
                break  # of a definition lines may stand at its column
            left -= 1
        yield from self._closing(left)
        if is_definition:
            self.open.clear()  # a brace that is missing before it is told by others

    def _closing(self, left: int) -> Iterator[Token]:
        """Close what is open but for `left`, where its brace was missing; what is written is told by others."""
        while len(self.open) > left and self.open[-1].column is not None:
            yield Token("RBRACE", "}", self.open.pop().token.span)

    # --- braces that close ---

    def _closed(self, at: int) -> Token | None:
        """What a closing bracket stands for; None where it closes nothing."""
        token = self.tokens[at]
        if not self.open:
            return token
        opener = self.open[-1].token
        if OPENERS[opener.type] == token.type:
            if token.type == "RBRACE" and self._closes_too_early(at):
                self.diagnostics.error("E121", "this `}` closes nothing", token.span, fix="remove it")
                return None
            self.open.pop()
            return token
        if token.type != "RBRACE" or opener.type == "LBRACE":
            return token
        blocks = [one for one in self.open if one.is_block]
        if opener.span.line == token.span.line and blocks and self._behind(at) >= len(blocks):
            closer = OPENERS[opener.type]
            self.open.pop()
            note = Note(f"this `{SIGNS[opener.type]}` is open", opener.span)
            message = f"`}}` closes no `{SIGNS[opener.type]}`"
            self.diagnostics.error("E122", message, token.span, notes=[note], fix=f"write `{SIGNS[closer]}`")
            return Token(closer, SIGNS[closer], token.span)
        while self.open and not self.open[-1].is_block:
            self.open.pop()
        if self.open:
            self.open.pop()
        return token

    def _closes_too_early(self, at: int) -> bool:
        """Whether statements of the definition follow the brace that would end it, and then another one."""
        if sum(one.is_block for one in self.open) != 1 or at + 1 == len(self.tokens):
            return False
        after = next((i for i in range(at + 1, len(self.tokens)) if self.tokens[i].type != "NEWLINE"), None)
        if after is None or begins_definition(self.tokens, after) or not _begins(self.tokens, after):
            return False
        return self._behind(at) > 0

    def _behind(self, at: int) -> int:
        """How many blocks are closed between a token and the next definition that are not opened there."""
        if self.behind is None:
            count, self.behind = 0, [0] * len(self.tokens)
            for i in range(len(self.tokens) - 1, -1, -1):
                self.behind[i] = count
                type_ = self.tokens[i].type
                count = max(0, count + (type_ == "RBRACE") - (type_ == "LBRACE"))
                if (i == 0 or self.tokens[i - 1].type == "NEWLINE") and begins_definition(self.tokens, i):
                    count = 0
        return self.behind[at]


def _begins(tokens: Sequence[Token], at: int) -> bool:
    return tokens[at].type in ("FOR", "IF") or begins_statement(tokens, at)
