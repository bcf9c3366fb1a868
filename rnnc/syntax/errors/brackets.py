"""Newlines and brackets: which newlines count, and where a bracket that is not closed should have been.

What leaves here is balanced, so that the parser finds the end of a statement, and of a definition, in any text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rnnc.diagnostics import Diagnostics, Note, Span
from rnnc.syntax.errors.blocks import with_braces
from rnnc.syntax.errors.signs import CLOSERS, OPENERS, OPERAND_ENDS, SIGNS, begins_definition, begins_statement, indent
from rnnc.syntax.lexer import MAX_ERRORS
from rnnc.syntax.tokens import Token


def _is_no_brace(opener: Token) -> bool:
    return opener.type != "LBRACE"


def arrange(tokens: Sequence[Token], diagnostics: Diagnostics) -> list[Token]:
    """The tokens without the newlines that end nothing, and with every bracket closed."""
    return list(_Arranger(with_braces(tokens, diagnostics), diagnostics).run())


class _Arranger:
    def __init__(self, tokens: Sequence[Token], diagnostics: Diagnostics) -> None:
        self.tokens = tokens
        self.diagnostics = diagnostics
        self.open: list[Token] = []
        self.before: Token | None = None  # the last token that went out

    def run(self) -> Iterator[Token]:
        newline: Token | None = None
        for at, token in enumerate(self.tokens):
            if token.type == "NEWLINE":
                newline = newline or token
                continue
            for out in self._arranged(at, token, newline):
                self.before = out
                yield out
            newline = None
            if len(self.diagnostics) > MAX_ERRORS:
                break
        if self.open:
            yield from self._close_all("the end of the file", lambda opener: True)

    def _arranged(self, at: int, token: Token, newline: Token | None) -> Iterator[Token]:
        """What goes out for a token and the newline before it."""
        if newline is not None or self.before is None:
            if begins_definition(self.tokens, at) and not self._is_inside(token):
                yield from self._close_all("this definition", lambda opener: True)
            elif self._ends_operand() and begins_statement(self.tokens, at):
                yield from self._close_all("the next statement", _is_no_brace)
        if token.type == "LBRACE" and self._ends_operand():  # a block in an expression comes after `with`
            yield from self._close_all("this `{`", _is_no_brace)
        if newline is not None and self._counts(token):
            yield newline
        if token.type in OPENERS:
            self.open.append(token)
            yield token
        elif token.type in CLOSERS:
            yield from self._closed(token)
        else:
            yield token

    def _is_inside(self, token: Token) -> bool:
        """Whether a definition is indented deeper than the one that is open: then no brace is missing before it."""
        return bool(self.open) and indent(token.span) > indent(self.open[0].span)

    def _ends_operand(self) -> bool:
        return self.before is not None and self.before.type in OPERAND_ENDS

    def _counts(self, after: Token) -> bool:
        """Whether a newline before a token ends a statement."""
        if self.open and self.open[-1].type != "LBRACE":
            return False
        if self.before is None or self.before.type in ("LBRACE", "DOC"):
            return False
        return after.type not in ("LBRACE", "RBRACE", "ELSE")

    def _closed(self, token: Token) -> Iterator[Token]:
        """What goes out for a closing bracket."""
        if self.open and OPENERS[self.open[-1].type] == token.type:
            self.open.pop()
            yield token
            return
        sign = SIGNS[token.type]
        matching = next((opener for opener in reversed(self.open) if OPENERS[opener.type] == token.type), None)
        if matching is not None and (token.type == "RBRACE" or self.open[-1].type == "LBRACE"):
            yield from self._close_all(f"this `{sign}`", lambda opener: opener is not matching)
            self.open.pop()
            yield token
        elif self.open and self.open[-1].type != "LBRACE" and token.type != "RBRACE":
            opener = self.open.pop()
            closer = OPENERS[opener.type]
            note = Note(f"this `{SIGNS[opener.type]}` is open", opener.span)
            fix = f"write `{SIGNS[closer]}`"
            message = f"`{sign}` closes no `{SIGNS[opener.type]}`"
            self.diagnostics.error("E122", message, token.span, notes=[note], fix=fix)
            yield Token(closer, SIGNS[closer], token.span)
        else:
            opener = next(SIGNS[name] for name, closer in OPENERS.items() if closer == token.type)
            fix = "remove it" if opener == "{" else f"write the `{opener}` that it closes, or remove it"
            self.diagnostics.error("E121", f"this `{sign}` closes nothing", token.span, fix=fix)

    def _close_all(self, where: str, closes: Callable[[Token], bool]) -> Iterator[Token]:
        """Report the innermost open brackets for which `closes` holds, and close them."""
        reported: list[Token] = []
        while self.open and closes(self.open[-1]):
            reported.append(self.open.pop())
        if not reported:
            return
        before = self.before or reported[0]
        end = Span(before.span.source, before.span.end, before.span.end)
        signs = " ".join(f"`{SIGNS[OPENERS[opener.type]]}`" for opener in reported)
        self.diagnostics.error(
            "E120",
            f"{signs} missing before {where}",
            end,
            notes=[Note(f"this `{SIGNS[opener.type]}` is not closed", opener.span) for opener in reported[:3]],
        )
        for opener in reported:
            closer = OPENERS[opener.type]
            yield Token(closer, SIGNS[closer], end)
