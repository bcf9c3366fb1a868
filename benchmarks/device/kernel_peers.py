"""Libraries of hand-written kernels for PyTorch, where they install: FlashRNN and Haste."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.device.case import Case, Contender, NotThere
from benchmarks.device.rounding import TF32
from benchmarks.device.steps import PLAIN
from benchmarks.device.torch_peers import tensors, the_torch, torch_contender


def flash_rnn(case: Case) -> Contender:
    """FlashRNN's LSTM in one kernel, which gets the input product; its gates i, f, z, o are our i, f, j, o."""
    torch, row = the_torch(), case.row
    if row.cell != "LSTM" or row.layers > 1 or row.both:
        raise NotThere("FlashRNN has no such network among those compared")
    if row.dtype == TF32:
        raise NotThere("FlashRNN is not told to round")
    flashrnn = _imported("flashrnn").flashrnn
    plain = PLAIN[row.cell].weights(case.params)
    x, d_outputs = tensors(case)

    def tensor(array: Any) -> Any:
        return torch.from_numpy(np.ascontiguousarray(array)).to(x.device, x.dtype).requires_grad_()

    gates = plain["h0"].reshape(row.units, 4, row.units)
    weight = tensor(plain["x"])
    recurrent = tensor(gates.transpose(1, 2, 0)[:, None])  # [gate, head, to, from]
    bias = tensor(plain["b"].reshape(4, 1, row.units))

    def run(given: Any) -> Any:
        z = (given @ weight).reshape(row.time, row.batch, 4, 1, row.units).transpose(0, 1)
        states, _ = flashrnn(z, recurrent, bias, function="lstm", backend="cuda_fused", dtype=row.dtype)
        return states[0, :, :, 0].transpose(0, 1)  # of [state, batch, time, head, unit]

    return torch_contender("FlashRNN", run, [weight, recurrent, bias], x, d_outputs, lambda: "")


def haste(case: Case) -> Contender:
    """Haste's LSTM, whose gates are i, g, f, o."""
    torch, row = the_torch(), case.row
    if row.cell != "LSTM" or row.layers > 1 or row.both:
        raise NotThere("Haste has no such network among those compared")
    if row.dtype != "float32":
        raise NotThere("Haste has float32 and float64")
    layer = _imported("haste_pytorch").LSTM(row.input, row.units)
    plain = PLAIN[row.cell].weights(case.params)
    x, d_outputs = tensors(case)
    with torch.no_grad():
        for name, key in (("kernel", "x"), ("recurrent_kernel", "h0"), ("bias", "b")):
            i, f, j, o = np.split(plain[key], 4, axis=-1)
            getattr(layer, name).copy_(torch.from_numpy(np.concatenate([i, j, f, o], axis=-1)))
    layer = layer.to(x.device)
    return torch_contender("Haste", lambda given: layer(given)[0], list(layer.parameters()), x, d_outputs, lambda: "")


def _imported(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise NotThere(f"{name} is not installed") from error
