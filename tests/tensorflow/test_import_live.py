"""`rnnc import` of calls that nobody recorded: the description computes what `tf.compat.v1` computes here and now."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call
from rnnc.verify.commands import verify_against

SCRIPT = Path(__file__).parent / "record_calls.py"


def dynamic(cell: str) -> str:
    lines = f"cell = {cell}\noutputs, final_state = tf.nn.dynamic_rnn(cell, x, sequence_length=seq, dtype=dtype)"
    return lines.replace("rnn_cell", "tf.nn.rnn_cell")


BOTH = """fw = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.GRUCell(4), tf.nn.rnn_cell.LSTMCell(3)])
bw = tf.nn.rnn_cell.ResidualWrapper(tf.nn.rnn_cell.LSTMCell(2, num_proj=4))
outputs, final_state = tf.nn.bidirectional_dynamic_rnn(fw, bw, x, sequence_length=seq, dtype=dtype)
outputs = tf.concat(outputs, axis=-1)"""
ONE = """cell = tf.nn.rnn_cell.GRUCell(4)
outputs, final_state = tf.nn.bidirectional_dynamic_rnn(cell, cell, x, sequence_length=seq, dtype=dtype)
outputs = tf.concat(outputs, axis=-1)"""
STATIC = """Cell = tf.nn.rnn_cell.BasicLSTMCell
cells = [Cell(n, forget_bias=0.5, activation=tf.nn.softsign) for n in [4, 3]]
cell = tf.nn.rnn_cell.MultiRNNCell(cells + [tf.nn.rnn_cell.BasicRNNCell(2, tf.nn.elu)])
outputs, final_state = tf.nn.static_rnn(cell, tf.unstack(x, axis=1), dtype=dtype, scope='encoder')
outputs = tf.stack(outputs, axis=1)"""

# The width of the input, and the lines.
TEXTS = [
    (5, dynamic("rnn_cell.LSTMCell(4, True, 0.5, None, 3, 0.2, 2, 2, 0.3, True, tf.nn.relu)")),
    (5, dynamic("rnn_cell.LSTMCell(4, name='encoder', num_proj=3)")),
    (5, dynamic("rnn_cell.MultiRNNCell([rnn_cell.GRUCell(4, tf.nn.relu), rnn_cell.GRUCell(4, name='second')])")),
    (4, dynamic("rnn_cell.MultiRNNCell([rnn_cell.ResidualWrapper(rnn_cell.GRUCell(4)), rnn_cell.LSTMCell(3)])")),
    (4, dynamic("rnn_cell.ResidualWrapper(rnn_cell.MultiRNNCell([rnn_cell.LSTMCell(3), rnn_cell.GRUCell(4)]))")),
    (4, dynamic("rnn_cell.DropoutWrapper(rnn_cell.ResidualWrapper(rnn_cell.BasicRNNCell(4)))")),
    (4, dynamic("rnn_cell.MultiRNNCell([rnn_cell.DeviceWrapper(rnn_cell.GRUCell(4), '/cpu:0')] * 3)")),
    (4, BOTH),
    (4, ONE),
    (5, STATIC),
]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of recordings, one per text."""
    pytest.importorskip("tensorflow")
    pytest.importorskip("tf_keras")
    folder = tmp_path_factory.mktemp("recorded")
    texts = folder / "texts.json"
    texts.write_text(json.dumps(TEXTS))
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, str(SCRIPT), str(texts), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_the_description_computes_what_tensorflow_does(number: int, recorded: Path) -> None:
    text = import_call(Source("<call>", TEXTS[number][1])).text
    report = verify_against(Source("<text>", text), recorded / f"{number}.npz")
    assert report.passed, report.failures
