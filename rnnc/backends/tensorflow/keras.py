"""What the Keras classes of a module are told: their names, and what Keras calls their states and variables."""

from __future__ import annotations

from pathlib import PurePath

from rnnc.backends.escape import identifier, literal, string
from rnnc.backends.tensorflow.states import common_scope, ordered_states, usable_layout
from rnnc.backends.unit import Header
from rnnc.ir.model import Model

LAYOUT = "keras"  # the layout that names the variables


def keras_tables(model: Model, header: Header) -> list[str]:
    """Lines that define the tables which `templates/tensorflow/keras*.py` read."""
    layout = usable_layout(model, LAYOUT)
    scope = common_scope([array.name for array in layout.arrays]) if layout else ""
    return [
        f"_KERAS_PACKAGE = {string('rnnc.' + PurePath(header.source_name).stem)}  # with the title: what Keras saves",
        f"_KERAS_TITLE = {string(_title(model))}",
        f"_KERAS_CLASS = {string(identifier(model.name))}",
        f"_KERAS_LAYOUT = {literal(layout.name if layout else None)}",
        f"_KERAS_CUT = {len(scope) + 1 if scope else 0}  # of the names of variables: what the scope is in front",
        f"_KERAS_STATES = {literal(ordered_states(model, layout))}",
    ]


def _title(model: Model) -> str:
    """The definition with its options: modules that differ in these are different classes."""
    bound = [f"{name}={text}" for name, text in model.options if text != name]
    return f"{model.name}({', '.join(bound)})"
