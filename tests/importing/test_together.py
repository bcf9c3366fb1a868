"""What texts of PyTorch put together of final states, take apart, and compute along an axis; and what is refused."""

from __future__ import annotations

import pytest

from tests.importing import live
from tests.importing.test_dropped import refused, with_method
from tests.importing.test_models import TOLERANCE, X, needs_torch, net

TWO = "self.a = nn.GRU(n, h, 2, batch_first=True, bidirectional=True)\nself.f = nn.Linear(4 * h, 3)"
BOTH = "self.a = nn.GRU(n, h, batch_first=True, bidirectional=True)\nself.f = nn.Linear(h, 2)"
ONE = "self.a = nn.GRU(n, h, batch_first=True)\nself.f = nn.Linear(h, 2)"
PAIR = "self.a = nn.LSTM(n, h, 2, batch_first=True)\nself.f = nn.Linear(2 * h, 3)"
RUN = "y, s = self.a(x)\n"
INIT = """
for p in self.parameters():
    nn.init.uniform_(p, -0.1, 0.1)
for name, p in self.a.named_parameters():
    if 'weight' in name:
        nn.init.orthogonal_(p)
    elif 'bias' in name:
        k = p.size(0)
        p.data[k // 4:k // 2].fill_(1.0)
for m in self.modules():
    if isinstance(m, nn.Linear):
        nn.init.xavier_uniform_(m.weight)
        m.bias.data.zero_()"""
ORDERED = """
from collections import OrderedDict
self.q = nn.Sequential(OrderedDict([('one', nn.Linear(h, 5)), ('act', nn.ReLU()), ('two', nn.Linear(5, 2))]))"""

READ = {
    # final states
    "beside each other": net(TWO, f"{RUN}return self.f(s.permute(1, 0, 2).reshape(x.size(0), -1))"),
    "a view": net(TWO, f"{RUN}return self.f(s.transpose(0, 1).contiguous().view(-1, 16))"),
    "a view of as many rows": net(TWO, f"{RUN}return self.f(s.transpose(0, 1).reshape(s.size(1), -1))"),
    "as many rows as outputs": net(TWO, f"{RUN}return self.f(s.transpose(1, 0).reshape(y.size(0), -1))"),
    "flat": net(TWO, f"{RUN}return self.f(s.transpose(1, 0).flatten(1))"),
    "a sum": net(TWO, f"{RUN}return s.sum(0)"),
    "a mean": net(TWO, f"{RUN}return s.mean(dim=0)"),
    "of some": net(TWO, f"{RUN}return s[-2:].mean(0) + torch.sum(s[:2], 0) * s[1:3].sum(0) - s[1:][-1]"),
    "some beside each other": net(BOTH, f"{RUN}return s[-2:].transpose(0, 1).flatten(1)"),
    "taken apart": net(BOTH, f"{RUN}f, b = s\nreturn f - b"),
    "a tuple": net(TWO, f"{RUN}return self.f(torch.cat(tuple(s), 1))"),
    "a list": net(TWO, f"{RUN}return self.f(torch.cat([s[i] for i in range(4)], -1))"),
    "a list that grows": net(
        TWO, f"{RUN}parts = []\nfor each in s:\n    parts.append(each)\nreturn self.f(torch.cat(parts, dim=1))"
    ),
    "cells": net(PAIR, "y, (s, c) = self.a(x)\nreturn self.f(torch.cat(tuple(c), 1))"),
    "layers and directions": net(
        TWO, f"{RUN}s = s.view(2, 2, -1, self.a.hidden_size)\nl = s[-1]\nreturn torch.cat([l[0], l[1]], dim=-1)"
    ),
    "one direction of a layer": net(
        TWO, f"{RUN}s = s.view(self.a.num_layers, 2, x.size(0), 4)\nreturn s[-1, 0] - s[0, 1] * s[-1].sum(0)"
    ),
    # features
    "chunks": net(BOTH, f"{RUN}f, b = y.chunk(2, dim=2)\nreturn torch.cat([f[:, -1], b[:, 0]], 1)"),
    "chunks of a step": net(BOTH, f"{RUN}f, b = y[:, -1].chunk(2, 1)\nreturn f + b"),
    "parts": net(BOTH, f"{RUN}f, b = y.split(4, -1)\nreturn f * b"),
    "parts of other sizes": net(
        BOTH, f"{RUN}f, b = torch.split(y, [6, 2], dim=-1)\nreturn torch.cat([b, torch.tanh(f)], -1)"
    ),
    "a smaller last part": net(BOTH, f"{RUN}p, q, r = torch.split(y, 3, -1)\nreturn torch.cat([r, q, p], -1)"),
    "a field of a layer": net(BOTH, f"{RUN}d = self.a.hidden_size\nreturn y[..., :d] + y[..., d:]"),
    "how many features": net(BOTH, f"import math\n{RUN}return y / y.size(-1) ** 0.5 + y / math.sqrt(y.shape[-1])"),
    # steps
    "pooled": net(ONE, f"{RUN}z = y.permute(0, 2, 1)\nz = F.max_pool1d(z, z.size(2)).squeeze(2)\nreturn self.f(z)"),
    "pooled by name": net(ONE, f"{RUN}return F.avg_pool1d(y.transpose(1, 2), kernel_size=y.size(1)).squeeze(-1)"),
    "pooled to one": net(
        ONE,
        f"{RUN}z = y.transpose(1, 2)\nreturn (F.adaptive_max_pool1d(z, 1) + F.adaptive_avg_pool1d(z, 1)).squeeze(-1)",
    ),
    "turned around": net(ONE, "y, s = self.a(x.flip(1))\nreturn torch.flip(y, [1]) + y.flip(dims=[1])"),
    "an ellipsis": net(ONE, f"{RUN}return self.f(y[..., -1, :] + y[..., 0, :])"),
    # numbers
    "clamp": net(
        ONE,
        f"{RUN}z = y.clamp(min=0) + y.clamp(max=0.1) - y.clamp(-0.2) * torch.clamp(y, -0.1, 0.3)\n"
        "return z + torch.clamp(y, min=-0.2, max=0.1) + y.clamp_min(0.05) - torch.clamp_max(y, 0.1)",
    ),
    "products": net(ONE, f"{RUN}return torch.mul(y, y) - torch.sub(y, 0.5) * y.mul(2)"),
    "hardtanh": net(
        ONE, f"{RUN}return F.hardtanh(y, -0.2, 0.3) + F.hardtanh(y, min_val=-0.5, max_val=0.1) + F.hardtanh(5 * y)"
    ),
    # what models are made of
    "initial values": net(ONE + INIT, f"{RUN}return self.f(y)"),
    "initial values by a method": with_method(
        net(f"{ONE}\nself.reset()", f"{RUN}return self.f(y)"),
        "def reset(self):\n    for w in self.parameters():\n        w.data.uniform_(-1, 1)",
    ),
    "layers with names": net(ONE + ORDERED, f"{RUN}return self.q(y)"),
}


