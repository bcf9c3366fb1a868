"""Loops over the steps of a sequence that do what layers do by themselves, and those that do something else."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call
from tests.importing import live
from tests.importing.test_dropped import refused
from tests.importing.test_models import TOKENS, TOLERANCE, X, needs_torch, net

CELLS = """self.c = nn.GRUCell(n, h)
self.d = nn.LSTMCell(h, h)
self.e = nn.RNNCell(n, h, nonlinearity='relu')
self.f = nn.Linear(h, 2)
self.g = nn.Linear(n, n)
self.r = nn.ReLU(inplace=True)
self.h = h"""
ZEROS = "s = torch.zeros(x.size(0), self.h)\nq = x.new_zeros(x.shape[0], self.h)\nr = torch.zeros_like(q)\nout = []\n"
LOOP = f"{ZEROS}for t in range(x.size(1)):\n"
STEP = "    s = self.c(x[:, t], s)\n"
STACK = "return torch.stack(out, 1)"

READ = {
    "a cell": net(CELLS, f"{LOOP}{STEP}    out.append(s)\n{STACK}"),
    "two cells": net(
        CELLS,
        f"{LOOP}    s = self.c(self.g(x[:, t, :]), s)\n    q, r = self.d(torch.tanh(s), (q, r))\n"
        "    z = self.f(q) + 0.5\n    out += [z.unsqueeze(1)]\nreturn torch.cat(out, dim=1)",
    ),
    "the last step": net(
        CELLS,
        f"{ZEROS}b, n, _ = x.shape\nfor t in range(n):\n    x_t = x[:, t]\n    x_t = F.relu(x_t) * 2\n"
        "    s = self.c(x_t, s)\n    out.append(s)\nreturn self.f(out[-1] - s * 3)",
    ),
    "steps first": net(
        CELLS,
        "x = x.transpose(0, 1)\ns = torch.zeros(x.size(1), self.h)\nout = []\nfor t in range(x.size(0)):\n"
        "    s = self.c(x[t], s)\n    out.append(s)\nreturn torch.stack(out).transpose(0, 1)",
    ),
    "steps first in the end": net(
        CELLS,
        f"{LOOP}    s = self.e(x[:, t], s)\n    out.append(s.unsqueeze(0))\nout = torch.cat(out, dim=0)\n"
        "return out.transpose(0, 1).contiguous()",
    ),
    "no state": net(CELLS, f"s = None\nfor t in range(x.size(1)):\n{STEP}return self.f(s)"),
    "layers alone": net(
        "self.a = nn.GRU(n, h, batch_first=True)\nself.f = nn.Linear(h, 2)",
        "y, s = self.a(x)\nout = []\nfor k in range(y.size(1)):\n    out.append(self.f(y[:, k, :]))\n" + STACK,
    ),
}


@needs_torch
@pytest.mark.parametrize("name", READ)
def test_a_loop_computes_what_torch_does(name: str) -> None:
    assert live.torch_error(READ[name], {"x": X}) < TOLERANCE


@needs_torch
def test_a_loop_over_tokens_computes_what_torch_does() -> None:
    text = net(
        "self.e = nn.Embedding(20, n)\nself.c = nn.GRUCell(n, h)",
        "s = torch.zeros(x.size(0), 4)\nout = []\nfor t in range(x.size(1)):\n"
        "    s = self.c(self.e(x[:, t]), s)\n    out.append(s)\n" + STACK,
    )
    assert live.torch_error(text, {"x": TOKENS}) < TOLERANCE


def loop(body: str, after: str = STACK, head: str = ZEROS, turns: str = "range(x.size(1))") -> str:
    return net(CELLS, f"{head}for t in {turns}:\n{body}{after}", "x, v")


# What is refused, between « and », and why.
STATE = "the state that it has left in the step before"
OTHERS = {
    "a state that changes": (loop("    s = «self.c(x[:, t], s)»\n    s = s * 0.5\n    out.append(s)\n"), "changes the"),
    "a state that changes in place": (loop(f"{STEP}    out.append(«self.r(s)»)\n"), "`self.r` of these"),
    "what comes out goes in": (loop("    s = self.e(«y», s)\n    y = self.g(x[:, t])\n    out += [s]\n"), "`y` is"),
    "the step before": (loop("    s = self.c(«x[:, t - 1]», s)\n    out.append(s)\n"), "no step `t` of a sequence"),
    "a state read before": (loop(f"    out.append(«s»)\n{STEP}"), "`s` is read before this step"),
    "states the other way round": (loop("    q, r = «self.d(s, (r, q))»\n    out.append(q)\n"), STATE),
    "a state that stays": (loop("    z = «self.c(x[:, t], s)»\n    out.append(z)\n"), STATE),
    "along an axis": (loop(f"{STEP}    out.append(«F.softmax(s, 1)»)\n"), "`F.softmax` of these arguments"),
    "side by side": (loop(f"{STEP}    out.append(«torch.cat([s, s], 1)»)\n"), "`torch.cat` of these arguments"),
    "a condition": (loop(f"{STEP}    if «t > 2»:\n        out.append(s)\n"), "no other statement"),
    "from the second step on": (loop(f"{STEP}    out.append(s)\n", turns="«range(1, x.size(1))»"), ""),
    "backwards": (loop(f"{STEP}    out.append(s)\n", turns="«reversed(range(x.size(1)))»"), ""),
    "a row": (loop("    s = self.c(«x[t]», s)\n    out.append(s)\n"), "another axis is counted"),
    "another array": (loop("    s = self.c(«x[:, t]», s)\n    out += [s]\n", turns="range(v.size(1))"), "of another"),
    "a list that holds something": (loop(f"{STEP}    out.append(«s»)\n", head=f"{ZEROS}out = [s]\n"), "no list that"),
    "a state of a layer": (
        loop("    s = self.c(x[:, t], «s»)\n    out.append(s)\n", head="s = self.g(x[:, 0])\nout = []\n"),
        "neither None nor zeros",
    ),
    "the number of the step": (loop(f"{STEP}    out.append(s * «t»)\n"), "the number of the step"),
    "a keyword": (loop("    s = «self.c(x[:, t], hx=s)»\n    out.append(s)\n"), "on a step and on its state"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_loops_are_refused_with_help(name: str) -> None:
    marked, why = OTHERS[name]
    refused(marked, "E602", f"a loop over the steps of a sequence is not read{': ' if why else ''}")
    refused(marked, "E602", why)


@needs_torch
def test_what_is_put_together_has_the_steps_of_its_parts() -> None:
    run = "z, _ = self.a(x)\nx = torch.cat([self.g(x), {}], -1)\n" + LOOP.replace("x.size(1)", "n") + "{}" + STACK
    cells = (
        "self.a = nn.GRU(n, n, batch_first=True)\nself.g = nn.Linear(n, n)\nself.h = h\nself.c = nn.GRUCell(2 * n, h)"
    )
    told = "n = x.shape[1]\n" + run.format("z", f"{STEP}    out.append(s)\n")
    assert live.torch_error(net(cells, told), {"x": X}) < TOLERANCE
    row = "z, _ = self.a(v)\nx = x * z[:, -1].unsqueeze(1)\n" + LOOP.replace("x.size(1)", "v.size(1)")
    marked = row + "    s = self.c(«x[:, t]», s)\n    out.append(s)\n" + STACK
    refused(net(cells, marked, "x, v"), "E606", "the steps of another array are counted")


TWO = f"{ZEROS}out = ys = []\n"
BEHIND = [
    (net(CELLS, f"{TWO}for t in range(x.size(1)):\n{STEP}    out.append(s)\nreturn «torch.stack(ys, 1)»"),
     "E606", "`torch.stack` is not read"),
    (net(CELLS, f"{LOOP}    q, r = «self.d(x[:, t], (q, r))»\nreturn q + r"), "E606", "the final state `r`"),
    (net(CELLS, f"{LOOP}{STEP}    out.append(s)\nreturn «torch.stack(out, 2)»"), "E606", "along another axis"),
    (net(CELLS, f"{LOOP}{STEP}    out.append(s)\nreturn «torch.cat(out, 1)»"), "E606", "along another axis"),
    (net(CELLS, "s = torch.ones(2, 4)\nfor t in range(x.size(1)):\n    s = self.c(x[:, t], «s»)\nreturn s"),
     "E606", "what GRUCell begins with is not read"),
    (net(f"{CELLS}\nself.a = nn.GRU(n, n, batch_first=True)",
         "x = nn.utils.rnn.pack_padded_sequence(x, n, batch_first=True)\ny, _ = self.a(x)\n"
         "y, n = nn.utils.rnn.pad_packed_sequence(y, batch_first=True)\ns = None\nfor t in range(y.size(1)):\n"
         "    s = self.c(«y[:, t]», s)\nreturn s", "x, n"), "E606", "behind the lengths of rows"),
    (net(CELLS, "return self.c(x, «self.f(x)»)"), "E606", "GRUCell begins with what layers give"),
]  # fmt: skip


@pytest.mark.parametrize(("marked", "code", "message"), BEHIND)
def test_what_loops_make_is_read_as_a_sequence_or_refused(marked: str, code: str, message: str) -> None:
    refused(marked, code, message)


@needs_torch
def test_a_cell_is_given_its_state_by_the_module() -> None:
    text = net(CELLS, "s = s.reshape(-1, self.h)\nreturn self.f(self.c(x, s))", "x, s")
    said = import_call(Source("<call>", text)).remarks
    assert any("what GRUCell begins with, `s`" in each and "`state`" in each for each in said)
    torch = import_module("torch")
    names: dict[str, Any] = {}
    exec(text, names)
    model = names["model"]
    module = live.module_of(text)
    state = {name: tensor.double().numpy() for name, tensor in model.state_dict().items()}
    known = module.to_layout("torch", module.init_params(input=3))
    params = module.from_layout("torch", {name: state[name] for name in known})
    before = np.random.default_rng(5).standard_normal((2, 4))
    found, _ = module.step(params, X[:, 0], before)
    wanted = model.double()(torch.tensor(X[:, 0]), torch.tensor(before)).detach().numpy()
    assert np.max(np.abs(found - wanted)) < TOLERANCE
