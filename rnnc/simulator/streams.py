"""Streams of the stand-in: they do work at once, or when it is waited for, or keep it for a graph.

A capture refuses what one on a device refuses: the default stream, waiting for the device, and, unless it is relaxed,
memory from a pool that may have to grow.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import local
from types import TracebackType
from typing import Any
from weakref import WeakValueDictionary

RELAXED = 2
Work = Callable[[], object]


class Streams:
    """All streams. `late`: those besides the default one do nothing before an event of theirs is waited for."""

    def __init__(self, late: bool = False) -> None:
        self._late = late
        self._now = local()
        self._by_address: WeakValueDictionary[int, Stream] = WeakValueDictionary()
        self.null = Stream(self, default=True)
        self._by_address[self.null.ptr] = self.null

    def new(self) -> Stream:
        """One more."""
        stream = Stream(self, late=self._late)
        self._by_address[stream.ptr] = stream
        return stream

    def at(self, address: int) -> Stream:
        """A stream by its `ptr`. Raises KeyError."""
        return self._by_address[address]

    @property
    def current(self) -> Stream:
        """This thread's current stream."""
        return getattr(self._now, "stream", self.null)

    @current.setter
    def current(self, stream: Stream) -> None:
        self._now.stream = stream

    def synchronize(self) -> None:
        """Everything is done afterwards."""
        for stream in list(self._by_address.values()):
            stream.synchronize()

    def refuse(self, what: str, *, relaxed: bool = False) -> None:
        """Raise RuntimeError where this thread's current stream captures; `relaxed`: such captures take it, too."""
        if self.current.is_capturing() and (self.current.mode != RELAXED or not relaxed):
            self.current.invalid = True
            raise RuntimeError(f"{what}: operation not permitted when stream is capturing")


class Graph:
    """What was captured, in order."""

    def __init__(self, work: list[Work]) -> None:
        self._work = work

    def __len__(self) -> int:
        """How many launches there are."""
        return len(self._work)

    def launch(self, stream: Stream) -> None:
        """Do all of it again. (CuPy's may go without a stream.)"""
        stream.do(lambda: [one() for one in self._work])

    def upload(self, stream: Stream) -> None:
        """Nothing has to be brought anywhere."""


class Stream:
    """CuPy's `Stream`."""

    def __init__(self, streams: Streams, *, default: bool = False, late: bool = False) -> None:
        self._streams, self._late = streams, late
        self._before: list[Stream] = []
        self._captured: list[Work] | None = None
        self._left: list[Work] = []  # what is not done yet
        self._kept: list[Any] = []  # memory that it may be about
        self._done = 0
        self.mode, self.invalid = RELAXED, False
        self.ptr = 0 if default else id(self)

    def do(self, work: Work) -> None:
        """Work for the device."""
        if self._captured is not None:
            self._captured.append(work)
        elif self._late:
            self._left.append(work)
        else:
            work()

    def keep(self, array: Any) -> None:
        """Memory for work that knows its address alone. A graph keeps nothing."""
        if self._late and self._captured is None:
            self._kept.append(array)

    def finish(self, count: int) -> None:
        """Do what is left of the first pieces of work."""
        while self._left and self._done < count:
            self._done += 1
            self._left.pop(0)()
        if not self._left:
            self._kept.clear()

    def has_done(self, count: int) -> bool:
        """Whether the first pieces of work are done. Raises RuntimeError in a capture that is not relaxed."""
        self._streams.refuse("query", relaxed=True)
        return self._done >= count

    @property
    def given(self) -> int:
        """How much work there has been."""
        return self._done + len(self._left)

    def begin_capture(self, mode: int | None = None) -> None:
        """From here on work becomes part of a graph. Raises RuntimeError."""
        if not self.ptr:
            raise RuntimeError("cannot capture on the default (legacy) stream")
        if self._captured is not None:
            raise RuntimeError("this stream captures already")
        self._captured, self.mode, self.invalid = [], RELAXED if mode is None else mode, False

    def end_capture(self) -> Graph:
        """The graph. Raises RuntimeError without a beginning, and where something was refused."""
        if self._captured is None:
            raise RuntimeError("this stream captures nothing")
        work, self._captured = self._captured, None
        if self.invalid:
            raise RuntimeError("the capture was invalidated")
        return Graph(work)

    def is_capturing(self) -> bool:
        """Whether work is kept for a graph."""
        return self._captured is not None

    def use(self) -> Stream:
        """Make it this thread's current stream."""
        self._streams.current = self
        return self

    def record(self, event: Event | None = None) -> Event:
        """A moment on this stream."""
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        """What comes after this is done after what was before the event. Raises RuntimeError where one of them is in a
        capture and the other one is not."""
        if event.captured != self.is_capturing():
            self.invalid = True
            raise RuntimeError("wait_event: a dependency would cross the boundary of a capture")
        self.do(event.reach())

    def synchronize(self) -> None:
        """Everything is done afterwards."""
        self._streams.refuse("synchronize")
        self.finish(self.given)

    def __enter__(self) -> Stream:
        self._before.append(self._streams.current)
        return self.use()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._streams.current = self._before.pop()


class Event:
    """CuPy's `Event`."""

    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False) -> None:
        self.captured = False
        self._moment: tuple[Stream, int] | None = None

    def record(self, stream: Stream | None = None) -> None:
        """A moment on a stream."""
        self._moment = None if stream is None else (stream, stream.given)
        self.captured = stream is not None and stream.is_capturing()

    @property
    def done(self) -> bool:
        """Whether everything before the moment is done. Raises RuntimeError for a moment of a capture."""
        if self.captured:
            raise RuntimeError("query: the event was recorded in a capture")
        return self._moment is None or self._moment[0].has_done(self._moment[1])

    def reach(self) -> Work:
        """What does everything before the moment that was recorded last."""
        moment = self._moment
        return lambda: moment and moment[0].finish(moment[1])

    def synchronize(self) -> None:
        """Wait for the moment."""
        self.reach()()
