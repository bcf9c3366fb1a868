"""Filters of several points and of several models (tests/data/papers/tracking.rnn) against NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import rnnc

TRACKING = Path(__file__).resolve().parents[1] / "data" / "papers" / "tracking.rnn"
STEPS = 6


def test_points_stand_for_a_distribution() -> None:
    module = rnnc.compile(TRACKING, name="UKF")
    params = module.init_params(seed=1, dtype="float64")
    z = np.random.default_rng(0).standard_normal((1, STEPS))
    found, _ = module.forward(params, z)
    n, alpha, beta, kappa, dt = 2, 0.5, 2.0, 1.0, 0.1
    lam = alpha**2 * (n + kappa) - n
    mean = np.full(2 * n + 1, 0.5 / (n + lam))
    mean[0] = lam / (n + lam)
    cov = mean.copy()
    cov[0] += 1 - alpha**2 + beta
    x, P = np.zeros(n), np.eye(n)
    for k in range(STEPS):
        root = np.sqrt(n + lam) * np.linalg.cholesky(P + 1e-9 * np.eye(n))
        points = np.array([x, *(x + root.T), *(x - root.T)])
        angle, speed = points.T
        moved = np.array([angle + dt * speed, speed - dt * (np.sin(angle) + params["damping"] * speed)]).T
        seen = np.sin(moved @ params["H"])
        x, zp = mean @ moved, mean @ seen
        d, dz = moved - x, seen - zp
        S = cov @ dz**2 + np.exp(params["log_r"])
        gain = (cov * dz) @ d / S
        P = (cov[:, None] * d).T @ d + np.diag(np.exp(params["log_q"])) - S * np.outer(gain, gain)
        x = x + gain * (z[0, k] - zp)
        np.testing.assert_allclose(found[0, k], x, atol=1e-7)


def test_models_are_mixed_by_what_each_explains() -> None:
    module = rnnc.compile(TRACKING, name="IMM")
    params = module.init_params(seed=2, dtype="float64")
    z = np.random.default_rng(1).standard_normal((1, STEPS, 1))
    found, _ = module.forward(params, z)
    M = n = 2
    change = np.exp(params["logits"])
    change /= change.sum(1, keepdims=True)
    x, P, mu = np.zeros((M, n)), np.stack([np.eye(n)] * M), np.full(M, 1 / M)
    for k in range(STEPS):
        joint = mu[:, None] * change
        chance = joint.sum(0)
        mixed = (joint / chance).T @ x
        new_x, new_P, likely = np.zeros_like(x), np.zeros_like(P), np.zeros(M)
        for j in range(M):
            spread = sum(
                joint[i, j] / chance[j] * (P[i] + np.outer(x[i] - mixed[j], x[i] - mixed[j])) for i in range(M)
            )
            own = {name: params[f"y[{j}].filtered.{name}"] for name in ("F", "H", "q", "r")}
            xp = own["F"] @ mixed[j]
            Pp = own["F"] @ spread @ own["F"].T + np.diag(np.exp(own["q"]))
            off = z[0, k] - own["H"] @ xp
            S = own["H"] @ Pp @ own["H"].T + np.diag(np.exp(own["r"]))
            gain = Pp @ own["H"].T @ np.linalg.inv(S)
            new_x[j], new_P[j] = xp + gain @ off, Pp - gain @ own["H"] @ Pp
            likely[j] = np.exp(-0.5 * off @ np.linalg.inv(S) @ off) / np.sqrt(2 * np.pi * S[0, 0])
        x, P = new_x, new_P
        mu = likely * chance / (likely * chance).sum()
        np.testing.assert_allclose(found["mean"][0, k], mu @ x, atol=1e-10)
        np.testing.assert_allclose(found["mu"][0, k], mu, atol=1e-10)
