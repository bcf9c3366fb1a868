"""Loops on the device: one kernel for all steps, in which teams of blocks share the rows of the batch.

The straight code of a step is cut into items, as `block.py` cuts it into kernels: an item is what all threads do
between two meetings, or less. A product with weights is computed where its elements are read: each block multiplies the
columns that its own features need, and the equations behind it take the sums from shared memory. So an LSTM's step is
one item.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from rnnc.backends.cuda.block import Block
from rnnc.backends.cuda.elements import Elements, Home
from rnnc.backends.cuda.inner import InnerBlock
from rnnc.backends.cuda.joined import NOTHING, Part
from rnnc.backends.cuda.kernel import Kernel
from rnnc.backends.cuda.products import product_of
from rnnc.backends.cuda.rows import short
from rnnc.backends.cuda.spelling import LINES, REDUCTIONS
from rnnc.backends.cuda.spelling.lines import line_type
from rnnc.backends.cuda.spelling.reduction import Lanes
from rnnc.backends.cuda.spelling.summed import summed_type
from rnnc.backends.cuda.teams.elements import Coupled, Owner, Place, TeamElements, Unfused
from rnnc.backends.cuda.teams.exchange import Exchange, Exchanged, Exchanging, Swap
from rnnc.backends.cuda.teams.meetings import Item, meetings, together
from rnnc.backends.cuda.teams.tiles import Multiplied, Tiled, tiled
from rnnc.backends.cuda.teams.ways import FIRST, VARIABLES, Way, ways_of
from rnnc.backends.cuda.unit import Shared
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Axis, DType, Loop, Op, Type, Value
from rnnc.ir.size import Size, product
from rnnc.passes.uncoupled import leading

# What the statements around the items define.
LOCAL = VARIABLES | frozenset({
    "lane", "team", "smem",
    "step", "pass", "count", "e", "r", "j", "row", "f", "n", "at_once",
    "counters", "team_blocks", "team_rows", "clustered", "Team", "Share", "Places", "Sums", "multiply",
    "keep_weights", "swap_", "team_heads", "head", "own_head", "places_of_head", "Kept", "InRegisters", "Left", "Seen",
    "clear_copies", "copies_from", "copies_end",
})  # fmt: skip


BEFORE = " before"  # behind the name of an array, for what it was
PARAMETERS = 4096  # bytes of a kernel's parameters that every device takes


class Unfit(Exception):
    """A loop that one kernel cannot run; the message says why."""


@dataclass(frozen=True)
class TeamLoop:
    """A loop as one kernel: its name, what the host gives it, and what the planner has to know.

    `products`: (features, summed, slots) for each product, of one head: a block has `slots` columns for each of its
    features.
    `work`: elements of a row that are computed one by one; `sums`: multiplications of products that are, too.
    `alone`: one team must have all rows. `meetings`: of a step. `heads`: the axes that teams share as they share rows.
    `exchanged`: what may lie in the shared memory of all blocks of a team.
    """

    name: str
    arguments: tuple[str, ...]
    products: tuple[tuple[Size, Size, int], ...]
    work: Size
    sums: Size
    alone: bool
    meetings: int
    heads: tuple[Axis, ...]
    exchanged: tuple[Exchanged, ...]

    @property
    def head_count(self) -> Size:
        """How many heads there are: 1 where all features belong together."""
        return product(tuple(axis.size for axis in self.heads))


class TeamBlock(InnerBlock):
    """Writes the nodes of a step as items of one kernel."""

    fuses = True

    def __init__(
        self,
        shared: Shared,
        around: Block,
        heads: tuple[Axis, ...],
        written: frozenset[Value],
        exchanged: Mapping[str, str],
    ) -> None:
        super().__init__(shared, around.time, around)
        self.exchanged = exchanged  # arrays that threads read of one another, with the first one of each pair
        self._seen: dict[str, str] = {}
        self.heads = heads  # the first axes of everything that a step writes
        self.kernel = Kernel(shared.sizes.variables, LOCAL, shared=True)
        self.way = FIRST  # of the loop that is being written
        self.turns: dict[str, Way] = {}  # how the loop goes through the steps that an array belongs to
        self.items: list[Item] = []
        self.tiled: dict[Value, Tiled] = {}
        self.multiplied: list[Multiplied] = []
        self.shares: dict[str, str] = {}  # by the text of a number of features
        self.owners: dict[str, Owner | None] = {}  # which threads write an array, where they are always the same
        self.fresh: set[str] = set()  # arrays of the loop alone
        self.work = Size.of(0)  # for each row, elements that threads compute one by one
        self.sums = Size.of(0)  # for each row, what they multiply for products that blocks cannot share
        self.alone = False
        self.apart: dict[Value, str] = {}  # why blocks do not share a product
        self._written = written  # products that have to be in memory

    # --- nodes --------------------------------------------------------------------------------------------------------

    def _combine(self, node: Op) -> None:
        found = tiled(node, self)
        if isinstance(found, str):
            self.apart.update((out, found) for out in node.outs)
            if node.name not in LINES and node.name not in REDUCTIONS:
                raise Unfit(f"{node.name} inside")
            super()._combine(node)
            if node.name in LINES:
                self.owners[self.array(node.out)] = None
            return
        if self.home(found.left) is None:
            raise Unfused(found.left)
        self.tiled[node.out] = found
        if node.out in self._written:
            self.map(node.out.type, [(node.out, Part(node.out, 0, NOTHING))])

    def scattered(self, home: Home) -> None:
        self.owners[home.array] = None

    def _product(self, op: Op, product: object) -> None:
        """A product without tiles: every thread sums up its own elements."""
        self.reduction(op)

    def line_of(self, op: Op) -> None:
        """A thread walks along each line."""
        if Attrs(op).integer("axis") < len(self.heads):
            raise Coupled
        self.allocate(op.out)
        self.launch(lambda e, n: LINES[op.name](e, op, n), line_type(op))

    def reduction(self, op: Op) -> None:
        """Few elements are combined by the thread that has the result, many by a warp."""
        self.allocate(op.out)
        warp = not short(summed_type(op))
        self.owners[self.array(op.out)] = Owner(op.out.type.with_(dtype=DType.FLOAT), warp)
        combined = product(op.out.type.shape) * product(summed_type(op).shape)
        if product_of(op) is None:
            self.work += combined
        else:
            self.sums += combined
        lanes = Lanes("32", "lane") if warp else None
        self._item(lambda e, n: REDUCTIONS[op.name](e, op, n, lanes), op.out.type, warp=warp)

    def _constant(self, value: Value) -> None:
        raise Unfit("a result that is a number")

    # --- items --------------------------------------------------------------------------------------------------------

    def launch(self, body: Callable[[Elements, str], None], space: Type, times: str = "") -> None:
        assert not times
        self._item(body, space)

    def map(self, type: Type, group: Sequence[tuple[Value, Part]]) -> None:
        if any(whole is not part.value and part.axis < len(self.heads) for whole, part in group):
            raise Coupled
        super().map(type, group)

    def _item(self, body: Callable[[Elements, str], None], space: Type, *, warp: bool = False) -> None:
        if space.axes[: len(self.heads)] != self.heads:
            raise Coupled
        place = Place(space, self.share(space), warp, len(self.heads))
        elements = TeamElements(self, self.kernel, place)
        self.alone |= not space.batch
        self.work += product(space.shape)
        with self.kernel.apart(2 if place.share and space.batch else 1) as start:
            body(elements, "n")
        lines = self.kernel.lines[start:]
        del self.kernel.lines[start:]
        for use in elements.uses.values():
            self.multiplied.append(use)
        item = Item(
            [*self.kernel.comments(), *place.around(lines, elements)], elements.reads, elements.writes, self.way
        )
        item.reads |= {home.array for use in elements.uses.values() if (home := self.home(use.left)) is not None}
        item.reads = {self._as_it_was(array) for array in item.reads & self.owners.keys()}
        self.items.append(item)

    def _as_it_was(self, array: str) -> str:
        """What a loop that runs behind another one reads of its results: those of steps before."""
        return array if self.turns.get(array, self.way).lag == self.way.lag else f"{array}{BEFORE}"

    def own(self, home: Home, type: Type) -> None:
        """An array of what a loop carries: which threads write it."""
        self.turns[home.array] = self.way
        self.owners[home.array] = Owner(type.with_(dtype=DType.FLOAT))

    def share(self, space: Type) -> str:
        """The variable that says which features of a type a block has; none where there are none to share."""
        if space.rank == len(self.heads):
            return ""
        features = self.kernel.size(product(space.shape[len(self.heads) :]))
        return self.shares.setdefault(features, f"share_{len(self.shares) + 1}")

    def allocate(self, value: Value, hint: str = "v") -> Home:
        fresh = value not in self.targets
        home = super().allocate(value, hint)
        if fresh:
            self.fresh.add(home.array)
        self.turns.setdefault(home.array, self.way)
        self.owners.setdefault(home.array, Owner(value.type.with_(time=False, dtype=DType.FLOAT)))
        return home

    def seen(self, array: str) -> tuple[str, str]:
        """The variable for what threads see of one another in a pair of arrays, and which of them an array is."""
        first = self.exchanged[array]
        if first not in self._seen:
            self._seen[first] = self.kernel.names.new(f"{first}_seen")
        turned = f"turned{self.way.number}"
        return self._seen[first], turned if array == first else f"!{turned}"

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

    def number(self) -> int:
        """A number for the next product."""
        return len(self.multiplied) + 1


@dataclass(frozen=True)
class Member:
    """A loop of a kernel. `enter` says where its values are, writes its nodes, and returns the arrays of carries that
    change places after every step. It is `lag` steps behind the first one."""

    loop: Loop
    enter: Callable[[TeamBlock], list[Swap]]
    lag: int = 0


def write_team(outer: Block, members: Sequence[Member]) -> tuple[TeamBlock, TeamLoop]:
    """The kernel of a loop, or of several that do not need one another at the same step. Raises Unfit."""
    if not all(member.loop.is_plain for member in members):
        raise Unfit("its steps are loops themselves")
    heads = zip(*(leading(member.loop) for member in members), strict=False)
    return _write(outer, members, tuple(axes[0] for axes in takewhile(lambda axes: len({*axes}) == 1, heads)))


def _write(outer: Block, members: Sequence[Member], heads: tuple[Axis, ...]) -> tuple[TeamBlock, TeamLoop]:
    """With those axes as heads, or with fewer where something reads across one."""
    try:
        return _write_heads(outer, members, heads)
    except (Coupled, Unfit):
        if not heads:
            raise
        return _write(outer, members, heads[:-1])


def _write_heads(outer: Block, members: Sequence[Member], heads: tuple[Axis, ...]) -> tuple[TeamBlock, TeamLoop]:
    written: frozenset[Value] = frozenset()
    exchanged: Mapping[str, str] = {}
    while True:
        block = TeamBlock(outer.shared, outer, heads, written, exchanged)
        try:
            with outer.shared.names.on_trial():  # each trial has the same ones
                ways = ways_of([(member.loop.reverse, member.lag) for member in members])
                parts: list[list[Item]] = []
                carried: list[Swap] = []
                for member, block.way in zip(members, ways, strict=True):
                    block.items = []
                    carried += member.enter(block)
                    parts.append(block.items)
                block.items = [item for part in parts for item in part]
                _check_uses(block)
                doubled = block.doubled()
                exchange = Exchange(block, carried, doubled)
                exchange.check()
        except Unfused as found:
            if found.value in written:
                raise Unfit("other threads read a product") from None
            written |= {found.value}
        except Exchanging as found:
            exchanged = found.arrays
        else:
            return block, _finish(block, parts, exchange)


def _check_uses(block: TeamBlock) -> None:
    """Each element of a product is computed once, or the product is written to memory."""
    for value, found in block.tiled.items():
        uses = [use for use in block.multiplied if use.value is value]
        if uses and sum((use.features * len(use.slots) for use in uses), Size.of(0)) != found.columns:
            raise Unfused(value)


def _finish(block: TeamBlock, parts: Sequence[list[Item]], exchange: Exchange) -> TeamLoop:
    """The whole kernel around the items."""
    kernel, elements = block.kernel, TeamElements(block, block.kernel, None)
    swaps = [*exchange.carried, *exchange.doubled]
    weights = [line for use in block.multiplied for line in use.weights(elements)]
    weights += [line for use in block.multiplied for line in use.rest(kernel)]
    shares = [f"const Share {name}(team, {features});" for features, name in block.shares.items()]
    rows, steps = elements.rows(), elements.steps()
    heads = kernel.size(product(tuple(axis.size for axis in block.heads)))
    swapped = {x.array: y.array for a, b, _ in swaps for x, y in ((a, b), (b, a))}
    before = {array for part in parts for item in part for array in item.reads if array.endswith(BEFORE)}
    swapped |= {x: y for array in before for x, y in ((array, array[: -len(BEFORE)]), (array[: -len(BEFORE)], array))}
    items = together(parts, swapped)
    meets = meetings(items, swapped)
    ways = list(dict.fromkeys(item.way for part in parts for item in part))
    last = max(way.lag for way in ways)
    body = [line for way in ways for line in way.variables(steps, lags=last > 0)]
    body += exchange.turn(ways)
    for item, meet in zip(items, meets, strict=True):
        body += [*(["team.meet();"] if meet else []), *item.way.around(item.lines, last)]
    for way in ways:
        body += way.around(exchange.swaps(way), last)
    kernel.lines = [
        "extern __shared__ __align__(16) unsigned char smem[];",
        f"Team team(team_blocks, team_rows, team_heads, clustered, {rows}, {heads}, counters);",
        *shares,
        *weights,
        *(["__syncthreads();"] if weights else []),
        *exchange.before(),
        f"for (long long step = 0; step < {steps}{f' + {last}' * (last > 0)}; ++step) {{",
        *("  " + line for line in body),
        "}",
        *exchange.after(steps),
    ]
    places = [name for use in block.multiplied for name in use.names()]
    sizes = ("team_blocks", "team_rows", "team_heads")
    numbers = (*sizes, "clustered", "at_once", "left_at", "stage_at", "chunk", *places, *exchange.numbers())
    kernel.more = ["unsigned* counters", *(f"int {name}" for name in numbers)]
    if 8 * (len(kernel.arguments) + 1) + 4 * len(numbers) > PARAMETERS:
        raise Unfit("it has more arguments than a kernel may")
    program = f"{block.shared.program}{'_joint' if len(parts) > 1 else ''}_loop"
    return TeamLoop(
        block.shared.kernels.name(kernel, program, alone=True),
        tuple(argument.host for argument in kernel.arguments.values()),
        tuple((use.features, use.tiled.summed, len(use.slots)) for use in block.multiplied),
        block.work,
        block.sums,
        block.alone,
        sum(meets),
        block.heads,
        exchange.pairs(),
    )
