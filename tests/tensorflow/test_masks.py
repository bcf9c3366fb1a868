"""Masks that a graph draws are those that every target draws."""

from __future__ import annotations

import numpy as np
import pytest

from rnnc.resources import resource_text
from tests.tensorflow.support import Scene, tf

SPACES = {}
for _target, _names in (("numpy", {"np": np}), ("tensorflow", {"np": np, "tf": tf})):
    exec(compile(resource_text(f"templates/{_target}/masks.py"), _target, "exec"), _names)
    SPACES[_target] = _names


@pytest.mark.parametrize("seed", [0, 5, 2**31, 2**63 + 3, 2**64 - 1, -1])
@pytest.mark.parametrize("shape", [(1,), (5, 3), (2, 3, 7), (0, 3), (40, 50)])
def test_same_bits(seed: int, shape: tuple[int, ...]) -> None:
    for site, keep in ((0, 0.5), (3, 0.9), (1, 1.0)):
        expected = SPACES["numpy"]["_draw"](seed, site, keep, shape)
        found = SPACES["tensorflow"]["_draw"](seed, site, keep, list(shape))
        assert np.array_equal(found, expected)


def test_a_graph_draws_by_the_seed_of_each_run() -> None:
    s = Scene.of("dropout", inner="LSTM(4)", input_keep="0.7")
    with tf.Graph().as_default():
        seed = tf.placeholder(tf.int64, [])
        s.training = {"training": True, "seed": seed}
        found = s.forward(s.point)
        with tf.Session() as session:
            for number in (1, 2):
                s.training = {"training": True, "seed": number}
                expected = s.expected(s.point)[0]
                for name, array in session.run(found, {seed: number}).items():
                    np.testing.assert_allclose(array, expected[name], rtol=0, atol=1e-10)
