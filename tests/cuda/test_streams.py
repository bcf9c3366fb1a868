"""One set of packed parameters on several streams, in several threads and in captures of the caller's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from threading import Barrier
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rnnc.compiler import compile_source
from rnnc.simulator.cupy_like import How
from rnnc.simulator.loader import load
from rnnc.simulator.streams import Event, Stream
from rnnc.syntax.source import read_source
from tests.cuda.support import needs_compiler

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PROGRAMS = ["forward", "step", "gradients"]


@lru_cache
def text() -> str:
    """A cell whose weights are put together before its loops."""
    return compile_source(read_source(EXAMPLES / "sru.rnn"), None, {}, target="cuda").text


def loaded(*, late: bool = True) -> ModuleType:
    """A module whose streams do nothing before they are waited for."""
    return load(text(), "sru", How(late=late))


def given(module: ModuleType) -> tuple[dict[str, Any], Any]:
    return module.init_params(seed=0, input=3, units=5), np.cos(np.arange(24, dtype="float32")).reshape(2, 4, 3)


def called(module: ModuleType, program: str, packed: Any, x: Any) -> Any:
    """An array that depends on what is prepared for a program."""
    if program == "step":
        return module.step(packed, x[:, 0])[0]
    if program == "forward":
        return module.forward(packed, x)[0]
    outputs, _, tape = module.forward_train(packed, x)
    return module.backward(packed, tape, np.ones_like(outputs))["x"]


def expected(program: str) -> Any:
    module = loaded(late=False)
    return np.array(called(module, program, *given(module)))


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """Events that streams have waited for."""
    waits, wait = list[Event](), Stream.wait_event
    monkeypatch.setattr(Stream, "wait_event", lambda self, event: (waits.append(event), wait(self, event)))
    return waits


@needs_compiler
@pytest.mark.parametrize("threads", [False, True])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_second_stream_waits_for_what_a_first_one_prepares(program: str, threads: bool, waits: list[Event]) -> None:
    module = loaded()
    params, x = given(module)
    packed = module.pack(params)
    first, second = (module.cp.cuda.Stream(non_blocking=True) for _ in range(2))

    def call(stream: Stream) -> Any:
        with stream:
            return called(module, program, packed, x)

    def apart(stream: Stream) -> Any:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(call, stream).result()

    results = [apart(stream) if threads else call(stream) for stream in (first, second)]
    second.synchronize()
    np.testing.assert_array_equal(results[1], expected(program))
    first.synchronize()
    np.testing.assert_array_equal(results[0], results[1])
    waited = len(waits)
    for stream in (first, second):
        call(stream)
    assert len(waits) == waited, "streams that are known to come later wait again"


@needs_compiler
def test_a_stream_waits_for_what_another_one_packs(waits: list[Event]) -> None:
    module = loaded()
    params, x = given(module)
    with module.cp.cuda.Stream(non_blocking=True):
        packed = module.pack(params)
        called(module, "forward", packed, x)
    assert not waits
    with module.cp.cuda.Stream(non_blocking=True):
        called(module, "step", packed, x)
    assert len(waits) == 1


@needs_compiler
def test_nothing_waits_for_parameters_that_are_not_packed(waits: list[Event]) -> None:
    module = loaded()
    params, x = given(module)
    for stream in (module.cp.cuda.Stream(non_blocking=True) for _ in range(2)):
        with stream:
            called(module, "gradients", params, x)
    assert not waits


@needs_compiler
def test_threads_prepare_at_once() -> None:
    """All get what one of them prepared, whole."""
    module = loaded(late=False)
    params, x = given(module)
    called(module, "forward", params, x)  # kernels are compiled
    packed, barrier = module.pack(params), Barrier(4)

    def work(_: int) -> Any:
        with module.cp.cuda.Stream(non_blocking=True):
            barrier.wait()
            return called(module, "forward", packed, x)

    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(work, range(4)):
            np.testing.assert_array_equal(found, expected("forward"))
    assert len(packed.prepared) == 1


@needs_compiler
@pytest.mark.parametrize("program", PROGRAMS)
def test_what_a_capture_prepares_is_its_own(program: str) -> None:
    module = loaded()
    params, x = given(module)
    called(module, program, params, x)
    packed = module.pack(params)
    with module.cp.cuda.Stream(non_blocking=True) as stream:
        stream.begin_capture()
        called(module, program, packed, x)
        stream.end_capture()
    assert not packed.prepared
    np.testing.assert_array_equal(called(module, program, packed, x), expected(program))


def captured(module: ModuleType, packed: Any, x: Any, stream: Stream) -> None:
    with stream:
        stream.begin_capture()
        try:
            called(module, "forward", packed, x)
        finally:
            stream.end_capture()


REFUSED = "a capture cannot wait for it: call once before, on the stream that captures"


@needs_compiler
@pytest.mark.parametrize("known", ["synchronize", "call"])
def test_a_capture_on_another_stream_than_the_preparing_one(known: str) -> None:
    """A capture cannot wait for an event from outside of it."""
    module = loaded()
    params, x = given(module)
    first, second = (module.cp.cuda.Stream(non_blocking=True) for _ in range(2))
    packed = module.pack(params)
    with first:
        called(module, "forward", packed, x)
    with pytest.raises(RuntimeError, match=REFUSED):
        captured(module, packed, x, second)
    if known == "synchronize":
        first.synchronize()
    else:
        with second:
            called(module, "forward", packed, x)
    captured(module, packed, x, second)


def test_a_capture_in_which_one_may_not_even_ask() -> None:
    module = loaded()
    packed = module.pack(given(module)[0])
    streams = [module.cp.cuda.Stream(non_blocking=True) for _ in range(2)]
    with streams[1]:
        packed.written.reach()
    for stream in streams:
        stream.begin_capture(module.cp.cuda.runtime.streamCaptureModeThreadLocal)
    with streams[0], pytest.raises(RuntimeError, match=REFUSED):
        packed.written.reach()
    with streams[1]:
        packed.written.reach()
        streams[1].end_capture()
