"""What states of inner cells are after a step, and what is carried instead: at any depth, in any order."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

import rnnc
from rnnc.diagnostics import DiagnosticError

INNER = """
cell In(units = 3) {
  input x[input]
  state h[units], c[units], n[]: int
  gate i = sigmoid(linear(x, h))
  c' = (1 - i) * c + i * tanh(linear(x, h))
  h' = tanh(c' + 0.1 * n)
  n' = n + 1
  output h'
}

cell Id(inner: cell = In()) {
  input x[input]
  use l = inner
  y = l(x)
  output y
}
"""

# Bodies of cells, and one network, around any cell that has these states.
OUTERS = {
    "two that change places": """
  for k in 0..2 {
    use f[k] = inner
    y[k] = f[k](x)
  }
  for k in 0..2 { carry f[k].states[0] = f[1 - k].states'[0] }
  output y: y[0] + 2 * y[1], n: f[0].states'[0], m: sum(f[1].states[0])""",
    "a second step": """
  use f = inner
  use g = f
  y = f(x)
  z = g(x, states = f.states')
  carry f.states = g.states'
  output y, z, a: f.states'[0], b: g.states'[1]""",
    "states that are given": """
  use f = inner
  y = f(x, states = [f.states[0] * exp(-x[input = 0]), f.states[1] + f.states[0], f.states[2]])
  state s[3]
  s' = 0.5 * s + f.states'[1] - f.states[1]
  output y, s', d: f.states'[0] - f.states[0]""",
    "states that are mixed": """
  use f = inner
  y = f(x)
  for k in 0..2 { carry f.states[k] = 0.7 * f.states'[k] + 0.3 * f.states[1 - k] }
  output y, q: concat(f.states'[0], f.states'[1]), r: concat(f.states[0], f.states[1])""",
    "a gate": """
  use f = inner
  g = sigmoid(linear(x, a: f.states[0], b: f.states[1], out = []))
  y = f(x)
  t = linear(x, c: f.states'[1], out = [])
  for k in 0..2 { carry f.states[k] = where(t > 0, f.states'[k], g * f.states[k]) }
  output y, t, z: sum(f.states'[1])""",
    "a state that is set back": """
  use f = inner
  state last[3]
  y = f(x)
  last' = f.states'[0]
  carry f.states[1] = last
  carry f.states[0] = last' * 0.5 + f.states'[1]
  output y, u: last', v: f.states'[1]""",
    "places": """
  use f[0] = inner
  use f[1] = f[0]
  for k in 0..2 { y[k] = f[k]((k + 1) * x) }
  m = 0.5 * (f[0].states'[0] + f[1].states'[0])
  for k in 0..2 { carry f[k].states[0] = f[k].states'[0] - m }
  output y: concat(y[0], y[1]), m, d: f[0].states'[0]""",
    "zoneout": """
  use f = inner
  y = f(dropout(x, 0.3, mask = sequence))
  carry f.states[0] = zoneout(f.states'[0], f.states[0], 0.2)
  carry f.states[1] = zoneout(f.states'[1], f.states[1], 0.4)
  output y, s: f.states'[0] + f.states'[1]""",
}
TEXTS = {name: f"cell O(inner: cell = In()) {{\n  input x[input]{body}\n}}\n" for name, body in OUTERS.items()}
TEXTS["a variant"] = """
cell P(inner: cell = In()) {
  input x[input]
  use f = inner
  y = f(x)
  carry f.states[0] = 0.5 * f.states'[0]
  output y, e: sum(f.states'[0])
}
cell O(inner: cell = In()) = P(inner = inner) with {
  carry f.states[1] = f.states'[0] + f.states'[1]
  output y: 2 * y, w: f.states'[1]
}
"""
TEXTS["a network"] = """
network O(inner: cell = In()) {
  input x[input]
  use e = inner
  a = e(x)
  b = stack(inner, 2, residual = false)(reverse(a))
  c = bidirectional(inner, merge = sum)(b)
  use g = e
  d = inner(c, states = e.states')
  w = highway(inner)(d)
  output y: d + w, z: backward(inner)(x), q: e.states'[0], r: last(a)
}
"""


def values(text: str, name: str = "O", **options: object) -> list[np.ndarray]:
    """Outputs and states of a module with given numbers, in declared order."""
    module = rnnc.compile(text, name=name, options=options)
    random = np.random.default_rng(5)
    initial = module.init_params(seed=1, dtype="float64", input=3)
    params = {n: 0.5 * random.standard_normal(array.shape) for n, array in initial.items()}
    outputs, states = module.forward(params, random.standard_normal((4, 2, 3)))
    return [*outputs.values(), *(states.values() if isinstance(states, dict) else [states])]


@pytest.mark.parametrize("outer", TEXTS)
@pytest.mark.parametrize("inner", ["Id()", "Id(Id())"])
def test_a_cell_that_only_wraps_another_changes_nothing(outer: str, inner: str) -> None:
    for one, other in zip(
        values(INNER + TEXTS[outer], inner="In()"), values(INNER + TEXTS[outer], inner=inner), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-12)


CARRIED = """
cell Leaf() {
  input x[]
  state n[], m[]
  n' = n + x
  m' = m + 10 * x
  output y: n' + m'
}

cell Mid() {
  input x[]
  use l = Leaf()
  y = l(x)
  output y
}

cell Halved() {
  input x[]
  use l = Leaf()
  y = l(x)
  carry l.n = 0.5 * l.n'
  output y
}

cell Pair() {
  input x[]
  for k in 0..2 {
    use q[k] = Halved()
    y[k] = q[k]((k + 1) * x)
  }
  output y: y[0] + y[1]
}

cell Base(inner: cell = Mid()) {
  input x[]
  use f = inner
  early = f.states'[0]
  y = f(x)
"""