@needs_torch
@pytest.mark.parametrize("name", READ)
def test_a_text_computes_what_torch_does(name: str) -> None:
    assert live.torch_error(READ[name], {"x": X}) < TOLERANCE


BLOCK = "def block(n):\n    m = keras.Sequential()\n    m.add(keras.layers.GRU(n))\n    return m\n"
# What is marked is between « and ».
REFUSED = [
    (net(TWO, f"{RUN}return «s.reshape(x.size(0), -1)»"), "E606", "final states of several layers"),
    (net(TWO, f"{RUN}return «s.transpose(0, 1).reshape(x.size(1), -1)»"), "E606", "a row for each of the batch"),
    (net(TWO, f"{RUN}return «s.transpose(0, 1).reshape(-1, 8)»"), "E606", "a row for each of the batch"),
    (
        net(TWO.replace(", batch_first=True", ""), f"{RUN}return «s.transpose(0, 1).reshape(x.size(0), -1)»"),
        "E606",
        "a row for each of the batch",
    ),
    (net(TWO, f"{RUN}return «s.view(2, 2, -1, 3)»[-1]"), "E606", "final states of several layers"),
    (
        net(TWO, f"{RUN}s = s.view(2, 2, -1, 4)\nreturn (s + s)[-1, 0]".replace("(s + s)", "(«s + s»)")),
        "E606",
        "final states",
    ),
    (net(TWO, f"{RUN}return «s.view(2, 2, -1, 4).sum(0)»[0]"), "E606", "final states of several layers"),
    (
        net(
            TWO + "\nself.b = nn.GRU(n, h, 2, batch_first=True, bidirectional=True)",
            f"{RUN}return self.b(x, «s.transpose(0, 1)»)[0]",
        ),
        "E606",
        "what GRU begins with",
    ),
    (net(TWO, f"{RUN}return torch.cat(«s», 1)"), "E606", "final states of several layers"),
    (net(TWO, f"{RUN}return «torch.cat(3, 1)»"), "E606", "`torch.cat` is not read of these arguments"),
    (net(BOTH, f"{RUN}f, b = «y.chunk(2, 1)»\nreturn f + b"), "E606", "not the features"),
    (net(BOTH, f"{RUN}f, b = «y.chunk(2)»\nreturn f + b"), "E606", "not the features"),
    (net(BOTH, f"{RUN}a, b, c = «y.chunk(3, -1)»\nreturn a + b"), "E606", "not of one size"),
    (net(BOTH, "f, b, c = «x.split(1, 2)»\ny, s = self.a(f)\nreturn y"), "E606", "how many parts"),
    (net(ONE, f"{RUN}return «F.max_pool1d(y.transpose(1, 2), 2)»"), "E606", "over some of the steps"),
    (net(ONE, f"{RUN}return «F.max_pool1d(y.transpose(1, 2), y.size(2))»"), "E606", "over some of the steps"),
    (net(ONE, f"{RUN}return «F.max_pool1d(y, y.size(1))»"), "E606", "over some of the steps"),
    (net(ONE, f"{RUN}return «F.max_pool1d(y.transpose(1, 2), y.size(1), 1)»"), "E606", "an argument"),
    (net(ONE, f"{RUN}return «y.flip(2)»"), "E606", "turns the steps around"),
    (net(ONE, f"{RUN}return «y.flip(1, 2)»"), "E606", "turns the steps around"),
    (net(ONE, f"{RUN}return «y[..., -1]»"), "E606", "one feature"),
    (net(ONE, f"{RUN}return «y * x.size(2)»"), "E606", "`x.size(2)`, which is no number"),
    (net(ONE, f"{RUN}return «{{'y': y}}»"), "E602", "`Net` gives a dictionary"),
    (
        net(f"{ONE}\nfor p in «self.parameters()»:\n    self.count += 1", f"{RUN}return y"),
        "E602",
        "what this loop does",
    ),
    (
        net(ONE, f"for p in «self.parameters()»:\n    p.data.clamp_(-1, 1)\n{RUN}return y"),
        "E602",
        "what this loop does",
    ),
    (
        f"{BLOCK}model = keras.Sequential([«block(4)», keras.layers.Dense(1)])",
        "E602",
        "`block` does is not read",
    ),
]


@pytest.mark.parametrize(("marked", "code", "message"), REFUSED)
def test_what_is_not_read_is_refused_at_its_place(marked: str, code: str, message: str) -> None:
    refused(marked, code, message)
