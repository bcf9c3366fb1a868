"""Recorded names and state arrays against a layout's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rnnc.ir.layout import Leaf, WeightLayout
from rnnc.verify.errors import VerifyError
from rnnc.verify.records.match import group, match_variables
from tests.verify.models import foreign, layout


def names(*wanted: str, shards: str | None = None) -> WeightLayout:
    return layout(*(replace(foreign(name, Leaf(name), 1), shards=shards) for name in wanted))


@pytest.mark.parametrize(
    ("wanted", "recorded"),
    [
        (["lstm_cell/kernel", "lstm_cell/bias"], ["rnn/lstm_cell/bias", "rnn/lstm_cell/kernel"]),
        (["kernel", "bias"], ["kernel", "bias"]),
        (["kernel", "gru_cell/kernel"], ["rnn/w/gru_cell/kernel", "rnn/w/kernel"]),
        (["fw/c/kernel", "bw/c/kernel"], ["b/bw/c/kernel", "b/fw/c/kernel"]),
        # different scopes in front of different arrays
        (["weights", "biases", "cell/kernel"], ["weights", "biases", "rnn/cell/kernel"]),
        (["cell/kernel", "kernel"], ["deep/kernel", "rnn/cell/kernel"]),
    ],
)
def test_matched_by_scoped_suffix(wanted: list[str], recorded: list[str]) -> None:
    matching = match_variables(names(*wanted), recorded)
    for name in wanted:
        (variable,) = matching.variables[name]
        assert variable == name or variable.endswith("/" + name)
    assert sorted(v for (v,) in matching.variables.values()) == sorted(recorded)


def test_shards_are_joined_by_rows_in_order() -> None:
    recorded = [f"rnn/cell/kernel/part_{k}" for k in (0, 1, 10, 2, 3, 4, 5, 6, 7, 8, 9)] + ["rnn/cell/bias"]
    matching = match_variables(names("cell/kernel", "cell/bias", shards="part_{}"), recorded)
    arrays = {name: np.full((2, 1), int(name[-2:].strip("_")) if "part" in name else 99.0) for name in recorded}
    joined = matching.join(arrays)
    np.testing.assert_array_equal(joined["cell/kernel"][::2, 0], range(11))
    split = matching.split(joined, arrays)
    assert split.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(split[name], array)


def test_shards_may_be_an_ending() -> None:
    matching = match_variables(names("cell/W", "cell/B_0", shards="_{}"), ["cell/W_0", "cell/W_1", "cell/B_0"])
    assert matching.variables == {"cell/W": ("cell/W_0", "cell/W_1"), "cell/B_0": ("cell/B_0",)}


def test_shards_may_be_others_in_every_cell() -> None:
    arrays = (*names("a/kernel", shards="part_{}").arrays, *names("b/W", "b/B", shards="_{}").arrays)
    recorded = ["r/b/W_1", "r/b/W_0", "r/b/B", "r/a/kernel/part_0", "r/a/kernel/part_1"]
    matching = match_variables(layout(*arrays), recorded)
    assert matching.variables == {
        "a/kernel": ("r/a/kernel/part_0", "r/a/kernel/part_1"),
        "b/W": ("r/b/W_0", "r/b/W_1"),
        "b/B": ("r/b/B",),
    }
    with pytest.raises(VerifyError, match="no recorded variable is the layout's 'a/kernel'"):
        match_variables(layout(*arrays), [*recorded[:3], "r/a/kernel_0", "r/a/kernel_1"])


def test_unequal_shards_split_where_they_were_joined() -> None:
    matching = match_variables(names("W", shards="_{}"), ["W_0", "W_1"])
    arrays = {"W_0": np.ones((5, 2)), "W_1": np.zeros((4, 2))}
    assert {n: a.shape for n, a in matching.split(matching.join(arrays), arrays).items()} == {
        "W_0": (5, 2),
        "W_1": (4, 2),
    }


def test_a_cell_may_have_a_name_of_its_own() -> None:
    matching = match_variables(names("cell/kernel", "cell/gates/bias"), ["rnn/mine/kernel", "rnn/mine/gates/bias"])
    assert matching.variables == {"cell/kernel": ("rnn/mine/kernel",), "cell/gates/bias": ("rnn/mine/gates/bias",)}
    assert matching.renamed == ("cell", "rnn/mine")


def test_of_many_names_the_first_are_told() -> None:
    wanted, recorded = [f"cell/{letter}" for letter in "abcdefg"], [f"rnn/mine/{place}" for place in range(20)]
    with pytest.raises(VerifyError) as caught:
        match_variables(names(*wanted), recorded)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.message.endswith("'cell/a', 'cell/b', 'cell/c' and 4 more")
    assert diagnostic.notes[0].message.endswith("and 12 more")


def test_a_name_of_its_own_has_to_explain_everything() -> None:
    with pytest.raises(VerifyError, match=r"no recorded variable is the layout's 'cell/kernel'.*'cell/bias'"):
        match_variables(names("cell/kernel", "cell/bias"), ["rnn/mine/kernel", "rnn/yours/bias"])


@pytest.mark.parametrize(
    ("wanted", "recorded", "message"),
    [
        (["cell/kernel"], ["rnn/cell/kernal"], "no recorded variable is the layout's 'cell/kernel'.*rnn/cell/kernal"),
        (["cell/kernel"], ["x/my_kernel"], "no recorded variable"),  # not at a component's start
        (["cell/kernel"], ["a/cell/kernel", "b/cell/kernel"], "could be 'a/cell/kernel' or 'b/cell/kernel'"),
        (["kernel"], ["kernel", "peephole"], "no array of the layout 'tf' is the recorded 'peephole'"),
        (["kernel"], ["kernel/part_0", "kernel/part_2"], "no recorded variable"),  # a shard is missing
    ],
)
def test_refused(wanted: list[str], recorded: list[str], message: str) -> None:
    with pytest.raises(VerifyError, match=message):
        match_variables(names(*wanted, shards="part_{}"), recorded)


STATES = [("c", (4,)), ("h", (3,)), ("memory", (2, 3))]


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        ([(4,), (3,), (2, 3)], [("c",), ("h",), ("memory",)]),
        ([(4,), (3,), (6,)], [("c",), ("h",), ("memory",)]),
        ([(7,), (6,)], [("c", "h"), ("memory",)]),
        ([(4,), (9,)], [("c",), ("h", "memory")]),
        ([(13,)], [("c", "h", "memory")]),
    ],
)
def test_states_are_grouped_in_order(recorded: list[tuple[int, ...]], expected: list[tuple[str, ...]]) -> None:
    groups = group("states", STATES, recorded)
    assert [g.names for g in groups] == expected
    draw = np.random.default_rng(0)
    arrays = {name: draw.normal(size=(5, *shape)) for name, shape in STATES}
    for one, shape in zip(groups, recorded, strict=True):
        together = one.put_together(arrays)
        assert together.shape == (5, *shape)
        for name, array in one.take_apart(together).items():
            np.testing.assert_array_equal(array, arrays[name])


def test_images_are_joined_along_channels() -> None:
    (one,) = group("states", [("c", (2, 3)), ("h", (2, 5))], [(2, 8)])
    arrays = {"c": np.zeros((1, 2, 3)), "h": np.ones((1, 2, 5))}
    np.testing.assert_array_equal(one.put_together(arrays)[0, 0], [0] * 3 + [1] * 5)


@pytest.mark.parametrize("recorded", [[(4,), (3,)], [(4,), (3,), (6,), (1,)], [(5,), (2,), (6,)], [(4,), (3,), (3, 2)]])
def test_other_states_are_refused(recorded: list[tuple[int, ...]]) -> None:
    with pytest.raises(VerifyError, match=r"are not c\[4\], h\[3\], memory\[2, 3\] in this order"):
        group("states", STATES, recorded)
