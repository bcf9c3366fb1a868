"""`rnnc import`: where the call comes from, where the description goes, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import RunRnnc

CALL = "DropoutWrapper(BasicLSTMCell(4), 0.5, seed=3)"


def test_the_description_is_printed_and_remarks_are_said(rnnc: RunRnnc) -> None:
    found = rnnc("import", CALL)
    assert found.status == 0
    assert found.err == (
        "rnnc: `seed` of DropoutWrapper is left out: masks are drawn from the seed that a call is given\n"
    )
    assert "cell Dropout(inner: cell = BasicLSTM(4), input_keep = 0.5" in found.out


def test_it_can_be_written_and_used(rnnc: RunRnnc, tmp_path: Path) -> None:
    path = tmp_path / "made" / "cell.rnn"
    written = rnnc("import", CALL, "-o", path)
    assert (written.status, written.out) == (0, "")
    assert path.read_text() == rnnc("import", CALL).out
    assert rnnc("fmt", "--check", path).status == 0
    assert rnnc("check", path).status == 0
    assert "def forward(" in rnnc("compile", path).out


def test_the_call_comes_from_a_file_or_the_standard_input(rnnc: RunRnnc, tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text("import tensorflow as tf\ncell = tf.nn.rnn_cell.GRUCell(4)\ny, s = tf.nn.dynamic_rnn(cell, x)\n")
    assert rnnc("import", path).out.endswith("cell GRUCell = GRU(4)\n")
    assert rnnc("import", "-", stdin=b"GRUCell(4)").out == rnnc("import", "GRUCell(4)").out


def test_a_file_without_a_call_is_named_with_its_line(rnnc: RunRnnc, tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text("cell = GRUCell(4)\ncell = GRUCel(4)\n")
    found = rnnc("import", path)
    assert (found.status, found.out) == (1, "")
    assert f"{path}:2:8" in found.err


def test_what_cannot_be_imported_leaves_the_file_as_it_is(rnnc: RunRnnc, tmp_path: Path) -> None:
    path = tmp_path / "cell.rnn"
    path.write_text("kept")
    found = rnnc("import", "LSTMCell(4, activation=lambda v: tf.cumsum(v))", "-o", path)
    assert found.status == 1
    message = "a function of your own that is not read: `cumsum` of these arguments has no counterpart here"
    assert found.err.startswith(f"error[E606]: `activation` of LSTMCell is {message}\n --> <call>:1:24\n")
    assert path.read_text() == "kept"


NAMED_FOR, NAMED_GRU = (["GRUCell(4)", "--name", name] for name in ("for", "GRU"))


@pytest.mark.parametrize(
    "arguments", [[], ["GRUCell(4)", "GRUCell(4)"], ["GRUCell(4)", "--name", "a b"], NAMED_FOR, NAMED_GRU]
)
def test_a_wrong_command_line_is_2(rnnc: RunRnnc, arguments: list[str]) -> None:
    assert rnnc("import", *arguments).status == 2


def test_text_of_any_length_and_kind_is_no_file(rnnc: RunRnnc) -> None:
    for text in ("GRUCell(" + "4" * 5000 + ")", "\0", "a\nb(" * 3, "ü"):
        found = rnnc("import", text)
        assert (found.status, found.out) == (1, ""), text
        assert "error[E6" in found.err or "error[E10" in found.err
