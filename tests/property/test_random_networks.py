"""Random networks: the module computes what the interpreter does, at the edges too, and what lengths mean holds.

`python -m benchmarks.fuzz_networks` checks others, as many as one likes.
"""

from __future__ import annotations

import pytest

from benchmarks.fuzz_networks import on_cuda, on_numpy, on_tensorflow
from tests.cuda.support import needs_compiler
from tests.support.cell_checks import HAS_TENSORFLOW
from tests.support.choices import Seeded
from tests.support.networks import draw_network

DRAWS = 400  # texts


def _seeds(quick: int, count: int) -> list[object]:
    """Those that take longer together than the others are left out of most runs."""
    return [pytest.param(seed, marks=[] if seed < quick else pytest.mark.slow) for seed in range(count)]


@pytest.mark.parametrize("seed", _seeds(8, 60))
def test_numpy(seed: int) -> None:
    assert on_numpy(draw_network(Seeded(seed), 2), seed)["edges"] == 1


@pytest.mark.skipif(not HAS_TENSORFLOW, reason="TensorFlow is not installed")
@pytest.mark.parametrize("seed", _seeds(1, 12))
def test_tensorflow(seed: int) -> None:
    assert on_tensorflow(draw_network(Seeded(seed), 2), seed)["module of TensorFlow against interpreter"] == 1


@needs_compiler
@pytest.mark.parametrize("seed", _seeds(2, 24))
def test_cuda(seed: int) -> None:
    assert sum(on_cuda(draw_network(Seeded(seed), 2), seed).values()) >= 2


def test_every_construct_is_drawn() -> None:
    text = "\n".join(draw_network(Seeded(seed)).text for seed in range(DRAWS))
    for construct in (
        "stack(", "for n in [", "residual = true", "dropout = ", "mask = sequence", "bidirectional(", "forward = ",
        "merge = sum", "merge = mean", "merge = product", "merge = none", "backward(", "forward(", "reverse(",
        "residual(", "highway(", "use use", "last(", "at(", ", 0)", ", -1)", ", -2)", "mean(", "sum(", "max(", "min(",
        ", time)", "softmax(", "h = ", "f.h = ", "f.f.c = ", "inner: cell = ", "inner(", "Inner0()", "Inner1()",
        "embedding(token", "input token[]: int", "Conv(", "Pair(", "Fed(", "Watched(Watched(", "zoneout(", ".forward",
        "a2[k - 1]", "axis = place", "stop_gradient(", "layer_norm(", "param p[", "input z[", "dense(", "concat(",
    ):  # fmt: skip
        assert construct in text, construct
