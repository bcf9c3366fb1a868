"""What the cell object of a module is told: what tf.nn calls its states and variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from rnnc.backends.escape import identifier, literal, string
from rnnc.backends.tensorflow.states import common_scope, ordered_states, usable_layout
from rnnc.ir.model import Model

LAYOUT = "tf"  # the layout that names the variables
Tree: TypeAlias = "str | tuple[Tree, ...]"


def cell_tables(model: Model) -> list[str]:
    """Lines that define the tables which `templates/tensorflow/cell.py` reads."""
    layout = usable_layout(model, LAYOUT)
    scope = common_scope([array.name for array in layout.arrays]) if layout else identifier(model.name).lower()
    return [
        f"_CELL_LAYOUT = {literal(layout.name if layout else None)}",
        f"_CELL_SCOPE = {string(scope)}",
        f"_CELL_NUMBERED = {literal({a.name: a.variable for a in layout.arrays if a.numbered} if layout else {})}",
        f"_CELL_CUT = {len(scope) + 1 if scope else 0}  # of the names of variables: what the scope is in front",
        f"_CELL_STATES = {_text(_tree(ordered_states(model, layout)))}",
    ]


def _tree(names: Sequence[str], depth: int = 0) -> Tree:
    """States in the structure in which wrappers hold those of the cells inside them: by the parts of their names."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.split(".")[depth] if name.count(".") > depth else name, []).append(name)
    items = [_tree(group, depth + 1) if group[0].count(".") > depth else group[0] for group in groups.values()]
    return items[0] if len(items) == 1 else tuple(items)


def _text(tree: Tree) -> str:
    return string(tree) if isinstance(tree, str) else f"({''.join(f'{_text(item)}, ' for item in tree).rstrip()})"
