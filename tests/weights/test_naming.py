"""Names of files and names of layouts: by position, ending and order; and never by chance."""

from __future__ import annotations

import numpy as np
import pytest

from rnnc.ir.layout import ForeignArray, Leaf, WeightLayout
from rnnc.verify.errors import VerifyError
from rnnc.weights.naming import find
from rnnc.weights.table import Table


def layout(text: str) -> WeightLayout:
    """A layout of arrays of these names."""
    arrays = tuple(ForeignArray(name, Leaf(name), ()) for name in text.split())
    return WeightLayout("theirs", arrays, (), (), (), (), (), ())


def found(names: str, recorded: str, *, ordered: bool = False, numbered: bool = False) -> str:
    """The recorded names in the layout's order."""
    table = Table({name: np.zeros(1) for name in recorded.split()}, ordered=ordered, numbered=numbered)
    matching = find(layout(names), table).matching
    return " ".join(name for array in names.split() for name in matching.variables[array])


LAYERS = "layer_0/cell/a layer_0/cell/b layer_1/cell/a layer_1/cell/b"


@pytest.mark.parametrize(
    ("names", "recorded", "wanted"),
    [
        ("cell/a cell/b", "m/cell/b m/cell/a", "m/cell/a m/cell/b"),
        ("cell/a cell/b", "m/other/b m/other/a", "m/other/a m/other/b"),
        ("w_i_l0 w_h_l0", "m.w_h_l0 m.w_i_l0", "m.w_i_l0 m.w_h_l0"),
        ("w_i_l0 w_h_l0", "m.w_h m.w_i", "m.w_i m.w_h"),
        ("w_i_l0 w_h_l0", "m.w_h_l12_reverse m.w_i_l12_reverse", "m.w_i_l12_reverse m.w_h_l12_reverse"),
        # layers that differ in a number only, whatever the order in the file
        (LAYERS, "l_10/cell/a l_10/cell/b l_2/cell/a l_2/cell/b", "l_2/cell/a l_2/cell/b l_10/cell/a l_10/cell/b"),
        (LAYERS, "m/l_1/cell/a m/l_1/cell/b m/l/cell/a m/l/cell/b", "m/l/cell/a m/l/cell/b m/l_1/cell/a m/l_1/cell/b"),
        # cells that differ in a number only
        (LAYERS, "r/cell_1/a r/cell_1/b r/cell/a r/cell/b", "r/cell/a r/cell/b r/cell_1/a r/cell_1/b"),
        ("p/lstm/a q/gru/a", "s/gru/a s/lstm/a", "s/lstm/a s/gru/a"),
    ],
)
def test_names_that_say_enough(names: str, recorded: str, wanted: str) -> None:
    assert found(names, recorded) == wanted


@pytest.mark.parametrize(
    ("recorded", "wanted"),
    [
        ("enc/cell/a enc/cell/b dec/cell/a dec/cell/b", "enc/cell/a enc/cell/b dec/cell/a dec/cell/b"),
        ("z/e/cell/a z/e/cell/b z/d/cell/a z/d/cell/b", "z/e/cell/a z/e/cell/b z/d/cell/a z/d/cell/b"),
    ],
)
def test_an_order_counts_where_the_file_has_one(recorded: str, wanted: str) -> None:
    assert found(LAYERS, recorded, ordered=True) == wanted
    with pytest.raises(VerifyError, match="E803"):
        found(LAYERS, recorded)


def test_variables_by_number_take_the_places_of_the_layout() -> None:
    assert found("cell/a cell/b", "m/cell/0 m/cell/1", numbered=True) == "m/cell/0 m/cell/1"
    both = "fw/cell/a fw/cell/b bw/cell/a bw/cell/b"
    recorded = "m/bw/cell/0 m/bw/cell/1 m/fw/cell/0 m/fw/cell/1"
    wanted = "m/fw/cell/0 m/fw/cell/1 m/bw/cell/0 m/bw/cell/1"
    assert found(both, recorded, numbered=True, ordered=True) == wanted
    with pytest.raises(VerifyError, match="E803"):  # two parts of one layer: the file's order says nothing of them
        found(both, recorded.replace("bw", "x").replace("fw", "y"), numbered=True, ordered=True)


@pytest.mark.parametrize(
    ("names", "recorded"),
    [
        ("cell/a cell/b", "m/cell/a"),
        ("cell/a cell/b", "m/cell/a m/cell/b m/cell/c"),
        ("cell/a cell/b", "m/cell/a m/cell/b n/cell/a n/cell/b"),
        ("w_i_l0 w_h_l0", "w_i_l1 w_h_l2"),
        ("w_i_l0 w_h_l0", "w_i_l1 w_h_l1 w_i_l2 w_h_l2"),
        (LAYERS, "l/cell/a l/cell/b l_1/cell/a l_1/cell/c"),
        (LAYERS, "l/cell/a l/cell/b l_1/cell/a l_1/cell/b l_2/cell/a l_2/cell/b"),
        ("p/lstm/a q/gru/a", "s/gru/a s/gru_1/a"),
    ],
)
def test_names_that_say_too_little_or_too_much(names: str, recorded: str) -> None:
    for ordered in (False, True):
        with pytest.raises(VerifyError, match="E803"):
            found(names, recorded, ordered=ordered)
