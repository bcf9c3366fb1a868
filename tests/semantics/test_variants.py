"""`with`: replaced in all branches, added, dropped; parameters of a variant's own; aliases and uses."""

from __future__ import annotations

import numpy as np
import pytest

from rnnc.compiler import model_of
from rnnc.diagnostics import Source
from tests.semantics.support import Run, holds, model, outputs, parameters, run, states

BASE = """
cell Base(units, gated = true, scale = 1) {
  input x[input]
  state h[units]
  if gated { gate i = sigmoid(linear(x, h)) } else { gate i = 1 }
  j  = tanh(linear(x, h))
  h' = scale * i * j
  output h'
  layout tf(scope = "base") {
    "kernel" = [[j.x], [j.h]]
    if gated { "gate" = [[i.x], [i.h]] }
  }
}
"""


def same(variant: str, written_out: str, **options: object) -> Run:
    """The variant of `BASE` means what the cell that is written out means."""
    one = run(model(BASE + variant, "V", **options))
    other = run(model(written_out, "W", **options))
    assert parameters(one.model) == parameters(other.model)
    holds(one)
    np.testing.assert_array_equal(one.output(), other.output())
    return one


def written(i: str, h: str = "i * j", head: str = "units", extra: str = "", output: str = "h'") -> str:
    return (
        f"cell W({head}) {{\n  input x[input]\n  state h[units]\n{extra}  i = {i}\n  j = tanh(linear(x, h))\n"
        f"  h' = {h}\n  output {output}\n}}\n"
    )


@pytest.mark.parametrize("gated", [True, False])
def test_a_replacement_stands_in_all_branches(gated: bool) -> None:
    same(f"cell V = Base(gated = {str(gated).lower()}) with {{ gate i = 0.5 }}", written("0.5"))


@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("halved", [True, False])
def test_what_branches_replace(gated: bool, halved: bool) -> None:
    """A name that one branch alone defines keeps its definition in the other one."""
    variant = """
cell V(units, gated = true, halved = true) = Base(units, gated) with {
  if halved {
    if gated { gate i = 0.5 * sigmoid(linear(x, h)) }
    j = 0.5 * tanh(linear(x, h))
  }
}"""
    written = f"""
cell W(units, gated = true, halved = true) {{
  input x[input]
  state h[units]
  if gated {{ gate i = {"0.5 *" if halved else ""} sigmoid(linear(x, h)) }} else {{ gate i = 1 }}
  j  = {"0.5 *" if halved else ""} tanh(linear(x, h))
  h' = i * j
  output h'
}}"""
    same(variant, written, gated=gated, halved=halved)


def test_outputs_states_and_members_that_branches_replace() -> None:
    variant = """
cell V(units, wide = true) = Base(units) with {
  if wide {
    state h[units] = 1
    output h' + j
  } else {
    output j
  }
  for k in 0..2 { y[k] = j * k }
  for k in 0..1 { j = tanh(linear(x, h)) }
}"""
    for wide in (True, False):
        written = f"""
cell W(units, wide = true) {{
  input x[input]
  state h[units] = {"1" if wide else "0"}
  gate i = sigmoid(linear(x, h))
  j  = tanh(linear(x, h))
  h' = i * j
  output {"h' + j" if wide else "j"}
}}"""
        same(variant, written, wide=wide)


def test_arguments_are_bound_before() -> None:
    same("cell V = Base(gated = false, scale = 2) with { j = tanh(linear(x, h)) }", written("1", "2 * i * j"))


def test_what_is_added_may_be_read() -> None:
    same(
        "cell V = Base with {\n  gate i = sigmoid(linear(x, h) + extra)\n  extra = 0.1 * sum(x)\n}",
        written("sigmoid(linear(x, h) + extra)", extra="  extra = 0.1 * sum(x)\n"),
    )


