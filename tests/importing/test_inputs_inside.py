"""What a cell inside takes, those around it take too: images, whole numbers, as many numbers as it has itself."""

from __future__ import annotations

import pytest

import rnnc
from rnnc.compiler import model_of
from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call

IMAGE = "tf.contrib.rnn.Conv1DLSTMCell(input_shape=[4, 2], output_channels=2, kernel_shape=[3])"
GRU = "tf.nn.rnn_cell.GRUCell(5)"
TOKEN = f"tf.contrib.rnn.EmbeddingWrapper({GRU}, 6, 2)"
AROUND = {
    "tf.nn.rnn_cell.DropoutWrapper(CELL, output_keep_prob=0.5)": (IMAGE, TOKEN),
    "tf.nn.rnn_cell.ResidualWrapper(CELL)": (IMAGE,),
    "tf.nn.rnn_cell.MultiRNNCell([CELL, CELL])": (IMAGE,),
    "tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.DropoutWrapper(CELL, output_keep_prob=0.5)])": (IMAGE, TOKEN),
    "tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.ResidualWrapper(CELL), CELL])": (IMAGE,),
    "tf.contrib.rnn.OutputProjectionWrapper(CELL, 3)": (TOKEN,),
    "tf.nn.bidirectional_dynamic_rnn(CELL, CELL, x)": (IMAGE, TOKEN),
}


@pytest.mark.parametrize(("around", "cell"), [(around, cell) for around, cells in AROUND.items() for cell in cells])
def test_images_and_whole_numbers_reach_the_cell(around: str, cell: str) -> None:
    text = import_call(Source("<call>", around.replace("CELL", cell))).text
    assert rnnc.check(text) == []
    (port,) = model_of(Source("<text>", text)).inputs
    assert (port.type.rank, port.type.dtype.value) == ((2, "float") if cell is IMAGE else (0, "int"))


def test_a_size_that_is_given_has_its_name_where_it_is_used() -> None:
    call = f"tf.contrib.rnn.AttentionCellWrapper(tf.nn.rnn_cell.ResidualWrapper({GRU}), 2)"
    text = import_call(Source("<call>", call)).text
    assert "  let input = 5\n  input x[input]\n" in text
    (port,) = model_of(Source("<text>", text)).inputs
    assert [size.constant for size in port.type.shape] == [5]
