"""What comes once per row goes by name to every layer of a stack that takes it, and through all that takes cells as
parameters; sequences go from layer to layer."""

from __future__ import annotations

import numpy as np
import pytest

import rnnc
from rnnc.diagnostics import DiagnosticError
from tests.semantics.support import Run, holds, model, run

CELLS = """
cell Ctx(units) {
  input x[input], c[ctx] per row
  state h[units]
  h' = tanh(linear(x, h, c))
  output h'
}
cell First(units) {
  input c[ctx] per row, x[input]
  state h[units]
  h' = tanh(linear(x, h, c))
  output h'
}
cell Two(units) {
  input x[input], u[other]
  state h[units]
  h' = tanh(linear(x, h, u))
  output h'
}
cell AB(units) {
  input x[input], a[p] per row, b[p] per row
  state h[units]
  h' = tanh(linear(x, h) + sum(a) - sum(b))
  output h'
}
cell BA(units) {
  input b[p] per row, x[input], a[p] per row
  state h[units]
  h' = tanh(linear(x, h) + 2 * sum(a) - 3 * sum(b))
  output h'
}
cell B(units) {
  input x[input], b[p] per row
  state h[units]
  h' = tanh(linear(x, h) - sum(b))
  output h'
}
cell Cond(units, more = true) {
  let has = more and units > 2
  input x[input]
  if has { input c[ctx] per row }
  state h[units]
  h' = tanh(linear(x, h) + (sum(c) if has))
  output h'
}
cell Sized(units) {
  input x[input]
  if input > 2 { input c[ctx] per row }
  state h[units]
  h' = tanh(linear(x, h) + (sum(c) if input > 2))
  output h'
}
cell Both(units) {
  input x[input], u[other], c[ctx] per row
  state h[units]
  h' = tanh(linear(x, h, u, c))
  output h'
}
network Net(units) {
  input x[input], c[ctx] per row
  y = Ctx(units)(x, c)
  output RNN(units)(y) as z
}
network Around(inner: cell, other: cell = GRU(3)) {
  input x[input]
  use low = bidirectional(inner)
  y = low(x)
  z = other(y)
  output z
}
network Many(cells) {
  input x[input]
  for k in 0..2 { use f[k] = cells[k] }
  a[0] = f[0](x)
  a[1] = f[1](a[0])
  output a[1]
}
cell Twice(inner: cell) {
  input x[input], g[k] per row
  use f = inner
  y = f(2 * x)
  output y + sum(g)
}
network Bound(inner: cell) {
  input x[input], ctx[n] per row
  for k in 0..2 { use f[k] = inner(2 + k) }
  a = f[0](x, ctx)
  b = f[1](a, ctx)
  y = stack(inner(4), 2)(b, ctx)
  output y
}
network Half(inner: cell, other: cell) {
  input x[input], ctx[n] per row
  y = inner(x, ctx)
  z = other(y)
  output z
}
"""


def network(*lines: str) -> Run:
    return run(model(text_of(*lines), "N"))


def text_of(*lines: str) -> str:
    text = "".join(f"  {line}\n" for line in lines)
    given = "x[3], u[2], c[2] per row, a[2] per row, b[2] per row"
    return f"{CELLS}network N {{\n  input {given}\n{text}}}\n"


