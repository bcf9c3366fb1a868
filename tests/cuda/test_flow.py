"""What launches read has been written, whichever loops run as one kernel and which do not: no kernel runs here."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from rnnc.compiler import compile_source
from rnnc.diagnostics import Source
from rnnc.ir.program import DType
from rnnc.runtime import load_module
from rnnc.simulator.cupy_like import How
from rnnc.simulator.loader import load
from tests.cuda.test_behind import source as stacked
from tests.support.choices import Seeded
from tests.support.networks import draw_network

_HEAD = re.compile(r"__global__ void __launch_bounds__\(\d+, 1\) (\w+)\((.*?)\) \{", re.DOTALL)
STEPS, ROWS, CALLS = 5, 2, 6


@dataclass
class Launches:
    """Launches that write a number into all that they may write, and look whether what they read is there.

    Loops are one kernel at random, and so are several of them.
    """

    texts: Sequence[str]
    random: random.Random
    share: float = 0.5
    parameters: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def __post_init__(self) -> None:
        for text in self.texts:
            self.parameters.update((name, " ".join(head.split()).split(", ")) for name, head in _HEAD.findall(text))

    def __call__(self, name: str, threads: int, *arguments: Any) -> None:
        if threads:
            self._run(name, arguments)

    def tiles(self, name: str, tiles: Any, *arguments: Any) -> None:
        self._run(name, arguments)

    def loop(self, name: str, team: object, *arguments: Any) -> None:
        self._run(name, arguments)

    def product(self, a: Any, b: Any, out: Any) -> None:
        assert not np.isnan(a).any()
        assert not np.isnan(b).any()
        out[...] = 0.5

    def steps(self, count: int, step: Any, current: Any, following: Any, reverse: bool = False) -> Any:
        for _ in range(count):
            step(self, np.array(0), *current, np.array(0), *following)
            current, following = following, current
        return current

    def team(self, name: str, rows: int, *loop: Any) -> object:
        return object() if self.random.random() < 0.8 else None

    def together(self, name: str, rows: int, loop: object, loops: object) -> object:
        return object() if self.random.random() < self.share else None

    def _run(self, name: str, arguments: Sequence[Any]) -> None:
        pairs = list(zip(self.parameters[name], arguments, strict=False))  # loops get more
        arrays = [(head, a) for head, a in pairs if isinstance(a, np.ndarray) and a.dtype.kind == "f"]
        for head, array in arrays:
            assert not (head.startswith("const ") and np.isnan(array).any()), f"{name}: {head} is not there"
        for head, array in arrays:
            if not head.startswith("const "):
                array[np.isnan(array)] = 0.5


@dataclass
class Library:
    """Arrays of which new ones are no numbers."""

    others: Any

    def empty(self, shape: Any, dtype: Any = float) -> Any:
        array = np.zeros(shape, dtype)
        if array.dtype.kind == "f":
            array[...] = np.nan
        return array

    def empty_like(self, array: Any) -> Any:
        return self.empty(array.shape, array.dtype)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.others, name)


def check(source: Source, name: str, options: dict[str, Any], sizes: dict[str, int], seed: int) -> None:
    draw = random.Random(seed)
    save = draw.choice(["all", "states", "every=2"])
    compiled = compile_source(source, name, {**options, "strategy": "persistent"}, target="cuda", save=save)
    module, model = load(compiled.text, "net", How()), compiled.unit.model
    launches = Launches(tuple(module._KERNELS.values()), draw)
    vars(module).update(cp=Library(module.cp), _launcher=lambda dtype: launches)
    sizes = {key: number for key, number in sizes.items() if key in model.sizes}
    params = load_module(compile_source(source, name, options).text, "weights").init_params(
        seed=0, dtype="float64", **sizes
    )
    x: dict[str, Any] = {}
    for port in model.inputs:
        shape = (ROWS, *((STEPS,) if port.sequence else ()), *(size.evaluate(sizes) for size in port.type.shape))
        x[port.name] = np.zeros(shape, np.int32) if port.type.dtype is DType.INT else np.full(shape, 0.5)
    given = x if len(x) > 1 else x[next(iter(x))]
    for call in range(CALLS):
        launches.share = draw.choice([0.15, 0.4, 0.6, 0.9])
        lengths = np.array([STEPS, 3]) if call % 2 else None
        y, _, tape = module.forward_train(params, given, lengths=lengths)
        whole = y if isinstance(y, dict) else {"": y}
        cotangents = {key: np.full(a.shape, 0.5) if a.dtype.kind == "f" else None for key, a in whole.items()}
        module.backward(params, tape, cotangents if isinstance(y, dict) else cotangents[""])


@pytest.mark.parametrize("name", ["five", "branches", "residual", "in both directions", "read elsewhere, too"])
def test_layers(name: str) -> None:
    check(stacked(name), "Net", {}, {"input": 3}, 0)


@pytest.mark.parametrize("seed", range(10))
def test_random_networks(seed: int) -> None:
    drawn = draw_network(Seeded(seed), 6)
    check(Source("random.rnn", drawn.text), drawn.name, drawn.options, drawn.sizes, seed)


def test_what_is_missing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop behind another one that nobody runs where its kernel does not."""
    monkeypatch.setattr(Launches, "together", lambda *_: None)
    monkeypatch.setattr("rnnc.backends.cuda.straight.stages.Straight.unless", _never)
    with pytest.raises((AssertionError, NameError)):
        check(stacked("five"), "Net", {}, {"input": 3}, 0)


def _never(block: Any, plans: Sequence[str], lines: Sequence[str]) -> None:
    block.lines += lines if not plans else []
