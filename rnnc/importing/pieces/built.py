"""Expressions for tensors while a network is put together: what has steps, how wide it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rnnc.diagnostics import Span
from rnnc.importing.equations import Built, Equations
from rnnc.importing.formulas import slices
from rnnc.importing.pieces import padding
from rnnc.importing.pieces.axes import FEATURES, STEPS, axes_of, broadcast, letter_of, with_axes
from rnnc.importing.python.values import problem


def softmax(one: Built, axis: object, span: Span) -> str:
    """The text of a softmax along an axis of an array. E606: over the rows of a batch."""
    letter = letter_of(one, axis) if isinstance(axis, int) else ""
    if letter == FEATURES:
        return f"softmax({one.text})"
    if letter == STEPS and one.is_sequence:
        padding.over_steps(one, "softmax", span)
        return f"softmax({one.text}, time)"
    raise problem("E606", "softmax goes over the features here, or over the steps", span, fix="the last axis, -1")


def part_of_features(start: int | None, end: int | None) -> Callable[[Equations, Sequence[Built]], Built]:
    """Some of the features of a tensor, by a function whose parameter names their axis."""
    name = "_".join(["part", *("" if each is None else str(each).replace("-", "m") for each in (start, end))])
    from_front = start is None or start >= 0
    width = str(end - (start or 0)) if from_front and end is not None and end > (start or 0) else None
    text = f"fn {name}(v[v_axis]) {{\n  return {slices.written('v', start, end)}\n}}\n"

    def build(network: Equations, built: Sequence[Built]) -> Built:
        network.functions[name] = text
        return replace(built[0], text=network.equation("v", f"{name}({built[0].text})"), width=width)

    return build


def side_by_side(built: Sequence[Built]) -> list[str]:
    """The texts of operands of one operation: one feature beside several is a number, which goes with all of them."""
    widths = _widths(built)
    return [
        f"sum({each.text})" if each.width == "1" and FEATURES in axes_of(each) and len(widths) > 1 else each.text
        for each in built
    ]


def _widths(built: Sequence[Built]) -> set[str | None]:
    return {each.width for each in built if FEATURES in axes_of(each)}


def together(built: Sequence[Built], span: Span) -> Built:
    """What has the steps of all of these."""
    orders = {each.steps_first for each in built if each.is_sequence} - {None}
    if len(orders) > 1:
        raise problem("E606", "one of these has the steps first, and another the rows", span)
    if any(each.repeats for each in built):
        raise problem("E606", "one value for every step is read before a recurrent layer", span)
    order = next(iter(orders), None)
    known = [replace(each, steps_first=order) if each.steps_first is None else each for each in built]
    axes = broadcast(known, span)
    widths = _widths(built)
    widths = widths - {"1"} or widths
    width = widths.pop() if len(widths) == 1 else None
    return with_axes(Built("", any(each.is_sequence for each in built), order, width), axes)


def at_every_step(given: Sequence[Built]) -> list[Built]:
    """What layers of Keras put together: one value per row stands at every step beside sequences."""
    is_mixed = any(axes_of(each) == "btf" for each in given)
    return [with_axes(each, "b1f") if is_mixed and axes_of(each) == "bf" else each for each in given]


def wrapped(network: Equations, one: Built, text: str, hint: str = "v") -> Built:
    return replace(one, text=network.equation(hint, text.format(one.text)))