def test_what_is_dropped_has_no_weights() -> None:
    of = model(BASE + "cell V = Base with {\n  h' = j\n  drop i\n}", "V")
    assert list(parameters(of)) == ["j.x", "j.h", "j.bias"]


def test_a_state_is_added_and_an_output_replaced() -> None:
    of = model(BASE + "cell V = Base with {\n  state m[units]\n  m' = 0.9 * m + h'\n  output m', h'\n}", "V")
    holds(run(of))
    assert list(states(of)) == ["m", "h"]
    assert list(outputs(of)) == ["m", "h"]


def test_parameters_of_its_own() -> None:
    text = BASE + "cell V(decay = 0.5, units = 4) = Base with { h' = decay * h + i * j }"
    one, other = model(text, "V"), model(text, "V", decay=0.25, scale=3, units=2)
    assert dict(one.options)["units"] == "4"
    assert dict(other.options) == {"decay": "0.25", "units": "2", "gated": "true", "scale": "3"}
    holds(run(other))


def test_variants_of_variants() -> None:
    same(
        "cell U = Base with { gate i = 0.5 }\ncell V = U(scale = 3) with { j = tanh(linear(x, h)) + 1 }",
        written("0.5", "3 * i * (j + 1)"),
    )


def test_an_alias_is_the_cell_under_another_name() -> None:
    of = model(BASE + "cell V = Base", "V")
    assert (of.name, parameters(of)) == ("V", parameters(model(BASE, "Base")))


def test_members_of_families_are_replaced_one_by_one() -> None:
    text = (
        "cell F(units) {\n  input x[input]\n  for k in 0..2 {\n    state h[k][units]\n"
        "    z[k] = tanh(linear(x, h[k]))\n"
        "    h'[k] = z[k] * (k + 1)\n  }\n  output concat(h'[0], h'[1])\n}\n"
    )
    one = run(model(text + "cell V = F with { z = 0.5 * h[k] + linear(x) }", "V"))
    holds(one)
    assert list(parameters(one.model)) == ["z[0].x", "z[0].bias", "z[1].x", "z[1].bias"]


def test_with_where_a_cell_is_used() -> None:
    text = BASE + (
        "cell W(units) {\n  input x[input]\n  use f = Base(units) with { gate i = 0.5 }\n  y = f(x)\n  output y\n}\n"
        "network N {\n  input x[3]\n  output bidirectional(Base(4) with { gate i = 0.5 })(x)\n}\n"
    )
    assert list(parameters(model(text, "W"))) == ["f.j.x", "f.j.h", "f.j.bias"]
    assert len(parameters(model(text, "N"))) == 6


def test_names_of_where_a_cell_is_changed_are_not_those_in_its_own_text() -> None:
    """`input` is a size of each cell of its own; what the changes alone name is the outer one's."""
    text = BASE + (
        "cell W(units, j = 3, k = 2) {\n  input x[input], a[other]\n  use f = Base(units) with { h' = k * i * j }\n"
        "  use g = Base(units) with { h' = i + j }\n  y = f(a)\n  z = g(y)\n  output j * z + sum(x)\n}\n"
        "network N(units = 4) {\n  input x[input]\n  output stack(Base(units) with { gate i = 0.5 }, 2)(x)\n}\n"
    )
    sizes = parameters(model(text, "W"))
    assert (sizes["f.j.x"], sizes["g.j.x"]) == ("[other, units]", "[units, units]")
    holds(run(model(text, "W", units=3)))
    assert parameters(model(text, "N"))["output[1].j.x"] == "[4, 4]"


def test_a_layout_that_lost_an_entry_says_so_and_one_that_is_replaced_does_not() -> None:
    lost = model(BASE + "cell V = Base with { gate i = 0.5 }", "V")
    assert set(lost.layouts[0].missing) == {"i.x", "j.bias"}
    whole = model(
        BASE
        + 'cell V = Base with {\n  gate i = 0.5\n  layout tf {\n    "k" = [[j.x], [j.h]]\n    "b" = j.bias\n  }\n}',
        "V",
    )
    assert whole.layouts[0].missing == ()
    assert [a.name for a in whole.layouts[0].arrays] == ["k", "b"]


