"""`mean(y, time)` and its like in networks: over each row's own steps."""

from __future__ import annotations

import numpy as np
import pytest

from rnnc.diagnostics import DiagnosticError
from rnnc.ir.model import Model
from tests.semantics.support import holds, model, outputs, run

LENGTHS = np.array([3, 0, 1, 5])


def network(*lines: str) -> Model:
    return model("network N {\n input x[2], n[]\n" + "".join(f" {line}\n" for line in lines) + "}\n")


def _softmax(a: np.ndarray) -> np.ndarray:
    powers = np.exp(a - a.max(0))
    return powers / powers.sum(0)


REDUCED = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min}


@pytest.mark.parametrize("name", [*REDUCED, "softmax"])
@pytest.mark.parametrize("operand", ["x", "n", "3 * x"])
def test_every_row_has_its_own_steps(name: str, operand: str) -> None:
    of = network(f"output y: {name}({operand}, time), x, n")
    case = run(of, steps=5, batch=4)
    holds(case)
    given = 3 * case.arrays["input", "x"] if operand == "3 * x" else case.arrays["input", operand]
    found = case.forward(lengths=LENGTHS)["output", "y"]
    for row, length in enumerate(LENGTHS):
        own = given[:length, row]
        if name == "softmax":
            wanted = np.zeros_like(given[:, row])
            wanted[:length] = _softmax(own) if length else own
            np.testing.assert_allclose(found[:, row], wanted, rtol=1e-14)
        else:
            np.testing.assert_allclose(found[row], REDUCED[name](own, 0) if length else 0 * given[0, row], rtol=1e-14)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("exclusive", [False, True])
def test_sums_up_to_every_step(reverse: bool, exclusive: bool) -> None:
    options = f"reverse = {str(reverse).lower()}, exclusive = {str(exclusive).lower()}"
    of = network(f"output y: cumsum(x, time, {options}), n: cumsum(n, axis = time, {options})")
    case = run(of, steps=5, batch=4)
    holds(case)
    found = case.forward(lengths=LENGTHS)
    for name, given in (("y", case.arrays["input", "x"]), ("n", case.arrays["input", "n"])):
        for row, length in enumerate(LENGTHS):
            own = given[:length, row][:: -1 if reverse else 1]
            wanted = (np.cumsum(own, 0) - own * exclusive)[:: -1 if reverse else 1]
            np.testing.assert_allclose(found["output", name][:length, row], wanted, rtol=1e-13, atol=1e-14)
            assert not found["output", name][length:, row].any()


def test_attention_over_the_steps_of_another_layer() -> None:
    of = network("a = RNN(3)(x)", "w = softmax(sum(a * last(a)), time)", "output c: sum(w * a, time), a")
    case = run(of, steps=5, batch=4)
    holds(case)
    found = case.forward(lengths=LENGTHS)
    a = found["output", "a"]
    for row, length in enumerate(LENGTHS):
        if length:
            own = a[:length, row]
            np.testing.assert_allclose(found["output", "c"][row], _softmax(own @ own[-1]) @ own, rtol=1e-13)


def test_huge_numbers_in_the_padding_are_not_met() -> None:
    of = network("output y: softmax(1e4 * x, time), m: max(1e4 * x, time)")
    case = run(of, steps=5, batch=4)
    case.arrays["input", "x"][3:] = 1e300
    with np.errstate(all="raise", under="ignore"):
        found = case.forward(lengths=np.array([3, 2, 1, 3]))
    assert np.isfinite(found["output", "y"]).all()
    assert np.abs(found["output", "m"]).max() < 1e5


def test_an_axis_that_is_called_time_comes_first() -> None:
    of = network("a = linear(x, out = [time: 3, d: 2])", "output y: sum(a, time)")
    assert outputs(of) == {"y": "[2]"}
    assert of.outputs[0].sequence


@pytest.mark.parametrize("body", ["y = sum(h, time)", "y = softmax(h, time)"])
def test_cells_have_no_time(body: str) -> None:
    with pytest.raises(DiagnosticError, match="no axis `time`"):
        model(f"cell C {{\n input x[2]\n state h[2]\n h' = tanh(linear(x, h))\n {body}\n output y\n}}")


def test_what_has_no_time_is_refused_and_networks_with_it_do_not_stream() -> None:
    with pytest.raises(DiagnosticError, match="wants a sequence"):
        network("output mean(last(x), time)")
    of = network("output mean(x, time)")
    assert of.step is None
    assert "over the whole sequence" in of.no_step
