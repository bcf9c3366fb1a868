"""Filters, smoothers and alignments (tests/data/papers/estimates.rnn) against what they stand for."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

import rnnc

ESTIMATES = Path(__file__).resolve().parents[1] / "data" / "papers" / "estimates.rnn"
STEPS = 7


def test_jacobians_are_gradients() -> None:
    module = rnnc.compile(ESTIMATES, name="EKF")
    z = np.random.default_rng(0).standard_normal((1, STEPS))
    found, _ = module.forward(module.init_params(dtype="float64"), z)
    x, cov = np.array([1, 0.5]), np.eye(2)
    for k in range(STEPS):
        jacobian = np.array([[1, 0.1], [-0.1 * np.cos(x[0]), 1]])
        x = np.array([x[0] + 0.1 * x[1], x[1] - 0.1 * np.sin(x[0])])
        cov = jacobian @ cov @ jacobian.T + 0.01 * np.eye(2)
        slope = np.array([np.cos(x[0]), 2 * x[1]])
        gain = cov @ slope / (slope @ cov @ slope + 0.1)
        x = x + gain * (z[0, k] - np.sin(x[0]) - x[1] ** 2)
        cov = (np.eye(2) - np.outer(gain, slope)) @ cov
        np.testing.assert_allclose(found["x"][0, k], x, rtol=1e-12)
        np.testing.assert_allclose(found["P"][0, k], cov, rtol=1e-12)


def test_the_smoother_gives_the_posterior_of_all_steps_at_once() -> None:
    module = rnnc.compile(ESTIMATES, name="RTS")
    z = np.random.default_rng(1).standard_normal((2, STEPS))
    lengths = np.array([STEPS, 4])
    found, _ = module.forward({}, z, lengths=lengths)
    for row, length in enumerate(lengths):
        # x_k = 0.9 x_{k-1} + noise from x_{-1} of variance 1: all of them are a linear map of independent numbers.
        powers = np.array([[0.9 ** (i - j) if i >= j else 0.0 for j in range(length)] for i in range(length)])
        start = 0.9 ** (1 + np.arange(length))
        prior = np.outer(start, start) + 0.1 * powers @ powers.T
        gain = prior @ np.linalg.inv(prior + 0.5 * np.eye(length))
        np.testing.assert_allclose(found["mean"][row, :length], gain @ z[row, :length], atol=1e-12)
        np.testing.assert_allclose(found["variance"][row, :length], np.diag(prior - gain @ prior), atol=1e-12)


def test_the_cost_is_of_all_paths() -> None:
    module = rnnc.compile(ESTIMATES, name="SoftDTW")
    rng = np.random.default_rng(2)
    reference, x = rng.standard_normal((4, 2)), rng.standard_normal((1, 5, 2))
    found, _ = module.forward({"reference": reference}, x)
    apart = ((reference[None] - x[0][:, None]) ** 2).sum(-1)

    @cache
    def costs(i: int, j: int) -> tuple[float, ...]:
        """Of each path from the first pair to this one."""
        if i == j == 0:
            return (apart[0, 0],)
        before = [(i - 1, j), (i, j - 1), (i - 1, j - 1)]
        return tuple(apart[i, j] + cost for a, b in before if a >= 0 and b >= 0 for cost in costs(a, b))

    assert len(costs(4, 3)) == 129  # a number of Delannoy's
    for k in range(5):
        total = -0.5 * np.log(np.sum(np.exp(-np.array(costs(k, 3)) / 0.5)))
        np.testing.assert_allclose(found[0, k], total, rtol=1e-10)


def test_particles_are_drawn_by_their_weights() -> None:
    module = rnnc.compile(ESTIMATES, name="ParticleFilter")
    rng = np.random.default_rng(3)
    given = {
        "z": rng.standard_normal((1, STEPS)),
        "noise": rng.standard_normal((1, STEPS, 6)),
        "u": rng.random((1, STEPS)),
    }
    found, _ = module.forward({}, given)
    p, w = np.zeros(6), np.full(6, 1 / 6)
    for k in range(STEPS):
        moved = 0.9 * p + given["noise"][0, k]
        v = w * np.exp(-((given["z"][0, k] - moved) ** 2) / 2)
        v /= v.sum()
        q = 0.5 * v + 0.5 / 6
        which = np.searchsorted(np.cumsum(q)[:-1], (np.arange(6) + given["u"][0, k]) / 6)
        p, w = moved[which], (v / q)[which] / (v / q)[which].sum()
        np.testing.assert_allclose(found["mean"][0, k], v @ moved, rtol=1e-12)
        np.testing.assert_allclose(found["p"][0, k], p, rtol=1e-12)
        np.testing.assert_allclose(found["w"][0, k], w, rtol=1e-12)
