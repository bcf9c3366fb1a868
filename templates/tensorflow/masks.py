# A part of every generated TensorFlow module: names that are not defined here are defined in the others.


def _draw(seed, site, keep, shape):
    """Truth values, true with probability `keep`: Philox4x32-10, the same numbers on every target.

    Element e, in row-major order of [time, batch, ...], is word e % 4 of the block with the counter
    (e // 4 low, e // 4 high, site, 0) under the key (seed low, seed high), in words of 32 bits; it is true where the
    word is below keep * 2**32. The words are computed in int64, without overflow.
    """
    low = tf.constant(0xFFFFFFFF, tf.int64)
    if isinstance(seed, (int, np.integer)):
        seed = tf.constant((int(seed) + 2**63) % 2**64 - 2**63, tf.int64)
    seed = tf.cast(seed, tf.int64)
    k0, k1 = tf.bitwise.bitwise_and(seed, low), tf.bitwise.bitwise_and(tf.bitwise.right_shift(seed, 32), low)
    count = tf.reduce_prod(tf.cast(tf.stack(shape), tf.int64))
    blocks = tf.range((count + 3) // 4)
    a, b = tf.bitwise.bitwise_and(blocks, low), tf.bitwise.right_shift(blocks, 32)
    c, d = tf.fill(tf.shape(blocks), tf.constant(site, tf.int64)), tf.zeros_like(blocks)
    for _ in range(10):
        (p_high, p_low), (q_high, q_low) = _wide_product(a, 0xD2511F53), _wide_product(c, 0xCD9E8D57)
        a = tf.bitwise.bitwise_xor(tf.bitwise.bitwise_xor(q_high, b), k0)
        c = tf.bitwise.bitwise_xor(tf.bitwise.bitwise_xor(p_high, d), k1)
        b, d = q_low, p_low
        k0, k1 = tf.bitwise.bitwise_and(k0 + 0x9E3779B9, low), tf.bitwise.bitwise_and(k1 + 0xBB67AE85, low)
    words = tf.reshape(tf.stack([a, b, c, d], 1), [-1])[:count]
    return tf.reshape(words < tf.constant(round(keep * 2**32), tf.int64), shape)


def _wide_product(word, factor):
    """(high, low) words of 32 bits of a product of two such words."""
    half = tf.constant(0xFFFF, tf.int64)
    lower = tf.bitwise.bitwise_and(word, half) * factor
    upper = tf.bitwise.right_shift(word, 16) * factor + tf.bitwise.right_shift(lower, 16)
    low = tf.bitwise.bitwise_and(upper, half) * 0x10000 + tf.bitwise.bitwise_and(lower, half)
    return tf.bitwise.right_shift(upper, 16), low
