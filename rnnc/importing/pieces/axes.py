"""Axes of arrays as texts have them, a letter for each: `b` rows of the batch, `t` steps, `f` features, `m` rows and
steps in one, `1` an axis of size 1. Descriptions name rows and steps nowhere and features seldom, so a text that tells
an axis by its number asks here which one that is; what is none of these orders is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rnnc.diagnostics import DiagnosticError, Span
from rnnc.importing.equations import Built
from rnnc.importing.python.values import problem

ROWS, STEPS, FEATURES, MERGED, ONE = "btfm1"
WORDS = {"b": "the rows of the batch", "t": "the steps", "f": "the features", "m": "rows and steps", "1": "one"}
PLAIN = ("btf", "tbf", "bf")


def axes_of(one: Built) -> str:
    """The axes of an array, in order."""
    if one.axes:
        return one.axes
    return ("tbf" if one.steps_first else "btf") if one.is_sequence else "bf"


def axis_of(one: Built, number: int) -> int | None:
    """The place of an axis that is told by its number, from the end or from the front; None where there is none."""
    count = len(axes_of(one))
    return number % count if -count <= number < count else None


def letter_of(one: Built, number: int) -> str:
    """Which axis a number means; empty where there is none."""
    place = axis_of(one, number)
    return axes_of(one)[place] if place is not None else ""


def with_axes(one: Built, axes: str) -> Built:
    """The same numbers in an array with these axes."""
    is_sequence = STEPS in axes or MERGED in axes
    if axes == axes_of(one):
        return replace(one, is_sequence=is_sequence)
    steps_first = one.steps_first if MERGED in axes or not is_sequence else _steps_first(one, axes)
    return replace(one, axes="" if axes in PLAIN else axes, is_sequence=is_sequence, steps_first=steps_first)


def _steps_first(one: Built, axes: str) -> bool | None:
    if MERGED in axes_of(one) and one.steps_first is None:
        return None  # rows and steps are taken apart as they were put together
    return axes.index(STEPS) < axes.index(ROWS) if ROWS in axes else one.steps_first


def without_features(one: Built) -> Built:
    """One feature as a number: of what has a single one. A description adds up the one that is there."""
    axes = axes_of(one)
    place = axes.index(FEATURES)
    return replace(with_axes(one, axes[:place] + axes[place + 1 :]), text=f"sum({one.text})", width=None)


def is_plain(one: Built) -> bool:
    return axes_of(one) in PLAIN


def check_plain(one: Built, what: str, span: Span) -> None:
    """E606: an array has other axes than rows, steps and features."""
    if not is_plain(one):
        raise other_axes(one, what, span)


def check_features(one: Built, what: str, span: Span) -> None:
    """E606: an array does not have the features last."""
    if not axes_of(one).endswith(FEATURES):
        raise other_axes(one, what, span)


def other_axes(one: Built, what: str, span: Span) -> DiagnosticError:
    shown = ", ".join(WORDS[each] for each in axes_of(one))
    fix = "give it rows, steps and features in this order, or the steps first"
    return problem("E606", f"{what} gets an array whose axes are {shown}", span, fix=fix)


def broadcast(built: Sequence[Built], span: Span) -> str:
    """The axes of what one operation makes of several arrays, whose last axes stand over one another. E606: different
    ones do."""
    shapes = [axes_of(each) for each in built]
    found = ""
    for place in range(1, max(map(len, shapes)) + 1):
        letters = {shape[-place] for shape in shapes if len(shape) >= place} - {ONE}
        if len(letters) > 1:
            both = " and ".join(WORDS[each] for each in sorted(letters))
            raise problem("E606", f"{both} stand over one another in these arrays", span, fix=_SQUEEZE)
        found = (letters.pop() if letters else ONE) + found
    if len(set(found) - {ONE}) != len(found.replace(ONE, "")):
        raise problem("E606", "one axis stands in two places of this array", span, fix=_SQUEEZE)
    return found


_SQUEEZE = "`unsqueeze` and `squeeze` say which axes go together"
