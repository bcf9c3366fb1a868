"""When the text makes a thing, though values are computed when they are first read: libraries count layers as they are
made."""

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
