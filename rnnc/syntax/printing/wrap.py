"""Lines of at most 120 characters: pieces of text are broken inside brackets, outer brackets first, and between the
items of a list rather than inside of one that has room on a line."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from rnnc.syntax.printing.spell import Mark, Piece, flat

WIDTH = 120


def wrap(pieces: Sequence[Piece], column: int, *, hanging: int | None = None) -> str:
    """The pieces from a column on, over as many lines as they need; what follows a break stands behind the bracket.

    With `hanging`, the inside of an outer bracket starts a line of its own, in that column."""
    if column + len(flat(pieces)) <= WIDTH and "\n" not in flat(pieces):
        return flat(pieces)
    parts, items = _widths(pieces, Mark.ITEM, Mark.BREAK), _widths(pieces, Mark.ITEM)
    out: list[str] = []
    brackets: list[int] = []  # the columns behind the open ones
    for index, piece in enumerate(pieces):
        if isinstance(piece, str):
            out.append(piece)
            lines = piece.split("\n")
            column = column + len(piece) if len(lines) == 1 else len(lines[-1])
        elif piece is Mark.OPEN:
            if hanging is not None and not brackets:
                column = hanging
                out.append("\n" + " " * column)
            brackets.append(column)
        elif piece is Mark.CLOSE:
            brackets.pop()
        else:
            whole = piece is Mark.ITEM and brackets and brackets[-1] + items[index] <= WIDTH
            width = items[index] if whole else parts[index]
            if brackets and column + width > WIDTH and column > brackets[-1]:
                column = brackets[-1]
                out.append("\n" + " " * column)
            else:
                out.append(" ")
                column += 1
    return "".join(out)


def _widths(pieces: Sequence[Piece], *breaks: Mark) -> list[int]:
    """For every break the width of what must stand on the line if the break is a space: the text up to the next of
    these breaks in the same bracket or, with what closes it, up to the next of all breaks behind it."""
    widths = [0] * len(pieces)
    waiting: list[list[int]] = [[]]  # for every open bracket the breaks whose text has not ended
    closed: list[list[int]] = [[]]  # those among them whose own bracket has been closed
    for index, piece in enumerate(pieces):
        if piece is Mark.OPEN:
            waiting.append([])
            closed.append([])
        elif piece is Mark.CLOSE:
            inner = waiting.pop() + closed.pop()
            closed[-1] += inner
        else:
            if isinstance(piece, Mark):
                closed[-1].clear()
            if piece in breaks:
                waiting[-1] = [index]
            width = len(piece.split("\n", 1)[0]) if isinstance(piece, str) else 1
            for at in itertools.chain.from_iterable((*waiting, *closed)):
                widths[at] += width
    return widths
