"""Objects that stand in several places, `MultiRNNCell([ResidualWrapper(one), one])`: each is an instance of the
description, which has a name, and one set of weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rnnc.importing.pieces import library
from rnnc.importing.pieces.network import Flow, Meaning, Network, built
from rnnc.importing.pieces.pieces import HANDS_ON, Piece, output_of
from rnnc.importing.python.values import Given, Made


def in_several(roots: Iterable[Given]) -> set[int]:
    """The objects that are arguments of more than one other, by identity. One that stands twice in the arguments of a
    single other is that one's business (`MultiRNNCell([one] * 2)`)."""
    around: dict[int, set[int]] = {}
    seen: set[int] = set()

    def visit(made: Made) -> None:
        if id(made) in seen:
            return
        seen.add(id(made))
        for argument in made.arguments.values():
            for inner in _objects(argument):
                around.setdefault(id(inner), set()).add(id(made))
                visit(inner)

    for root in roots:
        for made in _objects(root):
            visit(made)
    return {inner for inner, outer in around.items() if len(outer) > 1}


def _objects(given: Given) -> Iterator[Made]:
    if isinstance(given.value, Made):
        yield given.value
    elif isinstance(given.value, list):
        for item in given.value:
            yield from _objects(item)


def declared(meaning: Meaning, instances: Mapping[str, Piece]) -> Meaning:
    """The meaning, in a network that has these instances."""
    if not instances:
        return meaning

    def build(network: Network, x: str) -> str:
        for name, cell in instances.items():
            network.pieces.append(cell)
            network.use_as(name, cell.text)
        y = built(meaning, network, x)
        if isinstance(meaning, Piece) and any(True for _ in library.find(meaning.definition).layouts_of("tf")):
            network.layouts["tf"] = [f'scope {y} = ""']
            network.options["tf"] = f'constants = "float32", reference = {y}'
        return y

    return Flow(build)


def width(cells: Sequence[Piece]) -> str | None:
    """How wide the input of layers is, where the instance that it reaches first also runs behind another layer."""
    first = _entrance(cells[0])
    behind = [k for k in range(1, len(cells)) if first is not None and first in set(_instances(cells[k]))]
    return output_of(cells[behind[0] - 1]) if behind else None


def _entrance(cell: Piece) -> str | None:
    """The instance that the input of a cell reaches as it is."""
    while cell.instance is None:
        handed = HANDS_ON.get(cell.definition) or (("inner",) if "inner" in cell.cells else ())
        if not handed or library.find(cell.definition).word == "fn":
            return None
        cell = cell.cells[handed[0]][0]
    return cell.instance


def _instances(cell: Piece) -> Iterator[str]:
    if cell.instance is not None:
        yield cell.instance
    for inner in cell.inside:
        yield from _instances(inner)
