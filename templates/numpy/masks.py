# A part of every generated NumPy module: names that are not defined here are defined in the others.


def _draw(seed, site, keep, shape):
    """Zeros and ones, one with probability `keep`: Philox4x32-10, the same numbers on every target.

    Element e, in row-major order of [time, batch, ...], is word e % 4 of the block with the counter
    (e // 4 low, e // 4 high, site, 0) under the key (seed low, seed high), in words of 32 bits; it is 1 where the
    word is below keep * 2**32.
    """
    seed = int(seed) % 2**64
    count = int(np.prod(shape, dtype=np.int64))
    blocks = np.arange(-(-count // 4), dtype=np.uint64)
    low, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    a, b = blocks & low, blocks >> shift
    c, d = np.full_like(a, site), np.zeros_like(a)
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        p, q = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
        a, b, c, d = (q >> shift) ^ b ^ np.uint64(k0), q & low, (p >> shift) ^ d ^ np.uint64(k1), p & low
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    words = np.stack([a, b, c, d], axis=1).reshape(-1)[:count]
    return (words < np.uint64(round(keep * 2**32))).reshape(shape)
