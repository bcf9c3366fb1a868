# A part of every generated CUDA module: names that are not defined here are defined in the others.

# Of tiles.cuh: a block's part of a result, its threads, and its shared memory.
_TILE_ROWS, _TILE_COLUMNS, _TILE_THREADS, _TILE_BYTES = 128, 64, 256, 25 << 10


def _parts(length, lines, numbers, dtype):
    """The length of the parts into which lines are cut, and memory for some numbers of each part but a line's last.

    A part is read twice and needs two launches more. So one part, and no memory, where lines are short, or so many that
    fewer than four parts of each fill the device; else parts of 32 elements or more, and threads to fill it.
    """
    count = min(1024 * _attributes()["MultiProcessorCount"] // max(lines, 1), length // 32) if length >= 256 else 1
    if count < 4:
        return max(length, 1), None
    part = -(-length // count)
    return part, cp.empty((-(-length // part) - 1, numbers, lines), dtype)


def _lanes(results, combined, side_by_side):
    """How many threads make each of some results that combine so many elements: 1, or the 32 of a warp.

    A warp reads elements that lie side by side at once. Where they do not, neighbouring threads with a result each do,
    and a warp pays only where results are few.
    """
    few = side_by_side or results < 32768
    return 32 if few and combined >= (64 if side_by_side else 128) else 1


class _Tiles:
    """How blocks share a product of matrices: in how many parts of its sums, the memory of these (None where there is
    one part), and how many elements are added up from them."""

    def __init__(self, blocks, parts, partial, sums):
        self.blocks, self.parts, self.partial, self.sums = blocks, parts, partial, sums


def _tiles(stacks, rows, summed, columns, dtype):
    """Parts of 1024 numbers or more, where there are too few tiles of the result for a device."""
    tiles = stacks * -(-rows // _TILE_ROWS) * -(-columns // _TILE_COLUMNS)
    parts = max(1, min(summed // 1024, 512 // max(tiles, 1)))
    if parts == 1:
        return _Tiles(tiles, 1, None, 0)
    count = stacks * rows * columns
    return _Tiles(tiles * parts, parts, cp.empty((parts, count), dtype), count)
