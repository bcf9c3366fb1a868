"""What the cell object of a module is told: its initial state, and what tf.nn calls its states and variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from rnnc.backends.escape import identifier, literal, string
from rnnc.ir.model import Model
from rnnc.ir.program import Op, Port, Program, reads
from rnnc.ir.trim import trim_program

LAYOUT = "tf"  # the layout that names the variables
Tree: TypeAlias = "str | tuple[Tree, ...]"


def initial_program(model: Model) -> Program | None:
    """The states that a step starts from where none are given. None for networks, and for what cannot stream."""
    if model.kind != "cell" or model.step is None:
        return None
    given = {port.value: port.name for port in model.step.inputs_of("state")}
    found = {
        given[node.args[0]]: node.out
        for node in model.step.nodes
        if isinstance(node, Op) and node.name == "default" and node.args[0] in given
    }
    if found.keys() != {*given.values()}:
        return None
    outputs = tuple(Port("state", state.name, found[state.name]) for state in model.states)
    inputs = model.step.inputs_of("param", "fixed", "state")
    return trim_program(Program("initial", inputs, model.step.nodes, outputs))


def cell_tables(model: Model, initial: Program) -> list[str]:
    """Lines that define the tables which `templates/tensorflow/cell.py` reads."""
    layout = next((layout for layout in model.layouts if layout.name == LAYOUT and not layout.missing), None)
    scope = _scope([array.name for array in layout.arrays]) if layout else identifier(model.name).lower()
    states = [state.name for state in model.states]
    if layout is not None and {*layout.states} == {*states}:
        states = list(layout.states)
    shapes = [port.type.shape for port in (*model.states, *model.outputs)]
    needed = {symbol for shape in shapes for size in shape for symbol in size.symbols}
    weights = {port.value for port in initial.inputs_of("param", "fixed")}
    weighted = any(value in weights for node in initial.nodes for value in reads(node))
    tree = _tree(states)
    return [
        f"_CELL_LAYOUT = {literal(layout.name if layout else None)}",
        f"_CELL_SCOPE = {string(scope)}",
        f"_CELL_CUT = {len(scope) + 1 if scope else 0}  # of the names of variables: what the scope is in front",
        f"_CELL_STATES = {_text(tree)}",
        f"_CELL_NEEDS = {literal([symbol for symbol in model.sizes if symbol in needed])}",
        f"_CELL_STATE_HAS_WEIGHTS = {weighted}",
    ]


def _scope(names: Sequence[str]) -> str:
    """The first part of all names, or nothing."""
    firsts = {name.partition("/")[0] for name in names if "/" in name}
    alone = len(firsts) == 1 and all("/" in name for name in names)
    return firsts.pop() if alone else ""


def _tree(names: Sequence[str], depth: int = 0) -> Tree:
    """States in the structure in which wrappers hold those of the cells inside them: by the parts of their names."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.split(".")[depth] if name.count(".") > depth else name, []).append(name)
    items = [_tree(group, depth + 1) if group[0].count(".") > depth else group[0] for group in groups.values()]
    return items[0] if len(items) == 1 else tuple(items)


def _text(tree: Tree) -> str:
    return string(tree) if isinstance(tree, str) else f"({', '.join(_text(item) for item in tree)},)"
