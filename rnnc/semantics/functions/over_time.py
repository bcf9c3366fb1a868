"""Over the time of a network: `mean(y, time)` is taken over each row's own steps, as far as its length says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnc.ir.operations import Builder
from rnnc.ir.program import Value
from rnnc.semantics.expressions.arguments import Arguments
from rnnc.semantics.problems import located
from rnnc.semantics.scopes.values import Tensor

OVER_TIME = ("sum", "mean", "max", "min", "softmax", "cumsum")
LEAST = 2.0**-13  # of sums with a 1 in them; were it 1, what is just below had no slope


def means_time(a: Arguments, labels: Sequence[str | None]) -> bool:
    """Whether a call is about the steps of a sequence; an axis of that name comes first."""
    if not is_of_steps(a, labels):
        return False
    frame = a.context.frame
    node = a.node(0)
    frame.graph.infer(node)
    if all(axis.label != "time" for axis in frame.graph.resolve_all(node.shape or ())):
        return True
    _warn(a)
    return False


def is_of_steps(a: Arguments, labels: Sequence[str | None]) -> bool:
    """Could a call be about the steps? It is, unless an axis has their name."""
    return a.context.frame.body.kind == "network" and tuple(labels) == ("time",) and a.name in OVER_TIME


def _warn(a: Arguments) -> None:
    """E422: nothing in a call says which of the two is meant, and the result of both has the same look."""
    graph = a.context.frame.graph
    span, _ = located(a.span, graph.calls)
    name = a.name if span == a.span else span.text.partition("(")[0]  # `max` within `logsumexp` is not in the text
    message = f"`time` is an axis of what `{name}` is given, so this is not over the steps"
    fix = "give the axis another name, `relabel(v, place: …)` or where it is declared; then `time` are the steps"
    graph.diagnostics.warning("E422", message, span, fix=fix)


def temporal(a: Arguments, options: Mapping[str, object] | None = None) -> Tensor:
    """The node of a call that is about a whole sequence: from its end on, where the network runs backwards."""
    frame = a.context.frame
    attrs = {"what": a.name, "options": options or {}, "reverse": frame.reverse}
    return Tensor(frame.graph.add("temporal", (a.node(0),), a.span, None, **attrs))


def lower_over_time(what: str, options: Mapping[str, bool], builder: Builder, value: Value, lengths: Value) -> Value:
    """`sum`, `mean`, `max`, `min`: one value per row, zeros for one without steps; `softmax`, `cumsum`: a sequence."""
    over = _OverTime(builder, lengths)
    match what:
        case "sum":
            return over.sum(value)
        case "mean":
            return over.mean(value)
        case "max":
            return over.largest(value)
        case "min":
            return builder.op("neg", over.largest(builder.op("neg", value)))
        case "cumsum":
            return over.sums(value, options["reverse"], options["exclusive"])
        case _:
            return over.softmax(value)


class _OverTime:
    def __init__(self, builder: Builder, lengths: Value) -> None:
        self._builder, self._lengths = builder, lengths

    def sum(self, value: Value) -> Value:
        filled = self._filled(value)
        return self._builder.op("reduce_to", filled, axes=value.type.axes, batch=True, time=False)

    def sums(self, value: Value, reverse: bool, exclusive: bool) -> Value:
        """At every step the sum up to it (or from it on), without its own value where `exclusive`."""
        b = self._builder
        nothing = b.op("full", value=0.0, axes=value.type.axes)
        found = b.op("scan_affine", b.const(1.0), self._filled(value), nothing, reverse=reverse)
        return b.op("shift", found, nothing, reverse=reverse) if exclusive else found

    def mean(self, value: Value) -> Value:
        b = self._builder
        ones = b.op("zeros_like", value)
        if value.type.rank:
            ones = b.op("reduce_sum", ones, axes=tuple(range(value.type.rank)), keep=False)
        count = self.sum(b.op("add", ones, b.const(1.0)))
        return b.op("div", self.sum(value), b.op("max", count, b.const(1.0)))

    def largest(self, value: Value) -> Value:
        """The last of the largest so far, which is a recurrence without a loop."""
        b = self._builder
        before = b.op("full", value=-float("inf"), axes=value.type.axes)
        return b.op("last", b.op("scan_maxplus", b.const(0.0), value, before, reverse=False), self._lengths)

    def softmax(self, value: Value) -> Value:
        b = self._builder
        below = b.op("sub", value, b.op("stop_gradient", self.largest(value)))
        powers = self._filled(b.op("exp", self._filled(below)))  # in the padding 1, and not what is there
        # The sum has a 1 in it, or what roundings left of that, and is nothing for a row without steps alone.
        return b.op("div", powers, b.op("max", self.sum(powers), b.const(LEAST)))

    def _filled(self, value: Value) -> Value:
        return self._builder.op("fill_past", value, self._lengths, value=0.0)
