# A part of every generated CUDA module that has loops on the device.


# How the blocks of a device run a loop: `blocks` to a team, `teams` of them, `rows` of the batch and `heads` to a team;
# whether a team is a cluster of blocks; bytes of shared memory, threads of a block, and the other numbers that the
# kernel gets; what of the weights stays in registers, as the kernel is compiled for it; where copies of what threads
# exchange are; and what a step is estimated to take.
_Team = collections.namedtuple("_Team", "blocks teams rows heads clustered shared threads numbers kept copies seconds")
# Numbers as products of loops see them: their bytes; the k of a fragment for tensor cores, 1 where threads multiply.
_Item = collections.namedtuple("_Item", "bytes deep")
_HALF, _ROUNDED, _SINGLE, _DOUBLE = _Item(2, 16), _Item(4, 8), _Item(4, 1), _Item(8, 1)
_ITEMS = {"float16": _HALF, "bfloat16": _HALF, "tf32": _ROUNDED, "float32": _SINGLE, "float64": _DOUBLE}
_THREADS = 256
_WARPS = _THREADS // 32
_BLOCKS = 1, 2, 4, 8, 16, 32, 64, 0  # that teams may have; 0 stands for all that there are
# Of a thread, for weights: as many as a kernel may leave, and fewer. Those that spill are not taken.
_REGISTERS = 128, 64
# Loops with more products call what these share, which compiles in a quarter of the time, but where registers hold
# weights: not across calls. With a few, the hundredths of a microsecond that calls cost every step are worth more.
_FEW_PRODUCTS = 4


