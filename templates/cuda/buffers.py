# A part of every generated CUDA module that has loops on the device: what of a block's memory holds what.

_JOINED = 8 * _WARPS  # bytes of shared memory in front of all buffers, for what warps of a block join

# Bytes of shared memory, threads of a block, the other numbers that the kernel gets (rows at once; where operands begin
# and what is staged; how many numbers are summed at once; where totals begin; for each product where its weights are,
# -1 if they do not stay, where its sums are, and into how many parts these are cut), and what of each product's weights
# registers hold.
_Buffers = collections.namedtuple("_Buffers", "shared threads numbers kept")


def _team_buffers(shared, item, part, loop, resident, registers=0):
    """The buffers of the blocks of a team that has a part of a loop; None where they do not fit.

    Weights that stay are those of all heads of a team; the other buffers are those of one. Operands lie there as
    `Lying` in teams.cuh says; sums are float32 for halves.
    """
    total, products = max(item.bytes, 4), loop.products
    totals = loop.totals * _up_to(part.rows * part.heads * total, 16)
    deepest = max((summed for _, summed, _ in products), default=1)
    wides = [_wide(item, features, slots, part.blocks) for features, _, slots in products]
    chunks = dict.fromkeys(min(deepest, n) for n in (deepest, 1024, 512, 256, 128, 64, 32, 16))
    ways = itertools.product(dict.fromkeys(min(part.rows, n) for n in (64, 32, 16, 8, 4, 2, 1)), (16, 4, 1), chunks)
    for at_once, most, chunk in ways:
        end, weights, splits, kept = _JOINED + totals, [], [], []
        free = registers
        tall = _tall(item, at_once)
        for wide, (_, summed, _) in zip(wides, products):
            splits.append(_splits(item, most, tall, wide, summed, registers))
            held = _held(item, free, part.heads, wide, summed, splits[-1], chunk)
            kept.append(held)
            free -= _registers(item, (held,))
            weights.append(end if resident else -1)
            end += part.heads * _weights(item, summed - _near(item, held, splits[-1], summed), wide) if resident else 0
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
            return _Buffers(end, _THREADS, (at_once, left, staged, chunk, _JOINED, *places), tuple(kept))
    return None


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


def _copy_bytes(item, part, features, number, batch):
    """What a copy of a team's part of an array takes of shared memory: lines as products want them (see `Lying` in
    teams.cuh), for each head and row, and rows that fill them up."""
    number = _number(item, number)
    rows = max(4, _tall(number, part.rows)) if batch else 1
    return _up_to(rows * part.heads * _line(number, features) * number.bytes, 16)


def _team_copies(shared, end, sizes):
    """Shared memory behind the buffers, with copies of the pairs that there is room for: where it ends, and where they
    begin, end, and each array has its own (-1: it has none)."""
    start, places = end, []
    for size in sizes:
        fits = size is not None and end + 2 * size <= shared
        places += [end, end + size] if fits else [-1, -1]
        end += 2 * size if fits else 0
    return end, (start, end, *places) if sizes else ()