@pytest.mark.parametrize(
    ("stack", "one_by_one"),
    [
        ("stack(Ctx(3), 2)(x, c)", ["Ctx(3)(x, c)", "Ctx(3)(l, c)"]),
        ("stack(Ctx(3), 2, residual = true)(x, c)", ["Ctx(3)(x, c) + x", "Ctx(3)(l, c) + l"]),
        ("stack(First(4), 2)(c, x)", ["First(4)(c, x)", "First(4)(c, l)"]),
        ("stack(Ctx(3), GRU(4))(x, c)", ["Ctx(3)(x, c)", "GRU(4)(l)"]),
        ("stack(GRU(4), First(3))(c, x)", ["GRU(4)(x)", "First(3)(c, l)"]),
        ("stack(Ctx(3), First(4))(x, c)", ["Ctx(3)(x, c)", "First(4)(c, l)"]),
        ("stack(bidirectional(Ctx(2)), GRU(3))(x, c)", ["bidirectional(Ctx(2))(x, c)", "GRU(3)(l)"]),
        ("stack(Net(3), stack(Ctx(4), 2))(x, c)", ["Net(3)(x, c)", "stack(Ctx(4), 2)(l, c)"]),
        ("stack(AB(3), B(4))(x, a, b)", ["AB(3)(x, a, b)", "B(4)(l, b)"]),
        ("stack(AB(3), BA(4))(x, a, b)", ["AB(3)(x, a, b)", "BA(4)(b, l, a)"]),
        ("stack(B(3), AB(4))(x, b, a)", ["B(3)(x, b)", "AB(4)(l, a, b)"]),
        ("stack(B(3), Ctx(4))(x, b, c)", ["B(3)(x, b)", "Ctx(4)(l, c)"]),
        ("stack(Ctx(3), stack(GRU(4), Ctx(3)))(x, c)", ["Ctx(3)(x, c)", "stack(GRU(4), Ctx(3))(l, c)"]),
        ("stack(stack(GRU(4), Ctx(3)), Ctx(3))(x, c)", ["stack(GRU(4), Ctx(3))(x, c)", "Ctx(3)(l, c)"]),
        ("stack(AB(3), stack(GRU(4), BA(3)))(x, a, b)", ["AB(3)(x, a, b)", "stack(GRU(4), BA(3))(b, l, a)"]),
        ("stack(Cond(3), Ctx(4))(x, c)", ["Cond(3)(x, c)", "Ctx(4)(l, c)"]),
        ("stack(Cond(2), Cond(3))(x, c)", ["Cond(2)(x)", "Cond(3)(l, c)"]),
        ("stack(Cond(3, more = false), Ctx(4))(x, c)", ["Cond(3, more = false)(x)", "Ctx(4)(l, c)"]),
        ("stack(Sized(3), GRU(4))(x, c)", ["Sized(3)(x, c)", "GRU(4)(l)"]),
        ("stack(Both(3), Ctx(4))(x, u, c)", ["Both(3)(x, u, c)", "Ctx(4)(l, c)"]),
        ("stack(Two(3), Ctx(4))(x, u, c)", ["Two(3)(x, u)", "Ctx(4)(l, c)"]),
    ],
)  # fmt: skip
def test_a_stack_gives_all_its_layers_what_comes_per_row(stack: str, one_by_one: list[str]) -> None:
    case = network(f"y = {stack}", "output y")
    holds(case)
    other = network(f"l = {one_by_one[0]}", f"m = {one_by_one[1]}", "output m")
    same(other, case, {"l": "y[0]", "m": "y[1]"})


def same(one_by_one: Run, case: Run, layers: dict[str, str]) -> None:
    for role, name in list(one_by_one.arrays):
        if role != "input" and name[0] in layers:
            one_by_one.arrays[role, name] = case.arrays[role, layers[name[0]] + name[1:]]
        else:
            one_by_one.arrays[role, name] = case.arrays[role, name]
    np.testing.assert_allclose(one_by_one.output(), case.output(), rtol=1e-12)


@pytest.mark.parametrize(
    ("first", "sides", "given", "below", "forward", "backward"),
    [
        (
            "Ctx(3)",
            "forward = GRU(4), backward = Ctx(4)",
            "x, c",
            "Ctx(3)(x, c)",
            "GRU(4)(l)",
            "backward(Ctx(4))(l, c)",
        ),
        (
            "AB(3)",
            "forward = B(4), backward = BA(4)",
            "x, a, b",
            "AB(3)(x, a, b)",
            "B(4)(l, b)",
            "backward(BA(4))(b, l, a)",
        ),
        ("GRU(3)", "forward = Ctx(4), backward = B(4)", "x, c, b", "GRU(3)(x)", "Ctx(4)(l, c)", "backward(B(4))(l, b)"),
    ],
)
def test_so_do_both_directions(first: str, sides: str, given: str, below: str, forward: str, backward: str) -> None:
    case = network(f"y = stack({first}, bidirectional({sides}, merge = sum))({given})", "output y")
    holds(case)
    other = network(f"l = {below}", f"m = {forward}", f"n = {backward}", "output m + n")
    same(other, case, {"l": "y[0]", "m": "y[1].forward", "n": "y[1].backward"})


@pytest.mark.parametrize(
    ("stack", "message", "remedy"),
    [
        ("stack(B(3), AB(4))(x, b)", "but are given 2; layer 1 takes `a` per row", "`(x, b, a)`"),
        ("stack(Ctx(3), 2)(x)", "together (`x` and `c`) but are given 1; layer 0 takes `c` per row", "`(x, c)`"),
        ("stack(Ctx(3), GRU(4))(x, c, c)", "together (`x` and `c`) but are given 3", "`(x, c)`"),
        ("bidirectional(forward = B(3), backward = Ctx(3))(x, b)", "`backward` takes `c` per row", "`(x, b, c)`"),
        ("stack(Sized(3), Ctx(4))(x, c)", "which inputs `Sized` has is not known", "one by one"),
    ],
)  # fmt: skip
def test_all_that_layers_take_is_given(stack: str, message: str, remedy: str) -> None:
    [found] = [d for d in rnnc.check(text_of(f"output y: {stack}")) if d.severity == "error"]
    assert found.code == "E223"
    assert message in found.message
    assert remedy in (found.fix or "")


