"""The step of a loop as items of one kernel.

The straight code of a step is cut into items, as `straight/stages.py` cuts it into kernels: an item is what all threads
do between two meetings, or less. A product with weights is computed where its elements are read: each block multiplies
the columns that its own features need, and the equations behind it take the sums from shared memory. So an LSTM's step
is one item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
from rnnc.backends.cuda.teams.meetings import Item
from rnnc.backends.cuda.teams.team import Team, owner_of
from rnnc.backends.cuda.teams.tiles import Tiled, tiled
from rnnc.backends.cuda.teams.totals import of_own, of_parts, squares, whole, write_part, write_squares, write_whole
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Node, Op, Type, Value
from rnnc.ir.size import Size, product

BEFORE = " before"  # behind the name of an array, for what it was


class Unfit(Exception):
    """A loop that one kernel cannot run; the message says why."""


class TeamBlock(InnerBlock):
    """Writes the nodes of a step as items of one kernel."""

    fuses = True

    def __init__(
        self, shared: Shared, around: Block, team: Team, written: frozenset[Value], *, waits: bool, totals: bool
    ) -> None:
        super().__init__(shared, around.time, around)
        self.waits, self._totals = waits, totals
        self.team = team
        self.items: list[Item] = []
        self.fresh: set[str] = set()  # arrays of the loop alone
        self.work = Size.of(0)  # for each row, elements that threads compute one by one
        self.sums = Size.of(0)  # for each row, what they multiply for products that blocks cannot share
        self.apart: dict[Value, str] = {}  # why blocks do not share a product
        self._written = written  # products that have to be in memory
        self._joins: dict[str, Item] = {}  # items that nobody has waited for yet: they join what blocks have of values

    def far(self, type: Type) -> bool:
        """What has no features is another thread's, which all would have to meet."""
        return product(type.shape[len(self.team.heads) :]) == Size.of(1)

    def write(self, nodes: Sequence[Node], results: Iterable[Value]) -> None:
        super().write(nodes, results)
        self._join()

    # --- nodes --------------------------------------------------------------------------------------------------------

    def _combine(self, node: Op) -> None:
        found = tiled(node, self, len(self.team.heads), self.team.owners)
        if isinstance(found, Tiled) and (home := self.home(found.left)) is not None and home.array in self.team.totals:
            found = "its operand has no features"
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
        """Few elements are combined by the thread that has the result, many by several threads: those of a block what
        it has of them, if the result has no features."""
        summed = summed_type(op)
        combined = product(op.out.type.shape) * product(summed.shape)
        if product_of(op) is None:
            self.work += combined
        else:
            self.sums += combined
        far = self.far(op.out.type) and op.out not in self.targets and not short(summed)
        space = whole(op, self.team.heads) if self._totals and far else None
        if space is not None:
            self._total(op, space)
            return
        self.allocate(op.out)
        parts = "" if short(summed) else total_of(TeamElements(self.team, self, None).extents(summed))
        place = self._place(op.out.type, parts)
        self.team.owners[self.array(op.out)] = place.owner
        self._item(lambda e, n: REDUCTIONS[op.name](e, op, n, place.lanes), place)

    def _total(self, op: Op, space: Type) -> None:
        """A value that every block makes of all blocks' parts. Squares around a mean have their parts with those of the
        mean, before all threads meet for that one."""
        team, total = self.team, self.team.total(op.out.type)
        features = team.kernel.size(product(space.shape[len(team.heads) :]))
        own = of_own(team, op.out.type, space, total)
        of, around = squares(op, self._made_by, self.definitions), None
        mean = None if of is None else self.homes.get(of.mean.out)
        self.homes[op.out] = Home(total.name)
        if of is None or mean is None or mean.array not in self._joins:  # no block has parts, or all have joined them
            item = self._made(lambda e, _: write_part(e, op, total, own), own)
        else:
            rest = team.total(op.out.type)
            around = team.totals[mean.array], rest
            item = self._made(lambda e, _: write_squares(e, op, total, rest, own, of, features), own)
        made = (total,) if around is None else (total, around[1])
        item.writes |= {one.parts for one in made}
        self._add(item)
        place = of_parts(own)
        item = self._made(lambda e, _: write_whole(e, op, total, place, around, features), place)
        item.writes.add(total.name)
        item.reads |= {one.parts for one in (total, *(around or ()))}
        item.near |= {one.name for one in (around or ())[:1]}
        self._joins[total.name] = item

    def _made_by(self, value: Value) -> Op | None:
        """The operation that computes a value where it is read."""
        return self.definitions.get(value) if self.home(value) is None else None

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

    def _place(self, space: Type, parts: str = "") -> Place:
        if space.axes[: len(self.team.heads)] != self.team.heads:
            raise Coupled
        return Place(space, self.team.share(space), len(self.team.heads), parts)

    def _item(self, body: Callable[[TeamElements, str], None], place: Place) -> None:
        self._add(self._made(body, place))

    def _add(self, item: Item) -> None:
        """An item; parts are joined before the first one that reads what they are joined to, so that all meet once."""
        if not item.near.isdisjoint(self._joins):
            self._join()
        self.items.append(item)

    def _join(self) -> None:
        self.items += self._joins.values()
        self._joins.clear()

    def _made(self, body: Callable[[TeamElements, str], None], place: Place) -> Item:
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
        item.near = {self._as_it_was(array) for array in elements.near}
        return item

    def _as_it_was(self, array: str) -> str:
        """What a loop that runs behind another one reads of its results: those of steps before."""
        return array if self.team.turns.get(array, self.team.way).lag == self.team.way.lag else f"{array}{BEFORE}"

    def allocate(self, value: Value, hint: str = "v") -> Home:
        fresh = value not in self.targets
        home = super().allocate(value, hint)
        if fresh:
            self.fresh.add(home.array)
        self.team.turns.setdefault(home.array, self.team.way)
        self.team.owners.setdefault(home.array, owner_of(value.type, len(self.team.heads)))
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
