"""Loops as a whole H200 would run them, in every way: what devices of a few multiprocessors never come to."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from benchmarks.device.plans import WAYS, force
from rnnc.cli.loops import DEVICES
from rnnc.compiler import compile_source
from rnnc.simulator.cupy_like import How
from rnnc.simulator.loader import load
from rnnc.syntax.source import read_source
from tests.cuda.support import needs_compiler
from tests.cuda.test_modules import EXAMPLES

SIZES = [("lstm", 40, 1), ("lstm", 128, 32), ("gru", 40, 6)]
TOLERANCE = 4e-3  # of float16: what rounds is the order of sums


@cache
def text(example: str, units: int) -> str:
    """A module with its sizes in it."""
    source = read_source(EXAMPLES / f"{example}.rnn")
    return compile_source(source, None, {"input": 64, "units": units}, target="cuda").text


@cache
def results(example: str, units: int, rows: int, strategy: str, blocks: int) -> dict[str, Any] | None:
    """Outputs and gradients of a few steps; None where the way has no room."""
    module = load(text(example, units), example, How(device=DEVICES["h200"]))
    params = {name: array.astype(np.float16) for name, array in module.init_params(seed=0).items()}
    x = np.random.default_rng(0).standard_normal((3, rows, 64)).astype(np.float16)
    force(module, strategy, blocks)
    outputs, _, tape = module.forward_train(params, x, time_major=True)
    gradients = module.backward(params, tape, np.ones_like(outputs), None)
    (launch,) = (built for built in module._BUILT.values() if isinstance(built, module._Launch))
    if strategy != "step" and None in launch.plans.values():
        return None
    return {"outputs": outputs, "x": gradients["x"], **gradients["params"]}


@needs_compiler
@pytest.mark.filterwarnings("ignore:.*no room for the strategy")
@pytest.mark.parametrize(("strategy", "blocks"), WAYS[1:])
@pytest.mark.parametrize(("example", "units", "rows"), SIZES)
def test_all_ways_agree_with_single_steps(example: str, units: int, rows: int, strategy: str, blocks: int) -> None:
    found = results(example, units, rows, strategy, blocks)
    if found is None:
        pytest.skip("no room")
    judge = results(example, units, rows, "step", 0)
    assert judge is not None
    for name, array in judge.items():
        error = np.abs(found[name].astype(float) - array.astype(float)).max() / max(1.0, np.abs(array).max())
        assert error <= TOLERANCE, name
