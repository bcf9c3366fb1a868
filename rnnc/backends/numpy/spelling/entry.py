"""The table of spellings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rnnc.backends.numpy.emitter import Emitter
from rnnc.ir.program import Op

Write = Callable[[Emitter, Op], None]
Rename = Callable[[Emitter, Op], bool]


@dataclass(frozen=True)
class Written:
    """An operation that fills a destination.

    `over`: arguments in whose own array the result may be written, where nothing reads them later: every element is
    read before (or when) the same element is written.
    """

    write: Write
    over: tuple[int, ...] = ()


@dataclass(frozen=True)
class View:
    """An operation that computes nothing. `rename` says where the results are, as views of the argument, and returns
    True; or returns False where no view can say it, and `write` copies."""

    rename: Rename
    write: Write


Spelling = Written | View

SPELLINGS: dict[str, Spelling] = {}


def spells(name: str, over: tuple[int, ...] = ()) -> Callable[[Write], Write]:
    """Decorator: this function writes that operation."""

    def register(write: Write) -> Write:
        SPELLINGS[name] = Written(write, over)
        return write

    return register
