"""Both directions of TensorFlow's layers: one object as both cells of a layer, and states of one direction alone."""

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
    assert list(remarks) == [what.format(each) for each in told]
