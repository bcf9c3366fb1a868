"""Where the comments and the braces of a source are: what the syntax tree does not hold and a formatter needs."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass

from rnnc.diagnostics import Diagnostics, Source
from rnnc.syntax.lexer import tokenize
from rnnc.syntax.tables import tables

_COMMENT = re.compile(r"#[^\n]*")


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment [start, end) with its text, `#` included, and the column where it begins (from 0)."""

    start: int
    end: int
    text: str
    column: int


class Comments:
    """The comments of a source, handed out once each and in order."""

    def __init__(self, source: Source) -> None:
        self._text = source.text
        self._comments = _comments(source)
        self._next = 0

    def before(self, offset: int) -> list[Comment]:
        """Those that have not been handed out and begin before an offset."""
        taken: list[Comment] = []
        while self._next < len(self._comments) and self._comments[self._next].start < offset:
            taken.append(self._comments[self._next])
            self._next += 1
        return taken

    def any_before(self, offset: int) -> bool:
        """Whether one is left that begins before an offset."""
        return self._next < len(self._comments) and self._comments[self._next].start < offset

    def behind(self, offset: int) -> Comment | None:
        """The comment at the end of the line, where nothing but blanks and a brace stand between."""
        if self._next < len(self._comments):
            comment = self._comments[self._next]
            if not self._text[offset : comment.start].strip(" \t{"):
                self._next += 1
                return comment
        return None


def _comments(source: Source) -> list[Comment]:
    found: list[Comment] = []
    position = 0
    for token in tables().token.finditer(source.text):
        position = token.end()
        if token.lastgroup is None:  # blanks and comments
            for match in _COMMENT.finditer(source.text, token.start(), position):
                column = match.start() - source.text.rfind("\n", 0, match.start()) - 1
                found.append(Comment(match.start(), match.end(), match[0].rstrip(), column))
    return found


class Landmarks:
    """The braces and docstrings of a source without errors."""

    def __init__(self, source: Source) -> None:
        self._opens: list[int] = []
        self._closes: dict[int, int] = {}
        self._docs: list[int] = []
        pending: list[int] = []
        for token in tokenize(source, tables(), Diagnostics()):
            if token.type == "LBRACE":
                pending.append(token.span.start)
                self._opens.append(token.span.start)
            elif token.type == "RBRACE":
                self._closes[pending.pop()] = token.span.start
            elif token.type == "DOC":
                self._docs.append(token.span.start)

    def block_from(self, offset: int) -> tuple[int, int]:
        """Offsets of the first `{` from an offset on, and of its `}`."""
        start = self._opens[bisect.bisect_left(self._opens, offset)]
        return start, self._closes[start]

    @property
    def first_doc(self) -> int:
        """The offset of the first docstring, which is the file's if the file has one."""
        return self._docs[0]

    def doc_before(self, offset: int) -> int:
        """The offset of the last docstring before an offset."""
        return self._docs[bisect.bisect_left(self._docs, offset) - 1]
