"""Where lines come from: spans of the source as name scopes, which TensorFlow's own errors then show."""

from __future__ import annotations

from collections.abc import Sequence

from rnnc.backends.escape import identifier, string
from rnnc.diagnostics import Span
from rnnc.ir.program import Spans

MOST = 6  # of the lines that one scope names


class Places:
    """Heads of `with` statements for sets of spans. `equations` are (name, source text)."""

    def __init__(self, equations: Sequence[tuple[str, str]]) -> None:
        self._equations = equations
        self._found: dict[Spans, str] = {}

    def scope(self, spans: Spans) -> str:
        """`with tf.name_scope("c_new.lstm.rnn_12"):  # c' = …`, or nothing for lines that belong nowhere."""
        if spans not in self._found:
            self._found[spans] = self._head(spans)
        return self._found[spans]

    def _head(self, spans: Spans) -> str:
        if not spans:
            return ""
        ordered = sorted(spans, key=lambda span: (span.source.name, span.start, span.end))
        names = dict.fromkeys(name for span in ordered if (name := self._equation(span)))
        lines = dict.fromkeys(span.line for span in ordered)
        label = "_".join(identifier(name) for name in [*names][:MOST]) or "equation"
        where = "_".join(str(line) for line in [*lines][:MOST])
        return f"with tf.name_scope({string(f'{label}.line_{where}')}):"

    def _equation(self, span: Span) -> str:
        """The equation that a span is part of."""
        for name, text in self._equations:
            start = span.source.text.find(text)
            if 0 <= start <= span.start and span.end <= start + len(text):
                return name
        return ""
