"""How many features arrays have. What comes in is as wide as the text says, or as what it meets; a description says so
where something needs it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rnnc.diagnostics import Span
from rnnc.importing.equations import Built, Equations
from rnnc.importing.pieces.axes import FEATURES, axes_of
from rnnc.importing.python.values import Remarks, problem


def number_of(width: str | None) -> int | None:
    """A width as a number; None where it is not known."""
    return int(width) if width is not None and width.isdigit() else None


def meet(network: Equations, built: Sequence[Built], span: Span, remarks: Remarks) -> None:
    """Arrays that stand over one another have as many features, or one, which inputs say then. E606: they have not."""
    wide = [each for each in built if FEATURES in axes_of(each)]
    if len(wide) > 1:
        fit(network, [each.width for each in wide if each.width != "1"], span, remarks)


def fit(network: Equations, given: Sequence[str | None], span: Span, remarks: Remarks) -> None:
    """These widths are one, which inputs say then. E606: they are not."""
    widths = {network.sizes.get(width, width) for width in given if width is not None}
    numbers = sorted((width for width in widths if number_of(width) is not None), key=int)
    if len(numbers) > 1:
        what = f"{numbers[0]} and {numbers[1]} features meet here, where as many are wanted"
        raise problem("E606", what, span, fix="a layer before one of them makes as many")
    for number in numbers:
        for axis in sorted(widths - {number}):
            network.sizes[axis] = number
            names = [name for name, declared in network.inputs.items() if f"[{axis}]" in declared]
            shown = f", {', '.join(f'`{name}`' for name in names)}," if names else ""
            remarks.add(
                f"what comes in{shown} has {number} features, as what it is put together with, and the text says no "
                "number"
            )
        declare(network, number)


def declare(network: Equations, number: str) -> None:
    """The inputs that are so wide say it."""
    for axis, told in network.sizes.items():
        if told == number:
            for name, declared in network.inputs.items():
                network.inputs[name] = re.sub(rf"\[{re.escape(axis)}\]", f"[{number}]", declared)
