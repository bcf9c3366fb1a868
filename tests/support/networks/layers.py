"""Writes what stands before a layer's input: cells, and all that is made of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.support.choices import Choices
from tests.support.networks.cells import CELLS, Cell

UNITS = (1, 2, 3)
LAYERS = (2, 2, 3, 2, 4, 6)  # of a stack: small networks are quickly checked
DEEP = (1, 1, 2, 3)  # layers in layers


@dataclass
class Layers:
    """Layers for one file. `networks`: those with one input and one output, and the size of it; `others`: what other
    networks of one input give (name, size, whether it has time); `cells`: parameters that are cells, in the network
    that is being written."""

    choices: Choices
    others: dict[str, list[tuple[str, int | None, bool]]] = field(
        default_factory=dict[str, list[tuple[str, int | None, bool]]]
    )
    networks: dict[str, int] = field(default_factory=dict[str, int])
    cells: dict[str, int] = field(default_factory=dict[str, int])
    units: tuple[int, ...] = UNITS

    def cell(self) -> Cell:
        return self.choices.pick(CELLS)

    def layer(self, wide: int | None, n: int, deep: int | None = None) -> str:
        """A layer from `wide` numbers to n."""
        c = self.choices
        deep = c.pick(DEEP) if deep is None else deep
        known = [f"{name}()" for name, size in self.networks.items() if size == n]
        known += [name for name, size in self.cells.items() if size == n]
        if known and c.chance(3):
            return c.pick(known)
        if deep == 0:
            return self.cell().call.format(n=n)
        deep -= 1
        match c.below(9):
            case 1:
                return f"backward({self.layer(wide, n, deep)})"
            case 2 | 3:
                return self._bidirectional(wide, n, deep)
            case 4 | 5:
                return self._stack(wide, n, deep)
            case 6 if wide == n:
                return f"residual({self.layer(wide, n, deep)})"
            case 7 if wide == n:
                return f"highway({self.layer(wide, n, deep)}{c.pick(('', ', carry_bias = -0.5'))})"
            case 8:
                return f"forward({self.layer(wide, n, deep)})"
            case _:
                return self.cell().call.format(n=n)

    def _bidirectional(self, wide: int | None, n: int, deep: int) -> str:
        c = self.choices
        if n > 1 and c.chance(2):
            m = c.between(1, n - 1)
            if 2 * m == n and c.chance(2):
                return f"bidirectional({self.layer(wide, m, deep)})"
            sides = self.layer(wide, m, deep), self.layer(wide, n - m, deep)
            return f"bidirectional(forward = {sides[0]}, backward = {sides[1]})"
        merge = f"merge = {c.pick(('sum', 'mean', 'product'))}"
        if c.chance(2):
            return f"bidirectional({self.layer(wide, n, deep)}, {merge})"
        return f"bidirectional({self.layer(wide, n, deep)}, {self.layer(wide, n, deep)}, {merge})"

    def _stack(self, wide: int | None, n: int, deep: int) -> str:
        c = self.choices
        options = c.pick(("", "", ", dropout = 0.2", ", dropout = 0.3, mask = sequence"))
        match c.below(4):
            case 1:
                sizes = [c.pick(self.units) for _ in range(c.pick(LAYERS) - 1)]
                each = f"{self.cell().call.format(n='n')} for n in {[*sizes, n]}"
                return f"stack({f'({each}){options}' if options else each})"
            case 2:
                sizes = [c.pick(self.units) for _ in range(c.between(1, 2))]
                layers = [
                    self.layer(before, size, deep) for before, size in zip([wide, *sizes], [*sizes, n], strict=True)
                ]
                inside = ", ".join(layers)
                return f"stack({c.pick((inside, f'[{inside}]'))}{options})"
            case 3 if wide == n:
                return f"stack({self.layer(n, n, deep)}, {c.pick(LAYERS)}, residual = true{options})"
            case _:
                return f"stack({self.cell().call.format(n=n)}, {c.pick(LAYERS)}{options})"
