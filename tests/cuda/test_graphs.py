"""Loops that go step by step, as captured graphs: the same numbers, and a graph whose size no sequence changes."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rnnc.backends.cuda.module import loops
from rnnc.backends.cuda.report import remarks
from rnnc.compiler import compile_source
from rnnc.simulator import cublas
from rnnc.simulator.cupy_like import How, RawKernel
from rnnc.simulator.loader import load
from rnnc.simulator.streams import Graph, Stream
from rnnc.syntax.source import Source, read_source
from tests.cuda.support import needs_compiler
from tests.support.examples import OPTIONS

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
K = 4  # steps of a graph here
CELLS: dict[str, Mapping[str, object]] = {
    "lstm": {"units": 3},
    "bidirectional:StackedBidirectional": {"fw": "[LSTM(3), GRU(2)]", "bw": "[GRU(2), LSTM(3)]"},
    "fast_weights": {"units": 3},  # products read sequences
    "xlstm:SLSTM": {"units": 4, "heads": 2},  # products of each head
    "attention": OPTIONS["attention"],  # products over more than one axis
}


TURNED = """cell Turned(n, m) {
  input x[input]
  state s[a: n, b: m, c: 2]
  param W[a: n, c: 2, d: n]
  u = contract(s, W, over = [a, c])
  s' = tanh(s + linear(x, out = [a: n, b: m, c: 2]) + sum(u))
  output s'
}"""


@lru_cache
def text_of(example: str) -> str:
    file, _, name = example.partition(":")
    options = {**CELLS[example], "strategy": "step"}
    return compile_source(read_source(EXAMPLES / f"{file}.rnn"), name or None, options, target="cuda").text


def loaded(example: str, steps: int = K) -> ModuleType:
    """A module whose streams do nothing before they are waited for."""
    module = load(text_of(example), example, How(late=True))
    vars(module)["_CAPTURED"] = steps
    return module


def given(module: ModuleType, dtype: str, steps: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters and inputs; sizes that are open are different ones."""
    sizes: dict[Any, Any] = dict(zip(module.SPEC["sizes"], (5, 2, 3, 4), strict=False))
    random = np.random.default_rng(0)
    inputs: dict[str, Any] = {}
    for name, about in module.SPEC["inputs"].items():
        leads = (2, steps) if about["sequence"] else (2,)
        inputs[name] = random.standard_normal((*leads, *(sizes.get(n, n) for n in about["shape"]))).astype(dtype)
    return module.init_params(seed=0, dtype=dtype, **sizes), inputs


def everything(module: ModuleType, dtype: str, steps: int, lengths: Any) -> dict[str, Any]:
    """All values and gradients of a call."""
    params, inputs = given(module, dtype, steps)
    outputs, state, tape = module.forward_train(params, inputs, lengths=lengths)
    signs = {name: np.cos(a) for name, a in outputs.items()} if isinstance(outputs, dict) else np.cos(outputs)
    gradients = module.backward(params, tape, signs)
    found = {"outputs": outputs, "state": state, "forward": module.forward(params, inputs, lengths=lengths)[0]}
    return _flat({**found, "gradients": gradients})


def _flat(tree: Any, name: str = "") -> dict[str, Any]:
    if not isinstance(tree, Mapping):
        return {name: tree}
    return {k: a for key, value in tree.items() for k, a in _flat(value, f"{name}/{key}").items()}


@dataclass
class Seen:
    """What the host did: launches outside of graphs, graphs that were captured, by their sizes, and their launches."""

    launches: int = 0
    graphs: list[int] = field(default_factory=list[int])
    replays: int = 0


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    seen = Seen()
    do, launch, end = Stream.do, Graph.launch, Stream.end_capture

    def counting(stream: Stream, work: Any) -> None:
        seen.launches += not stream.is_capturing()
        do(stream, work)

    def replaying(graph: Graph, stream: Stream) -> None:
        seen.replays += 1
        launch(graph, stream)

    def ending(stream: Stream) -> Graph:
        graph = end(stream)
        seen.graphs.append(len(graph))
        return graph

    monkeypatch.setattr(Stream, "do", counting)
    monkeypatch.setattr(Graph, "launch", replaying)
    monkeypatch.setattr(Stream, "end_capture", ending)
    return seen


