# A part of every generated CUDA module that has loops on the device: how numbers lie in shared memory and in registers.


# Numbers as products of loops see them: their bytes; the k of a fragment for tensor cores, 1 where threads multiply.
_Item = collections.namedtuple("_Item", "bytes deep")
_HALF, _ROUNDED, _SINGLE, _DOUBLE = _Item(2, 16), _Item(4, 8), _Item(4, 1), _Item(8, 1)
_ITEMS = {"float16": _HALF, "bfloat16": _HALF, "tf32": _ROUNDED, "float32": _SINGLE, "float64": _DOUBLE}
_THREADS = 256
_WARPS = _THREADS // 32


def _up_to(n, step):
    return -(-n // step) * step


def _number(item, number):
    """What a number of an array is, by its name there."""
    full = _DOUBLE if item == _DOUBLE else _SINGLE
    return {"item": item, "real": full, "int": _SINGLE, "bool": _Item(1, 1)}[number]


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


def _registers(item, kept):
    """How many of a thread hold weights."""
    return sum(heads * wide * deep * (4 if item.deep > 1 else item.bytes) for heads, wide, deep, _, _ in kept)


def _near(item, held, splits, summed):
    """How many of a product's k have their weights in registers, at each head."""
    return min(summed, held[2] * splits * item.deep)
