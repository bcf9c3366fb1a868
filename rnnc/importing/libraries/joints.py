"""Layers of Keras that put several values together, and their functions, `layers.add([x, y])`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rnnc.importing.equations import Built
from rnnc.importing.libraries.keras import other
from rnnc.importing.pieces import widths
from rnnc.importing.pieces.built import at_every_step, side_by_side, together
from rnnc.importing.pieces.lowering import Call
from rnnc.importing.pieces.network import Meaning, Network
from rnnc.importing.python.values import Applied, Made, Remarks, problem

SIGNS = {"Add": "+", "Subtract": "-", "Multiply": "*"}
JOINTS = {
    "Add": "sum", "Subtract": "", "Multiply": "prod", "Average": "mean", "Maximum": "max", "Minimum": "min",
    "Concatenate": "concat",
}  # fmt: skip
FUNCTIONS = {name.lower(): name for name in JOINTS}


def joint_of(applied: Applied) -> str | None:
    """How several values are put together; None where a layer of one is called."""
    made = applied.layer.value
    return made.constructor.name if isinstance(made, Made) and made.constructor.name in JOINTS else None


def put_together(network: Network, applied: Applied, given: Sequence[Built], remarks: Remarks) -> Built:
    """The equation of a call of such a layer."""
    made = applied.layer.value
    assert isinstance(made, Made)
    name, span = made.constructor.name, applied.layer.span
    if name == "Concatenate":
        whole, texts = replace(together(given, span), width=None), [each.text for each in given]
    else:
        given = given if applied.is_sign else at_every_step(given)
        whole = together(given, span)
        widths.meet(network, given, span, remarks)
        texts = side_by_side(given)
    return replace(whole, text=network.equation("m", _joined(made, name, texts, 2 if whole.is_sequence else 1)))


def _joined(made: Made, name: str, texts: Sequence[str], last: int) -> str:
    axis = made.arguments.get("axis")
    if axis is not None and axis.value not in (-1, last):
        raise problem("E606", "values are put together along the features here", axis.span, fix="axis=-1")
    if name in SIGNS:
        return f" {SIGNS[name]} ".join(texts)
    if name == "Average":
        return f"({' + '.join(texts)}) / {len(texts)}"
    return f"{JOINTS[name]}({', '.join(texts)})"


def alone(call: Call) -> Meaning:
    raise problem("E606", f"{call.name} puts several values together, and stands among layers of one", call.made.span)


CONSTRUCTORS = tuple(
    other(
        name,
        "axis=-1, **kwargs" if name == "Concatenate" else "**kwargs",
        "axis" if name == "Concatenate" else "",
        alone,
    )
    for name in JOINTS
)
