"""Random arguments: sizes that a model can have, and arrays of the right shapes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rnnc.diagnostics import DiagnosticError
from rnnc.ir.model import MaskInfo, Model
from rnnc.ir.program import NO_SPANS, Axis, DType, Op, Port, Program, Type, Value
from rnnc.ir.size import Size
from rnnc.verify.proving.sample import Draw, choose_sizes
from tests.verify.models import UNITS, BasicRNN, basic_rnn, model, port

HEADS = Size.of("heads")


def with_axes(*sizes: Size, nodes: tuple[Op, ...] = (), open_: tuple[str, ...] = ("heads", "units")) -> Model:
    value = Value(Type(tuple(Axis(str(s), s) for s in sizes)))
    return replace(model(sizes=open_), forward=Program("forward", (Port("param", "w", value),), nodes, ()))


def test_sizes_are_small_and_distinct() -> None:
    assert choose_sizes(with_axes(UNITS, HEADS), {}) == {"heads": 3, "units": 4}


def test_quotients_divide() -> None:
    sizes = choose_sizes(with_axes(UNITS // HEADS), {})
    assert sizes["units"] % sizes["heads"] == 0
    assert sizes["units"] != sizes["heads"]


def test_given_sizes_stay() -> None:
    assert choose_sizes(with_axes(UNITS // HEADS), {"units": 7}) == {"units": 7, "heads": 7}


def test_what_has_to_be_smaller_is() -> None:
    found = choose_sizes(with_axes(UNITS, HEADS), {}, [(Size.of(5), UNITS), (UNITS, HEADS)])
    assert 5 < found["units"] < found["heads"]
    with pytest.raises(DiagnosticError, match="no sizes up to 9 suit") as error:
        choose_sizes(with_axes(UNITS, open_=("units",)), {}, [(Size.of(9), UNITS)])
    (diagnostic,) = error.value.diagnostics
    assert "9 has to be smaller than units" in diagnostic.notes[0].message


def test_every_axis_has_room() -> None:
    assert choose_sizes(with_axes(UNITS - 4, open_=("units",)), {}) == {"units": 5}


def test_slices_fit() -> None:
    source = Value(Type((Axis("units", UNITS),)))
    cut = Op("slice", (source,), (Value(Type()),), (("axis", 0), ("start", Size.of(3)), ("stop", Size.of(6))), NO_SPANS)
    assert choose_sizes(with_axes(nodes=(cut,), open_=("units",)), {}) == {"units": 6}


@pytest.mark.parametrize(
    ("given", "sizes", "message"),
    [
        ({"unit": 3}, (UNITS,), "no open size unit"),
        ({}, (UNITS - 40,), "no sizes up to 9 suit Test"),
        ({"units": 5, "heads": 3}, (UNITS // HEADS,), "no sizes up to 9 suit Test"),
    ],
)
def test_impossible_sizes_are_refused(given: dict[str, int], sizes: tuple[Size, ...], message: str) -> None:
    with pytest.raises(DiagnosticError, match=message):
        choose_sizes(with_axes(*sizes), given)


def test_samples_depend_on_the_seed_alone() -> None:
    sizes = {"input": 3, "units": 2}
    initial = {"h'.x": np.ones((3, 2)), "h'.h": np.ones((2, 2)), "h'.bias": np.ones(2)}
    one, same, other = (Draw(basic_rnn(), sizes, s).sample(BasicRNN(), initial, 5, 4) for s in (0, 0, 1))
    np.testing.assert_array_equal(one.call.inputs["x"], same.call.inputs["x"])
    assert not np.array_equal(one.call.inputs["x"], other.call.inputs["x"])
    assert one.call.inputs["x"].shape == (5, 4, 3)
    assert one.call.state is not None
    assert one.call.state["h"].shape == one.d_state["h"].shape == (4, 2)
    assert one.d_outputs["y"].shape == (5, 4, 2)
    assert one.cast(np.dtype(np.float32)).call.params["h'.x"].dtype == np.float32


def test_lengths_hold_the_edge_cases() -> None:
    assert list(Draw(basic_rnn(), {}, 0).lengths(6, 4)[:3]) == [6, 0, 1]


def test_integers_have_a_row_in_every_table() -> None:
    table = Value(Type((Axis("rows", Size.of(3)), Axis("units", UNITS))))
    found = Op("lookup", (table, Value(Type(dtype=DType.INT))), (Value(Type()),), (), NO_SPANS)
    cell = replace(model(inputs=(port("token", dtype=DType.INT),)), forward=Program("forward", (), (found,), ()))
    token = Draw(cell, {"units": 2}, 0).inputs(50, 4)["token"]
    assert token.dtype == np.int32
    assert set(np.unique(token)) == {0, 1, 2}


@pytest.mark.parametrize(("per", "shape"), [("step", (200, 4, 2)), ("sequence", (4, 2))])
def test_masks_keep_as_often_as_they_should(per: str, shape: tuple[int, ...]) -> None:
    site = MaskInfo("d", (Axis("units", UNITS),), 0.75, per, NO_SPANS)  # type: ignore[arg-type]
    masks = Draw(model(masks=(site,)), {"units": 2}, 0).masks(200, 4)
    assert masks is not None
    assert masks["d"].shape == shape
    assert set(np.unique(masks["d"])) <= {0.0, 1.0}
    if per == "step":
        assert 0.7 < masks["d"].mean() < 0.8
