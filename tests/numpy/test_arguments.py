"""What is given to the functions of a module: errors name the argument, what it is and what it should be."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.numpy.contract import same


def without(params: dict[str, np.ndarray], name: str, **more: np.ndarray) -> dict[str, np.ndarray]:
    return {n: a for n, a in params.items() if n != name} | more


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda a: a | {"x": a["x"][:, :, 1:]},
            ValueError,
            r"x: expected \[batch=3, time=6, input=4\], got \(3, 6, 3\)",
        ),
        (lambda a: a | {"x": a["x"][0]}, ValueError, r"x: expected \[batch, time, input\], got \(6, 4\)"),
        (lambda a: a | {"x": a["x"].astype("f")}, TypeError, "x should be float64 like the parameters, and is float32"),
        (lambda a: a | {"x": a["x"].astype(int)}, TypeError, "x should be float64"),
        (lambda a: a | {"x": None}, TypeError, "x: expected an array, got None"),
        (lambda a: a | {"x": {"y": a["x"]}}, KeyError, "x: unknown name 'y'.*there is: x"),
        (lambda a: a | {"params": without(a["params"], "f.h")}, KeyError, "parameter 'f.h' is missing"),
        (
            lambda a: a | {"params": a["params"] | {"i.hh": a["x"]}},
            KeyError,
            r"unknown parameter 'i.hh' \(did you mean 'i.h'",
        ),
        (
            lambda a: a | {"params": a["params"] | {"f.x": np.zeros((9, 5))}},
            ValueError,
            r"params\['f.x'\]: expected .*got \(9, 5\)",
        ),
        (
            lambda a: a | {"params": a["params"] | {"f.x": np.zeros(9)}},
            ValueError,
            r"params\['f.x'\]: expected .*got \(9,\)",
        ),
        (
            lambda a: a | {"params": a["params"] | {"f.x": np.zeros((4, 5), "f")}},
            TypeError,
            r"params\['f.x'\] is float32",
        ),
        (
            lambda a: a | {"params": a["params"] | {"f.x": np.zeros((4, 5), int)}},
            TypeError,
            r"params\['f.x'\] should be float32 or",
        ),
        (
            lambda a: a | {"params": a["params"] | {"f.x": None}},
            TypeError,
            r"params\['f.x'\]: expected an array, got None",
        ),
        (lambda a: a | {"params": a["params"] | {"f.x": "w"}}, TypeError, r"params\['f.x'\] should be float32 or"),
        (lambda a: a | {"params": a["params"] | {"f.x": {}}}, TypeError, r"params\['f.x'\] should be float32 or"),
        (lambda a: a | {"params": [1]}, TypeError, "params should be a dict of arrays .* is list"),
        (lambda a: a | {"state": {"c": np.zeros((3, 5))}}, KeyError, "state: 'h' is missing"),
        (lambda a: a | {"state": np.zeros((3, 5))}, TypeError, "state: expected a dict with c, h"),
        (
            lambda a: a | {"state": {"c": np.zeros((3, 5)), "h": np.zeros((3, 4))}},
            ValueError,
            r"state\['h'\]: expected \[batch=3",
        ),
        (lambda a: a | {"lengths": [1, 2]}, ValueError, r"lengths: expected \[batch=3\], got \(2,\)"),
        (lambda a: a | {"lengths": [1, 2, 7]}, ValueError, "lengths should be from 0 to 6, and are from 1 to 7"),
        (lambda a: a | {"lengths": [1.0, 2.0, 3.0]}, TypeError, "lengths should be integers"),
        (lambda a: a | {"masks": {"d": 1}}, KeyError, "masks: unknown name 'd'; there are none"),
        (lambda a: a | {"training": True, "seed": 1.5}, TypeError, "seed should be a whole number, and is 1.5"),
        (lambda a: a | {"training": True, "seed": True}, TypeError, "seed should be a whole number, and is True"),
        (lambda a: a | {"training": True, "seed": np.array([5])}, TypeError, "seed should be a whole number, and is a"),
        (lambda a: a | {"x": [[[1.0, 2.0], [1.0]]]}, ValueError, "x: .*inhomogeneous"),
    ],
)
def test_wrong_arguments(lstm: ModuleType, params: Any, x: np.ndarray, change: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        lstm.forward(**change({"params": params, "x": x}))


def test_parameters_of_another_dtype_do_not_go_with_a_tape(lstm: ModuleType, params: Any, x: np.ndarray) -> None:
    single = {name: array.astype(np.float32) for name, array in params.items()}
    for ours, other, value in ((params, single, x), (single, params, x.astype(np.float32))):
        outputs, _, tape = lstm.forward_train(ours, value)
        with pytest.raises(TypeError, match=r"params are float\d\d, and the tape is float\d\d"):
            lstm.backward(other, tape, outputs)


@pytest.mark.parametrize("seed", [None, -1, 1.0, "a", True])
def test_wrong_seeds_of_parameters(lstm: ModuleType, seed: Any) -> None:
    with pytest.raises(TypeError, match="seed should be a whole number from 0 on"):
        lstm.init_params(seed=seed, units=3, input=2)


def test_lists_are_arrays(lstm: ModuleType, params: Any, x: np.ndarray) -> None:
    assert same(lstm.forward(params, x.tolist()), lstm.forward(params, x))
