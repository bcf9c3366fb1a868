# A part of every generated CUDA module that has loops on the device: plans how its blocks share them.


# A loop, as generated functions describe it.
# `products`: for each product and head the features of which a block has its part, how many numbers are summed, and its
# columns for each feature; `work`: elements of a row that are computed one by one; `sums`: multiplications that are,
# too, and are the library's from the host; `heads`: what teams share as they share rows; `alone`: one team has all
# rows; `meetings`: of a step; `stages`: what it is cut into, each a kernel where it goes step by step; `exchanged`: for
# each pair of arrays that threads read of one another the features of a head, what a number is, and whether there are
# rows; `totals`: values that every block joins of all blocks' parts.
_Loop = collections.namedtuple(
    "_Loop", "products work sums heads alone meetings stages exchanged totals", defaults=(0,)
)
# A device: its multiprocessors, bytes of shared memory of a block, and how many blocks a cluster may have (0: there are
# no clusters).
_Room = collections.namedtuple("_Room", "multiprocessors shared clusters")
# A team's part of a loop: rows of the batch, heads, and the blocks that share their features.
_Part = collections.namedtuple("_Part", "rows heads blocks")
# How the blocks of a device run a loop: `blocks` to a team, `teams` of them, `rows` of the batch and `heads` to a team;
# whether a team is a cluster of blocks; bytes of shared memory, threads of a block, and the other numbers that the
# kernel gets; what of the weights stays in registers, as the kernel is compiled for it; where copies of what threads
# exchange are; how many parts of totals there are, for two steps; and what a step is estimated to take.
_Team = collections.namedtuple(
    "_Team", "blocks teams rows heads clustered shared threads numbers kept copies parts seconds"
)
_BLOCKS = 1, 2, 4, 8, 16, 32, 64, 0  # that teams may have; 0 stands for all that there are
# Of a thread, for weights: as many as a kernel may leave, and fewer. Those that spill are not taken.
_REGISTERS = 128, 64
# Loops with more products call what these share, which compiles in a quarter of the time, but where registers hold
# weights: not across calls. With a few, the hundredths of a microsecond that calls cost every step are worth more.
_FEW_PRODUCTS = 4
# Registers of a thread (of 255) that such a loop may take without weights there: beside more, weights would spill, and
# to see that the compiler takes half a minute for each number of them.
_TAKEN = 200


def _team_plan(strategy, room, item, rows, loop, registers=0, crowd=None):
    """How a loop runs on a device: the way that is estimated to cost least of those that its strategy allows and that
    fit; None for single steps from the host.

    `item`: what a number is; `registers`: how many of a thread weights may stay in; `crowd`: for clusters of some sizes
    how many run at once, where those are known to be fewer than there is room for on so many multiprocessors.
    """
    best, least = None, float("inf")
    if strategy == "auto":
        least = _step_cost(item, rows, loop, room.multiprocessors)
    for blocks, clustered in itertools.product(_sizes_of_teams(room), (True, False)):
        kinds = ("block",) if blocks == 1 else ("block", "cluster") if clustered else ("persistent",)
        if strategy not in ("auto", *kinds) or (clustered and not 1 < blocks <= room.clusters):
            continue
        at_once = room.multiprocessors // blocks  # all teams run at once
        if clustered and crowd and blocks in crowd:
            at_once = min(at_once, crowd[blocks])
        for heads in _shares(loop.heads, at_once) if at_once else ():
            across = -(-loop.heads // heads)
            own = rows if loop.alone else -(-rows // (at_once // across))
            part, teams = _Part(own, heads, blocks), -(-rows // own) * across
            for buffers, copies in _ways(room, item, part, loop, registers, copied="block" in kinds):
                cost = _team_cost(item, part, loop, buffers, clustered, copies)
                if cost < least:
                    parts = 2 * loop.totals * blocks * teams * own * heads
                    best, least = _Team(blocks, teams, own, heads, clustered, *buffers, copies, parts, cost), cost
    return best


def _sizes_of_teams(room):
    return sorted({blocks or room.multiprocessors for blocks in _BLOCKS if blocks <= room.multiprocessors})


def _ways(room, item, part, loop, registers, copied):
    """The buffers that a team may have, and copies behind them: with weights in registers, in shared memory or nowhere,
    and with room for what is exchanged or without."""
    sizes = [_copy_bytes(item, part, *one) if copied else None for one in loop.exchanged]
    ways = ((True, 0), (True, registers), (False, 0))[:: 1 if registers else 2]
    for (resident, held), kept in itertools.product(ways, dict.fromkeys((sum(2 * (n or 0) for n in sizes), 0))):
        buffers = _team_buffers(room.shared - kept, item, part, loop, resident, held)
        if buffers is not None:
            end, copies = _team_copies(room.shared, buffers.shared, sizes)
            yield buffers._replace(shared=end), copies


def _shares(count, most):
    """How many of `count` each of up to `most` teams may have, the largest number first."""
    return sorted({-(-count // min(n, count, most)) for n in (1, 2, 4, 8, 16, 32, 64, most)}, reverse=True)


def _team_without_spills(plan, spills, taken):
    """The team that `plan` finds with as many registers for weights as the kernel leaves: `spills` says of a team's
    kernel whether they are too many, and `taken` how many registers it takes in all, which is asked of loops with many
    products only, and of a kernel without weights in registers."""
    for registers in _REGISTERS:
        team = plan(registers)
        if team is None or not any(deep for _, _, deep, _, _ in team.kept):
            return team
        if registers == max(_REGISTERS) and len(team.kept) > _FEW_PRODUCTS:
            without = plan(0)
            if without is not None and taken(without) > _TAKEN:
                return without
        if not spills(team):
            return team
    return plan(0)


def _team_weights(item, team, products):
    """Bytes of weights that a block of a team keeps for all steps: in registers, and in shared memory."""
    near = far = 0
    for held, place, splits, (features, summed, slots) in zip(
        team.kept, team.numbers[5::3], team.numbers[7::3], products
    ):
        wide, inner = _wide(item, features, slots, team.blocks), _near(item, held, splits, summed)
        near += team.heads * inner * wide * item.bytes
        far += team.heads * (summed - inner) * wide * item.bytes if place >= 0 else 0
    return near, far
