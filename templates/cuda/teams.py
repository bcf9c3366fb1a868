# A part of every generated CUDA module that has loops on the device.


# How the blocks of a device run a loop: `blocks` to a team, `teams` of them, `rows` of the batch and `heads` to a team;
# whether a team is a cluster of blocks; bytes of shared memory, threads of a block, and the other numbers that the
# kernel gets; and what a step is estimated to take.
_Team = collections.namedtuple("_Team", "blocks teams rows heads clustered shared threads numbers seconds")
_THREADS = 256
_CLUSTER = 8  # blocks: what every device with clusters has room for


def _up_to(n, step):
    return -(-n // step) * step


def _team_plan(strategy, room, item, rows, products, work, sums, heads, alone, meetings, clusters=False):
    """How a loop runs on a device: the way that is estimated to cost least of those that its strategy allows and that
    fit; None for single steps from the host.

    `room`: multiprocessors, and bytes of shared memory of a block; `item`: bytes of a number; `products`: for each
    product and head the features of which a block has its part, how many numbers are summed, and its columns for each
    feature; `work`: elements of a row that are computed one by one; `sums`: multiplications that are, and are the
    library's from the host; `heads`: what teams share as they share rows; `alone`: one team has all rows; `meetings`:
    of a step; `clusters`: whether the device has them.
    """
    multiprocessors, shared = room
    best, least = None, float("inf")
    if strategy == "auto":
        least = _step_cost(item, rows, products, work, sums, heads, meetings, multiprocessors)
    for blocks in sorted({1, 2, 4, 8, 16, 32, 64, multiprocessors}):
        clustered = clusters and 1 < blocks <= _CLUSTER and strategy != "persistent"
        kind = "block" if blocks == 1 or clustered else "persistent"
        if strategy not in ("auto", kind) or blocks > multiprocessors:
            continue
        at_once = multiprocessors // blocks  # all teams run at once
        for own_heads in _shares(heads, at_once):
            across = -(-heads // own_heads)
            own = rows if alone else -(-rows // (at_once // across))
            teams = -(-rows // own) * across
            elements = (work + sums) * own_heads / heads
            for resident in (True, False):
                found = _team_buffers(shared, item, own, own_heads, blocks, products, resident)
                cost = _team_cost(item, own, own_heads, blocks, products, elements, resident, meetings, clustered)
                if found is not None and cost < least:
                    best, least = _Team(blocks, teams, own, own_heads, clustered, *found, cost), cost
    return best


def _shares(count, most):
    """How many of `count` each of up to `most` teams may have, the largest number first."""
    return sorted({-(-count // min(n, count, most)) for n in (1, 2, 4, 8, 16, 32, 64, most)}, reverse=True)


def _team_buffers(shared, item, rows, heads, blocks, products, resident):
    """Shared memory: its bytes, the threads of a block, and where all buffers are; None where they do not fit.

    Weights that stay are those of all heads of a team; the other buffers are those of one. Operands lie there as
    `Lying` in teams.cuh says; sums are float32 for halves.
    """
    halves, total = item == 2, max(item, 4)
    deepest = max((summed for _, summed, _ in products), default=1)
    wides = [_up_to(slots * -(-features // blocks), 8 if halves else 4) for features, _, slots in products]

    def weights(summed, wide):
        return _up_to((_up_to(summed, 16) + 8 if halves else summed) * wide * item, 16)

    at, kept = 0, []
    for (_, summed, _), wide in zip(products, wides):
        kept.append(at if resident else -1)
        at += heads * weights(summed, wide) if resident else 0
    chunks = dict.fromkeys(min(deepest, n) for n in (deepest, 1024, 512, 256, 128, 64, 32, 16))
    ways = itertools.product(dict.fromkeys(min(rows, n) for n in (64, 32, 16, 8, 4, 2, 1)), (16, 4, 1), chunks)
    for at_once, most, chunk in ways:
        end, places, stage = at, [], 0
        tall = _up_to(at_once, 16) if halves else at_once if at_once < 4 else _up_to(at_once, 4)
        for place, wide, (_, summed, _) in zip(kept, wides, products):
            if halves:  # fragments of 16 rows by 32 columns, one to a warp
                splits = max(1, min(most, _THREADS // 32 // (tall // 16 * -(-wide // 32))))
            else:  # four columns to a thread, and four rows where there are as many
                splits = max(1, min(most, _THREADS // (wide // 4 * (tall // 4 if tall >= 4 else tall))))
            places += [place, end, splits]
            end += _up_to(splits * tall * wide * total, 16)
            stage = max(stage, weights(min(chunk, summed), wide))
        left = end
        end += _up_to(tall * (_up_to(chunk, 16) + 8 if halves else chunk + 16 // item) * item, 16) if products else 0
        staged = end
        end += 0 if resident else stage
        if end <= shared:
            return end, _THREADS, (at_once, left, staged, chunk, *places)
    return None


# Estimates of an H100: seconds to meet, to launch a kernel, clocks in a second, and seconds that a product of a block
# takes at least (three barriers, operands on their way); and of a multiprocessor in a clock,
# multiplications (of halves, of others), bytes of shared memory, bytes from elsewhere, and bytes of weights that are
# picked from elsewhere one by one, and elements that are computed one by one. Only their ratios decide anything.
_MEET, _MEET_CLUSTERED, _MEET_ALONE, _LAUNCH, _CLOCK = 1.1e-6, 0.25e-6, 0.05e-6, 4e-6, 1.7e9
_MULTIPLIED = 0.5e-6
_MULTIPLICATIONS, _NEAR, _FAR, _PICKED, _ELEMENTS = {2: 1024}, 128, 32, 4, 2


def _team_cost(item, rows, heads, blocks, products, work, resident, meetings, clustered):
    """Seconds of a step of one team; its heads are multiplied one after the other."""
    clocks = rows * work / blocks / _ELEMENTS
    for features, summed, slots in products:
        columns = slots * -(-features // blocks)
        reading = -(-rows // 64) * columns * summed * item / (_NEAR if resident else _PICKED)
        multiplying = (_up_to(rows, 16) if item == 2 else rows) * columns * summed / _MULTIPLICATIONS.get(item, 128)
        clocks += heads * (max(multiplying, reading) + rows * summed * item / _FAR)
    meet = _MEET_ALONE if blocks == 1 else _MEET_CLUSTERED if clustered else _MEET
    turns = (heads - 1) * len(products) * _MULTIPLIED
    return clocks / _CLOCK + 0.2e-6 + meetings * meet + turns


def _step_cost(item, rows, products, work, sums, heads, meetings, multiprocessors):
    """Seconds of a step from the host."""
    clocks = rows * (work / _ELEMENTS + sums / _MULTIPLICATIONS.get(item, 128)) / multiprocessors
    for features, summed, slots in products:
        columns = heads * slots * features
        multiplying = rows * columns * summed / _MULTIPLICATIONS.get(item, 128)
        clocks += max(multiplying, columns * summed * item / _FAR) / multiprocessors
    return clocks / _CLOCK + _LAUNCH * (len(products) + max(1, meetings))