def _up_to(n, step):
    return -(-n // step) * step


def _team_plan(
    strategy,
    room,
    item,
    rows,
    products,
    work,
    sums,
    heads,
    alone,
    meetings,
    stages,
    exchanged=(),
    clusters=0,
    registers=0,
    crowd=None,
):
    """How a loop runs on a device: the way that is estimated to cost least of those that its strategy allows and that
    fit; None for single steps from the host.

    `room`: multiprocessors, and bytes of shared memory of a block; `item`: what a number is; `products`: for each
    product and head the features of which a block has its part, how many numbers are summed, and its columns for each
    feature; `work`: elements of a row that are computed one by one; `sums`: multiplications that are, and are the
    library's from the host; `heads`: what teams share as they share rows; `alone`: one team has all rows; `meetings`:
    of a step; `stages`: what it is cut into, each a kernel where it goes step by step; `exchanged`: for each pair of
    arrays that threads read of one another the features of a head, what a number is, and whether there are rows;
    `clusters`: how many blocks one may have, 0 where there are none; `registers`: how many of a thread weights may stay
    in; `crowd`: for clusters of some sizes how many run at once, where those are known to be fewer than there is room
    for on so many multiprocessors.
    """
    multiprocessors, shared = room
    best, least = None, float("inf")
    if strategy == "auto":
        least = _step_cost(item, rows, products, work, sums, heads, stages, multiprocessors)
    sizes_of_teams = sorted({blocks or multiprocessors for blocks in _BLOCKS})
    for blocks, clustered in itertools.product(sizes_of_teams, (True, False)):
        kinds = ("block",) if blocks == 1 else ("block", "cluster") if clustered else ("persistent",)
        if strategy not in ("auto", *kinds) or blocks > multiprocessors or (clustered and not 1 < blocks <= clusters):
            continue
        at_once = multiprocessors // blocks  # all teams run at once
        if clustered and crowd and blocks in crowd:
            at_once = min(at_once, crowd[blocks])
        if not at_once:
            continue
        for own_heads in _shares(heads, at_once):
            across = -(-heads // own_heads)
            own = rows if alone else -(-rows // (at_once // across))
            teams = -(-rows // own) * across
            elements = (work + sums) * own_heads / heads
            sizes = [_copy_bytes(item, own, own_heads, *one) if "block" in kinds else None for one in exchanged]
            ways = ((True, 0), (True, registers), (False, 0))[:: 1 if registers else 2]
            for (resident, held), kept in itertools.product(ways, dict.fromkeys((sum(2 * (n or 0) for n in sizes), 0))):
                found = _team_buffers(shared - kept, item, own, own_heads, blocks, products, resident, held)
                if found is None:
                    continue
                bytes, *rest = found
                bytes, copies = _team_copies(shared, bytes, sizes)
                how = resident, *rest[1:], meetings, clustered, copies
                cost = _team_cost(item, own, own_heads, blocks, products, elements, *how)
                cost += _exchange_cost(own, own_heads, blocks, exchanged, copies)
                if cost < least:
                    best, least = _Team(blocks, teams, own, own_heads, clustered, bytes, *rest, copies, cost), cost
    return best


def _copy_bytes(item, rows, heads, features, number, batch):
    """What a copy of a team's part of an array takes of shared memory: lines as products want them (see `Lying` in
    teams.cuh), for each head and row, and rows that fill them up."""
    number = _number(item, number)
    return _up_to((max(4, _tall(number, rows)) if batch else 1) * heads * _line(number, features) * number.bytes, 16)


def _number(item, number):
    full = _DOUBLE if item == _DOUBLE else _SINGLE
    return {"item": item, "real": full, "int": _SINGLE, "bool": _Item(1, 1)}[number]


def _team_copies(shared, end, sizes):
    """Shared memory behind the buffers, with copies of the pairs that there is room for: where it ends, and where they
    begin, end, and each array has its own (-1: it has none)."""
    start, places = end, []
    for size in sizes:
        fits = size is not None and end + 2 * size <= shared
        places += [end, end + size] if fits else [-1, -1]
        end += 2 * size if fits else 0
    return end, (start, end, *places) if sizes else ()


def _team_without_spills(plan, spills):
    """The team that `plan` finds with as many registers for weights as the kernel leaves: `spills` says of a team's
    kernel whether they are too many."""
    for registers in _REGISTERS:
        team = plan(registers)
        if team is None or not any(deep for _, _, deep, _, _ in team.kept) or not spills(team):
            return team
    return plan(0)


def _shares(count, most):
    """How many of `count` each of up to `most` teams may have, the largest number first."""
    return sorted({-(-count // min(n, count, most)) for n in (1, 2, 4, 8, 16, 32, 64, most)}, reverse=True)


def _weights(item, summed, wide):
    """Bytes of shared memory for the weights of a product, as `Lying` in teams.cuh says."""
    return summed and _up_to((_line(item, summed) if item.deep > 1 else summed) * wide * item.bytes, 16)


def _line(item, length):
    """What a line of an operand takes, in numbers."""
    return _up_to(length, item.deep) + (32 if item.deep > 1 else 16) // item.bytes


def _sums_line(item, wide):
    """And one of sums, in columns."""
    return _up_to(wide - 4, 16) + 4 if item.deep > 1 else wide


def _tall(item, rows):
    """Rows of a left operand, with those that fill them up."""
    if item.deep > 1:
        return 8 if rows <= 8 else _up_to(rows, 16)
    return rows if rows < 4 else _up_to(rows, 4)


def _wide(item, features, slots, blocks):
    """Columns of a block, with those that fill it up."""
    return _up_to(slots * -(-features // blocks), 8 if item.deep > 1 else 4)


def _splits(item, most, tall, wide, summed, registers):
    """Into how many parts, each with sums of its own, threads cut what a product sums."""
    if item.deep > 1:  # as many as take warps least time, and whoever adds the sums up
        cuts = [splits for splits in (1, 2, 4, 8) if splits <= most]
        added = 4 * tall * wide / _NEAR / _CLOCK
        near = summed if registers else 0
        return min(cuts, key=lambda n: _fragments(item, tall, wide, summed, n, near) + n * added)
    across, down = wide // 4, tall // 4 if tall >= 4 else tall  # four columns to a thread, and four rows if there are
    return max(1, min(most, _THREADS // (across if registers else across * down)))


def _held(item, registers, heads, wide, summed, splits, chunk):
    """What a worker has in registers, of so many (see registers.cuh): `heads`, `wide`, `deep`, `part`, `rest`."""
    fragments, unit = item.deep > 1, item.deep
    workers, across, each = (_WARPS, 16, 4) if fragments else (_THREADS, 4, item.bytes)
    groups = -(-wide // (across * (workers // splits)))
    registers -= 8 * (groups - 2) if fragments and groups > 2 else 0  # of sums
    deep = min(-(-summed // (unit * splits)), registers // (each * groups * heads))
    part = chunk // (unit * splits) if chunk < summed else deep
    if deep > part and chunk % (unit * splits):
        deep = part
    if deep <= 0 or groups > (4 if fragments else 1):
        return 1, 1, 0, 1, 1
    return heads, groups, deep, min(deep, part), int(deep * unit * splits < summed)


def _registers(item, kept):
    """How many of a thread hold weights."""
    return sum(heads * wide * deep * (4 if item.deep > 1 else item.bytes) for heads, wide, deep, _, _ in kept)


def _near(item, kept, splits, summed):
    """How many of a product's k have their weights in registers, at each head."""
    return min(summed, kept[2] * splits * item.deep)


def _team_buffers(shared, item, rows, heads, blocks, products, resident, registers=0):
    """Shared memory: its bytes, the threads of a block, and where all buffers are, and what stays in registers; None
    where they do not fit.

    Weights that stay are those of all heads of a team; the other buffers are those of one. Operands lie there as
    `Lying` in teams.cuh says; sums are float32 for halves.
    """
    total = max(item.bytes, 4)
    deepest = max((summed for _, summed, _ in products), default=1)
    wides = [_wide(item, features, slots, blocks) for features, _, slots in products]
    chunks = dict.fromkeys(min(deepest, n) for n in (deepest, 1024, 512, 256, 128, 64, 32, 16))
    ways = itertools.product(dict.fromkeys(min(rows, n) for n in (64, 32, 16, 8, 4, 2, 1)), (16, 4, 1), chunks)
    for at_once, most, chunk in ways:
        end, weights, splits, kept = 0, [], [], []
        free = registers
        tall = _tall(item, at_once)
        for wide, (_, summed, _) in zip(wides, products):
            splits.append(_splits(item, most, tall, wide, summed, registers))
            held = _held(item, free, heads, wide, summed, splits[-1], chunk)
            kept.append(held)
            free -= _registers(item, (held,))
            weights.append(end if resident else -1)
            end += heads * _weights(item, summed - _near(item, held, splits[-1], summed), wide) if resident else 0
        if registers and not _registers(item, kept):
            return None  # as without them
        places, stage, way = [], 0, 0
        for place, parts, wide, held, (_, summed, _) in zip(weights, splits, wides, kept, products):
            places += [place, end, parts]
            # On their way to registers they come through all of the memory, of each part a turn at least.
            if _registers(item, (held,)):
                way = max(way, _weights(item, parts * item.deep, wide))
            end += _up_to(parts * tall * _sums_line(item, wide) * total, 16)
            stage = max(stage, _weights(item, min(chunk, summed), wide))
        left = end
        end += _up_to(tall * _line(item, chunk) * item.bytes, 16) if products else 0
        end = staged = max(end, way)
        end += 0 if resident else stage
        if end <= shared:
            return end, _THREADS, (at_once, left, staged, chunk, *places), tuple(kept)
    return None


def _team_weights(item, team, products):
    """Bytes of weights that a block of a team keeps for all steps: in registers, and in shared memory."""
    near = far = 0
    for held, place, splits, (features, summed, slots) in zip(
        team.kept, team.numbers[4::3], team.numbers[6::3], products
    ):
        wide, inner = _wide(item, features, slots, team.blocks), _near(item, held, splits, summed)
        near += team.heads * inner * wide * item.bytes
        far += team.heads * (summed - inner) * wide * item.bytes if place >= 0 else 0
    return near, far


# Microseconds on an H200, fitted to what `benchmarks/device/plans.py` measures of loops in all ways. Only their ratios
# decide anything. Of a step: whatever it does; a thousand elements of a block; a thousand numbers that go to the shared
# memory of other blocks;
_STEP, _ELEMENTS, _SENT = 0.29, 3.2, 0.14
# each meeting, with all that a part of a step takes at least.
_MEET, _MEET_CLUSTERED, _MEET_ALONE = 1.9, 1.6, 1.4
# Of a product: a thousand bytes of the left operand, as lanes ask for them or through shared memory, and each time that
# they come that way;
_ASKED, _BROUGHT, _BRINGING = 0.026, 0.026, 0.74
# a fragment of weights in a warp's registers, or in shared memory (of 32 columns), and each time that a warp begins
# with those;
_HELD, _STAGED, _BEGINNING = 0.018, 0.113, 0.34
# a thousand clocks of plain multiplications by weights in registers, by others, and of what they read; a thousand bytes
# of weights that are picked from elsewhere one by one.
_PLAIN, _PLAIN_STAGED, _PLAIN_READ, _PICKED = 0.32, 2.1, 0.86, 0.75
# Of a step from the host: a launch, and that of each stage but the first; a product of plain numbers, and a thousand
# that it sums; a million bytes of weights from the cache that all multiprocessors share, and from elsewhere.
_LAUNCH, _STAGE, _PLAIN_PRODUCT, _PLAIN_SUMMED, _STREAMED, _STREAMED_FAR = 2.5, 2.0, 4.5, 3.3, 0.14, 0.27
_CACHE = 50 << 20  # bytes of that cache
# And of a multiprocessor in a clock, so many of which are a microsecond: multiplications by the k of fragments, and
# bytes of shared memory.
_CLOCK, _MULTIPLICATIONS, _NEAR = 1.7e3, {16: 1024, 8: 512, 1: 128}, 128


def _team_cost(item, rows, heads, blocks, products, work, resident, numbers, kept, meetings, clustered, copies):
    """Seconds of a step of one team; its heads are multiplied one after the other."""
    at_once, _, _, chunk, *places = numbers
    here, times = min(rows, at_once), heads * -(-rows // at_once)
    copied = any(place >= 0 for place in copies[2::2])
    cost = _STEP + _ELEMENTS * rows * work / blocks / 1000
    cost += meetings * (_MEET_ALONE if blocks == 1 else _MEET_CLUSTERED if clustered else _MEET)
    for (features, summed, slots), held, splits in zip(products, kept, places[2::3]):
        near, wide = _near(item, held, splits, summed), _wide(item, features, slots, blocks)
        multiplying = _fragments if item.deep > 1 else _plain
        cost += times * multiplying(item, here, wide, summed, splits, near)
        if not copied:
            asked = item.deep > 1 and near == summed and here <= 16 and chunk >= summed
            thousands = here * summed * item.bytes / 1000
            cost += times * (_ASKED * thousands if asked else _BRINGING * -(-summed // chunk) + _BROUGHT * thousands)
        if not resident:
            cost += times * _PICKED * slots * -(-features // blocks) * summed * item.bytes / 1000
    return cost * 1e-6


def _fragments(item, rows, wide, summed, splits, near):
    """Microseconds of a product by tensor cores: warps share columns and parts of k; those in registers have the same
    columns at all rows, the others 32 columns and two fragments of rows."""
    tiles = _tall(item, rows) // 8
    warps, groups, pairs, both = _WARPS // splits, -(-wide // 16), -(-tiles // 2), min(tiles, 2)
    own, steps = -(-groups // warps), -(-summed // item.deep) / splits
    cost = _HELD * own * -(-pairs // max(1, warps // -(-groups // own))) * both * steps * near / summed
    if near < summed:
        cost += -(-(-(-wide // 32) * pairs) // warps) * (_BEGINNING + _STAGED * steps * (1 - near / summed))
    return cost


def _plain(item, rows, wide, summed, splits, near):
    """The same by threads."""
    clocks = rows * wide / _MULTIPLICATIONS[1] / 1000
    reading = _reading(item, rows, wide, summed, 1 - near / summed) / _NEAR / 1000
    return clocks * (_PLAIN * near + _PLAIN_STAGED * (summed - near)) + _PLAIN_READ * reading


def _exchange_cost(rows, heads, blocks, exchanged, copies):
    """Seconds in which threads write numbers into the copies of all other blocks."""
    numbers = 0
    for (features, _, batch), place in zip(exchanged, copies[2::2]):
        numbers += (rows if batch else 1) * heads * features * (blocks - 1) / blocks if place >= 0 else 0
    return 1e-6 * _SENT * numbers / 1000


def _reading(item, rows, wide, summed, far):
    """Bytes of shared memory that a product's loads take, a whole line for each load of a warp of one number: `far` is
    the share of the weights that are there."""
    tall = 1 if rows < 4 else 4  # rows and four columns of a thread
    return _up_to(rows, tall) // tall * wide // 4 * summed * 4 * (tall + item.bytes * far)


def _step_cost(item, rows, products, work, sums, heads, stages, multiprocessors):
    """Seconds of a step from the host."""
    clocks = rows * (work / 2 + sums / _MULTIPLICATIONS[item.deep]) / multiprocessors
    cost = _LAUNCH * (len(products) + 1) + _STAGE * (stages - 1)
    for features, summed, slots in products:
        columns = heads * slots * features
        bytes = columns * summed * item.bytes
        streaming = (_STREAMED if bytes <= _CACHE else _STREAMED_FAR) * bytes / 1e6
        multiplying = rows * columns * summed / _MULTIPLICATIONS[item.deep] / multiprocessors / _CLOCK
        cost += max(streaming, multiplying) + (_PLAIN_PRODUCT + _PLAIN_SUMMED * summed / 1000 if item.deep == 1 else 0)
    return 1e-6 * (cost + clocks / _CLOCK)
