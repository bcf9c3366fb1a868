"""Sequences through layers: directions, merges, stacks, residuals, picks of steps, and what cannot stream."""

from __future__ import annotations

import numpy as np
import pytest

from rnnc.diagnostics import DiagnosticError
from rnnc.ir.model import Model
from tests.semantics.support import Run, holds, model, outputs, run


def network(*lines: str) -> Model:
    return model("network N {\n  input x[3]\n" + "".join(f"  {line}\n" for line in lines) + "}\n")


def with_weights_of(of: Model, case: Run, renamed: dict[str, str]) -> Run:
    """The arrays of a case under other prefixes, for a network that says the same in other words."""
    other = run(of)
    for role, name in list(other.arrays):
        for new, old in renamed.items():
            if name == new or name.startswith((new + ".", new + "[")):
                other.arrays[role, name] = case.arrays[role, old + name[len(new) :]]
    return other


@pytest.mark.parametrize(
    ("merge", "of_two"),
    [
        ("concat", lambda f, b: np.concatenate([f, b], -1)), ("sum", lambda f, b: f + b),
        ("mean", lambda f, b: (f + b) / 2), ("product", lambda f, b: f * b),
    ],
)  # fmt: skip
def test_merges(merge: str, of_two: object) -> None:
    case = run(network(f"y = bidirectional(RNN(2), merge = {merge})(x)", "output y"))
    holds(case)
    apart = network("y = bidirectional(RNN(2), merge = none)(x)", "output y.forward, y.backward")
    sides = with_weights_of(apart, case, {"y": "y"})
    wanted = of_two(sides.output("forward"), sides.output("backward"))  # type: ignore[operator]
    np.testing.assert_allclose(case.output(), wanted, rtol=1e-14)


def test_backward_is_reverse_around_forward() -> None:
    case = run(network("output backward(RNN(2))(x)"))
    holds(case)
    other = with_weights_of(network("y = RNN(2)(reverse(x))", "output reverse(y)"), case, {"y": "output"})
    lengths = np.array([2, 0, 4])
    for one, two in (
        (case.forward(), other.forward()),
        (case.forward(lengths=lengths), other.forward(lengths=lengths)),
    ):
        np.testing.assert_allclose(one["output", "output"], two["output", "output"], rtol=1e-14)


def test_unlike_cells_in_one_layer() -> None:
    of = network("y = bidirectional(forward = LSTM(2), backward = GRU(4, reset = after))(x)", "output y")
    holds(run(of))
    assert outputs(of) == {"y": "[6]"}
    assert of.step is None
    assert "backwards" in of.no_step


def test_a_stack_is_layers_one_after_another() -> None:
    case = run(network("y = stack(RNN(3), 2, residual = true)(x)", "output y"))
    holds(case)
    other = network("a = RNN(3)(x)", "b = a + x", "c = RNN(3)(b)", "output c + b")
    np.testing.assert_allclose(
        case.output(), with_weights_of(other, case, {"a": "y[0]", "c": "y[1]"}).output(), rtol=1e-14
    )


@pytest.mark.parametrize("layers", ["RNN(n) for n in [4, 2]", "[RNN(4), RNN(2)]", "RNN(4), RNN(2)"])
def test_stacks_of_unlike_layers(layers: str) -> None:
    of = network(f"y = stack({layers})(x)", "output y")
    holds(run(of))
    assert [str(s.type.axes[0].size) for s in of.states] == ["4", "2"]


def test_last_and_at() -> None:
    of = network("y = RNN(2)(x)", "a = last(y)", "b = at(y, -1)", "c = at(y, 0)", "output y, a, b, c")
    case = run(of)
    found = case.forward()  # not `holds`: what `at(y, -1)` gives is zero in short rows
    y = found["output", "y"]
    np.testing.assert_array_equal(found["output", "a"], y[-1])
    np.testing.assert_array_equal(found["output", "b"], y[-1])
    np.testing.assert_array_equal(found["output", "c"], y[0])
    short = case.forward(lengths=np.array([1, 2, 0]))
    np.testing.assert_array_equal(short["output", "a"][0], y[0, 0])
    assert not short["output", "a"][2].any()
    assert not short["output", "b"][:2].any()
    assert [(o.name, o.sequence) for o in of.outputs] == [("y", True), ("a", False), ("b", False), ("c", False)]
    assert of.step is None


def test_what_streams() -> None:
    of = network("y = stack(LSTM(2), 2)(dense(x, 4, activation = tanh))", "output dense(y, 5)")
    assert of.step is not None
    holds(run(of))


def test_equations_of_a_network_in_any_order() -> None:
    of = network("output c", "c = dense(b, 2)", "b = RNN(4)(a)", "a = x * 2")
    holds(run(of))


def test_several_inputs_and_outputs() -> None:
    of = model(
        "cell Two(units) {\n  input a[p], b[q]\n  state h[units]\n  h' = tanh(linear(a, b, h))\n"
        "  output h', twice: 2 * h'\n}\n"
        "network N {\n  input x[3], z[4]\n  y = Two(5)(x, z)\n  output d: dense(y.h, 2), last: y.twice\n}\n",
        "N",
    )
    holds(run(of))
    assert outputs(of) == {"d": "[2]", "last": "[5]"}


