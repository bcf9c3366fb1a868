"""Where a description gives no numbers, so that nothing can agree with it: what to tell, and the place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from rnnc.diagnostics import Span
from rnnc.ir.operations.evaluation import Array, OptionalArray
from rnnc.ir.program import Op, Spans
from rnnc.semantics.scopes.scope import PRELUDE
from rnnc.verify.proving.interpreted import InterpretedRunner
from rnnc.verify.proving.sample import Sample, undefined
from rnnc.verify.report import Row
from rnnc.verify.running.runner import Call

_NEVER_NEGATIVE = "where it takes a root, power or logarithm of what is never negative, say so: `max(x, 0)`"
_LONGEST = 60  # of text that is repeated


class _First:
    """Watches for the first operation that makes a NaN of numbers."""

    def __init__(self) -> None:
        self.spans: Spans | None = None

    def __call__(self, op: Op, args: Sequence[OptionalArray], result: Array) -> None:
        if self.spans is None and _has_nan(result) and not any(a is not None and _has_nan(a) for a in args):
            self.spans = op.spans

    @property
    def place(self) -> str:
        """cell.rnn:4:7 and its text: the smallest text of the user's that it comes from."""
        spans = [span for span in self.spans or () if span.source.name != PRELUDE]
        span = min(spans, key=lambda s: (s.end - s.start, s.start), default=None)
        return f"{span}{_quoted(span)}" if span is not None else ""


def without_value(judge: InterpretedRunner, sample: Sample) -> tuple[str, ...]:
    """What to tell where a result is no number."""
    first = _First()
    names = undefined(judge.watched_by(first).forward(sample.call))
    if not names:
        return ()
    where = f", first at {first.place}" if first.place else ""
    found = f"the description gives NaN for {', '.join(names)} at normally distributed inputs{where}"
    return (f"{found}; {_NEVER_NEGATIVE}",)


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
    where = f" at {first.place}" if first.place else ""
    remedy = "`sqrt(v + 1e-8)` has, `sqrt(v) + 1e-8` has not"
    cause = f"a root has none at zero, where a state often begins; {remedy}"
    return (f"a derivative of the description is NaN{where}: {cause}",)


def _has_nan(array: Array) -> bool:
    return array.dtype.kind == "f" and bool(np.isnan(array).any())


def _quoted(span: Span) -> str:
    text = span.text
    return f" (`{text}`)" if len(text) <= _LONGEST and "\n" not in text else ""