def module_of(body: str, inner: str = "Mid()") -> ModuleType:
    return rnnc.compile(f"{CARRIED}{body}\n  output early, late: f.states'[0]\n}}\n", name="Base", inner=inner)


def numbers(module: ModuleType, steps: int = 1) -> tuple[dict[str, list[float]], dict[str, float]]:
    outputs, states = module.forward({}, np.ones((1, steps)))
    return {n: a[0].tolist() for n, a in outputs.items()}, {n: float(a[0]) for n, a in states.items()}


@pytest.mark.parametrize("inner", ["Leaf()", "Mid()"])
@pytest.mark.parametrize("first", [True, False])
def test_carries_read_what_the_step_left_in_any_order(inner: str, first: bool) -> None:
    lines = ["  carry f.states[0] = -100 * f.states'[0]", "  carry f.states[1] = f.states'[0]"]
    outputs, states = numbers(module_of("\n".join(lines if first else lines[::-1]), inner))
    assert outputs == {"early": [1.0], "late": [1.0]}
    assert list(states.values()) == [-100.0, 1.0]


def test_a_carry_outside_finds_what_the_one_inside_leaves() -> None:
    outputs, states = numbers(module_of("  carry f.states[0] = 10 * f.states'[0]", "Halved()"), steps=2)
    assert outputs == {"early": [0.5, 3.0], "late": [0.5, 3.0]}  # n' is 1, then 5 + 1
    assert states == {"f.l.n": 30.0, "f.l.m": 20.0}


def test_paths_reach_states_at_any_depth() -> None:
    """Before the step and after it, read before the cell is stepped and behind it, given and carried."""
    text = (
        CARRIED
        + """  output y
}
cell Path() {
  input x[]
  use f = Pair()
  early = f.q[1].l.n' + f.q[0].l.n
  y = f(x, q[0].l.m = 3 + f.q[0].l.m)
  carry f.q[1].l.n = 3 * f.q[1].l.n'
  carry f.q[0].l.m = zoneout(f.q[0].l.m', f.q[0].l.m, 0.5)
  output early, a: f.q[1].l.n', s: sum(f.q[1].l.states'), t: sum(f.states)
}
"""
    )
    outputs, states = numbers(rnnc.compile(text, name="Path"))
    assert outputs == {"early": [1.0], "a": [1.0], "s": [21.0], "t": [0.0]}
    assert states == {"f.q[0].l.n": 0.5, "f.q[0].l.m": 6.5, "f.q[1].l.n": 3.0, "f.q[1].l.m": 20.0}
    assert list(rnnc.compile(text, name="Path").SPEC["masks"]) == ["f.q[0].l.m"]


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ("carry f.l.n = 7 * f.l.n'", {"f.l.n": 7.0, "f.l.m": -10.0}),
        ("drop carry f.l.n", {"f.l.n": 1.0, "f.l.m": -10.0}),
        ("drop carry f.states[1], carry f.l.n", {"f.l.n": 1.0, "f.l.m": 10.0}),
        ("if true { carry f.states[1] = 5 }", {"f.l.n": 2.0, "f.l.m": 5.0}),
        ("for k in 1..2 { carry f.states[k] = k }", {"f.l.n": 2.0, "f.l.m": 1.0}),
    ],
)
def test_a_variant_changes_what_is_carried(change: str, left: dict[str, float]) -> None:
    text = CARRIED + "  carry f.l.n = 2 * f.l.n'\n  carry f.states[1] = -f.l.m'\n  output y, early\n}\n"
    assert numbers(rnnc.compile(f"{text}cell V = Base with {{ {change} }}\n", name="V"))[1] == left


def test_a_variant_changes_members_of_what_is_carried() -> None:
    text = (
        CARRIED
        + """  output y, early
}
cell Loop() {
  input x[]
  for k in 0..3 {
    use f[k] = Leaf()
    y[k] = f[k](x)
    carry f[k].n = k * f[k].n'
  }
  output y: sum(y[k] for k in 0..3), z: y[0]
}
cell One = Loop with { carry f[1].n = 9 }
cell None = Loop with { drop carry f[1].n }
cell All = Loop with { carry f.n = 5 + k }
"""
    )
    for name, left in {"One": [0, 9, 2], "None": [0, 1, 2], "All": [5, 6, 7]}.items():
        states = numbers(rnnc.compile(text, name=name))[1]
        assert [states[f"f[{k}].n"] for k in range(3)] == left


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ("drop carry f.l.m", "E238", "did you mean `f.l.n`?"),
        ("drop carry f", "E142", None),
        ("drop f.l", "E144", "what it is carried as goes with `drop carry f.l`"),
        ("carry f.states[0] = 1", "E406", "`with` replaces it as it is written there, `carry f.l.n = …`"),
        ("carry f.l.k = 1", "E244", "did you mean `l.n`?"),
        ("z = f.l.k", "E244", "did you mean `l.n`?"),
    ],
)
def test_what_is_no_carry(change: str, code: str, told: str | None) -> None:
    text = CARRIED + "  carry f.l.n = 2 * f.l.n'\n  output y, early\n}\n"
    with pytest.raises(DiagnosticError) as error:
        rnnc.compile(f"{text}cell V = Base with {{\n  {change}\n}}\n", name="V")
    (found,) = error.value.diagnostics
    assert (found.code, found.fix) == (code, told)