def test_an_embedding_before_a_layer() -> None:
    of = model(
        "network N {\n  input token[]: int\n  e = embedding(token, 7, 3)\n  y = RNN(2)(e)\n  output last(y)\n}\n"
    )
    holds(run(of))
    assert next((p.name, str(p.axes[0].size)) for p in of.parameters) == ("e.embedding.table", "7")


@pytest.mark.parametrize("call", ["dropout(last(y), 0.4)", "zoneout(last(y), -1 * last(y), 0.4)"])
def test_what_has_no_time_has_one_mask_per_row(call: str) -> None:
    of = network("y = RNN(2)(dropout(x, 0.3))", f"z = dense({call}, 2)", "output z")
    holds(run(of))
    assert [(m.name, m.per) for m in of.masks] == [("y", "step"), ("z", "sequence")]
    assert run(of).forward()["output", "z"].ndim == 2


def test_what_is_exposed_of_a_network_is_zero_past_the_end_too() -> None:
    text = "network N {\n input x[3]\n d = dense(x, 2, bias_init = 1.0)\n y = RNN(2)(tanh(d))\n output y\n}"
    found = run(model(text, expose=("d", "y"))).forward(lengths=np.array([1, 0, 4]))
    for name in ("d", "y"):
        assert not found["expose", name][1:, 0].any()
        assert found["expose", name][:, 2].all()


TWO = """cell Two(units) {
  input x[input]
  state h[units]
  h' = tanh(linear(x, h))
  output h', c: 2 * h'
}
"""


@pytest.mark.parametrize("layer", ["Around(RNN(3))", "Within()"])
def test_a_layer_with_cells_inside_runs_several_times(layer: str) -> None:
    of = model(
        "cell Around(inner: cell) {\n input x[input]\n use f = inner\n y = f(x)\n output y\n}\n"
        "network Within {\n input x[input]\n y = Around(RNN(3))(x)\n output y\n}\n"
        f"network N {{\n input x[3]\n use s = {layer}\n a = s(x)\n b = backward(s)(a)\n output b\n}}\n",
        "N",
    )
    holds(run(of))
    (path,) = {p.name.rpartition(".h.")[0] for p in of.parameters}
    assert path == ("s.f" if "Around" in layer else "s.y.f")
    assert len(of.states) == 2


@pytest.mark.parametrize(("merge", "one"), [("concat", "concat"), ("sum", "sum"), ("none", "none")])
def test_both_directions_of_several_outputs(merge: str, one: str) -> None:
    of = model(TWO + f"network N {{\n input x[3]\n y = bidirectional(Two(2), merge = {merge})(x)\n output y\n}}", "N")
    case = run(of)
    holds(case)
    width = 4 if one == "concat" else 2
    names = ["y.forward.h", "y.forward.c", "y.backward.h", "y.backward.c"] if merge == "none" else ["y.h", "y.c"]
    assert outputs(of) == dict.fromkeys(names, f"[{width}]")
    found = case.forward()
    for h, c in zip(names[::2], names[1::2], strict=True):
        np.testing.assert_allclose(found["output", c], 2 * found["output", h], rtol=1e-14)


@pytest.mark.parametrize("kind", ["network", "cell"])
def test_members_of_a_family_may_have_several_outputs(kind: str) -> None:
    step = {"network": ("", "Two(2)(a[k - 1].h)"), "cell": ("use f[k] = Two(2)", "f[k](a[k - 1].h)")}[kind]
    first = {"network": ("", "Two(2)(x)"), "cell": ("use f[0] = Two(2)", "f[0](x)")}[kind]
    lines = f"{first[0]}\n for k in 1..3 {{\n {step[0]}\n a[k] = {step[1]}\n }}\n a[0] = {first[1]}"
    of = model(f"{TWO}{kind} N {{\n input x[3]\n output y: a[2].c - a[0].h, a[1].h\n {lines}\n}}", "N")
    holds(run(of))
    assert outputs(of) == {"y": "[2]", "h": "[2]"}


def test_two_outputs_of_one_name_among_several() -> None:
    with pytest.raises(DiagnosticError, match=r"two outputs are called `y.h`"):
        model(TWO + "network N {\n input x[3]\n y = Two(2)(x)\n output y, y\n}", "N")


def test_a_layer_begins_with_what_another_gives() -> None:
    """h of the second layer before its first step, under lengths too; a state that is given takes its place."""
    of = network("a = RNN(4)(x)", "y = LSTM(4)(x, h = last(a), c = dense(last(a), 4))", "output y")
    case = run(of)
    holds(case)
    lengths = np.array([2, 0, 4])
    first = network("a = RNN(4)(x)", "l = last(a)", "output l, c: dense(l, 4)")
    begins = with_weights_of(first, case, {"a": "a", "c": "y", "x": "x"}).forward(lengths=lengths)
    second = with_weights_of(network("y = LSTM(4)(x)", "output y"), case, {"y": "y", "x": "x"})
    second.arrays["state", "y.h"], second.arrays["state", "y.c"] = begins["output", "l"], begins["output", "c"]
    del case.arrays["state", "y.h"], case.arrays["state", "y.c"]
    found, wanted = case.forward(lengths=lengths), second.forward(lengths=lengths)
    np.testing.assert_allclose(found["output", "y"], wanted["output", "y"], rtol=1e-13)


def test_a_layer_may_begin_with_a_parameter_and_stream() -> None:
    of = model("network N {\n input x[3]\n param s[2] = ones\n y = RNN(2)(x, h = 2 * s)\n output y\n}")
    holds(run(of))
    assert of.step is not None