def test_of_a_cell_that_is_not_known_nothing_is_wrong() -> None:
    text = text_of("output y: stack(Ctx(3), some)(x, c, a)").replace("network N {", "network N(some: cell) {")
    assert [d for d in rnnc.check(text) if d.severity == "error"] == []


@pytest.mark.parametrize("layers", ["Two(3), 2", "Ctx(3), Two(4)"])
def test_one_sequence_goes_from_layer_to_layer(layers: str) -> None:
    inputs = "x[3], u[2]" + " per row" * ("Ctx" in layers)
    [found] = rnnc.check(f"{CELLS}network N {{\n  input {inputs}\n  output y: stack({layers})(x, u)\n}}\n")
    assert found.code == "E223"
    assert "`a = f(x, u)`, `b = g(a, u)`" in (found.fix or "")
    by_hand = "use f = Two(3)\n  use g = Two(3)\n  a = f(x, u)\n  b = g(a, u)\n  output b"
    assert rnnc.check(f"{CELLS}network N {{\n  input x[3], u[2]\n  {by_hand}\n}}\n") == []


GIVEN = """network Given(inner: cell = Ctx(3)) {
  input x[input]
  let g = residual(inner)
  use f = g
  y = f(x)
  output y
}
"""
GATE = "carry_gate = sigmoid(linear(x, out = 3, bias_init = 1))"


