"""Loops on the device: one kernel for all steps, in which teams of blocks share the rows of the batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import takewhile

from rnnc.backends.cuda.analysis.products import product_of
from rnnc.backends.cuda.kernels.kernel import PARAMETERS
from rnnc.backends.cuda.kernels.looped import ProductReport, TeamLoop
from rnnc.backends.cuda.straight.block import Block
from rnnc.backends.cuda.teams.access import Coupled, TeamElements, Unfused
from rnnc.backends.cuda.teams.exchange import Exchange, Exchanging, Swap
from rnnc.backends.cuda.teams.first import MOST_ITEMS, Holding
from rnnc.backends.cuda.teams.items import BEFORE, TeamBlock, Unfit
from rnnc.backends.cuda.teams.meetings import Item, barriers, meetings, together
from rnnc.backends.cuda.teams.team import Team
from rnnc.backends.cuda.teams.ways import ways_of
from rnnc.ir.program import Axis, Loop, Op, Value
from rnnc.ir.size import Size, product
from rnnc.passes.analysis.uncoupled import leading

ALONE = "each thread sums up its own elements"
SHARED, STORED = "where its sums are read", "into memory, since other threads read its sums"


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


class Crowded(Exception):
    """A kernel has too many items for first elements apart from others."""


class Untaken(Exception):
    """A kernel was written to see how often its threads meet."""


def _write_heads(outer: Block, members: Sequence[Member], heads: tuple[Axis, ...]) -> tuple[TeamBlock, TeamLoop]:
    """With results that wait, if there are any and threads meet no more often than without."""
    fewest, known = math.inf, Assumed()
    for waits in (True, False):
        with suppress(Untaken), outer.shared.names.on_trial():
            try:
                found = _settled(outer, members, heads, Assumed(waits=waits))
            except (Coupled, Unfit):
                if not waits:
                    raise
                raise Untaken from None
            count = sum(found.meets)
            if (waits and not found.block.waited) or (not waits and count < fewest):
                return found.block, _finish(found)
            if waits:
                fewest, known = count, found.assumed
            raise Untaken
    found = _settled(outer, members, heads, known)
    return found.block, _finish(found)


@dataclass(frozen=True)
class Assumed:
    """What is assumed of a kernel while it is written: the products that are in memory, the arrays that threads read of
    one another, those that registers hold, whether first elements are apart from others, whether results wait, and
    whether every block makes sums of all blocks' parts."""

    written: frozenset[Value] = frozenset()
    exchanged: Mapping[str, str] = field(default_factory=dict[str, str])
    held: frozenset[str] = frozenset()
    apart: bool = True
    waits: bool = True
    totals: bool = True


@dataclass(frozen=True)
class Written:
    """The items of a kernel, in order, and whether all threads meet before each of them, or those of a block. `joint`:
    of several loops."""

    assumed: Assumed
    block: TeamBlock
    joint: bool
    exchange: Exchange
    items: Sequence[Item]
    meets: Sequence[bool]
    barriers: Sequence[bool]


def _settled(outer: Block, members: Sequence[Member], heads: tuple[Axis, ...], assumed: Assumed) -> Written:
    """A kernel's items, written again until what is assumed of them is true."""
    while True:
        team = Team(outer.shared.sizes.variables, heads, assumed.exchanged, assumed.held, apart=assumed.apart)
        block = TeamBlock(outer.shared, outer, team, assumed.written, waits=assumed.waits, totals=assumed.totals)
        try:
            with outer.shared.names.on_trial():  # each trial has the same ones
                ways = ways_of([(member.loop.reverse, member.lag) for member in members])
                parts: list[list[Item]] = []
                carried: list[Swap] = []
                for member, team.way in zip(members, ways, strict=True):
                    block.items = []
                    carried += member.enter(block)
                    parts.append(block.items)
                block.items = [item for part in parts for item in part]
                _check_uses(block)
                doubled = block.doubled()
                exchange = Exchange(team, carried, doubled)
                exchange.check(block.read())
                if assumed.apart and len(block.items) > MOST_ITEMS:
                    raise Crowded
                exchange.holdable([item.touched for item in block.items])
        except Unfused as found:
            if found.value in assumed.written:
                raise Unfit("other threads read a product") from None
            assumed = replace(assumed, written=assumed.written | {found.value})
        except Exchanging as found:
            assumed = replace(assumed, exchanged=found.arrays)
        except Holding as found:
            assumed = replace(assumed, held=found.arrays)
        except Crowded:
            assumed = replace(assumed, held=frozenset[str](), apart=False)
        else:
            if not (team.alone and team.totals):
                return _written(assumed, block, parts, exchange)
            assumed = replace(assumed, totals=False)  # of rows that are all one team's each block makes a few


def _written(assumed: Assumed, block: TeamBlock, parts: Sequence[list[Item]], exchange: Exchange) -> Written:
    swaps = [*exchange.carried, *exchange.doubled]
    swapped = {x.array: y.array for a, b, _ in swaps for x, y in ((a, b), (b, a))}
    before = {array for part in parts for item in part for array in item.reads | item.near if array.endswith(BEFORE)}
    swapped |= {x: y for array in before for x, y in ((array, array[: -len(BEFORE)]), (array[: -len(BEFORE)], array))}
    for total in block.team.totals.values():  # those of the next step are others
        swapped |= {total.parts: f"{total.parts} next", f"{total.parts} next": total.parts}
    items = together(parts, swapped)
    meets = meetings(items, swapped)
    return Written(assumed, block, len(parts) > 1, exchange, items, meets, barriers(items, swapped, meets))


