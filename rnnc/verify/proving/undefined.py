"""Where a description gives no numbers, so that nothing can agree with it: what to tell, and the place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from rnnc.diagnostics import Span
from rnnc.ir.operations.evaluation import Array, OptionalArray
from rnnc.ir.program import Op, Spans
from rnnc.semantics.problems import PRELUDE
from rnnc.verify.proving.interpreted import InterpretedRunner
from rnnc.verify.proving.sample import SCALES, Sample, undefined
from rnnc.verify.report import Row
from rnnc.verify.running.runner import Call

_NEVER_NEGATIVE = "where it takes a root, power or logarithm of what is never negative, say so: `max(x, 0)`"
_NEVER_INFINITE = "limit what grows (`clip`), and divide by what is never zero (`v + 1e-8`)"
_LONGEST = 60  # of text that is repeated


class _First:
    """Watches for the first operation that makes a NaN of numbers, and the first that makes infinity of finite ones."""

    def __init__(self) -> None:
        self.spans: Spans | None = None
        self._infinite: Spans | None = None
        self._of_infinity = False

    def __call__(self, op: Op, args: Sequence[OptionalArray], result: Array) -> None:
        given = [a for a in args if a is not None]
        if self._infinite is None and _has(np.isinf, result) and not any(_has(np.isinf, a) for a in given):
            self._infinite = op.spans
        if self.spans is None and _has(np.isnan, result) and not any(_has(np.isnan, a) for a in given):
            self.spans = op.spans
            self._of_infinity = any(_has(np.isinf, a) for a in given)

    @property
    def place(self) -> str:
        """cell.rnn:4:7 and its text: the smallest text of the user's that it comes from."""
        return _place(self.spans)

    @property
    def infinite(self) -> str | None:
        """The place where what that operation reads became infinite; None where that is not why."""
        return _place(self._infinite) if self._of_infinity else None


def without_value(judge: InterpretedRunner, sample: Sample) -> tuple[str, ...]:
    """What to tell where a result is no number."""
    first = _First()
    names = undefined(judge.watched_by(first).forward(sample.call))
    if not names:
        return ()
    where = f", first at {first.place}" if first.place else ""
    found = f"the description gives NaN for {', '.join(names)} at normally distributed inputs{where}"
    if first.infinite is None:
        return (f"{found}; {_NEVER_NEGATIVE}",)
    since = f", of what is infinite since {first.infinite}" if first.infinite else ", of what is infinite"
    return (f"{found}{since}; {_NEVER_INFINITE}",)


def smaller_inputs(scale: float) -> tuple[str, ...]:
    """What to tell where inputs are not as large as usual."""
    if scale == SCALES[0]:
        return ()
    times = round(SCALES[0] / scale)
    return (f"inputs are drawn {times} times smaller: with normally distributed ones numbers grow without end",)


def without_slope(
    judge: InterpretedRunner, sample: Sample, calls: Iterable[Call], rows: Sequence[Row]
) -> tuple[str, ...]:
    """What to tell where only derivatives are no numbers."""
    if any(np.isinf(row.error) for row in rows):
        return (f"near the values that were drawn the description jumps, or gives NaN; {_NEVER_NEGATIVE}",)
    if not any(np.isnan(row.error) for row in rows):
        return ()
    first = _First()
    for call in calls:
        _, tape = judge.forward_train(call)
        judge.watched_by(first).backward(call, tape, sample.d_outputs, sample.d_state)
    if first.spans is None:  # so it is what a type of few digits makes of it
        return ("no derivative of the description is NaN: where the module's is, numbers leave the range of its type",)
    where = f" at {first.place}" if first.place else ""
    remedy = "`sqrt(v + 1e-8)` has, `sqrt(v) + 1e-8` has not"
    cause = f"a root has none at zero, where a state often begins; {remedy}"
    return (f"a derivative of the description is NaN{where}: {cause}",)


def _has(kind: Callable[[Array], Array], array: Array) -> bool:
    return array.dtype.kind == "f" and bool(kind(array).any())


def _place(spans: Spans | None) -> str:
    own = [span for span in spans or () if span.source.name != PRELUDE]
    span = min(own, key=lambda s: (s.end - s.start, s.start), default=None)
    return f"{span}{_quoted(span)}" if span is not None else ""


def _quoted(span: Span) -> str:
    text = span.text
    return f" (`{text}`)" if len(text) <= _LONGEST and "\n" not in text else ""