@pytest.mark.parametrize(
    ("layer", "by_hand", "layers"),
    [
        ("residual(Ctx(3))(x, c)", ["m = Ctx(3)(x, c)", "n = m + x"], {"m": "y.f"}),
        ("residual(Ctx(3))(x, a)", ["m = Ctx(3)(x, a)", "n = m + x"], {"m": "y.f"}),
        ("residual(First(3))(x, c)", ["m = First(3)(c, x)", "n = m + x"], {"m": "y.f"}),
        ("residual(BA(3))(x, b, a)", ["m = BA(3)(b, x, a)", "n = m + x"], {"m": "y.f"}),
        (
            "highway(Ctx(3))(x, c)",
            ["m = Ctx(3)(x, c)", GATE, "n = carry_gate * x + (1 - carry_gate) * m"],
            {"m": "y.f", "carry_gate": "y.carry_gate"},
        ),
        (
            "residual(highway(Ctx(3)))(x, c)",
            ["m = Ctx(3)(x, c)", GATE, "n = x + carry_gate * x + (1 - carry_gate) * m"],
            {"m": "y.f.f", "carry_gate": "y.f.carry_gate"},
        ),
        (
            "stack(residual(Ctx(3)), Ctx(3))(x, c)",
            ["l = Ctx(3)(x, c)", "k = l + x", "m = Ctx(3)(k, c)", "n = m"],
            {"l": "y[0].f", "m": "y[1]"},
        ),
        (
            "stack(GRU(4), residual(stack(B(4), AB(4))))(x, b, a)",
            ["l = GRU(4)(x)", "m = B(4)(l, b)", "k = AB(4)(m, a, b)", "n = k + l"],
            {"l": "y[0]", "m": "y[1].f[0]", "k": "y[1].f[1]"},
        ),
        (
            "bidirectional(forward = residual(Ctx(3)), backward = B(3), merge = sum)(x, c, b)",
            ["l = Ctx(3)(x, c)", "m = backward(B(3))(x, b)", "n = l + x + m"],
            {"l": "y.forward.f", "m": "y.backward"},
        ),
        (
            "Around(Ctx(2), residual(B(4)))(x, c, b)",
            ["l = bidirectional(Ctx(2))(x, c)", "m = B(4)(l, b)", "n = l + m"],
            {"l": "y.low", "m": "y.z.f"},
        ),
        ("Around(Ctx(2))(x, c)", ["l = bidirectional(Ctx(2))(x, c)", "n = GRU(3)(l)"], {"l": "y.low", "n": "y.z"}),
        ("Many([Ctx(2), B(4)])(x, c, b)", ["l = Ctx(2)(x, c)", "n = B(4)(l, b)"], {"l": "y.f[0]", "n": "y.f[1]"}),
        ("Half(Ctx(2), GRU(4))(x, c)", ["l = Ctx(2)(x, c)", "n = GRU(4)(l)"], {"l": "y.y", "n": "y.z"}),
        ("Half(Ctx(2), B(4))(x, c, b)", ["l = Ctx(2)(x, c)", "n = B(4)(l, b)"], {"l": "y.y", "n": "y.z"}),
        (
            "stack(Half(Ctx(2), GRU(4)), B(3))(x, c, b)",
            ["l = Ctx(2)(x, c)", "m = GRU(4)(l)", "n = B(3)(m, b)"],
            {"l": "y[0].y", "m": "y[0].z", "n": "y[1]"},
        ),
        ("Twice(B(3))(x, c, b)", ["m = B(3)(2 * x, b)", "n = m + sum(c)"], {"m": "y.f"}),
        ("Twice(Twice(BA(3)))(x, c, b, a)", ["m = BA(3)(b, 4 * x, a)", "n = m + 2 * sum(c)"], {"m": "y.f.f"}),
        ("residual(Twice(Ctx(3)))(x, b, c)", ["m = Ctx(3)(2 * x, c)", "n = m + sum(b) + x"], {"m": "y.f.f"}),
        (
            "stack(Bound(Ctx), GRU(3))(x, c)",
            ["l = Ctx(2)(x, c)", "m = Ctx(3)(l, c)", "k = stack(Ctx(4), 2)(m, c)", "n = GRU(3)(k)"],
            {"l": "y[0].f[0]", "m": "y[0].f[1]", "k[0]": "y[0].y[0]", "k[1]": "y[0].y[1]", "n": "y[1]"},
        ),
        ("Given()(x, c)", ["m = Ctx(3)(x, c)", "n = m + x"], {"m": "y.f.f"}),
        ("backward(residual(Ctx(3)))(x, c)", ["m = backward(Ctx(3))(x, c)", "n = m + x"], {"m": "y.f"}),
    ],
)  # fmt: skip
def test_what_cells_take_per_row_is_handed_on(layer: str, by_hand: list[str], layers: dict[str, str]) -> None:
    text = text_of(f"y = {layer}", "output y") + GIVEN
    holds(run(model(text, "N")))
    case, other = rnnc.compile(text, name="N"), rnnc.compile(text_of(*by_hand, "output n"), name="N")
    random = np.random.default_rng(0)
    x = {n: random.standard_normal((2, *(5,) * i["sequence"], *i["shape"])) for n, i in case.SPEC["inputs"].items()}
    params = case.init_params(seed=1, dtype="float64")
    theirs = {name: layers[name.split(".")[0]] + name[name.index(".") :] for name in other.SPEC["parameters"]}
    assert {*theirs.values()} == {*params}
    y, _, tape = case.forward_train(params, x)
    z, _, kept = other.forward_train({name: params[own] for name, own in theirs.items()}, x)
    np.testing.assert_allclose(y, z, rtol=1e-12)
    weight = random.standard_normal(y.shape)
    gradients, expected = (
        case.backward(params, tape, weight),
        other.backward({name: params[own] for name, own in theirs.items()}, kept, weight),
    )
    for name, own in theirs.items():
        np.testing.assert_allclose(gradients["params"][own], expected["params"][name], rtol=1e-10, atol=1e-12)
    for name in x:
        np.testing.assert_allclose(gradients["x"][name], expected["x"][name], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("layer", "message", "remedy"),
    [
        ("residual(Ctx(3))(x)", "`residual` is given no `c`, which a cell in it takes per row", "`(x, c)`"),
        ("residual(highway(Ctx(3)))(x)", "`residual` is given no `c`", "`(x, c)`"),
        ("Twice(B(3))(x, c)", "`Twice` is given no `b`, which a cell in it takes per row", "`(x, g, b)`"),
        ("residual(Ctx(3))(x, c, c)", "`residual` has 2 inputs (`x` and `c`) but is given 3", ""),
        ("residual(GRU(3))(x, c)", "`residual` has 1 input (`x`) but is given 2", ""),
        ("stack(residual(Ctx(3)), GRU(3))(x)", "together (`x` and `c`) but are given 1; layer 0 takes `c`", "`(x, c)`"),
        ("residual(Sized(3))(x, c)", "which inputs `Sized` has is not known", "one by one"),
        ("residual(Ctx(3))(x, u)", "`c` of `Ctx` is one value per row, and what it is given is a sequence", ""),
    ],
)  # fmt: skip
def test_a_network_says_what_it_would_hand_on(layer: str, message: str, remedy: str) -> None:
    [found] = [d for d in rnnc.check(text_of(f"output y: {layer}")) if d.severity == "error"]
    assert message in found.message
    assert remedy in (found.fix or "")


def test_the_outermost_network_hands_on_nothing() -> None:
    with pytest.raises(DiagnosticError, match="`residual` is given no `c`"):
        model(text_of("output y: x") + GIVEN, "Given")


def test_a_network_of_a_cell_that_is_not_known_may_hand_on_anything() -> None:
    text = text_of("output y: residual(some)(x, c, a)").replace("network N {", "network N(some: cell) {")
    assert [d for d in rnnc.check(text) if d.severity == "error"] == []
