"""Lines of at most 120 characters: pieces of text are broken inside brackets, outer brackets first."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from rnnc.syntax.spell import Mark, Piece, flat

WIDTH = 120


def wrap(pieces: Sequence[Piece], column: int) -> str:
    """The pieces from a column on, over as many lines as they need; what follows a break stands behind the bracket."""
    if column + len(flat(pieces)) <= WIDTH and "\n" not in flat(pieces):
        return flat(pieces)
    widths = _widths(pieces)
    out: list[str] = []
    brackets: list[int] = []  # the columns behind the open ones
    for index, piece in enumerate(pieces):
        if isinstance(piece, str):
            out.append(piece)
            lines = piece.split("\n")
            column = column + len(piece) if len(lines) == 1 else len(lines[-1])
        elif piece is Mark.OPEN:
            brackets.append(column)
        elif piece is Mark.CLOSE:
            brackets.pop()
        elif brackets and column + widths[index] > WIDTH and column > brackets[-1]:
            column = brackets[-1]
            out.append("\n" + " " * column)
        else:
            out.append(" ")
            column += 1
    return "".join(out)


def _widths(pieces: Sequence[Piece]) -> list[int]:
    """For every break the width of what must stand on the line if the break is a space: the text up to the next break
    in the same bracket or, with what closes it, behind it."""
    widths = [0] * len(pieces)
    waiting: list[list[int]] = [[]]  # for every open bracket the breaks whose text has not ended
    for index, piece in enumerate(pieces):
        if piece is Mark.OPEN:
            waiting.append([])
        elif piece is Mark.CLOSE:
            inner = waiting.pop()
            waiting[-1] += inner
        else:
            if piece is Mark.BREAK:
                waiting[-1] = [index]
            width = len(piece.split("\n", 1)[0]) if isinstance(piece, str) else 1
            for at in itertools.chain.from_iterable(waiting):
                widths[at] += width
    return widths
