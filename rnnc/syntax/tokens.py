"""Tokens: what the text of a file is cut into before the grammar sees it."""

from __future__ import annotations

from dataclasses import dataclass

from rnnc.diagnostics import Span


@dataclass(slots=True)
class Token:
    """One token. `type` is a terminal of the grammar; a word that the grammar uses as a keyword in some places only
    is a NAME here and carries the other reading in `keyword`."""

    type: str
    text: str
    span: Span
    keyword: str | None = None
