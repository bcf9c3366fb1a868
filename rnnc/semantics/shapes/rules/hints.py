"""Which axes there are, for messages about one that is not there or not named."""

from __future__ import annotations

from rnnc.semantics.near import did_you_mean
from rnnc.semantics.shapes.shaped import Shape


def name_it(shape: Shape) -> str:
    """Which axes there are to name."""
    labels = [f"`axis = {a.label}`" for a in shape if a.label.isidentifier()]
    return f"name it: {' or '.join(labels[:3])}" if len(set(labels)) == len(labels) > 0 else "name it: `axis = …`"


def instead(shape: Shape, label: str) -> str | None:
    """What may be meant by the label of an axis that is not there."""
    nameless = [a for a in shape if not a.label.isidentifier()]
    if label in ("time", "batch"):
        return (
            f"{label} is no axis: a state can sum over time; in a network `sum`, `mean`, `max`, `min`, `softmax` and "
            "`cumsum` of `(y, time)` do, and single steps are `last(y)` and `at(y, k)`"
        )
    if len(nameless) == 1 and label.isidentifier():
        named = ", ".join(f"{label if a is nameless[0] else a.label}: {a.size}" for a in shape)
        fix = f"the axis of {nameless[0].size} has no name of its own; `relabel(…, {named})` gives it one"
        is_cut = label in nameless[0].size.symbols
        return f"{fix}, and a label where it is declared, `x[{label}: n]`, stays" if is_cut else fix
    sized = [a for a in shape if a.label != label and str(a.size) == label]
    near = did_you_mean(label, [a.label for a in shape])
    if near is None and len(sized) == 1 and label.isidentifier():
        named = ", ".join(f"{label if a is sized[0] else a.label}: {a.size}" for a in shape)
        return f"the axis of that size is called `{sized[0].label}`; `relabel(…, {named})` gives it the name `{label}`"
    if label.lstrip("-").isdecimal() and len({a.label for a in shape}) < len(shape):
        named = ", ".join(f"{name}: {a.size}" for name, a in zip("abcdef", shape, strict=False))
        return f"an axis is meant by its name, and two have one: `relabel(…, {named})` gives each its own"
    if label.lstrip("-").isdecimal() and all(a.label.isidentifier() for a in shape):
        return "an axis is meant by its name: " + " or ".join(f"`{a.label}`" for a in shape[:4]) if shape else None
    return near
