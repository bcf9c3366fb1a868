"""Networks that are layers of others: their states, and what they are backwards. `residual` and `highway` are such."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.fuzz_networks import on_cuda, on_numpy, on_tensorflow
from rnnc.diagnostics import DiagnosticError
from rnnc.ir.model import Model
from tests.cuda.support import needs_compiler
from tests.semantics.support import Run, model, run
from tests.support.cell_checks import HAS_TENSORFLOW
from tests.support.cells import RandomSource
from tests.support.choices import Seeded
from tests.support.networks.cells import used
from tests.support.networks.layers import Layers
from tests.support.networks.writer import NetworkWriter

LENGTHS = np.array([2, 0, 4, 1])
NETWORKS = """
network Two(n = 3) {
  input x[i]
  a = LSTM(2)(x)
  b = backward(RNN(n))(a)
  output b
}
network Begins {
  input x[i]
  use e = RNN(3)
  a = e(x)
  b = RNN(3)(a, h = tanh(linear(u: last(x), out = 3)))
  output b + e.h'
}
fn through(x) {
  y = GRU(3)(x)
  return y + cumsum(y, time) + logsumexp(y, time)
}
network Encoder {
  input x[i]
  y = through(x)
  output y + last(RNN(3)(x)) + at(x, 1) - at(x, -1) + cumsum(y, time, exclusive = true)
}
cell Var = Two(3)
"""
LAYERS = (
    "residual(LSTM(3))", "highway(RNN(3))", "residual(highway(GRU(3)))", "Two", "Begins", "Encoder", "Var",
    "stack(Two, 2)", "stack(residual(RNN(3)), RNN(3))", "stack(RNN(3), highway(Two))", "backward(residual(RNN(3)))",
    "backward(Encoder)", "bidirectional(residual(RNN(3)), merge = sum)", "bidirectional(Encoder, merge = sum)",
    "stack(bidirectional(Two, Begins, merge = mean), RNN(3))",
)  # fmt: skip


def network(*lines: str, before: str = NETWORKS) -> Model:
    return model(before + "network N {\n  input x[3]\n" + "".join(f"  {line}\n" for line in lines) + "}\n", "N")


def case_of(of: Model, arrays: Run | None = None) -> Run:
    """Nothing is dropped and no state is given; other arrays are those of a case, where that has them."""
    case = run(of, batch=len(LENGTHS))
    for role, name in list(case.arrays):
        if role == "mask":
            case.arrays[role, name] = np.ones_like(case.arrays[role, name])
        elif role == "state":
            del case.arrays[role, name]
        elif arrays is not None:
            case.arrays[role, name] = arrays.arrays.get((role, name), case.arrays[role, name])
    return case


def _random_layer(seed: int) -> tuple[str, str]:
    """What a file says before, and a layer from three numbers to three."""
    layers, texts = Layers(Seeded(seed)), list[str]()
    for i in range(2):
        texts.append(NetworkWriter(layers.choices, layers, f"Inner{i}").write(2, 3))
    layer = layers.layer(3, 3, layers.choices.pick((1, 2)))
    layer = f"{layers.choices.pick(('', 'residual', 'highway', 'forward'))}({layer})"
    return "\n\n".join([*used("\n".join([*texts, layer])), *texts, ""]), layer


def _all_layers(test: Callable[[str, str], None]) -> Callable[[str, str], None]:
    fixed = [pytest.param(NETWORKS, layer, id=layer) for layer in LAYERS]
    drawn = [pytest.param(*_random_layer(seed), id=f"seed {seed}") for seed in range(40)]
    return pytest.mark.parametrize(("before", "layer"), [*fixed, *drawn])(test)


@_all_layers
def test_states_are_handed_over_as_between_two_runs(before: str, layer: str) -> None:
    joint = network(f"use e = {layer}", "y = e(x)", f"z = {layer}(x, states = e.states')", "output z, y", before=before)
    case = case_of(joint)
    first = case_of(network(f"use e = {layer}", "y = e(x)", "output y", before=before), case)
    second = case_of(network(f"z = {layer}(x)", "output z", before=before), case)
    for (role, name), array in first.forward(lengths=LENGTHS).items():
        if role == "state" and not name.endswith(".step"):  # that is the loop's own
            second.arrays[role, "z" + name[1:]] = array
    found, wanted = (one.forward(lengths=LENGTHS)["output", "z"] for one in (case, second))
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


@_all_layers
def test_backward_is_reverse_around_forward(before: str, layer: str) -> None:
    case = case_of(network(f"y = backward({layer})(x)", "output y", before=before))
    other = case_of(network(f"y = {layer}(reverse(x))", "output reverse(y)", before=before), case)
    for lengths in (LENGTHS, np.full(len(LENGTHS), case.steps)):
        found, wanted = (one.forward(lengths=lengths).values() for one in (case, other))
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        ("residual(LSTM(3))", ["f.c", "f.h"]),
        ("Two", ["a.c", "a.h", "b.h"]),
        ("stack(residual(RNN(3)), RNN(2))", ["[0].f.h", "[1].h"]),
        ("bidirectional(highway(RNN(3)))", [".forward.f.h", ".backward.f.h"]),
    ],
)
def test_states_of_networks_have_names(layer: str, names: list[str]) -> None:
    own = [name if name.startswith(("[", ".")) else f".{name}" for name in names]
    read = [f"a{i}: e{name}'" for i, name in enumerate(own)] + [f"b{i}: e.states'[{i}]" for i in range(len(own))]
    found = case_of(network(f"use e = {layer}", "y = e(x)", f"output y, {', '.join(read)}")).forward(lengths=LENGTHS)
    for i, name in enumerate(own):
        np.testing.assert_array_equal(found["output", f"a{i}"], found["state", f"e{name}"])
        np.testing.assert_array_equal(found["output", f"b{i}"], found["state", f"e{name}"])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("residual(RNN(3))(x, states = [])", "`residual` has 1 state, and 0 are given"),
        ("residual(RNN(3))(x, states = [zeros(3), ones(3), ones(17)])", "`residual` has 1 state, and 3 are given"),
        ("Two()(x, states = [0.5])", "`Two` has 3 states, and 1 is given"),
        ("stack(residual(RNN(3)), RNN(3))(x, states = [last(y)])", "`stack` has 2 states, and 1 is given"),
        ("Nothing(x, states = [0])", "`Nothing` has 0 states, and 1 is given"),
        ("Two()(x, states = [0, missing, 0])", "`missing` is not defined"),
        ("residual(RNN(3))(x, states = last(y))", "all states are a list"),
        ("residual(RNN(3))(x, states = [ones(7)])", "`z.f.h` is declared as [units: 3] but begins as [7]"),
    ],
)
def test_a_list_that_does_not_fit_is_reported_once(call: str, says: str) -> None:
    nothing = "network Nothing {\n  input x[i]\n  output x + 1\n}\n"
    with pytest.raises(DiagnosticError) as raised:
        network("y = RNN(3)(x)", f"z = {call}", "output z", before=NETWORKS + nothing)
    assert [d.message for d in raised.value.diagnostics] == [says]
    span = raised.value.diagnostics[0].span
    assert span is not None
    assert span.text in call


WRAP = """
cell Changed = Two with { b = RNN(n)(a) }
cell Again = Changed(3)
network Wrap(f = RNN(3)) {
  input x[i]
  y = f(x, h = 0.5)
  output y
}
"""


@pytest.mark.parametrize("lines", [
    ("z = Two(x, h = 0.5)",), ("z = Var(x, h = 0.5)",), ("z = Changed(x, h = 0.5)",), ("z = Again(x, h = 0.5, c = 1)",),
    ("use g = Var", "z = g(x, h = 0.5)"), ("use f = Again", "use g = f", "z = g(x, h = 0.5)"), ("z = Wrap(Var)(x)",),
])  # fmt: skip
def test_a_network_has_no_states_by_name(lines: tuple[str, ...]) -> None:
    with pytest.raises(DiagnosticError) as raised:
        network(*lines, "output z", before=NETWORKS + WRAP)
    (found,) = raised.value.diagnostics
    assert (found.code, found.span and found.span.text) == ("E221", "h")
    assert network("z = Wrap(x)", "output z", before=NETWORKS + WRAP).kind == "network"


def test_a_list_goes_before_what_the_network_says_itself() -> None:
    case = case_of(network("z = Begins(x, states = [0, 0.5])", "output z"))
    given = case_of(network("z = Begins(x)", "output z"), case)
    given.arrays["state", "z.e.h"], given.arrays["state", "z.b.h"] = np.zeros((4, 3)), np.full((4, 3), 0.5)
    np.testing.assert_array_equal(case.output(), given.output())


# --- modules: values and gradients, lengths of 0 and 1 ---

HANDED = NETWORKS + """
network N {
  input x[3]
  use e = stack(residual(RNN(3)), Begins)
  y = e(x)
  z = stack(highway(RNN(3)), Begins)(x, states = e.states')
  output z, e[1].e.h'
}
"""  # fmt: skip
TURNED = NETWORKS + """
network N {
  input x[3]
  y = bidirectional(Encoder)(x)
  output y, last: last(y)
}
"""  # fmt: skip
SOURCES = [pytest.param(RandomSource(text, "N"), id=name) for name, text in (("handed", HANDED), ("turned", TURNED))]


@pytest.mark.parametrize("source", SOURCES)
def test_numpy(source: RandomSource) -> None:
    assert on_numpy(source, 1)["edges"] == 1


@pytest.mark.skipif(not HAS_TENSORFLOW, reason="TensorFlow is not installed")
@pytest.mark.parametrize("source", SOURCES)
def test_tensorflow(source: RandomSource) -> None:
    assert on_tensorflow(source, 1)["module of TensorFlow against interpreter"] == 1


@needs_compiler
@pytest.mark.parametrize("source", SOURCES)
def test_cuda(source: RandomSource) -> None:
    assert sum(on_cuda(source, 1).values()) >= 2
