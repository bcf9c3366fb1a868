"""When the text makes a thing, though values are computed when they are first read: libraries count layers as they are
made.

One counter runs as long as the process, since things are made far from whoever began to read the text. What a text
becomes cannot depend on where the counter stands: the moments of one text are only compared with one another, and what
was counted before it (or by other threads, meanwhile) leaves gaps between them, and their order."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count

# Moments are compared as tuples are: what comes of a value is made when its statement is carried out
Moment = tuple[int, ...]
_numbers = count()
_inside: ContextVar[Moment] = ContextVar("_inside", default=())


def now() -> Moment:
    """Later than all before it in the same value."""
    return (*_inside.get(), next(_numbers))


@contextmanager
def at(moment: Moment) -> Generator[None]:
    """What is made here is made at that moment."""
    before = _inside.set(moment)
    try:
        yield
    finally:
        _inside.reset(before)
