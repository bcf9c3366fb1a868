"""PyTorch on the same card: `nn.LSTM` and `nn.GRU` (cuDNN), and a compiled loop of plain steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.device.case import Case, Contender, Mode, NotThere
from benchmarks.device.rounding import is_asked_for, stored
from benchmarks.device.steps import PLAIN, State

UNROLLED = 128  # steps: torch.compile writes a loop out, and takes minutes for longer ones


def the_torch() -> Any:
    """The library, which rounds where the row says so. Raises NotThere."""
    try:
        import torch
    except ImportError:
        raise NotThere("PyTorch is not installed") from None
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = is_asked_for()
    return torch


def layer(case: Case) -> Contender:
    """The layer of the library."""
    torch, row = the_torch(), case.row
    if row.cell not in ("LSTM", "GRU"):
        raise NotThere("cuDNN has no such cell")
    make = getattr(torch.nn, row.cell)
    found = make(row.input, row.units, num_layers=row.layers, bidirectional=row.both)
    named = case.module.to_layout("torch", case.params)
    found.load_state_dict({name: torch.from_numpy(_host(case, array)) for name, array in named.items()})
    x, d_outputs = tensors(case)
    found = found.to(x.device, x.dtype)
    weights = list(found.parameters())

    def note() -> str:
        return _kernels(lambda: found(x))

    return torch_contender("torch.nn (cuDNN)", lambda given: found(given)[0], weights, x, d_outputs, note)


def compiled(case: Case, how: Callable[..., Any] | None = None) -> Contender:
    """A loop of plain steps under torch.compile."""
    torch, row = the_torch(), case.row
    if row.cell not in PLAIN or row.layers > 1 or row.both:
        raise NotThere("its loop is not written")
    if row.time > UNROLLED:
        raise NotThere(f"torch.compile unrolls loops: up to {UNROLLED} steps")
    plain = PLAIN[row.cell]
    x, d_outputs = tensors(case)
    weights = {
        name: torch.from_numpy(np.ascontiguousarray(array)).to(x.device, x.dtype).requires_grad_()
        for name, array in plain.weights(case.params).items()
    }

    def loop(given: Any) -> Any:
        z = given @ weights["x"] + weights["b"]
        state: State = (z.new_zeros(row.batch, row.units),) * plain.states
        outputs: list[Any] = []
        for t in range(row.time):
            state, y = plain.step(_TorchOps, z[t], state, weights)
            outputs.append(y)
        return torch.stack(outputs)

    ready = (how or torch.compile)(loop)
    return torch_contender("torch.compile", ready, list(weights.values()), x, d_outputs, lambda: "")


class _TorchOps:
    @staticmethod
    def sigmoid(x: Any) -> Any:
        return x.sigmoid()

    @staticmethod
    def tanh(x: Any) -> Any:
        return x.tanh()

    @staticmethod
    def split(x: Any, parts: int) -> Any:
        return x.chunk(parts, -1)

    @staticmethod
    def exp(x: Any) -> Any:
        return x.exp()

    @staticmethod
    def log_sigmoid(x: Any) -> Any:
        return the_torch().nn.functional.logsigmoid(x)

    @staticmethod
    def maximum(a: Any, b: Any) -> Any:
        return a.maximum(b)

    @staticmethod
    def mean(x: Any) -> Any:
        return x.mean(-1, keepdim=True)


def torch_contender(
    name: str, run: Callable[[Any], Any], weights: list[Any], x: Any, d_outputs: Any, note: Callable[[], str]
) -> Contender:
    """A function of PyTorch as a contender; training asks for the gradients of the input and of all weights."""
    torch = the_torch()
    leaf = x.detach().clone().requires_grad_()

    def forward() -> Any:
        with torch.no_grad():
            return run(x)

    def train() -> Any:
        outputs = run(leaf)
        return outputs, torch.autograd.grad(outputs, [leaf, *weights], d_outputs)

    def results(mode: Mode, found: Any) -> dict[str, Any]:
        outputs, more = (found, {}) if mode == "forward" else (found[0], {"x": found[1][0]})
        arrays = {"outputs": outputs, **more}
        return {key: tensor.detach().double().cpu().numpy() for key, tensor in arrays.items()}

    return Contender(name, forward, train, results, "torch", note)


def tensors(case: Case) -> tuple[Any, Any]:
    """Input and cotangent in the dtype of the row."""
    torch = the_torch()
    dtype = getattr(torch, stored(case.row.dtype))
    return torch.from_dlpack(case.x).to(dtype), torch.from_dlpack(case.d_outputs).to(dtype)


def _host(case: Case, array: Any) -> Any:
    return np.array(case.arrays.asnumpy(array))


def _kernels(call: Callable[[], Any]) -> str:
    """The kernels that take most of a call, so that one sees which algorithm a library has taken."""
    torch = the_torch()
    if not torch.cuda.is_available():
        return ""
    with torch.no_grad(), torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        call()
        torch.cuda.synchronize()
    events = sorted(profile.key_averages(), key=lambda event: -event.device_time_total)
    return "; ".join(f"{event.count} x {event.key[:60]}" for event in events[:2])
