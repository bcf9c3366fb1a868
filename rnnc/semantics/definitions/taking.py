"""What layers that are one take together, a stack or both directions, and what of it each of them is given.

Sequences go by their places. What comes once per row goes by name, to every layer that has an input of that name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnnc.diagnostics import Span
from rnnc.semantics.problems import Problem
from rnnc.semantics.shapes.nodes import Node

ONE_BY_ONE = "write its layers one by one, `a = f(x, u)`, `b = g(a, u)`"


@dataclass(frozen=True)
class Taken:
    """An input of a layer: a sequence, or what comes once per row."""

    name: str
    per_row: bool


Inputs = tuple[Taken, ...]


def united(layers: Sequence[Inputs | None]) -> Inputs | None:
    """The inputs of layers that are one: those of the first, then what others take per row. A first one of one sequence
    alone leaves the order to the first that takes more. None of a layer: nothing is known of it."""
    known = [inputs for inputs in layers if inputs is not None]
    if not known:
        return None
    first = known[0]
    if len(first) == 1 and not first[0].per_row:
        first = next((i for i in known if len(i) > 1 and len(sequences(i)) == 1), first)
    return tuple(dict.fromkeys((*first, *(taken for i in known for taken in i if taken.per_row))))


def sequences(inputs: Inputs) -> list[Taken]:
    """What comes at every step."""
    return [taken for taken in inputs if not taken.per_row]


class Handed:
    """What layers that are one are given. `layers`: the inputs of each, by what messages call it; `doubts`: why nothing
    is known of some of them."""

    def __init__(
        self, layers: Sequence[tuple[str, Inputs | None]], nodes: list[Node], span: Span, doubts: Sequence[Problem]
    ) -> None:
        self._layers, self._span = layers, span
        self.sequences = nodes
        self._per_row: dict[str, Node] | None = None  # None: no layer takes such, and the first tells what it wants
        self.unknown = False  # layers of which nothing is known may take what others do not
        taken = united([inputs for _, inputs in layers])
        if taken is None or len(sequences(taken)) == len(taken):
            return
        if doubts and len(nodes) > 1:
            raise doubts[0]
        if len(taken) == len(nodes):
            given = list(zip(taken, nodes, strict=True))
            self.sequences = [node for t, node in given if not t.per_row]
            self._per_row = {t.name: node for t, node in given if t.per_row}
        elif any(inputs is None for _, inputs in layers):
            self.unknown = not doubts
        else:
            raise self._miscounted(taken, len(nodes))

    def to(self, k: int) -> list[Node]:
        """What layer k is given."""
        inputs = self._layers[k][1]
        if self._per_row is None or inputs is None:
            return self.sequences
        places = iter(self.sequences)
        given = [self._per_row[t.name] if t.per_row else next(places, None) for t in inputs]
        return [node for node in (*given, *places) if node is not None]

    def after(self, k: int, result: Node) -> None:
        """The sequence for the layers behind layer k is what that gives. Raises E223 where the next takes several."""
        self.sequences = [result]
        label, inputs = self._layers[k + 1] if k + 1 < len(self._layers) else ("", None)
        if inputs is not None and len(sequences(inputs)) > 1:
            names = named(sequences(inputs))
            message = f"a stack hands on one sequence, and {label} takes {len(sequences(inputs))} ({names})"
            fix = f"{ONE_BY_ONE}; inputs `per row` go to all of them"
            raise Problem("E223", message, self._span, fix=fix)

    def _miscounted(self, taken: Inputs, given: int) -> Problem:
        call = f"`({', '.join(t.name for t in taken)})`"
        message = f"these layers take {len(taken)} inputs together ({named(taken)}) but are given {given}"
        if given < len(taken):
            lacking = next(t for t in (*taken[given:], *taken) if t.per_row)
            label = next(label for label, inputs in self._layers if lacking in (inputs or ()))
            message += f"; {label} takes `{lacking.name}` per row"
        fix = f"give them in this order, {call}, of which each layer has those of its names; or {ONE_BY_ONE}"
        return Problem("E223", message, self._span, fix=fix)


def named(inputs: Sequence[Taken]) -> str:
    """The names of inputs, for messages."""
    *first, last = [f"`{taken.name}`" for taken in inputs]
    return f"{', '.join(first)} and {last}" if first else last
