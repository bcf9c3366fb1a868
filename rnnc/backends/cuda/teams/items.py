"""The step of a loop as items of one kernel.

The straight code of a step is cut into items, as `straight/stages.py` cuts it into kernels: an item is what all threads
do between two meetings, or less. A product with weights is computed where its elements are read: each block multiplies
the columns that its own features need, and the equations behind it take the sums from shared memory. So an LSTM's step
is one item.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from rnnc.backends.cuda.analysis.joined import NOTHING, Part
from rnnc.backends.cuda.analysis.products import product_of
from rnnc.backends.cuda.kernels.elements import Elements, Home, total_of
from rnnc.backends.cuda.kernels.shared import Shared
from rnnc.backends.cuda.spelling import LINES, REDUCTIONS
from rnnc.backends.cuda.spelling.lines import line_type
from rnnc.backends.cuda.spelling.summed import summed_type
from rnnc.backends.cuda.straight.block import Block, Mapped
from rnnc.backends.cuda.straight.inner import InnerBlock
from rnnc.backends.cuda.straight.reductions import short
from rnnc.backends.cuda.teams.access import Coupled, Place, TeamElements, Unfused
from rnnc.backends.cuda.teams.exchange import Swap
from rnnc.backends.cuda.teams.meetings import Item, since_meeting
from rnnc.backends.cuda.teams.team import Owner, Team
from rnnc.backends.cuda.teams.tiles import tiled
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import DType, Op, Type, Value
from rnnc.ir.size import Size, product

BEFORE = " before"  # behind the name of an array, for what it was


class Unfit(Exception):
    """A loop that one kernel cannot run; the message says why."""


class TeamBlock(InnerBlock):
    """Writes the nodes of a step as items of one kernel."""

    fuses = True

    def __init__(self, shared: Shared, around: Block, team: Team, written: frozenset[Value], *, waits: bool) -> None:
        super().__init__(shared, around.time, around)
        self.waits = waits
        self.team = team
        self.items: list[Item] = []
        self.fresh: set[str] = set()  # arrays of the loop alone
        self.work = Size.of(0)  # for each row, elements that threads compute one by one
        self.sums = Size.of(0)  # for each row, what they multiply for products that blocks cannot share
        self.apart: dict[Value, str] = {}  # why blocks do not share a product
        self._written = written  # products that have to be in memory

    def far(self, type: Type) -> bool:
        """What has no features is another thread's, which all would have to meet."""
        return type.rank == len(self.team.heads)

    # --- nodes --------------------------------------------------------------------------------------------------------

    def _combine(self, node: Op) -> None:
        found = tiled(node, self, len(self.team.heads), self.team.owners)
        if isinstance(found, str):
            self.apart.update((out, found) for out in node.outs)
            if node.name not in LINES and node.name not in REDUCTIONS:
                raise Unfit(f"{node.name} inside")
            super()._combine(node)
            if node.name in LINES:
                self.team.owners[self.array(node.out)] = None
            return
        if self.home(found.left) is None:
            raise Unfused(found.left)
        self.team.tiled[node.out] = found
        if node.out in self._written:
            self.map(node.out.type, [(node.out, Part(node.out, 0, NOTHING))])

    def scattered(self, home: Home) -> None:
        self.team.owners[home.array] = None

    def _product(self, op: Op, product: object) -> None:
        """A product without tiles: every thread sums up its own elements."""
        self.reduction(op)

    def line_of(self, op: Op) -> None:
        """A thread walks along each line."""
        if Attrs(op).integer("axis") < len(self.team.heads):
            raise Coupled
        self.allocate(op.out)
        self.launch(lambda e, n: LINES[op.name](e, op, n), line_type(op))

    def reduction(self, op: Op) -> None:
        """Few elements are combined by the thread that has the result, many by several threads."""
        self.allocate(op.out)
        summed, parts, turn = summed_type(op), "", 0
        if not short(summed):
            parts = total_of(TeamElements(self.team, self, None).extents(summed))
            turn = 0 if self.team.share(op.out.type) else self._turn(op, parts)
        place = self._place(op.out.type, parts, turn)
        self.team.owners[self.array(op.out)] = place.owner
        combined = product(op.out.type.shape) * product(summed.shape)
        if product_of(op) is None:
            self.work += combined
        else:
            self.sums += combined
        self._item(lambda e, n: REDUCTIONS[op.name](e, op, n, place.lanes), place)

    def _turn(self, op: Op, parts: str) -> int:
        """Which threads make a value that has no features to share: those that have made what it reads, if nobody else
        has since all threads met, and others than before if not."""
        recent = {self.team.owners[array] for array in since_meeting(self.items) & self._arrays(op)}
        owner = recent.pop() if len(recent) == 1 else None
        if owner is not None and owner == self._place(op.out.type, parts, owner.turn).owner:
            return owner.turn
        self.team.joined += 1
        return self.team.joined - 1

    def _arrays(self, op: Op) -> set[str]:
        """The arrays that a step reads for the result of an operation."""
        found: set[str] = set()
        values = list(op.args)
        seen = set(values)
        while values:
            value = values.pop()
            home = self.home(value)
            if home is not None:
                found.add(home.array)
            elif value in self.definitions:
                values += [arg for arg in self.definitions[value].args if arg not in seen]
                seen.update(values)
        return found & self.team.owners.keys()

    def _constant(self, value: Value) -> None:
        raise Unfit("a result that is a number")

    # --- items --------------------------------------------------------------------------------------------------------

    def launch(self, body: Callable[[Elements, str], None], space: Type, times: str = "") -> None:
        assert not times
        self._item(body, self._place(space))

    def launch_group(
        self,
        body: Callable[[Sequence[Mapped], Elements, str], None],
        group: Sequence[Mapped],
        space: Type,
    ) -> None:
        self.launch(partial(body, group), space)

    def map(self, type: Type, group: Sequence[Mapped]) -> None:
        if any(whole is not part.value and part.axis < len(self.team.heads) for whole, part in group):
            raise Coupled
        super().map(type, group)

    def _place(self, space: Type, parts: str = "", turn: int = 0) -> Place:
        if space.axes[: len(self.team.heads)] != self.team.heads:
            raise Coupled
        return Place(space, self.team.share(space), len(self.team.heads), parts, turn)

    def _item(self, body: Callable[[Elements, str], None], place: Place) -> None:
        team, kernel, space = self.team, self.team.kernel, place.type
        elements = TeamElements(team, self, place)
        team.alone |= not space.batch
        self.work += product(space.shape)
        with kernel.apart(2 if place.share and space.batch else 1) as start:
            body(elements, "n")
            elements.finish()
        lines = kernel.lines[start:]
        del kernel.lines[start:]
        team.multiplied += elements.uses.values()
        lines = [*kernel.comments(), *place.around(lines, elements)]
        item = Item(lines, elements.reads, elements.writes, team.way, elements.ahead, elements.touched)
        item.open = bool(elements.uses) and not team.heads
        item.reads |= {home.array for use in elements.uses.values() if (home := self.home(use.left)) is not None}
        item.reads = {self._as_it_was(array) for array in item.reads & team.owners.keys()}
        self.items.append(item)

    def _as_it_was(self, array: str) -> str:
        """What a loop that runs behind another one reads of its results: those of steps before."""
        return array if self.team.turns.get(array, self.team.way).lag == self.team.way.lag else f"{array}{BEFORE}"

    def allocate(self, value: Value, hint: str = "v") -> Home:
        fresh = value not in self.targets
        home = super().allocate(value, hint)
        if fresh:
            self.fresh.add(home.array)
        self.team.turns.setdefault(home.array, self.team.way)
        self.team.owners.setdefault(home.array, Owner(value.type.with_(time=False, dtype=DType.FLOAT)))
        return home

    def read(self) -> set[str]:
        """The arrays that threads read of one another."""
        return {array for item in self.items for array in item.reads}

    def doubled(self) -> list[Swap]:
        """A second array for each one that other threads read, so that the next step can write before they have."""
        shared = self.read()
        found: list[Swap] = []
        for value, home in self.homes.items():
            if home.array in shared and home.array in self.fresh and not home.index:
                other = self.shared.names.new(f"{home.array}_next")
                self.before.append(f"{other} = cp.empty_like({home.array})")
                found.append((home, replace(home, array=other), value.type))
        return found
