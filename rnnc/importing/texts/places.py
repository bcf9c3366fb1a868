"""Where the parts of a text stand."""

from __future__ import annotations

import ast
from itertools import accumulate

from rnnc.diagnostics import Source, Span


class Places:
    """The spans of nodes of one text; Python counts columns in bytes."""

    def __init__(self, source: Source) -> None:
        lines = source.text.split("\n")
        self._source = source
        self._lines = [*zip(accumulate((len(line) + 1 for line in lines), initial=0), lines, strict=False)]

    def span(self, node: ast.AST) -> Span:
        """Where a node stands; the whole text, of what stands nowhere."""
        if not isinstance(node, ast.expr | ast.stmt | ast.keyword):
            return Span(self._source, 0, len(self._source.text))
        start = self._offset(node.lineno, node.col_offset)
        return Span(self._source, start, self._offset(node.end_lineno or node.lineno, node.end_col_offset or 0))

    def _offset(self, line: int, column: int) -> int:
        offset, text = self._lines[line - 1]
        return offset + len(text.encode()[:column].decode(errors="replace"))
