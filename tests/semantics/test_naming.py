"""What parameters, states and masks are called: nothing a backend, pass or target does changes these names."""

from __future__ import annotations

from rnnc.ir.model import Model
from tests.semantics.support import cell, holds, model, outputs, parameters, run, states

NOISY = "cell R(units) {\n  input x[input]\n  state h[units]\n  h' = dropout(tanh(linear(x, h)), 0.5)\n  output h'\n}\n"


def names(of: Model) -> list[str]:
    holds(run(of))
    return list(parameters(of))


def masks(of: Model) -> list[tuple[str, str, float]]:
    return [(m.name, m.per, m.keep) for m in of.masks]


def test_one_weight_per_operand() -> None:
    of = cell("  gate i = sigmoid(linear(x, h))\n  h' = i * linear(u: x, bias = false)")
    assert parameters(of) == {
        "i.x": "[input, units]", "i.h": "[units, units]", "i.bias": "[units]", "h.u": "[input, units]",
    }  # fmt: skip


def test_as_names_a_second_call() -> None:
    assert names(cell("  h' = tanh(linear(x) + linear(h) as rec)")) == ["h.x", "h.bias", "h.rec.h", "h.rec.bias"]


def test_outputs_name_what_is_written_in_them() -> None:
    head = "cell Cell(units) {\n  input x[input]\n  state h[units]\n  h' = tanh(linear(x, h, bias = false))\n  output "
    assert names(model(head + "linear(h', out = 2)\n}"))[2:] == ["output.h", "output.bias"]
    items = "y: linear(h', out = 2), dense(h', 3) as z, n: layer_norm(h'), d: dropout(h', 0.5)"
    of = model(f"{head}{items}\n}}")
    assert names(of)[2:] == ["y.h", "y.bias", "z.weight", "z.bias", "n.layer_norm.gain", "n.layer_norm.shift"]
    assert list(outputs(of)) == ["y", "z", "n", "d"]
    assert masks(of) == [("d", "step", 0.5)]


def test_members_of_families() -> None:
    of = cell(
        "  for k in 0..2 {\n    state s[k][units]\n    q[k] = tanh(linear(x, s[k]))\n    s'[k] = q[k]\n  }\n"
        "  h' = linear(q[0], last: q[1], bias = false)"
    )
    assert names(of) == ["q[0].x", "q[0].s[0]", "q[0].bias", "q[1].x", "q[1].s[1]", "q[1].bias", "h.q[0]", "h.last"]
    assert list(states(of)) == ["h", "s[0]", "s[1]"]


def test_shared_over_leaves_the_index_out() -> None:
    of = cell(
        "  for b in 0..2 {\n    for k in 0..3 {\n"
        "      q[b, k] = tanh(linear(u: x, shared over k, out = units))\n    }\n  }\n"
        "  h' = q[0, 2] + q[1, 1] + h"
    )
    assert names(of) == ["q[0].u", "q[0].bias", "q[1].u", "q[1].bias"]


def test_shared_over_leaves_the_index_of_an_operand_out() -> None:
    """What is shared over k is one weight, whichever member it multiplies; indices made of other variables stay."""
    of = cell(
        "  for b in 0..2 {\n    q[b, 0] = h\n    for k in 0..3 {\n"
        "      q[b, k + 1] = tanh(linear(x, q[b, k], (q[j, 0] for j in 0..2), shared over k))\n    }\n  }\n"
        "  r = linear(q[1, 3], weights = s, bias = false)\n  s = linear(q[1, 3], bias = false)\n"
        "  h' = q[0, 3] + q[1, 3] + r + s"
    )
    shared = [[f"q[{b}].x", f"q[{b}].q[{b}]", f"q[{b}].q[0,0]", f"q[{b}].q[1,0]", f"q[{b}].bias"] for b in range(2)]
    assert names(of) == [*shared[0], *shared[1], "s.q[1,3]"]


def test_weights_of_another_equation() -> None:
    of = cell("  a = tanh(linear(x, h))\n  b = linear(x, h, weights = a)\n  h' = a * b")
    assert names(of) == ["a.x", "a.h", "a.bias"]


