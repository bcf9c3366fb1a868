"""Sums and maxima over all paths (tests/data/papers/inference.rnn) against every path, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest

import rnnc

INFERENCE = Path(__file__).resolve().parents[1] / "data" / "papers" / "inference.rnn"
N, STEPS = 3, 4
LENGTHS = np.array([4, 2, 1])


def compiled(name: str, **options: int):
    module = rnnc.compile(INFERENCE, name=name, **options)
    rng = np.random.default_rng(3)
    return module, {k: rng.standard_normal(v.shape) for k, v in module.init_params(seed=0, dtype="float64").items()}


def softmax(v: np.ndarray) -> np.ndarray:
    return np.exp(v) / np.exp(v).sum(-1, keepdims=True)


def paths(length: int) -> Iterator[tuple[int, ...]]:
    return product(range(N), repeat=length)


def steps(path: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    return pairwise(path)


@pytest.fixture
def symbols() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 5, (len(LENGTHS), STEPS)).astype(np.int32)


@pytest.fixture
def emit() -> np.ndarray:
    return np.random.default_rng(2).standard_normal((len(LENGTHS), STEPS, N))


def hidden(w: dict[str, np.ndarray], symbols: np.ndarray) -> Callable[[int, tuple[int, ...]], float]:
    """The probability of a path and of what is seen on it."""
    moves, shown, first = softmax(w["A"]), softmax(w["B"]), softmax(w["first"])

    def probability(row: int, path: tuple[int, ...]) -> float:
        seen = np.prod([shown[state, symbols[row, t]] for t, state in enumerate(path)])
        return float(first[path[0]] * seen * np.prod([moves[pair] for pair in steps(path)]))

    return probability


def test_what_is_seen_is_as_likely_as_all_paths_together(symbols: np.ndarray) -> None:
    module, w = compiled("Seen", states=N, symbols=5)
    found, _ = module.forward(w, symbols)
    probability = hidden(w, symbols)
    for row, t in product(range(len(LENGTHS)), range(STEPS)):
        total = sum(probability(row, path) for path in paths(t + 1))
        np.testing.assert_allclose(found[row, t], np.log(total), rtol=1e-12)


def test_where_it_was_given_all_that_was_seen(symbols: np.ndarray) -> None:
    module, w = compiled("Posterior", states=N, symbols=5)
    found, _ = module.forward(w, symbols, lengths=LENGTHS)
    probability = hidden(w, symbols)
    for row, length in enumerate(LENGTHS):
        weights = {path: probability(row, path) for path in paths(length)}
        total = sum(weights.values())
        seen = np.zeros((STEPS, N))
        for path, p in weights.items():
            seen[range(length), path] += p / total
        np.testing.assert_allclose(found["seen"][row], seen, atol=1e-12)
        np.testing.assert_allclose(found["often"][row], seen.sum(0), rtol=1e-12)
        np.testing.assert_allclose(found["p"][row], np.log(total), rtol=1e-12)


def test_the_best_path_is_the_best_of_all(emit: np.ndarray) -> None:
    module, w = compiled("Viterbi", tags=N)
    found, _ = module.forward(w, emit, lengths=LENGTHS)
    for row, length in enumerate(LENGTHS):

        def score(path: tuple[int, ...], row: int = row) -> float:
            return sum(emit[row, t, tag] for t, tag in enumerate(path)) + sum(w["b.T"][pair] for pair in steps(path))

        assert tuple(found[row, :length]) == max(paths(length), key=score)


def test_the_loss_of_the_right_tags(emit: np.ndarray) -> None:
    module, w = compiled("CRF", tags=N)
    gold = np.array([[2, 0, 1, 1], [0, 0, 2, 1], [1, 2, 0, 0]], np.int32)
    found, _ = module.forward(w, {"emit": emit, "gold": gold})
    for row, t in product(range(len(LENGTHS)), range(STEPS)):

        def score(path: tuple[int, ...], row: int = row) -> float:
            emitted = sum(emit[row, k, tag] for k, tag in enumerate(path))
            return w["start"][path[0]] + emitted + sum(w["T"][pair] for pair in steps(path))

        total = np.log(sum(np.exp(score(path)) for path in paths(t + 1)))
        np.testing.assert_allclose(found[row, t], total - score(tuple(gold[row, : t + 1])), atol=1e-12)
