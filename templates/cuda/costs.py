# A part of every generated CUDA module that has loops on the device: what their steps are estimated to take.


# Microseconds on an H200, fitted to what `benchmarks/device/plans.py` measures of loops in all ways. Only their ratios
# decide anything. Of a step: whatever it does; a thousand elements of a block; a thousand numbers that go to the shared
# memory of other blocks;
_STEP, _ELEMENTS, _SENT = 0.29, 3.2, 0.14
# a thousand parts of totals that a block joins (a guess: no device has measured it yet);
_JOINED_PARTS = 0.1
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


def _team_cost(item, part, loop, buffers, clustered, copies):
    """Seconds of a step of one team; its heads are multiplied one after the other."""
    at_once, _, _, chunk, _, *places = buffers.numbers
    here, times = min(part.rows, at_once), part.heads * -(-part.rows // at_once)
    elements = part.rows * (loop.work + loop.sums) * part.heads / loop.heads
    cost = _STEP + _ELEMENTS * elements / part.blocks / 1000
    cost += loop.meetings * (_MEET_ALONE if part.blocks == 1 else _MEET_CLUSTERED if clustered else _MEET)
    cost += _JOINED_PARTS * loop.totals * part.rows * part.heads * part.blocks / 1000
    copied = any(place >= 0 for place in copies[2::2])
    for (features, summed, slots), held, place, splits in zip(loop.products, buffers.kept, places[::3], places[2::3]):
        near, wide = _near(item, held, splits, summed), _wide(item, features, slots, part.blocks)
        multiplying = _fragments if item.deep > 1 else _plain
        cost += times * multiplying(item, here, wide, summed, splits, near)
        if not copied:
            asked = item.deep > 1 and near == summed and here <= 16 and chunk >= summed
            thousands = here * summed * item.bytes / 1000
            cost += times * (_ASKED * thousands if asked else _BRINGING * -(-summed // chunk) + _BROUGHT * thousands)
        if place < 0:  # weights that do not stay
            cost += times * _PICKED * slots * -(-features // part.blocks) * summed * item.bytes / 1000
    return (cost + _exchange_cost(part, loop.exchanged, copies)) * 1e-6


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


def _reading(item, rows, wide, summed, far):
    """Bytes of shared memory that a product's loads take, a whole line for each load of a warp of one number: `far` is
    the share of the weights that are there."""
    tall = 1 if rows < 4 else 4  # rows and four columns of a thread
    return _up_to(rows, tall) // tall * wide // 4 * summed * 4 * (tall + item.bytes * far)


def _exchange_cost(part, exchanged, copies):
    """Microseconds in which threads write numbers into the copies of all other blocks."""
    numbers = 0
    for (features, _, batch), place in zip(exchanged, copies[2::2]):
        others = (part.blocks - 1) / part.blocks if place >= 0 else 0
        numbers += (part.rows if batch else 1) * part.heads * features * others
    return _SENT * numbers / 1000


def _step_cost(item, rows, loop, multiprocessors):
    """Seconds of a step from the host."""
    clocks = rows * (loop.work / 2 + loop.sums / _MULTIPLICATIONS[item.deep]) / multiprocessors
    cost = _LAUNCH * (len(loop.products) + 1) + _STAGE * (loop.stages - 1)
    for features, summed, slots in loop.products:
        columns = loop.heads * slots * features
        bytes = columns * summed * item.bytes
        streaming = (_STREAMED if bytes <= _CACHE else _STREAMED_FAR) * bytes / 1e6
        multiplying = rows * columns * summed / _MULTIPLICATIONS[item.deep] / multiprocessors / _CLOCK
        cost += max(streaming, multiplying) + (_PLAIN_PRODUCT + _PLAIN_SUMMED * summed / 1000 if item.deep == 1 else 0)
    return 1e-6 * (cost + clocks / _CLOCK)
