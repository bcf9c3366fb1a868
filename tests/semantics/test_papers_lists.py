"""Members folded as papers write them, the only axis left unsaid, words of choices beside equations of that name."""

from __future__ import annotations

import numpy as np
import pytest

import rnnc
from rnnc.diagnostics import DiagnosticError


def outputs(body: str, parameters: str = "") -> dict[str, np.ndarray]:
    """What one step of a cell with an input x[3] gives, at x = (-1, 0.5, 2)."""
    module = rnnc.compile(f"cell T({parameters}) {{\n input x[3]\n{body}\n}}")
    found, _ = module.forward(module.init_params(seed=0, dtype="float64"), np.array([[[-1.0, 0.5, 2.0]]]))
    return {name: np.squeeze(a) for name, a in found.items()} if isinstance(found, dict) else {"y": np.squeeze(found)}


X = np.array([-1.0, 0.5, 2.0])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("sum(q[k] for k in 1..4)", 6 * X),
        ("sum(q[k] for k in 1..2)", X),
        ("max(q[k] for k in 1..2)", X),
        ("max(q[k] for k in 1..4)", np.maximum(X, 3 * X)),
        ("min([q[1], q[3]])", np.minimum(X, 3 * X)),
        ("mean(q[k] for k in 1..4)", 2 * X),
        ("prod([q[1], q[2]])", 2 * X * X),
        ("sum(q[k] if k > 1 for k in 1..4)", 5 * X),
        ("x * sum(k for k in 1..4)", 6 * X),
        ("x * max([1, 3, 2])", 3 * X),
        ("x * mean([1, 2])", 1.5 * X),
        ("x + sum(q[k] for k in 4..4)", X),
    ],
)
def test_members_are_folded(expression: str, expected: np.ndarray) -> None:
    found = outputs(f"for k in 1..4 {{ q[k] = k * x }}\n y = {expression}\n output y")
    np.testing.assert_allclose(found["y"], expected, rtol=1e-12)


PAIR = "fn pair(v[d]) {\n param W[d, e: d] = constant(0.5)\n return [v @ W, 3, 2 * v]\n}\n"


@pytest.mark.parametrize(
    "lines",
    [
        ["r = pair(x)", "y = r[0] + r[1] * r[2][d = 1]", "n = x * len(r)", "s = r", "z = s[2]"],
        ["y = r[0] + r[1] * r[2][d = 1]", "z = r[2]", "r = pair(x)", "n = x * len(r)"],  # read before it is defined
    ],
)
def test_an_equation_of_a_list_names_its_members(lines: list[str]) -> None:
    body = "\n ".join(line.replace("d = 1", "input = 1") for line in lines)
    text = f"{PAIR}cell T {{\n input x[input]\n {body}\n output y, z, n\n}}"
    module = rnnc.compile(text, expose=["r[0]", "r[2]"])
    params = module.init_params(seed=0, dtype="float64", input=3)
    assert set(params) == {"r.pair.W"}
    found, _ = module.forward(params, X[None, None])
    np.testing.assert_allclose(found["y"][0, 0], np.full(3, 0.5 * X.sum() + 3 * 2 * X[1]))
    np.testing.assert_array_equal(found["z"][0, 0], 2 * X)
    np.testing.assert_array_equal(found["n"][0, 0], 3 * X)
    np.testing.assert_allclose(found["r[0]"][0, 0], np.full(3, 0.5 * X.sum()))
    np.testing.assert_array_equal(found["r[2]"][0, 0], 2 * X)


def test_nothing_has_no_largest_member() -> None:
    with pytest.raises(DiagnosticError, match="`max` of nothing"):
        outputs("q[0] = x\n y = max(q[k] for k in 1..1)\n output y")


def test_the_only_axis_need_not_be_named() -> None:
    found = outputs("output p: softmax(x), l: log_softmax(x), c: cumax(x), n: l2_normalize(x)")
    p = np.exp(X) / np.exp(X).sum()
    expected = {"p": p, "l": np.log(p), "c": np.cumsum(p), "n": X / np.sqrt((X * X).sum())}
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-12)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "cumax", "l2_normalize", "logsumexp"])
def test_one_of_several_axes_must_be_named(name: str) -> None:
    with pytest.raises(DiagnosticError, match="which axis of"):
        outputs(f"y = {name}(outer(x, ones(a: 2)))\n output sum(y)")


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "cumax", "l2_normalize", "logsumexp"])
def test_an_axis_may_be_called_by_its_size(name: str) -> None:
    """Numbers above the size, so that its name is taken for no number (`max(v, 2)` is elementwise)."""
    module = rnnc.compile(f"cell Sized {{\n  input x[2]\n  output y: {name}(x, 2), z: {name}(x)\n}}")
    found, _ = module.forward({}, np.array([[[5.0, 10.0]]]))
    np.testing.assert_array_equal(found["y"], found["z"])


def test_a_sum_of_exponentials() -> None:
    text = "cell Sum {\n  input x[row: 2, col: 2]\n  output y: logsumexp(x, col), z: logsumexp(x, [row, col])\n}"
    none = -np.inf
    steps = [[[5.0, 10.0], [none, 2000.0]], [[none, none], [none, none]], [[np.nan, 1.0], [0.0, 0.0]]]
    module, x = rnnc.compile(text), np.array([steps])
    found, _, tape = module.forward_train({}, x)
    two = [10 + np.log1p(np.exp(-5)), 2000]
    np.testing.assert_allclose(found["y"], [[two, [none, none], [np.nan, np.log(2)]]])
    np.testing.assert_allclose(found["z"], [[2000, none, np.nan]])
    slopes = module.backward({}, tape, {"y": np.ones((1, 3, 2)), "z": np.zeros((1, 3))}, None)["x"]
    p = 1 / (1 + np.exp(5))
    np.testing.assert_allclose(slopes[0, 0], [[p, 1 - p], [0, 1]])
    np.testing.assert_array_equal(slopes[0, 1], np.zeros((2, 2)))  # none, and not NaN, where all are -inf


@pytest.mark.parametrize(("mode", "expected"), [("f", 2 * X), ("g", X)])
def test_a_word_of_a_choice_may_be_an_equation_too(mode: str, expected: np.ndarray) -> None:
    body = "f = 2 * x\n g = 3 * x\n y = f if mode == f else x\n z = f if g != mode else x\n output y, z"
    found = outputs(body, f"mode: f | g = {mode}")
    np.testing.assert_array_equal(found["y"], expected)
    np.testing.assert_array_equal(found["z"], expected)