def test_an_equation_that_lost_its_weights_only_names_those_of_another() -> None:
    of = cell("  a = 1 - sigmoid(x @ W) if true else tanh(linear(x, h))\n  param W[input, units]\n"
              "  b = linear(x, h, weights = a)\n  h' = a * b")  # fmt: skip
    assert names(of) == ["W", "a.x", "a.h", "a.bias"]


def test_weights_of_what_is_shared_are_those_that_its_calls_use() -> None:
    """Whichever way a member is named; a call with a name has those of the call with this name."""
    of = cell(
        "  for k in 0..2 {\n"
        "    U[k] = linear(v: k + x, shared over k) + linear(x) as own\n"
        "    V[k] = linear(v: k * x, weights = U) + linear(x, weights = U) as own\n"
        "    W[k] = linear(v: x - k, weights = U, shared over k)\n  }\n"
        "  a  = linear(v: x, weights = U[1])\n"
        "  h' = a + sum(U[k] + V[k] + W[k] for k in 0..2) + h"
    )
    assert names(of) == ["U.v", "U.bias", *(f"U[{k}].own.{n}" for k in range(2) for n in ("x", "bias"))]


def test_weights_of_a_function_that_members_share() -> None:
    of = model(
        "fn f(v[d]) {\n  return sum(tanh(linear(v, out = [hidden: 4])))\n}\n"
        "cell R(d) {\n  input x[d]\n  state h[d]\n  for k in 0..2 {\n"
        "    U[k] = f(k + h, shared over k)\n    V[k] = f(k + x, weights = U)\n  }\n"
        "  a  = f(x, weights = U[0])\n  h' = h + U[0] + U[1] + V[0] + V[1] + a\n  output h'\n}\n"
    )
    assert names(of) == ["U.f.v", "U.f.bias"]


def test_a_variant_or_a_branch_takes_the_weights_away_and_leaves_the_name() -> None:
    text = (
        "cell R(units, on = true) {\n  input x[input]\n  state h[units]\n"
        "  if on { gate i = sigmoid(linear(x)) } else { gate i = 0.5 }\n"
        "  gate j = sigmoid(linear(x, weights = i))\n  h' = i * h + j\n  output h'\n}\n"
        "cell S = R with { gate i = 1 }\ncell T = R(on = false)\n"
    )
    for name in ("R", "S", "T"):
        assert names(model(text, name)) == ["i.x", "i.bias"]


def test_functions() -> None:
    of = cell(
        "  i = sigmoid(layer_norm(linear(x, h, bias = false)))\n"
        "  h' = layer_norm(i) as one + layer_norm(tanh(i)) as two"
    )
    assert names(of) == [
        "i.x", "i.h", "i.layer_norm.gain", "i.layer_norm.shift",
        "h.one.gain", "h.one.shift", "h.two.gain", "h.two.shift",
    ]  # fmt: skip


def test_functions_that_call_functions() -> None:
    of = model(
        "fn gated(a, b) {\n  z = linear(a, b, bias = false)\n  return sigmoid(rms_norm(z))\n}\n"
        "cell C(units) {\n  input x[input]\n  state h[units]\n  h' = gated(x, h) * gated(x, h) as g\n  output h'\n}\n"
    )
    assert names(of) == [
        "h.gated.z.a", "h.gated.z.b", "h.gated.rms_norm.gain", "h.g.z.a", "h.g.z.b", "h.g.rms_norm.gain",
    ]  # fmt: skip


def test_peepholes() -> None:
    of = cell(
        "  state c[units]\n  gate i = sigmoid(linear(x, h) + peephole(c))\n  c' = i * c\n"
        "  gate o = sigmoid(linear(x, h) + peephole(c') as new + peephole(c) as old)\n  h' = o * c'"
    )
    assert parameters(of)["i.peephole"] == parameters(of)["o.new"] == parameters(of)["o.old"] == "[units]"


