"""Whole numbers and sizes of arrays that texts tell: axes, and how long these are."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from rnnc.importing.equations import Built
from rnnc.importing.pieces.axes import FEATURES, ONE, letter_of
from rnnc.importing.python.evaluates import Evaluates
from rnnc.importing.python.values import Names, Size

AXES = ("dim", "axis", "dims", "perm", "axes", "shape", "start_dim", "end_dim")  # keywords that tell axes


def numbers(ev: Evaluates, nodes: Sequence[ast.expr], names: Names) -> list[Size | int | None]:
    """Whole numbers and sizes, of a list or one by one; None for what is not known."""
    found: list[Size | int | None] = []
    for node in nodes:
        value = ev.if_known(node, names).value
        items = [item.value for item in value] if isinstance(value, list) else [value]
        for each in items:
            is_known = isinstance(each, Size) or (isinstance(each, int) and not isinstance(each, bool))
            found.append(each if is_known and isinstance(each, Size | int) else None)
    return found


def size_of(one: Built, size: Size | int | None, other: Built | None) -> str:
    """The axis that is as long as a size says; `*` for -1, `?` for what is not known."""
    if isinstance(size, int):
        return "*" if size == -1 else ONE if size == 1 else FEATURES if one.width == str(size) else "?"
    if size is None or size.axis is None or other is None:
        return "?"
    if other.steps_first is None:
        other = replace(other, steps_first=one.steps_first)
    letter = letter_of(other, size.axis)
    is_other = letter == FEATURES and other.text != one.text and (other.width is None or other.width != one.width)
    return "?" if is_other else letter
