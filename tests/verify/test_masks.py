"""Recorded masks: per step, per sequence, shared, numbered, of sites that keep everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rnnc.ir.model import MaskInfo
from rnnc.ir.program import NO_SPANS, Axis
from rnnc.verify.arrays import Arrays
from rnnc.verify.errors import VerifyError
from rnnc.verify.records.fit import Fit
from rnnc.verify.records.mask_names import readings
from rnnc.verify.records.mask_orders import ORDERS, ordered
from rnnc.verify.records.masks import site_masks
from rnnc.verify.records.match import Matching
from rnnc.verify.records.recording import Recording
from tests.verify.models import UNITS, layout, model

T, B, N = 5, 3, 2
RANDOM = np.random.default_rng(0)
STEPS = (RANDOM.random((T, B, N)) < 0.5).astype(float)
ROWS = (RANDOM.random((B, N)) < 0.5).astype(float)
ONE = np.asarray([1.0, 0.0])


def fitted(per: str, recorded: dict[str, np.ndarray], sites: tuple[tuple[str, str], ...] = (("input", "d"),)) -> Fit:
    site = MaskInfo("d", (Axis("units", UNITS),), 0.5, per, NO_SPANS)  # type: ignore[arg-type]
    arrays = {f"mask:{name}": array for name, array in recorded.items()}
    cell = model(masks=(site,) if sites else ())
    return Fit(cell, replace(layout(), masks=sites), Recording("case", arrays, {}), Matching({}), {"units": N})


def spread(fit: Fit, time_major: bool, steps: int, batch: int) -> Arrays | None:
    return site_masks(fit, readings(fit)[0].masks, time_major, steps, batch)


@pytest.mark.parametrize(
    ("per", "array", "time_major", "expected"),
    [
        ("step", STEPS, True, STEPS),
        ("step", np.swapaxes(STEPS, 0, 1), False, STEPS),
        ("step", ROWS, False, np.broadcast_to(ROWS, (T, B, N))),
        ("step", ONE, False, np.broadcast_to(ONE, (T, B, N))),
        ("step", STEPS[:, :1], True, np.broadcast_to(STEPS[:, :1], (T, B, N))),
        ("sequence", ROWS, False, ROWS),
        ("sequence", ONE[np.newaxis], False, np.broadcast_to(ONE, (B, N))),
        ("sequence", np.broadcast_to(ROWS, (T, B, N)), True, ROWS),
    ],
)
def test_masks_are_spread(per: str, array: np.ndarray, time_major: bool, expected: np.ndarray) -> None:
    masks = spread(fitted(per, {"input": array}), time_major, T, B)
    assert masks is not None
    np.testing.assert_array_equal(masks["d"], expected)


def test_a_number_is_not_needed_where_there_is_one_mask() -> None:
    masks = spread(fitted("sequence", {"state:1": ROWS}, (("state", "d"),)), False, T, B)
    assert masks is not None
    np.testing.assert_array_equal(masks["d"], ROWS)


def test_one_mask_and_one_site_belong_together() -> None:
    fit = fitted("sequence", {"recurrent": ROWS})
    masks = spread(fit, False, T, B)
    assert masks is not None
    np.testing.assert_array_equal(masks["d"], ROWS)
    assert readings(fit)[0].notes == ("the recorded mask 'recurrent' is taken for the one of 'd'",)
    assert readings(fitted("sequence", {"input": ROWS}))[0].notes == ()


def several(recorded: dict[str, np.ndarray], sites: tuple[tuple[str, str], ...]) -> Fit:
    masks = tuple(MaskInfo(name, (Axis("units", UNITS),), 0.5, "sequence", NO_SPANS) for _, name in sites)
    arrays = {f"mask:{name}": array for name, array in recorded.items()}
    return Fit(
        model(masks=masks), replace(layout(), masks=sites), Recording("case", arrays, {}), Matching({}), {"units": N}
    )


def test_masks_of_one_name_are_taken_in_order_or_in_the_other_one() -> None:
    fit = several({"input:0": ROWS, "input:1": 1 - ROWS}, (("input", "d"), ("input", "f.d")))
    found, turned = readings(fit)
    np.testing.assert_array_equal(found.masks["d"], ROWS)
    np.testing.assert_array_equal(turned.masks["f.d"], ROWS)


def test_wrappers_are_numbered_in_front_of_states() -> None:
    sites = (("multi/cell_0/state", "a"), ("multi/cell_1/state", "b"), ("multi/cell_2/state", "c"))
    fit = several({"0/state:1": ROWS, "1/state:1": 1 - ROWS, "2/state:0": ROWS * 2}, sites)
    found = readings(fit)[0].masks
    assert [found[name][0].tolist() for name in "abc"] == [m[0].tolist() for m in (ROWS, 1 - ROWS, ROWS * 2)]


def test_wrappers_outside_and_inside_of_a_stack_are_numbered_together() -> None:
    fit = several({"1/input": ROWS, "0/input": 1 - ROWS}, (("input", "xin"), ("multi/cell_0/input", "f.xin")))
    found = readings(fit)[0].masks
    np.testing.assert_array_equal(found["xin"], 1 - ROWS)
    np.testing.assert_array_equal(found["f.xin"], ROWS)


@pytest.mark.parametrize("outer", ["rnn/input", "input"])
def test_the_longest_scope_tells_the_site(outer: str) -> None:
    recorded = {outer: ROWS, "rnn/multi/cell_0/input": 1 - ROWS}
    (found,) = readings(several(recorded, (("input", "xin"), ("multi/cell_0/input", "f.xin"))))
    np.testing.assert_array_equal(found.masks["xin"], ROWS)
    np.testing.assert_array_equal(found.masks["f.xin"], 1 - ROWS)


def test_a_mask_that_is_not_used_is_an_error() -> None:
    sites = (("input", "xin"), ("multi/cell_0/input", "f.xin"))
    with pytest.raises(VerifyError, match=r"not .* in this order"):
        readings(
            several({"rnn/input": ROWS, "rnn/multi/cell_0/input": ROWS, "0/input": ROWS, "1/input": ROWS}, sites[:1])
        )
    with pytest.raises(VerifyError, match="no site of the recorded mask 'input'"):
        readings(several({"rnn/input": ROWS, "rnn/multi/cell_0/input": ROWS, "input": ROWS}, sites))


def test_what_is_drawn_per_sequence_is_drawn_first() -> None:
    fit = several({"0/input": ONE[np.newaxis], "1/input": STEPS}, (("input", "xin"), ("input", "f.xin")))
    outer, inner = fit.model.masks
    fit = replace(fit, model=replace(fit.model, masks=(replace(outer, per="step"), inner)))
    (found,) = readings(fit)
    np.testing.assert_array_equal(found.masks["xin"], STEPS)
    np.testing.assert_array_equal(found.masks["f.xin"], ONE[np.newaxis])


def test_orders_of_wrappers() -> None:
    sites = [("a", "input", False), ("b", "m/0/input", False), ("c", "m/1/input", False), ("d", "m/1/input", True)]
    assert ["".join(ordered(sites, order)) for order in ORDERS] == ["abcd", "bcad", "dcba"]
    states = [("a", "state:0", False), ("b", "state:1", False), ("c", "state:0", False)]
    assert ["".join(ordered(states, order)) for order in ORDERS] == ["abc", "cab", "cab"]


def test_one_mask_holds_those_of_joined_states() -> None:
    fit = several({"state": np.concatenate([ROWS, 1 - ROWS], axis=1)}, (("state:0", "f.c"), ("state:1", "f.h")))
    (found,) = readings(fit)
    np.testing.assert_array_equal(found.masks["f.c"], ROWS)
    np.testing.assert_array_equal(found.masks["f.h"], 1 - ROWS)


def test_one_mask_may_be_drawn_for_several_sites_and_be_called_like_a_site() -> None:
    fit = several({"output": ROWS, "f.d": 1 - ROWS}, (("output", "a"), ("output", "b"), ("input", "f.d")))
    found = readings(fit)[0].masks
    np.testing.assert_array_equal(found["a"], ROWS)
    np.testing.assert_array_equal(found["b"], ROWS)
    np.testing.assert_array_equal(found["f.d"], 1 - ROWS)


def test_ones_may_belong_to_no_site() -> None:
    assert spread(fitted("step", {"output": np.ones((B, T, N))}, ()), False, T, B) == {}


def test_no_masks_are_no_training() -> None:
    assert spread(fitted("step", {}), False, T, B) is None


@pytest.mark.parametrize(
    ("per", "recorded", "message"),
    [
        ("sequence", {"input": STEPS}, "changes from step to step"),
        (
            "step",
            {"input": ROWS, "inputs": ROWS},
            "no site of the recorded mask 'inputs' \\(did you mean 'input'\\?\\)",
        ),
        ("step", {"input": np.ones((B, 4))}, "is none of 'd'"),
        ("step", {"input": np.ones((4, N))}, "does not suit 5 steps of 3 rows"),
        ("step", {"output": np.ones((B, T, N))}, "records no mask of 'd'"),
    ],
)
def test_what_does_not_fit_is_said(per: str, recorded: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(VerifyError, match=message):
        spread(fitted(per, recorded), True, T, B)
