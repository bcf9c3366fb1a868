"""States as a whole: what a layer leaves after its last step, and all that a layer or a step begins with."""

from __future__ import annotations

import numpy as np
import pytest

from rnnc.diagnostics import DiagnosticError
from tests.semantics.support import cell, holds, model, parameters, run, states
from tests.semantics.test_networks import network, with_weights_of

LENGTHS = np.array([2, 0, 4])
ENCODED = ("use e = LSTM(3)", "y = e(x)")


@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_a_layer_leaves_its_states_after_the_last_step_of_each_row(lengths: np.ndarray | None) -> None:
    case = run(network(*ENCODED, "output c: e.c', h: e.h'"))
    holds(case)
    found = case.forward(lengths=lengths)
    for name in ("c", "h"):
        np.testing.assert_array_equal(found["output", name], found["state", f"e.{name}"])


@pytest.mark.parametrize(
    ("layer", "read"),
    [
        ("LSTM(3)", {"": "e.states'[1]"}),
        ("backward(LSTM(3))", {"": "e.h'"}),
        ("stack(LSTM(4), LSTM(3))", {"[0]": "e[0].h'", "[1]": "e.states'[3]"}),
        ("bidirectional(LSTM(3), GRU(2))", {".forward": "e.forward.h'", ".backward": "e.backward.states'[0]"}),
        ("stack(bidirectional(GRU(3)), GRU(3))", {"[0].backward": "e[0].backward.h'", "[1]": "e.states'[2]"}),
    ],
)
def test_parts_of_layers_have_states_of_their_own(layer: str, read: dict[str, str]) -> None:
    names = {part: f"o{i}" for i, part in enumerate(read)}
    case = run(
        network(f"use e = {layer}", "y = e(x)", f"output y, {', '.join(f'{names[p]}: {read[p]}' for p in read)}")
    )
    found = case.forward(lengths=LENGTHS)
    for part, name in names.items():
        np.testing.assert_array_equal(found["output", name], found["state", f"e{part}.h"])


def test_all_states_of_one_layer_are_handed_to_another() -> None:
    """As two networks do, one after the other; and where states are given, these count."""
    case = run(network(*ENCODED, "z = LSTM(3)(x, states = e.states')", "output z"))
    holds(case)
    first = with_weights_of(network(*ENCODED, "output y"), case, {"e": "e", "x": "x"}).forward(lengths=LENGTHS)
    second = with_weights_of(network("z = LSTM(3)(x)", "output z"), case, {"z": "z", "x": "x"})
    given = dict(second.arrays)
    for name in ("c", "h"):
        second.arrays["state", f"z.{name}"] = first["state", f"e.{name}"]
        del case.arrays["state", f"z.{name}"]
    found = case.forward(lengths=LENGTHS)["output", "z"]
    np.testing.assert_allclose(found, second.forward(lengths=LENGTHS)["output", "z"], rtol=1e-13)
    for name in ("c", "h"):
        case.arrays["state", f"z.{name}"] = second.arrays["state", f"z.{name}"] = given["state", f"z.{name}"]
    found = case.forward(lengths=LENGTHS)["output", "z"]
    np.testing.assert_allclose(found, second.forward(lengths=LENGTHS)["output", "z"], rtol=1e-13)


def test_a_list_goes_through_all_cells_of_a_layer_in_their_order() -> None:
    one = network(
        "use e = bidirectional(LSTM(3))", "y = e(x)", "z = stack(LSTM(3), 2)(y, states = e.states')", "output z"
    )
    parts = "c = e.forward.c', h = e.forward.h'", "c = e.backward.c', h = e.backward.h'"
    apart = network(
        "use e = bidirectional(LSTM(3))",
        "y = e(x)",
        f"a = LSTM(3)(y, {parts[0]})",
        f"b = LSTM(3)(a, {parts[1]})",
        "output b",
    )
    case = run(one)
    holds(case)
    other = with_weights_of(apart, case, {"e": "e", "x": "x", "a": "z[0]", "b": "z[1]"})
    np.testing.assert_allclose(case.output("z"), other.output("b"), rtol=1e-14)


def test_a_list_has_any_values_of_the_right_axes() -> None:
    of = network(*ENCODED, "z = LSTM(3)(x, states = [0.5 * e.c' + last(y), 0])", "output z")
    holds(run(of))


def test_what_is_read_runs_first() -> None:
    of = network("z = LSTM(3)(x, states = e.states')", *ENCODED, "output z, y")
    holds(run(of))


def test_another_instance_has_the_weights_and_states_of_its_own() -> None:
    of = network(*ENCODED, "use f = e", "z = f(x, states = e.states')", "output z")
    holds(run(of))
    assert all(name.startswith("e.") for name in parameters(of))
    assert list(states(of)) == ["e.c", "e.h", "f.c", "f.h"]


def test_the_index_of_the_step_is_no_state_of_the_text() -> None:
    counted = "cell C {\n input x[input]\n state h[input]\n h' = 0.5 * h + x * step\n output h'\n}\n"
    of = model(
        counted + "network N {\n input x[3]\n use e = C\n y = e(x)\n z = C(x, states = e.states')\n output z\n}", "N"
    )
    holds(run(of))


def test_there_are_no_single_steps() -> None:
    of = network(*ENCODED, "output c: e.c'")
    assert of.step is None
    assert "after its last step" in of.no_step


