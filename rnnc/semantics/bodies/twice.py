"""Remedies where two weights would have one name (E402)."""

from __future__ import annotations

from rnnc.diagnostics import Note, Span
from rnnc.semantics.problems import Problem

_LONGEST = 40  # of a call that is repeated in a message


def called_twice(name: str, first: Span, second: Span) -> Problem:
    """E402: two layers, or two calls of a function with weights, in one equation."""
    text = min(first.text, second.text, key=len)  # the inner one
    call = text if len(text) <= _LONGEST else "…"
    fix = f"name one of the calls: `{call} as a`, or give it an equation of its own"
    return Problem(
        "E402", f"two weights would be called `{name}`", second, notes=[Note("the other one", first)], fix=fix
    )


def of_inner(one: Span, other: Span) -> str | None:
    """What to do where one of two calls stands in the other, `linear(u: relu(dense(x, n)))`."""
    inner = min(one, other, key=lambda span: span.end - span.start)
    outer = other if inner is one else one
    if one == other or not (outer.source is inner.source and outer.start <= inner.start and inner.end <= outer.end):
        return None
    text = inner.text
    named = f"`{text} as inner`" if text.endswith(")") and len(text) <= _LONGEST else "`… as inner`"
    return f"one stands in the other: give the inner one an equation of its own, or a name, {named}"


def read_again(name: str, call: Span, place: Span) -> Problem:
    """E402: one call of a cell is read several times, for the members of a comprehension."""
    fix = "give each member an equation, `r[k] = …`; with `use f = …` they share their weights"
    return Problem("E402", f"two weights would be called `{name}`", call, notes=[Note("in here", place)], fix=fix)


def of_beginning(call: Span) -> str:
    """What to do where one of two calls stands in the initial value of a state."""
    text = call.text if call.text.endswith(")") and len(call.text) <= _LONGEST else "…"
    return f"the other one makes an initial value: name it, `{text} as start`"
