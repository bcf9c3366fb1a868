"""Gradients of whole programs against central differences, under every choice of what is saved."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from rnnc.autodiff import Save, differentiate
from tests.autodiff.harness import Case, case, sources
from tests.autodiff.networks import Net, mul
from tests.autodiff.zoo import ZOO

SAVES: tuple[Save, ...] = ("all", "states", 1, 2, 3, 5)
SETTINGS: dict[str, dict[str, object]] = {
    "lengths": {},
    "no lengths": {"lengths": None},
    "one step": {"time": 1, "lengths": (1, 0, 1)},
    "no full row": {"time": 7, "lengths": (4, 2, 0, 6)},
}
# Differences of the interpreter are exact to about 1e-10; sums of a few hundred products lose two digits more.
TOLERANCE = 1e-6


# What may be absent at run time: ports of these roles, and the state where a program has trained values instead.
ABSENT: dict[str, set[tuple[str, str]]] = {
    "unbatched_initial_state": {("state", "h")},
    "captured_contexts": {("mask", "once"), ("mask", "each")},
}


@cache
def _case(name: str, setting: str) -> Case:
    return case(ZOO[name](), **SETTINGS[setting])  # type: ignore[arg-type]


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", ZOO)
def test_gradients_are_slopes(name: str, setting: str) -> None:
    _check(_case(name, setting))


def _check(subject: Case) -> None:
    for save in SAVES:
        gradients = subject.gradients(differentiate(subject.program, save))
        assert set(gradients) == {f"{p.role}:{p.name}" for p in sources(subject.program)}
        for source, slopes in subject.slopes.items():
            for direction, slope in slopes:
                found = float(np.sum(gradients[source] * direction))
                assert found == pytest.approx(slope, rel=TOLERANCE, abs=TOLERANCE * 1e-2), (save, source)


@pytest.mark.parametrize("name", ABSENT)
def test_what_is_absent_at_run_time(name: str) -> None:
    full = case(ZOO[name]())
    subject = Case(full.program, {k: None if k in ABSENT[name] else a for k, a in full.arrays.items()}, full.cotangents)
    _check(subject)


def test_trained_initial_states_get_a_gradient_only_where_none_is_given() -> None:
    given = case(ZOO["unbatched_initial_state"]())
    absent = Case(given.program, {**given.arrays, ("state", "h"): None}, given.cotangents)
    both = differentiate(given.program)
    assert not given.gradients(both)["param:h0"].any()
    assert absent.gradients(both)["param:h0"].any()


def test_what_nothing_flows_to_gets_zeros_of_its_shape() -> None:
    subject = case(ZOO["unused_and_constant"]())
    found = subject.gradients(differentiate(subject.program))
    for key, shape in {"param:idle": (4,), "param:S": (2, 2), "input:ignored": (5, 4, 2)}.items():
        assert found[key].shape == shape
        assert not found[key].any()
    np.testing.assert_array_equal(found["state:spare"], subject.cotangents["state:spare"])


def test_stop_gradient_stops_it() -> None:
    net = Net("stopped")
    x, w = net.input("x", 3), net.param("w", 3)
    net.output("y", mul(net.b, net.b.op("stop_gradient", mul(net.b, x, w)), w))
    subject = case(net.program(), lengths=None)
    found = subject.gradients(differentiate(subject.program))
    assert not found["input:x"].any()
    product = subject.arrays["input", "x"] * subject.arrays["param", "w"] * subject.cotangents["output:y"]
    np.testing.assert_allclose(found["param:w"], product.sum(axis=(0, 1)), rtol=1e-12)
