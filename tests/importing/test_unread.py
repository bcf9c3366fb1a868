"""Layers whose results nobody reads: descriptions have none of them, and layouts say so of the arrays in files."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from rnnc.compiler import check
from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call
from tests.importing import live
from tests.importing.test_models import RNN_ONLY, TOLERANCE, X, needs_torch, net

TWO = "self.rnn = nn.{}(n, h, num_layers=2, batch_first=True{})"
UNREAD = {
    "an upper layer": net(TWO.format("GRU", ""), "y, s = self.rnn(x)\nreturn s[0]"),
    "an upper layer of both directions": net(
        TWO.format("LSTM", ", bidirectional=True, dropout=0.5"), "y, (s, c) = self.rnn(x)\nreturn torch.cat([s[0], "
        "c[1]], 1)"
    ),
    "a state of the lower layer, to another": net(
        f"{TWO.format('GRU', '')}\nself.b = nn.GRU(n, h, batch_first=True)",
        "y, s = self.rnn(x)\nz, s = self.b(x, s[:1])\nreturn z",
    ),
    "a norm": net(f"{RNN_ONLY}\nself.norm = nn.LayerNorm(h)", "y, s = self.rnn(x)\ny = self.norm(y)\nreturn s[0]"),
    "layers that are not called": net(
        f"{RNN_ONLY}\nself.table = nn.Embedding(9, 3)\nself.spare = nn.LSTM(h, 2, num_layers=2, bidirectional=True)\n"
        "self.more = nn.ModuleList([nn.Linear(7, 2, bias=False)])\n"
        "self.row = nn.Sequential(nn.Linear(h, 2), nn.ReLU())\n"
        "self.cell = nn.LSTMCell(3, 4)\nself.many = nn.LayerNorm([5])\nself.last = nn.Softmax(-1)",
        "return self.rnn(x)[0]",
    ),
}  # fmt: skip


@needs_torch
@pytest.mark.parametrize("name", UNREAD)
def test_a_file_of_the_whole_model_fits(name: str) -> None:
    assert live.torch_error(UNREAD[name], {"x": X}) < TOLERANCE


@needs_torch
@pytest.mark.parametrize("name", UNREAD)
def test_what_is_written_has_all_arrays(name: str) -> None:
    import_module("torch")
    names: dict[str, Any] = {}
    exec(UNREAD[name], names)
    module = live.module_of(UNREAD[name])
    found = module.to_layout("torch", module.init_params(input=3))
    assert {key: array.shape for key, array in found.items()} == {
        key: tuple(array.shape) for key, array in names["model"].state_dict().items()
    }


def test_no_line_is_left_that_nothing_reads() -> None:
    for text in UNREAD.values():
        found = import_call(Source("<call>", text)).text
        assert check(Source("<text>", found)) == []
    assert "use layer2" not in import_call(Source("<call>", UNREAD["an upper layer"])).text


def test_layers_of_tensorflow_below_which_a_state_is_read() -> None:
    text = (
        "cell = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.LSTMCell(2), tf.nn.rnn_cell.GRUCell(3)])\n"
        "outputs, state = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)\nlogits = tf.layers.dense(state[0].c, 4)"
    )
    found = import_call(Source("<call>", text)).text
    assert "GRU(3)" not in found
    assert '"rnn/multi_rnn_cell/cell_1/gru_cell/gates/kernel" = unused([5, 6])' in found
    assert check(Source("<text>", found)) == []


@pytest.mark.parametrize(
    "spare",
    ["Conv1d(3, 4, 2)", "BatchNorm1d(4)", "PReLU()", "MultiheadAttention(4, 2)", "LayerNorm(4, bias=False)",
     "Parameter(torch.zeros(4))"],
)  # fmt: skip
def test_spare_layers_whose_arrays_nobody_knows_are_told(spare: str) -> None:
    text = (
        "import torch\nfrom torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.rnn = nn.LSTM(3, 4, batch_first=True)\n"
        f"        self.aux, self.drop, self.lin = nn.{spare}, nn.Dropout(0.5), nn.Linear(4, 4)\n"
        "    def forward(self, x):\n        return self.rnn(x)[0]\n"
    )
    told = [line for line in import_call(Source("<call>", text)).remarks if "is not in the layout" in line]
    assert len(told) == 1
    assert "`aux`" in told[0]
    assert "--without 'aux.*'" in told[0]
