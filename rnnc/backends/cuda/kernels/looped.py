"""Loops as kernels: what the host has to know of one, and what became of each loop of a module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rnnc.ir.program import NO_SPANS, Axis, Loop, Spans, walk
from rnnc.ir.size import Size, product


@dataclass(frozen=True)
class Exchanged:
    """A pair of arrays, for the planner: how many elements a head has of a row, what a number is there (`item`, `real`,
    `int`, `bool`), and whether there are rows."""

    features: Size
    number: str
    batch: bool


@dataclass(frozen=True)
class TeamLoop:
    """A loop as one kernel: its name, what the host gives it, and what the planner has to know.

    `products`: (features, summed, slots) for each product, of one head: a block has `slots` columns for each of its
    features.
    `work`: elements of a row that are computed one by one; `sums`: multiplications of products that are, too.
    `alone`: one team must have all rows. `meetings`: of a step; `stages`: what it is cut into, between meetings or
    less. `heads`: the axes that teams share as they share rows.
    `exchanged`: what may lie in the shared memory of all blocks of a team. `totals`: values that every block joins of
    all blocks' parts.
    """

    name: str
    arguments: tuple[str, ...]
    products: tuple[tuple[Size, Size, int], ...]
    work: Size
    sums: Size
    alone: bool
    meetings: int
    stages: int
    heads: tuple[Axis, ...]
    exchanged: tuple[Exchanged, ...]
    totals: int

    @property
    def head_count(self) -> Size:
        """How many heads there are: 1 where all features belong together."""
        return product(tuple(axis.size for axis in self.heads))

    @property
    def facts(self) -> dict[str, Any]:
        """What the planner is told, by the names that `_Loop` has in `templates/cuda/teams.py`: sizes, numbers, words,
        and tuples of them."""
        return {
            "products": self.products,
            "work": self.work,
            "sums": self.sums,
            "heads": self.head_count,
            "alone": self.alone,
            "meetings": self.meetings,
            "stages": self.stages,
            "exchanged": tuple((one.features, one.number, one.batch) for one in self.exchanged),
            "totals": self.totals,
        }


@dataclass(frozen=True)
class ProductReport:
    """A product of a step: its columns, how many numbers are summed for each (None where nobody knows), and where.

    `apart` says why every thread sums up its own elements; without it blocks share the product.
    """

    name: str
    columns: Size
    summed: Size | None
    how: str
    apart: str
    spans: Spans


@dataclass(frozen=True)
class Looped:
    """A loop as a program has it; `refusal` says why it is no kernel, else there is one, with the
    products of a step. Several loops: as one kernel, where that costs less than their own."""

    program: str
    loops: tuple[Loop, ...]
    refusal: str
    kernel: TeamLoop | None = None
    products: tuple[ProductReport, ...] = ()
    lag: int = 0  # how many steps the last one is behind the first one

    @property
    def spans(self) -> Spans:
        """The lines that the loop comes from."""
        return NO_SPANS.union(
            *(loop.spans or NO_SPANS.union(*(node.spans for node in walk(loop.body))) for loop in self.loops)
        )