def agree(example: str, dtype: str, steps: int, lengths: Any = None) -> None:
    """With every step launched on its own, to the last bit."""
    expected = everything(loaded(example, 10**9), dtype, steps, lengths)
    for name, array in everything(loaded(example), dtype, steps, lengths).items():
        np.testing.assert_array_equal(array, expected[name], err_msg=f"{name}, {steps} steps")


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("steps", [K - 1, K, K + 1, K + 2, 2 * K + 2, 3 * K + 5])
def test_graphs_compute_what_steps_do(steps: int, dtype: str, seen: Seen) -> None:
    for lengths in (None, np.array([steps, steps // 2])):
        agree("lstm", dtype, steps, lengths)
    assert bool(seen.graphs) == (steps >= K + 2)


@needs_compiler
@pytest.mark.parametrize("example", list(CELLS)[1:])
def test_all_loops_are_captured(example: str, seen: Seen) -> None:
    agree(example, "float32", 2 * K + 3, np.array([2 * K + 3, K]) if example.startswith("bidir") else None)
    count = text_of(example).count("launch.steps(")
    assert count >= 3
    assert len(seen.graphs) == count
    assert "in range(T)" not in text_of(example)


@needs_compiler
def test_loops_of_stretches_are_captured(seen: Seen) -> None:
    """Steps that run again backward: each stretch is a loop of the same steps."""
    source = read_source(EXAMPLES / "lstm.rnn")
    options = {"units": 3, "strategy": "step"}
    text = compile_source(source, None, options, target="cuda", save=f"every={K + 2}").text
    modules = [load(text, "stretches", How(late=True)) for _ in range(2)]
    vars(modules[0])["_CAPTURED"] = K
    lengths = np.array([2 * K + 5, K])
    found, expected = (everything(module, "float32", 2 * K + 5, lengths) for module in modules)
    for name, array in found.items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)
    assert seen.graphs


@needs_compiler
def test_products_that_want_copies_are_launched(seen: Seen) -> None:
    """What is copied for a product has no fixed address: such a loop goes as it can."""
    options = {"n": 3, "m": 2}
    made = compile_source(Source("turned.rnn", TURNED), None, {**options, "strategy": "step"}, target="cuda")
    assert all("a product needs copies of its operands" in remark.message for remark in remarks(loops(made.emitted)))
    module = load(made.text, "turned", How(late=True))
    vars(module)["_CAPTURED"] = K
    judge = load(compile_source(Source("turned.rnn", TURNED), None, options, target="numpy").text, "turned")
    expected = everything(judge, "float64", 2 * K, np.array([2 * K, 3]))
    for name, array in everything(module, "float64", 2 * K, np.array([2 * K, 3])).items():
        np.testing.assert_allclose(array, expected[name], atol=1e-12, err_msg=name)
    assert not seen.graphs


@needs_compiler
def test_neither_graphs_nor_single_launches_grow_with_time(seen: Seen) -> None:
    module = loaded("lstm")
    params, _ = given(module, "float32", 1)
    packed = module.pack(params)
    module.forward(packed, given(module, "float32", 1)[1])  # weights are prepared once
    found: list[Seen] = []
    for graphs in (2, 5, 20):
        steps = graphs * K + 2
        _, inputs = given(module, "float32", steps)
        seen.launches, seen.replays = 0, 0
        seen.graphs.clear()
        vars(module)["_GRAPHS"].__dict__.clear()  # what an earlier call captured, too, would do
        module.forward(packed, inputs)
        assert seen.replays == graphs
        assert seen.graphs == [2 * K]  # one product and one kernel for each step
        found.append(Seen(seen.launches - seen.replays))
    assert found[0] == found[1] == found[2]


@needs_compiler
def test_a_train_step_is_one_product_and_one_kernel(seen: Seen) -> None:
    module = loaded("lstm")
    params, inputs = given(module, "float32", K + 2)
    module.forward_train(params, inputs)
    assert seen.graphs == [2 * K]


def adding(module: ModuleType, x: Any, y: Any, count: int) -> None:
    """A loop whose steps multiply `x` by the identity into `y`."""
    launch, identity = module._launcher(np.dtype("float32")), np.eye(3, dtype=np.float32)

    def step(launch: Any, t: Any, x: Any, t_next: Any, y: Any) -> None:
        launch.product(x, identity, y)

    launch.steps(count, step, (x,), (y,))


def test_a_graph_serves_again_where_all_addresses_are_the_same(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    module = loaded("lstm")
    identity = np.eye(3, dtype=np.float32)
    monkeypatch.setattr(np, "eye", lambda *_, **__: identity)
    x, y = np.ones((2, 3), np.float32), np.zeros((2, 3), np.float32)
    for _ in range(3):
        adding(module, x, y, K + 2)
    assert len(seen.graphs) == 1
    others = [np.ones((2, 3), np.float32) for _ in range(40)]
    for other in others:
        adding(module, other, y, K + 2)
    assert len(seen.graphs) == 41
    assert all((other == y).all() for other in others)
    kept = next(iter(module._GRAPHS.of.values())).kept
    assert len(kept) == module._KEPT


@needs_compiler
def test_calls_of_many_threads() -> None:
    module = loaded("lstm")
    params, inputs = given(module, "float32", 2 * K + 3)
    expected = module.forward(params, inputs)[0]
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: module.forward(params, inputs)[0], range(8)):
            np.testing.assert_array_equal(found, expected)


@needs_compiler
def test_the_streams_wait_for_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """That ours is waited for, late streams show in all other tests."""
    module, told = loaded("lstm"), list[tuple[str, bool]]()
    params, inputs = given(module, "float32", K + 2)

    def log(name: str) -> None:
        method = getattr(Stream, name)

        def logged(stream: Stream, *arguments: Any) -> Any:
            told.append((name, stream.ptr == 0))
            return method(stream, *arguments)

        monkeypatch.setattr(Stream, name, logged)

    for name in ("record", "wait_event", "begin_capture"):
        log(name)
    module.forward(params, inputs)
    before, after = [("record", True), ("wait_event", False)], [("record", False), ("wait_event", True)]
    assert told == [*before, ("begin_capture", False), *after]


@needs_compiler
@pytest.mark.parametrize("broken", ["capture", "library", "product"])
def test_what_cannot_be_captured_is_launched(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = loaded("lstm")
    params, inputs = given(module, "float32", 2 * K + 3)
    expected = module.forward(params, inputs)[0]
    module = loaded("lstm")

    def refuse(*_: Any) -> Any:
        raise OSError("not on this device")

    if broken == "capture":
        monkeypatch.setattr(Stream, "begin_capture", refuse)
    elif broken == "library":
        monkeypatch.setattr(cublas.Ctypes, "CDLL", refuse)
    else:
        module.cp.cuda.cublas.library.cublasGemmEx = lambda *_: 15
    with pytest.warns(UserWarning, match="captured") as told:
        found = module.forward(params, inputs)[0]
    said = [str(one.message) for one in told]
    assert any(one.startswith("no captured graphs, every step is launched on its own: ") for one in said)
    alone = any(one.startswith("products are CuPy's, which cannot be captured: ") for one in said)
    assert alone == (broken != "capture")
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(module.forward(params, inputs)[0], expected)  # without another word


@needs_compiler
def test_within_a_capture_of_the_caller(seen: Seen) -> None:
    """There is no capture in it: all launches are part of the caller's graph."""
    module = loaded("lstm")
    params, inputs = given(module, "float32", 2 * K + 3)
    packed = module.pack(params)
    with module.cp.cuda.Stream(non_blocking=True) as stream:
        stream.begin_capture()
        before = seen.launches
        module.forward(packed, inputs)
        assert seen.launches == before
        graph = stream.end_capture()
    assert seen.graphs == [len(graph)]
    assert len(graph) > 2 * (2 * K + 3)


@needs_compiler
def test_no_kernel_is_launched_that_waits_for_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a capture refuses is refused here, so a copy to the host in a step would be told."""
    module = loaded("lstm")
    params, inputs = given(module, "float32", K + 2)
    call = RawKernel.__call__

    def looking(kernel: RawKernel, grid: Any, block: Any, args: Any, **how: Any) -> None:
        if module.cp.cuda.get_current_stream().is_capturing():
            module.cp.asnumpy(args[0])
        call(kernel, grid, block, args, **how)

    monkeypatch.setattr(RawKernel, "__call__", looking)
    with pytest.warns(UserWarning, match="not permitted when stream is capturing|was invalidated"):
        module.forward(params, inputs)