def test_a_base_in_another_file(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    (folder / "base.rnn").write_text(BASE)
    (folder / "own.rnn").write_text('import Base as B from "base.rnn"\ncell V = B with { gate i = 0.5 }\n')
    path = folder / "own.rnn"
    of = model_of(Source(str(path), path.read_text()), "V")
    assert list(parameters(of)) == ["j.x", "j.h", "j.bias"]


FAMILY = """
cell Base(units, n = 3, act: fn = tanh) {
  input x[units]
  q[0] = act(x)
  for k in 0..n {
    state h[k][units]
    gate g[k] = sigmoid(linear(x, h[k]))
    h'[k] = g[k] * h[k] + (1 - g[k]) * q[k]
    q[k + 1] = act(linear(q: q[k], out = units))
  }
  output concat(h'[k] for k in 0..n)
}
"""
WRITTEN_FAMILY = """
cell W(units, n = 3) {{
  input x[units]
  q[0] = {first}
  for k in 0..n {{
    state h[k][units]
    {gate}
    h'[k] = {next}
    q[k + 1] = tanh(linear(q: q[k], out = units))
  }}
  output concat(h'[k] for k in 0..n)
}}
"""
GATE, NEXT = "gate g[k] = sigmoid(linear(x, h[k]))", "g[k] * h[k] + (1 - g[k]) * q[k]"


@pytest.mark.parametrize(
    ("changes", "written"),
    [
        ("gate g[1] = 0.5", {"gate": f"if k == 1 {{ gate g[k] = 0.5 }} else {{ {GATE} }}"}),
        ("gate g[n - 1] = 0.5", {"gate": f"if k == n - 1 {{ gate g[k] = 0.5 }} else {{ {GATE} }}"}),
        ("q[0] = 2 * x", {"first": "2 * x"}),
        ("h'[0] = g[0] * x", {"next": f"g[k] * x if k == 0 else {NEXT}"}),
        ("gate g[k] = 1 / (k + 1)", {"gate": "gate g[k] = 1 / (k + 1)"}),
        ("gate g = 0.5", {"gate": "gate g[k] = 0.5"}),
        ("for j in 0..n { gate g[j] = 0.5 }", {"gate": "gate g[k] = 0.5"}),
        ("if n > 2 { gate g[1] = 0.5 }", {"gate": f"if k == 1 {{ gate g[k] = 0.5 }} else {{ {GATE} }}"}),
        ("if n > 3 { gate g[1] = 0.5 }", {}),
        (
            "drop g[0]\n  h'[0] = x",
            {"gate": f"if k > 0 {{ {GATE} }}", "next": f"x if k == 0 else {NEXT}"},
        ),
    ],
)
def test_one_member_or_all_are_replaced(changes: str, written: dict[str, str]) -> None:
    variant = run(model(FAMILY + f"cell V(units, n = 3) = Base(units, n) with {{\n  {changes}\n}}\n", "V"))
    text = WRITTEN_FAMILY.format(**{"first": "tanh(x)", "gate": GATE, "next": NEXT, **written})
    other = run(model(text, "W"))
    assert parameters(variant.model) == parameters(other.model)
    holds(variant)
    np.testing.assert_array_equal(variant.output(), other.output())


@pytest.mark.parametrize("gated", [True, False])
def test_what_a_branch_drops(gated: bool) -> None:
    variant = """
cell V(units, gated = true) = Base(units) with {
  if not gated {
    drop i
    h' = j
  }
}"""
    i, h = ("sigmoid(linear(x, h))", "i * j") if gated else ("1", "j")
    same(variant, written(i, h, head="units, gated = true"), gated=gated)