def _check_uses(block: TeamBlock) -> None:
    """Each element of a product is computed once, or the product is written to memory."""
    for value, found in block.team.tiled.items():
        uses = [use for use in block.team.multiplied if use.value is value]
        if uses and sum((use.features * len(use.slots) for use in uses), Size.of(0)) != found.columns:
            raise Unfused(value)


def _finish(written: Written) -> TeamLoop:
    """The whole kernel around the items."""
    block, exchange, items, meets = written.block, written.exchange, written.items, written.meets
    team, kernel = block.team, block.team.kernel
    elements = TeamElements(team, block, None)
    weights = [line for use in team.multiplied for line in use.weights(elements)]
    weights += [line for use in team.multiplied for line in use.rest(kernel)]
    shares = [f"const Share {name}(team, {features});" for features, name in team.shares.items()]
    rows, steps = elements.rows(), elements.steps()
    heads = kernel.size(product(tuple(axis.size for axis in team.heads)))
    aheads = [item.ahead for item in items if item.ahead is not None]  # of all loops over elements that are like that
    helds = list(dict.fromkeys(team.held.values()))
    ways = sorted(dict.fromkeys(item.way for item in items), key=lambda way: way.number)
    last = max(way.lag for way in ways)
    body = [line for way in ways for line in way.variables(steps, lags=last > 0)]
    body += exchange.turn(ways)
    asked, early = _asked(items, meets, steps, last)
    for place, item in enumerate(items):
        if meets[place]:
            body += ["team.arrive();", *asked[place], "team.wait();"] if asked[place] else ["team.meet();"]
        else:
            body += [*asked[place], *(["__syncthreads();"] if written.barriers[place] else [])]
        body += item.way.around(item.lines, last)
        after = (place + 1) % len(items)
        if item.open and not (meets[after] or written.barriers[after]):
            body += ["__syncthreads();"]
    for way in ways:
        body += way.around(exchange.swaps(way), last)
    kernel.lines = [
        "extern __shared__ __align__(16) unsigned char smem[];",
        f"Team team(team_blocks, team_rows, team_heads, clustered, {rows}, {heads}, counters);",
        *shares,
        *_totals(team),
        *weights,
        *(["__syncthreads();"] if weights else []),
        *exchange.before(),
        *dict.fromkeys(line for one in (*aheads, *helds) for line in one.where.before()),
        *(line for one in aheads for line in one.variables),
        *(line for held in helds for line in held.before()),
        *early,
        f"for (long long step = 0; step < {steps}{f' + {last}' * (last > 0)}; ++step) {{",
        *("  " + line for line in body),
        "}",
        *(line for held in helds for line in held.after()),
        *exchange.after(steps),
    ]
    places = [name for use in team.multiplied for name in use.names()]
    sizes = ("team_blocks", "team_rows", "team_heads")
    numbers = (*sizes, "clustered", "at_once", "left_at", "stage_at", "chunk", "totals_at", *places)
    numbers = (*numbers, *exchange.numbers())
    kernel.more = ["unsigned* counters", "real* parts", *(f"int {name}" for name in numbers)]
    if 8 * (len(kernel.arguments) + 2) + 4 * len(numbers) > PARAMETERS:
        raise Unfit("it has more arguments than a kernel may")
    program = f"{block.shared.program}{'_joint' if written.joint else ''}_loop"
    return TeamLoop(
        block.shared.kernels.name(kernel, program, alone=True),
        tuple(argument.host for argument in kernel.arguments.values()),
        tuple((use.features, use.tiled.summed, len(use.slots)) for use in team.multiplied),
        block.work,
        block.sums,
        team.alone,
        sum(meets),
        len(items),
        team.heads,
        exchange.pairs(),
        len(team.totals),
    )


def _totals(team: Team) -> list[str]:
    """The variable for values that every block makes for itself."""
    numbers = "team_rows * (long long)team_heads"
    made = f"const Totals totals(team, smem, totals_at, parts, {len(team.totals)}, {numbers});"
    return [made] if team.totals else []


def _asked(items: Sequence[Item], meets: Sequence[bool], steps: str, last: int) -> tuple[list[list[str]], list[str]]:
    """For each item the statements that stand before it, while all threads meet if they do there, and those before the
    loop: they ask for sequences that items read behind that meeting, in this step or in the next one."""
    found: list[list[str]] = [[] for _ in items]
    early: list[str] = []
    meetings = [place for place, meet in enumerate(meets) if meet]
    for place, item in enumerate(items):
        if item.ahead is None or not item.ahead.lines:
            continue
        before = [meeting for meeting in meetings if meeting <= place]
        if before or not meetings:
            found[before[-1] if before else place] += item.ahead.ask(item.way, steps, last, next=False)
            continue
        found[meetings[-1]] += item.ahead.ask(item.way, steps, last, next=True)
        inside = [*item.way.variables(steps, lags=last > 0), *item.ahead.ask(item.way, steps, last, next=False)]
        early += [f"if ({steps} > 0) {{", "  const long long step = 0;", *("  " + line for line in inside), "}"]
    return found, early


def products(block: TeamBlock, loops: Sequence[Loop]) -> tuple[ProductReport, ...]:
    """The products of a step of loops, as a kernel has them."""
    nodes = [node for loop in loops for node in loop.body]
    return tuple(_product(block, node) for node in nodes if product_of(node) and isinstance(node, Op))


def _product(block: TeamBlock, op: Op) -> ProductReport:
    found = block.team.tiled.get(op.out)
    weights = next((arg.name for arg in op.args if not arg.type.batch), "")
    name = weights or op.out.name or "of two values"
    if found is None:
        return ProductReport(name, product(op.out.type.shape), None, ALONE, block.apart[op.out], op.spans)
    how = SHARED if block.home(op.out) is None else STORED
    return ProductReport(name, found.columns, found.summed, how, "", op.spans)