def test_convolutions() -> None:
    of = model(
        "cell C(filters) {\n  input x[row, col, channel]\n  state h[row, col, filters]\n"
        "  h' = tanh(conv(x, h, over = [row, col], kernel = [3, 1]))\n  output h'\n}\n"
    )
    holds(run(of, steps=2, batch=2))
    assert parameters(of) == {
        "h.x": "[3, 1, channel, filters]", "h.h": "[3, 1, filters, filters]", "h.bias": "[filters]",
    }  # fmt: skip


def test_blocks_per_axis() -> None:
    of = model(
        "cell C(units, heads) {\n  input x[input]\n  let d = units // heads\n  state h[head: heads, unit: d]\n"
        "  h' = tanh(linear(x, out = [head, unit]) + linear(h, per = head, bias = false) as rec)\n"
        "  output merge(h', [head, unit])\n}\n",
        units=6,
        heads=2,
    )
    holds(run(of))
    assert parameters(of) == {"h.x": "[input, 2, 3]", "h.bias": "[2, 3]", "h.rec.h": "[2, 3, 3]"}


def test_inner_cells() -> None:
    of = model(
        NOISY + "cell W(units) {\n  input x[input]\n  state s[units]\n  use f = R(units)\n  use g[1] = R(3)\n"
        "  y = f(x)\n  z = g[1](y)\n  s' = linear(z) + f.h'\n  output s'\n}\n",
        "W",
    )
    assert names(of) == ["f.h.x", "f.h.h", "f.h.bias", "g[1].h.x", "g[1].h.h", "g[1].h.bias", "s.z", "s.bias"]
    assert list(states(of)) == ["s", "f.h", "g[1].h"]
    assert masks(of) == [("f.h", "step", 0.5), ("g[1].h", "step", 0.5)]


def test_layers_of_a_network() -> None:
    of = model(
        NOISY + "network N {\n  input x[4]\n"
        "  a = stack(R(3), 2, residual = true, dropout = 0.25)(dense(x, 3))\n"
        "  b = bidirectional(R(2))(dropout(a, 0.125, mask = sequence))\n  output dense(b, 7)\n}\n",
        "N",
    )
    assert names(of) == [
        "a.weight", "a.bias", "a[0].h.x", "a[0].h.h", "a[0].h.bias", "a[1].h.x", "a[1].h.h", "a[1].h.bias",
        "b.forward.h.x", "b.forward.h.h", "b.forward.h.bias", "b.backward.h.x", "b.backward.h.h", "b.backward.h.bias",
        "output.weight", "output.bias",
    ]  # fmt: skip
    assert list(states(of)) == ["a[0].h", "a[1].h", "b.forward.h", "b.backward.h"]
    assert masks(of) == [
        ("a[0].h", "step", 0.5), ("a[0].dropout", "step", 0.75), ("a[1].h", "step", 0.5), ("b", "sequence", 0.875),
        ("b.forward.h", "step", 0.5), ("b.backward.h", "step", 0.5),
    ]  # fmt: skip


def test_a_shared_layer_has_one_set_of_weights_and_states_and_masks_of_its_own_each_time() -> None:
    of = model(NOISY + "network N {\n  input x[3]\n  use f = R(3)\n  a = f(x)\n  b = f(a)\n  output b\n}\n", "N")
    assert names(of) == ["f.h.x", "f.h.h", "f.h.bias"]
    assert list(states(of)) == ["f.h", "b.h"]
    assert [m.name for m in of.masks] == ["f.h", "b.h"]


def test_masks_in_functions_of_shared_layers() -> None:
    of = model(
        "fn noisy(v) {\n  return dropout(v, 0.5)\n}\n"
        + NOISY.replace("dropout(tanh(linear(x, h)), 0.5)", "noisy(linear(x, h))")
        + "network N {\n  input x[3]\n  use f = R(3)\n  a = f(x)\n  b = f(a)\n  output noisy(b)\n}\n",
        "N",
    )  # fmt: skip
    assert [m.name for m in of.masks] == ["f.h.noisy", "b.h.noisy", "output.noisy"]


