"""Both directions of TensorFlow's layers: one object as both cells of a layer, states of one direction alone, and fused
layers that meet."""

from __future__ import annotations

import pytest

from rnnc.compiler import check, model_of
from rnnc.diagnostics import DiagnosticError, Source
from rnnc.importing.calls import Imported, import_call
from rnnc.importing.pieces.lowering import TWO


def imported(*lines: str) -> Imported:
    found = import_call(Source("<call>", "\n".join(lines)))
    assert check(Source("<text>", found.text)) == []
    return found


CELLS = "a = tf.nn.rnn_cell.GRUCell(2)", "b = tf.nn.rnn_cell.LSTMCell(3)", "c = tf.nn.rnn_cell.GRUCell(2)"
STACK = "y, s, t = tf.contrib.rnn.stack_bidirectional_dynamic_rnn({}, {}, x, dtype=dtype)"
LAYER = "stack_bidirectional_rnn/cell_{}/bidirectional_rnn/{}"


@pytest.mark.parametrize(
    ("fw", "bw", "scopes", "states"),
    [
        ("[a, b]", "[a, b]", ["0 fw", "1 fw"], ["f.h", "f2.c", "f2.h", "bw.h", "bw2.c", "bw2.h"]),
        (
            "[a, b]",
            "[a, c]",
            ["0 fw", "1 fw", "1 bw"],
            ["f.h", "y2.forward.c", "y2.forward.h", "bw.h", "y2.backward.h"],
        ),
        ("[a, b]", "[c, b]", ["0 fw", "0 bw", "1 fw"], ["y.forward.h", "f.c", "f.h", "y.backward.h", "bw.c", "bw.h"]),
    ],
)
def test_layers_of_one_cell_in_both_directions(fw: str, bw: str, scopes: list[str], states: list[str]) -> None:
    found = imported(*CELLS, STACK.format(fw, bw))
    assert found.remarks == ()
    model = model_of(Source("<text>", found.text))
    (layout,) = (each for each in model.layouts if each.name == "tf")
    assert not layout.missing
    assert list(layout.states) == states
    fronts = dict.fromkeys(array.name.rpartition("_cell/")[0].rpartition("/")[0] for array in layout.arrays)
    assert list(fronts) == [LAYER.format(*each.split()) for each in scopes]


def test_the_static_stack_has_scopes_of_its_own() -> None:
    driver = STACK.format("[a]", "[a]").replace("dynamic_rnn", "rnn").replace("x,", "tf.unstack(x, axis=1),")
    assert 'scope f = "stack_bidirectional_rnn/cell_0/fw"' in imported(*CELLS, driver).text


def test_one_cell_in_several_layers_is_an_error() -> None:
    with pytest.raises(DiagnosticError) as caught:
        imported(*CELLS, STACK.format("[a, a]", "[a, a]"))
    assert [(each.code, each.fix) for each in caught.value.diagnostics] == [("E606", TWO)]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("initial_state_fw=a", ["initial_state_bw"]),
        ("initial_state_bw=a", ["initial_state_fw"]),
        ("initial_state_fw=a, initial_state_bw=None", ["initial_state_bw"]),
        ("initial_state_fw=a, initial_state_bw=b", []),
        ("initial_state_fw=None", []),
    ],
)
def test_a_direction_that_is_given_no_state_is_told(given: str, told: list[str]) -> None:
    remarks = imported(f"y, s = tf.nn.bidirectional_dynamic_rnn(GRUCell(3), GRUCell(2), x, {given})").remarks
    what = "`{}` of bidirectional_dynamic_rnn is not given: give a module zeros for it, where it takes `state`"
    assert [each for each in remarks if "not given" in each] == [what.format(each) for each in told]


K = "tf.contrib.rnn."
FUSED = f"fw = {K}LSTMBlockFusedCell(2{{0}})", f"bw = {K}TimeReversedFusedRNN({K}LSTMBlockFusedCell(3{{1}}))"
RUN = "of, sf = fw(x, dtype=dtype)", "ob, sb = bw(x, dtype=dtype)"


def weights(found: Imported) -> list[str]:
    (layout,) = (each for each in model_of(Source("<text>", found.text)).layouts if each.name == "tf")
    assert not layout.missing
    return [array.name for array in layout.arrays]


@pytest.mark.parametrize(
    ("names", "scopes"),
    [
        ((", name='f'", ", name='b'"), ["f", "b"]),
        (("", ""), ["lstm_fused_cell", "lstm_fused_cell_1"]),
        ((", name='f'", ", name='f'"), ["f", "f_1"]),
    ],
)
@pytest.mark.parametrize(
    "end", [[], ["final_state = (sf, sb)"], ["final_state = sf, sb", "s = final_state"], ["s = [sf, (sb, sf)]"]]
)
def test_fused_layers_that_meet(names: tuple[str, str], scopes: list[str], end: list[str]) -> None:
    found = imported(*(line.format(*names) for line in FUSED), *RUN, "outputs = tf.concat([of, ob], 2)", *end)
    assert found.remarks == ()
    assert "v  = concat(y, y2)" in found.text
    assert weights(found) == [f"{scope}/{each}" for scope in scopes for each in ("kernel", "bias")]


def test_fused_layers_that_follow_each_other() -> None:
    found = imported(f"a = {K}LSTMBlockFusedCell(2)", f"b = {K}LSTMBlockFusedCell(3)", "y, s = a(x)", "z, t = b(y)")
    assert found.remarks == ()
    assert weights(found)[::2] == ["lstm_fused_cell/kernel", "lstm_fused_cell_1/kernel"]


def test_cells_in_fused_layers_stand_in_the_scope_of_a_driver() -> None:
    both = [f"{K}FusedRNNCellAdaptor(tf.nn.rnn_cell.BasicRNNCell(2, name='{name}'))" for name in "fb"]
    found = imported(f"fw = {both[0]}", f"bw = {K}TimeReversedFusedRNN({both[1]})", *RUN, "tf.concat([of, ob], 2)")
    assert weights(found) == [f"rnn/{name}/{each}" for name in "fb" for each in ("kernel", "bias")]


def test_a_fused_layer_that_is_not_reached_is_told() -> None:
    found = imported(*(line.format("", "") for line in FUSED), *RUN)
    assert list(found.remarks) == [f"left out: `{RUN[0]}`", f"the description ends with what `{RUN[1]}` gives"]


@pytest.mark.parametrize(
    "end", ["outputs = tf.stack(outs, axis=1)", "outputs = tf.stack(outs, axis=1)\nfinal_state = s"]
)
def test_a_cell_that_a_loop_steps(end: str) -> None:
    loop = "outs = []\nfor t in range(4):\n    o, s = cell(x[:, t], s)\n    outs.append(o)"
    found = imported("cell = tf.nn.rnn_cell.LSTMCell(3)", "s = cell.zero_state(2, dtype)", loop, end)
    assert "cell LSTMCell = LSTM(3)" in found.text
    assert "left out: `outputs = tf.stack(outs, axis=1)`" in found.remarks
    assert "the description ends with what `o, s = cell(x[:, t], s)` gives" in found.remarks