# --- within a step ---


def test_all_states_of_an_inner_cell() -> None:
    """Three rounds of any cell, as by names."""
    steps = "  use f = LSTM(units)\n  use g = f\n  a = f(x)\n"
    listed = cell(steps + "  h' = g(x, states = f.states')\n  carry f.states = [0.5 * s for s in g.states']")
    named = cell(steps + "  h' = g(x, c = f.c', h = f.h')\n  carry f.c = 0.5 * g.c'\n  carry f.h = 0.5 * g.h'")
    case = run(listed)
    holds(case)
    other = run(named)
    np.testing.assert_array_equal(case.output(), other.output())


ROUNDS = """
cell Rounds(inner: cell, rounds = 3) {
  input x[input]
  use f[0] = inner
  y[0] = f[0](x)
  for r in 1..rounds {
    use f[r] = f[0]
    y[r] = f[r](x, states = f[r - 1].states')
  }
  carry f[0].states = f[rounds - 1].states'
  output y[rounds - 1]
}
"""


def test_any_cell_steps_several_times() -> None:
    of = model(ROUNDS, "Rounds", inner="LSTM(2)")
    holds(run(of))
    one = run(model("cell L {\n  input x[input]\n  use f = LSTM(2)\n  y = f(x)\n  output y\n}"), steps=6)
    three = run(of, steps=2)
    for role, name in list(one.arrays):
        if role == "param":
            three.arrays[role, f"f[0].{name[2:]}"] = one.arrays[role, name]
    for name in ("c", "h"):
        three.arrays["state", f"f[0].{name}"] = one.arrays["state", f"f.{name}"]
    three.arrays["input", "x"] = one.arrays["input", "x"][::3]
    one.arrays["input", "x"] = np.repeat(three.arrays["input", "x"], 3, axis=0)
    np.testing.assert_allclose(three.output(), one.output()[2::3], rtol=1e-13)


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (("use e = LSTM(3)", "output c: e.c'"), r"`e` has not run.*`y = e\(x\)` runs it"),
        ((*ENCODED, "z = e(y)", "output c: e.c'"), r"E408.*`e` runs twice.*`use g = e`"),
        ((*ENCODED, "output c: e.c"), r"`e.c` is of no one step.*`e.c'`"),
        ((*ENCODED, "output c: e.cc'"), r"`e` has no `cc'`.*`c`"),
        ((*ENCODED, "output c: e.forward.c'"), r"`e` has no `forward`.*`e.c'`, `e.h'`"),
        (("use e = LSTM(3)", "y = backward(e)(x)", "output c: e.c'"), "`e` runs in another layer"),
        ((*ENCODED, "z = LSTM(3)(x, states = [e.c'])", "output z"), "`LSTM` has 2 states, and 1 is given"),
        ((*ENCODED, "z = stack(LSTM(3), 2)(x, states = e.states')", "output z"), "has 4 states, and 2 are given"),
        ((*ENCODED, "z = LSTM(3)(x, states = e.c')", "output z"), "all states are a list"),
        ((*ENCODED, "z = LSTM(3)(x, c = 0, states = e.states')", "output z"), "`c` is given twice"),
        ((*ENCODED, "z = LSTM(4)(x, states = e.states')", "output z"), r"E30.*z.c.*\[4\]|\[units: 4\]|begins as"),
        ((*ENCODED, "z = stack(LSTM(3), 2)(x, c = e.c')", "output z"), r"`stack` has no state `c`.*`states = \[…\]`"),
        ((*ENCODED, "z = LSTM(3)(x, h = e.states')", "output z"), r"`h` is a tensor, not a list.*`states = …`"),
        ((*ENCODED, "z = LSTM(3)(x, e.states')", "output z"), r"an input of `LSTM` .*`states = e.states'`"),
        ((*ENCODED, "z = LSTM(3)(x, initial_state = e.states')", "output z"), r"all of them are `states = \[…\]`"),
        ((*ENCODED, "z = LSTM(3)(x, states = e.states)", "output z"), r"`e.states` are of no one step.*`e.states'`"),
        ((*ENCODED, "output c: y.c'"), r"a tensor has no `c`.*`use f = …`, `y = f\(x\)`, then `f.c'`"),
        ((*ENCODED, "output c: y.c"), r"a tensor has no `c`.*`use f = …`"),
        ((*ENCODED, "output c: last(e.c')"), r"`last` wants a sequence.*of its last step already"),
    ],
)  # fmt: skip
def test_slips_in_networks(lines: tuple[str, ...], error: str) -> None:
    with pytest.raises(DiagnosticError, match=error):
        network(*lines)


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ("h' = f(x, states = [h])", "`f` has 2 states, and 1 is given"),
        ("h' = f(x, states = f.c)", "all states are a list"),
        ("h' = f(x, c = 0, states = f.states)", "`c` is given twice"),
        ("h' = f(x)\n  carry f.states = [h]", "`f` has 2 states, and 1 is given"),
        ("h' = f(x)\n  carry f.c = 0 * f.c'\n  carry f.states = f.states'", r"`f.c` is carried twice"),
    ],
)
def test_slips_in_cells(lines: str, error: str) -> None:
    with pytest.raises(DiagnosticError, match=error):
        cell(f"  use f = LSTM(units)\n  {lines}")
