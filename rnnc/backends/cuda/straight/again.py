"""How often a map is written down where maps are computed where they are read.

An operation on elements reads its operands at its own index, and a value that two of them read there is written once.
What reads at another index (a slice, a concatenation) has statements of its own for all that is behind: rotations of
neighbouring pairs, layer upon layer, double them with every layer.
"""

from __future__ import annotations

from collections.abc import Iterable

from rnnc.backends.cuda.spelling import elementwise
from rnnc.backends.cuda.spelling.entry import MAPS
from rnnc.ir.program import Op, Value

Path = tuple[int, ...]  # through which operands a value is reached at another index


class Again:
    """The statements of an element of each map."""

    def __init__(self) -> None:
        self._statements: dict[Value, frozenset[tuple[Value, Path]]] = {}

    def enter(self, op: Op, out: Value, inside: Iterable[Value]) -> int:
        """Take note of a result of a map, of which the operands `inside` are computed where it is read; how many of its
        element's statements say again what another one says elsewhere."""
        inside = set(inside)
        found = {(out, Path())}
        for number, arg in enumerate(op.args):
            if arg not in inside:
                continue
            here = self._statements[arg]
            if MAPS[op.name].__module__ == elementwise.__name__ and arg.type.axes == out.type.axes:
                found |= here
            else:
                found |= {(value, (id(op), number, *path)) for value, path in here}
        self._statements[out] = frozenset(found)
        return len(found) - len({value for value, _ in found})

    def end(self, out: Value) -> None:
        """From here on it is read from memory."""
        self._statements[out] = frozenset({(out, Path())})
