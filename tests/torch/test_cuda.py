"""`as_torch` of CUDA modules: with the simulator's CuPy on the CPU, and on a device where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

import rnnc.torch as bridge
from rnnc.compiler import compile_source
from rnnc.runtime import load_module
from rnnc.simulator.loader import load
from rnnc.syntax.source import read_source
from rnnc.torch import as_torch
from tests.torch.support import EXAMPLES, compiled, flat, normal, torch

SIZES = {"units": 4, "input": 3}
EXAMPLES_OF_BOTH_KINDS = ("lstm.rnn", "gru.rnn")  # kept as PyTorch has them, and under names of their own


def text(example: str) -> str:
    return compile_source(read_source(EXAMPLES / example), target="cuda").text


def check(example: str, module: Any) -> None:
    """Values and gradients are those of the module of NumPy."""
    ours, theirs = (as_torch(each, dtype=torch.float64, **SIZES) for each in (module, compiled(example)))
    device = next(ours.parameters()).device
    x, x2 = normal(3, 5, 3, grad=False).to(device).requires_grad_(), normal(3, 5, 3)
    lengths = torch.tensor([5, 0, 2])
    results, results2 = flat(ours(x, lengths=lengths.to(device))), flat(theirs(x2, lengths=lengths))
    for found in (results, results2):
        sum((k + 1) * tensor.square().sum() for k, tensor in enumerate(found)).backward()
    pairs = [*zip(results, results2, strict=True), (x.grad, x2.grad)]
    pairs += [(a.grad, b.grad) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True)]
    for got, expected in pairs:
        assert got.device == device
        torch.testing.assert_close(got.cpu(), expected, rtol=0, atol=1e-10)


@pytest.mark.skipif(shutil.which("g++") is None, reason="kernels run on the CPU by g++")
@pytest.mark.parametrize("example", EXAMPLES_OF_BOTH_KINDS)
def test_kernels_on_the_cpu(example: str) -> None:
    check(example, load(text(example), example.removesuffix(".rnn")))


@pytest.mark.parametrize("version", [13, 14])
def test_the_stream_of_pytorch_is_cupys(version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what each version of CuPy has for it: the older way warns in the newer one."""
    told = list[Any]()

    @contextmanager
    def noted(*what: Any) -> Generator[None]:
        told.append(what)
        yield

    newer = {"from_external": lambda stream: noted("stream", stream.__cuda_stream__())} if version == 14 else {}
    stream = SimpleNamespace(**newer)
    cuda = SimpleNamespace(Device=partial(noted, "device"), Stream=stream, ExternalStream=partial(noted, "pointer"))
    monkeypatch.setattr(bridge, "import_module", lambda _: SimpleNamespace(cuda=cuda))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: SimpleNamespace(cuda_stream=device.index + 70))
    with bridge._current(SimpleNamespace(type="cuda", index=1)):
        assert told == [("device", 1), ("stream", (0, 71)) if version == 14 else ("pointer", 71)]


@pytest.mark.gpu
@pytest.mark.parametrize("example", EXAMPLES_OF_BOTH_KINDS)
def test_on_a_device(example: str) -> None:
    """On another stream than the default one too."""
    if not torch.cuda.is_available():
        pytest.skip("this PyTorch knows no CUDA")
    module = load_module(text(example), example.removesuffix(".rnn"))
    check(example, module)
    with torch.cuda.stream(torch.cuda.Stream()):
        check(example, module)
    with pytest.raises(ValueError, match=r"the parameters are on cpu, and a module for cuda computes on cuda: \.to"):
        as_torch(module, **SIZES).cpu()(normal(2, 3, 3, dtype=torch.float32))
    with torch.autocast("cuda", dtype=torch.bfloat16):
        y, _ = as_torch(module, **SIZES)(normal(2, 3, 3, grad=False).to("cuda", torch.bfloat16))
    assert y.dtype == torch.float32
