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


def found(
    names: str,
    recorded: str,
    *,
    ordered: bool = False,
    numbered: bool = False,
    scattered: str = "",
    others: str | None = None,
) -> str:
    """The recorded names in the layout's order."""
    arrays = {name: np.zeros(1) for name in recorded.split()}
    known = {} if others is None else dict(zip(arrays, others.split(), strict=True))
    table = Table(arrays, ordered=ordered, numbered=numbered, others=known, scattered=frozenset(scattered.split()))
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
        # layers counted in a session, and inside of others
        ("l/c/a l_1/c/a", "l_4/c/a l_3/c/a", "l_3/c/a l_4/c/a"),
        ("l/c/a l_1/c/a", "in/l_4/c/a in_1/l_3/c/a", "in_1/l_3/c/a in/l_4/c/a"),
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


def test_attributes_of_a_class_have_no_order() -> None:
    recorded = "l_1/cell/a l_1/cell/b l/cell/a l/cell/b"
    wanted = "l/cell/a l/cell/b l_1/cell/a l_1/cell/b"
    assert found(LAYERS, recorded) == wanted
    with pytest.raises(VerifyError, match="E803") as error:  # the numbers say when layers are made, not when they run
        found(LAYERS, recorded, scattered="l l_1")
    (diagnostic,) = error.value.diagnostics
    assert "attributes of a model's class" in diagnostic.notes[-1].message
    assert "rnnc import" in (diagnostic.fix or "")
    assert found(wanted, recorded, scattered="l l_1") == wanted
    with pytest.raises(VerifyError, match="E803"):  # and do not tell layers of several others apart
        found("l/c/a l_1/c/a", "p/l_2/c/a q/l_2/c/a", scattered="p q")
    # the cells of one layer do have an order, and the attributes of a class inside of another have none
    inner = "m/r/c/a m/r/c_1/a"
    assert found("layer_0/a layer_1/a", inner, scattered="m m/r") == inner
    for beside in ("m/r/c", "m/r/c_1"):
        with pytest.raises(VerifyError, match="E803"):
            found("layer_0/a layer_1/a", inner, scattered=f"m {beside}")
    deep = "m/a/cell/a m/a/cell/b m/a_1/cell/a m/a_1/cell/b"
    assert found(LAYERS, deep, scattered="m") == deep
    with pytest.raises(VerifyError, match="E803"):
        found(LAYERS, deep, scattered="m m/a")


def test_attributes_are_other_names_of_layers() -> None:
    recorded, others = "l_1/c/a l/c/a", "enc/c/a dec/c/a"
    assert found("enc/c/a dec/c/a", recorded, others=others, scattered="l l_1") == "l_1/c/a l/c/a"
    assert found("l/c/a l_1/c/a", recorded, others=others, scattered="l l_1") == "l/c/a l_1/c/a"
    swapped = "l/c/a l_1/c/a"  # attributes that are called as other layers are
    assert found("l/c/a l_1/c/a", recorded, others=swapped, scattered="l l_1") == "l/c/a l_1/c/a"
    table = Table(
        {name: np.zeros(1) for name in recorded.split()},
        others=dict(zip(recorded.split(), others.split(), strict=True)),
    )
    assert list(table.only(["dec/*"], []).arrays) == ["l/c/a"]
    assert list(table.only(["l/*"], []).arrays) == ["l/c/a"]


STACK = "r/layer_0/g_cell/a r/layer_1/l_cell/a r/layer_2/g_cell/a d/a"


def test_the_cells_of_a_stack_are_counted_by_class() -> None:
    front = "r/stacked_rnn_cells"
    mine, theirs = "r/mine/0 s/g_cell/0", "r/l_cell/a s/g_cell/a"  # a cell with a name of its own
    assert found(theirs, mine, numbered=True) == mine
    assert found(theirs, mine.replace("mine", "my_cell"), numbered=True) == mine.replace("mine", "my_cell")
    for other in ("g_cell", "gru_cell"):  # a cell of another class
        with pytest.raises(VerifyError, match="E803"):
            found(theirs, mine.replace("mine", other), numbered=True)
    counted = "in/r_3/my_cell/0 in/r_4/other_cell/0"  # layers are counted in a session
    assert found("r/l_cell/a r_1/l_cell/a", counted, numbered=True) == counted
    recorded = f"{front}/g_cell/a {front}/g_cell_1/a {front}/l_cell/a d/a"
    wanted = f"{front}/g_cell/a {front}/l_cell/a {front}/g_cell_1/a d/a"
    assert found(STACK, recorded, numbered=True) == wanted
    assert found(STACK, recorded.replace("r/", "r_7/"), numbered=True) == wanted.replace("r/", "r_7/")
    two = f"{STACK} s/layer_0/l_cell/a s/layer_1/l_cell/a"
    second = "s/stacked_rnn_cells/l_cell/a s/stacked_rnn_cells/l_cell_1/a"
    assert found(two, f"{second} {recorded}", numbered=True) == f"{wanted} {second}"
    with pytest.raises(VerifyError, match="E803"):  # other cells
        found(STACK, recorded.replace("g_cell_1", "l_cell_1"), numbered=True)


@pytest.mark.parametrize(("one", "other"), [("r", "r_1"), ("r_3", "r_4"), ("in/r_9", "in/r_10")])
def test_stacks_of_the_same_cells_in_different_order(one: str, other: str) -> None:
    names = "r/layer_0/g_cell/a r/layer_1/l_cell/a r_1/layer_0/l_cell/a r_1/layer_1/g_cell/a"
    cells = [
        f"{front}/stacked_rnn_cells/{cell}_cell/0" for front, order in ((one, "gl"), (other, "lg")) for cell in order
    ]
    assert found(names, " ".join(sorted(cells)), numbered=True) == " ".join(cells)


def test_names_that_collide_lose_no_array() -> None:
    with pytest.raises(VerifyError, match="E803"):
        found("e/c/a", "x/d/a y/d/a", others="e/c/a e/c/a", scattered="x")


def test_an_order_is_only_missed_where_it_would_help() -> None:
    with pytest.raises(VerifyError, match="E803") as error:
        found("layer_0/c/a layer_1/c/a d/b", "l/c/a l_1/c/a e/z", scattered="l l_1")
    assert "attributes of a model's class" not in "".join(note.message for note in error.value.diagnostics[0].notes)


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