def test_networks_in_networks() -> None:
    of = model(
        "network Block(units) {\n  input x[width]\n  y = RNN(units)(x)\n  output linear(y, out = width)\n}\n"
        "network N {\n  input x[3]\n  a = Block(4)(x)\n  output stack(Block(2), 2)(a)\n}\n",
        "N",
    )
    assert [n for n in names(of) if n.endswith("bias")] == [
        "a.y.h.bias", "a.output.bias", "output[0].y.h.bias", "output[0].output.bias", "output[1].y.h.bias",
        "output[1].output.bias",
    ]  # fmt: skip
    assert list(states(of)) == ["a.y.h", "output[0].y.h", "output[1].y.h"]


def test_wrappers_of_the_prelude() -> None:
    of = model("network N {\n  input x[3]\n  y = highway(RNN(3))(x)\n  output residual(RNN(3))(y)\n}\n")
    assert [n for n in names(of) if n.endswith("bias")] == ["y.f.h.bias", "y.carry_gate.bias", "output.f.h.bias"]
    assert outputs(of) == {"output": "[3]"}


def test_zoneout_and_recurrent_dropout() -> None:
    of = cell(
        "  state c[units]\n  c' = zoneout(tanh(linear(x, h)), c, 0.25)\n"
        "  h' = zoneout(dropout(c', keep = 0.75) as d, h, keep = 0.5, mask = sequence)"
    )
    holds(run(of))
    assert masks(of) == [("c", "step", 0.75), ("h.d", "step", 0.75), ("h", "sequence", 0.5)]


def test_no_mask_where_nothing_is_random() -> None:
    assert (
        cell("  h' = dropout(tanh(linear(x, h)), 0.0) + dropout(x, keep = 1) @ W\n  param W[input, units]").masks == ()
    )


def test_several_outputs_and_states_of_whole_numbers() -> None:
    of = model(
        "cell C(units) {\n  input x[input], token[]: int\n  state h[units], n[]: int = 3\n"
        "  gate i = sigmoid(linear(x, h))\n  n' = n + token\n  h' = i * h + 1\n  output h', i, n', twice: 2 * h'\n}\n"
    )
    holds(run(of))
    assert outputs(of) == {"h": "[units]", "i": "[units]", "n": "[]", "twice": "[units]"}
    assert [(p.name, p.type.dtype.value) for p in (*of.inputs, *of.states)] == [
        ("x", "float"), ("token", "int"), ("h", "float"), ("n", "int"),
    ]  # fmt: skip


def test_the_index_of_the_step_is_a_state() -> None:
    of = cell("  h' = where(step % 2 == 0, tanh(linear(x, h)), h)")
    holds(run(of))
    assert [(s.name, s.type.dtype.value) for s in of.states] == [("h", "float"), ("step", "int")]


def test_what_an_outer_cell_makes_of_an_inner_state() -> None:
    of = model(
        NOISY.replace("dropout(tanh(linear(x, h)), 0.5)", "tanh(linear(x, h))")
        + "cell Z(units) {\n  input x[input]\n  use f = R(units)\n  y = f(x)\n  carry f.h = zoneout(f.h', f.h, 0.5)\n"
        "  output y\n}\n",
        "Z",
    )
    case = run(of)
    found = holds(case)
    mask, last = case.arrays["mask", "f.h"][-1], found["output", "y"][-1]
    kept = found["state", "f.h"]
    assert ((kept == last) | (mask == 0)).all()
    assert not (kept == last).all()


def test_a_function_that_is_given_may_have_no_weights_to_share() -> None:
    text = (
        "cell C(norm: fn = tanh) {\n  input x[3]\n  state h[3]\n"
        "  for k in 0..2 {\n    z[k] = norm(x + k * h, shared over k)\n  }\n  h' = z[0] + z[1]\n  output h'\n}\n"
    )
    assert parameters(model(text)) == {}
    assert parameters(model(text.replace("= tanh", "= rms_norm"))) == {"z.rms_norm.gain": "[3]"}
