"""The order of `use` statements decides nothing, as that of equations; what an instance cannot be made of."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rnnc.diagnostics import DiagnosticError
from tests.semantics.support import cell, holds, model, run, states
from tests.semantics.test_networks import network

USES = ("use f = GRU(3)", "use g = f", "use s = stack(g, f)")


@pytest.mark.parametrize("uses", list(itertools.permutations(USES)))
def test_any_order_of_instances_is_the_same(uses: tuple[str, ...]) -> None:
    case = run(network(*uses, "y = s(g(f(x)))", "output y"))
    holds(case)
    np.testing.assert_array_equal(case.output(), run(network(*USES, "y = s(g(f(x)))", "output y")).output())


def test_states_stand_where_the_text_has_the_instances() -> None:
    steps = "  y = f(linear(u: x, out = units))\n  z = g(y)\n  h' = tanh(linear(z))"
    assert list(states(cell(f"  use g = f\n  use f = RNN(units)\n{steps}"))) == ["h", "g.h", "f.h"]


def test_members_of_families_wait_for_others() -> None:
    lines = "for k in 1..3 { use f[k] = f[0] }", "use f[0] = RNN(3)", "y = f[2](f[1](f[0](x)))", "output y"
    holds(run(network(*lines)))


def test_a_family_may_have_its_first_member_in_its_own_statement() -> None:
    lines = "y = f[2](f[1](f[0](x)))", "use g = f[2]", "for k in 0..3 { use f[k] = RNN(3) if k == 0 else f[k - 1] }"
    case = run(network(*lines, "z = g(y)", "output z"))
    holds(case)
    assert {p.name.partition(".")[0] for p in case.model.parameters} == {"f[0]"}


def test_members_that_wait_for_members_of_a_later_loop() -> None:
    lines = (
        "for o in 1..3 { for s in 0..2 { use f[o, s] = f[0, s] } }",
        "for s in 0..2 { use f[0, s] = RNN(3) }",
        "y = f[2, 1](f[1, 0](x)) + f[0, 0](x) + f[0, 1](x)",
    )
    case = run(network(*lines, "output y"))
    holds(case)
    assert {p.name.partition(".")[0] for p in case.model.parameters} == {"f[0,0]", "f[0,1]"}


@pytest.mark.parametrize(
    "uses",
    [
        ("use g[3] = RNN(3)", "for k in 0..3 { use g[k] = g[k + 1] }", "use h = g[1]"),
        ("use g[0] = RNN(3)", "use h = g[1]", "use g[1] = g[0]"),
        ("use g[1] = RNN(3)", "use g[0] = f[1]", "use f[0] = g[1]", "use f[1] = f[0]", "use h = stack(g[0], f[0])"),
    ],
)
def test_any_order_of_members_is_the_same(uses: tuple[str, ...]) -> None:
    results: list[np.ndarray] = []
    for order in itertools.permutations(uses):
        case = run(network(*order, "y = h(x)", "output y"))
        holds(case)
        results.append(case.output())
    for result in results:
        np.testing.assert_array_equal(result, results[0])


def test_a_definition_goes_before_an_instance_further_down() -> None:
    """As it did: `use g = Own` is a layer of its own where `Own` is a cell, and is also an instance below."""
    own = "cell Own(n = 3) {\n  input x[i]\n  state h[n]\n  h' = tanh(linear(x, h))\n  output h'\n}\n"
    uses = "  use g = Own\n  use Own = Own\n  y = Own(g(x))\n  output y\n"
    of = model(f"{own}network N {{\n  input x[3]\n{uses}}}\n", "N")
    assert {p.name.partition(".")[0] for p in of.parameters} == {"g", "Own"}


@pytest.mark.parametrize(
    ("lines", "code", "says"),
    [
        (("use g = f", "use f = g"), "E204", "`use g` needs itself: `g` is made of `f`, `f` is made of `g`"),
        (("use g = stack(g, 2)",), "E204", "`use g` needs itself"),
        (("y = x", "use g = y"), "E239", "`use` wants a cell, not a tensor"),
        (("use g = y", "y = 2 * x"), "E239", "`use` wants a cell, not the word `y`"),
        (("use f = stack(RNN(3), 2)", "y = f(x)", "use g = f[0]"), "E239",
         "`use` wants a cell, not a part of the layer `f`"),
        (("use g = f", "if false { use f = RNN(3) }"), "E239", "`use` wants a cell, not the word `f`"),
        (("use g = f", "use f = tanh"), "E239", "`use` wants a cell, not the function `tanh`"),
        (("use f[0] = f[1]", "use f[1] = f[0]", "use g = RNN(3)"), "E204", "`use f` needs itself"),
        (("use f[0] = RNN(3)", "use f[1] = f[9]", "use g = f[1]"), "E203", "the family `f` has no member [9]"),
        (("use g = f", "use f = k[9]", "use k[0] = RNN(3)"), "E203", "the family `k` has no member [9]"),
        (("use g = RNN(3) as low",), "E248",
         "`as` names the weights of a call with inputs, and `RNN` gives the cell `RNN`"),
    ],
)  # fmt: skip
def test_what_is_no_instance(lines: tuple[str, ...], code: str, says: str) -> None:
    with pytest.raises(DiagnosticError) as raised:
        network(*lines, "z = g(x)", "output z")
    assert [(d.code, d.message) for d in raised.value.diagnostics] == [(code, says)]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (("z = f(x, h = f.h')",), "`f` begins with what it leaves itself"),
        (("z = f(x, h = g.h')", "y = g(x, states = f.states')"),
         "`f` begins with what `g` leaves, `g` begins with what `f` leaves, so none is the first"),
    ],
)  # fmt: skip
def test_layers_that_begin_with_what_they_leave(lines: tuple[str, ...], says: str) -> None:
    with pytest.raises(DiagnosticError) as raised:
        network("use f = RNN(3)", "use g = RNN(3)", *lines, "output z")
    assert [(d.code, d.message) for d in raised.value.diagnostics] == [("E401", says)]


@pytest.mark.parametrize("variant", ["N(4)", "N with { drop y }"])
def test_a_variant_of_a_network_is_a_cell_by_its_word(variant: str) -> None:
    text = "network N(n) {\n  input x[3]\n  y = RNN(n)(x)\n  output x\n}\n"
    with pytest.raises(DiagnosticError) as raised:
        model(f"{text}network M(k = 2) = {variant}\n", "M")
    assert [(d.code, d.fix) for d in raised.value.diagnostics] == [("E142", "write `cell M(k = 2) = …`")]
    assert model(f"{text}cell M(k = 2) = {variant}\n", "M").kind == "network"
