"""Cells that learn as they run (tests/data/papers/traces.rnn) against what they stand for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import rnnc

TRACES = Path(__file__).resolve().parents[1] / "data" / "papers" / "traces.rnn"
STEPS = 12


def test_the_influence_of_a_weight_is_its_derivative() -> None:
    module = rnnc.compile(TRACES, name="RTRL", n=3, inputs=2, rate=0.0)
    w = module.init_params(seed=5, dtype="float64")
    rng = np.random.default_rng(5)
    x, target = rng.standard_normal((1, STEPS, 2)), rng.standard_normal((1, STEPS, 3))
    found, state = module.forward(w, {"x": x, "target": target})

    def last(weights: np.ndarray) -> tuple[np.ndarray, list[float]]:
        h, losses = np.zeros(3), []
        for k in range(STEPS):
            h = np.tanh(weights @ np.concatenate([h, x[0, k]]))
            losses.append(0.5 * np.sum((h - target[0, k]) ** 2))
        return h, losses

    np.testing.assert_allclose(found["loss"][0], last(w["W0"])[1], rtol=1e-12)
    slopes = np.zeros((3, 3, 5))
    for i, j in np.ndindex(3, 5):
        off = np.zeros((3, 5))
        off[i, j] = 1e-6
        slopes[:, i, j] = (last(w["W0"] + off)[0] - last(w["W0"] - off)[0]) / 2e-6
    np.testing.assert_allclose(state["P"][0], slopes, atol=1e-8)


def test_least_squares_as_it_goes_are_those_of_all_steps_at_once() -> None:
    module = rnnc.compile(TRACES, name="FORCE", expose=("r",))
    w = module.init_params(seed=1, dtype="float64")
    target = np.sin(0.3 * np.arange(STEPS)[:, None] + np.array([0.0, 1.0]))[None]
    found, state = module.forward(w, target)
    r = found["r"][0]
    np.testing.assert_allclose(state["P"][0], np.linalg.inv(np.eye(6) + r.T @ r), atol=1e-12)
    np.testing.assert_allclose(state["W"][0], np.linalg.solve(np.eye(6) + r.T @ r, r.T @ target[0]), atol=1e-12)


def test_spikes_and_what_rests() -> None:
    module = rnnc.compile(TRACES, name="Spikes", units=4)
    rng = np.random.default_rng(2)
    w = {name: 1.5 * rng.standard_normal(a.shape) for name, a in module.init_params(seed=0, dtype="float64").items()}
    x = rng.standard_normal((1, 40, 3))
    found, state = module.forward(w, x)
    v, a, z, slow = np.zeros(4), np.zeros(4), np.zeros(4), np.zeros((3, 4))
    rests, fired, seen = np.zeros(4, int), np.zeros(4, bool), np.zeros(3)
    for k in range(40):
        np.testing.assert_allclose(found["share"][0, k], fired.mean(), rtol=1e-12)
        limit = 1 + 1.7 * a
        v = 0.9 * v + x[0, k] @ w["v.x"] + z @ w["v.z"] - z * limit
        slope = np.where(rests == 0, 0.3 * np.maximum(0, 1 - abs(v - limit)), 0)
        a = 0.95 * a + z
        fires = (v > limit) & (rests == 0)
        z, rests, fired = fires * 1.0, np.where(fires, 2, np.maximum(rests - 1, 0)), fired | fires
        seen = 0.9 * seen + x[0, k]
        np.testing.assert_allclose(found["z"][0, k], z, atol=1e-12)
        np.testing.assert_allclose(found["trace"][0, k], slope * (seen[:, None] - 1.7 * slow), atol=1e-10)
        slow = slope * seen[:, None] + (0.95 - 1.7 * slope) * slow
    assert fired.any()
    np.testing.assert_array_equal(state["rests"][0], rests)
    np.testing.assert_array_equal(state["fired"][0], fired)


def test_weights_change_by_spikes() -> None:
    module = rnnc.compile(TRACES, name="STDP")
    w0 = module.init_params(seed=1, dtype="float64")["w0"]
    x = np.random.default_rng(1).random((1, 30, 4))
    found, _ = module.forward({"w0": w0}, x)
    w, v, before, after = w0.copy(), np.zeros(3), np.zeros(4), np.zeros(3)
    for k in range(30):
        s = (x[0, k] > 0.5) * 1.0
        v = np.where(v > 1, 0, 0.9 * v + w @ s)
        z = (v > 1) * 1.0
        before, after = 0.9 * before + s, 0.9 * after + z
        w = np.clip(w + 0.01 * ((1 - w) * np.outer(z, before) - w * np.outer(after, s)), 0, 1)
        np.testing.assert_array_equal(found["z"][0, k], z)
        np.testing.assert_allclose(found["w"][0, k], w, rtol=1e-12)
    assert found["z"].any()


def test_fast_cells_go_on_where_the_last_of_them_was() -> None:
    module = rnnc.compile(TRACES, name="FastSlow")
    w = module.init_params(seed=3, dtype="float64", input=2)
    x = np.random.default_rng(3).standard_normal((1, STEPS, 2))
    found, _ = module.forward(w, x)

    def lstm(name: str, given: np.ndarray, c: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        def pre(gate: str) -> np.ndarray:
            return given @ w[f"{name}.{gate}.x"] + h @ w[f"{name}.{gate}.h"] + w[f"{name}.{gate}.bias"]

        i, f, o = (1 / (1 + np.exp(-pre(gate) - (gate == "f"))) for gate in "ifo")
        c = f * c + i * np.tanh(pre("j"))
        return c, o * np.tanh(c)

    fast, slow = (np.zeros(4), np.zeros(4)), (np.zeros(3), np.zeros(3))
    for k in range(STEPS):
        fast = lstm("F[0]", x[0, k], *fast)
        slow = lstm("S", fast[1], *slow)
        fast = lstm("F[1]", slow[1], *fast)
        fast = lstm("F[2]", np.zeros(1), *fast)
        np.testing.assert_allclose(found[0, k], fast[1], rtol=1e-12)
