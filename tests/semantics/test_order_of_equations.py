"""Equations stand in any order: the same weights, the same values, the same errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnc.compiler import check, model_of
from rnnc.diagnostics import DiagnosticError, Source
from rnnc.ir.model import Model
from rnnc.semantics.scopes.choose import definitions_of
from rnnc.syntax import ast
from rnnc.syntax.parse import parse
from rnnc.syntax.source import read_source
from tests.semantics.support import Run, model, parameters, run
from tests.support.shuffled import shuffled

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted([*ROOT.glob("examples/*.rnn"), *ROOT.glob("tests/data/papers/*.rnn")])
SOURCES = {path: read_source(path) for path in FILES}
SEED = 1


def _model(source: Source, name: str) -> Model | list[str]:
    """The model, or the codes of what is wrong."""
    try:
        return model_of(source, name)
    except DiagnosticError as error:
        return sorted(d.code for d in error.diagnostics)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_definitions_in_another_order(path: Path) -> None:
    """Each file with its equations in one other order, which is always the same."""
    source, other = SOURCES[path], shuffled(SOURCES[path], SEED)
    for name in (d.name for d in definitions_of(parse(source)) if isinstance(d, ast.Cell | ast.Network)):
        one, again = _model(source, name), _model(other, name)
        if isinstance(one, list) or isinstance(again, list):
            assert one == again, name
            continue
        assert parameters(again) == parameters(one), name
        case = run(one, steps=2, batch=2)
        values = case.forward()
        shuffled_values = Run(again, case.sizes, case.arrays, case.steps, case.batch).forward()
        assert shuffled_values.keys() == values.keys(), name
        for key, array in values.items():
            np.testing.assert_allclose(shuffled_values[key], array, rtol=1e-9, atol=1e-9, err_msg=f"{name} {key}")


def test_most_definitions_are_shuffled() -> None:
    changed = sum(shuffled(source, SEED).text != source.text for source in SOURCES.values())
    assert changed > 0.85 * len(SOURCES)


HEAD = "cell C(n = 3) {\n  input x[a]\n  state h[n], S[slot: 2, n], s[], t[]\n"
REST = "  h' = h + 1\n  S' = S + 1\n  output s', t'\n}\n"


def _both(head: str, one: str, other: str, rest: str) -> list[str]:
    return [f"{head}  {first}\n  {second}\n{rest}" for first, second in ((one, other), (other, one))]


@pytest.mark.parametrize("text", _both(HEAD + "  v = linear(x)\n", "s' = sum(v * S)", "t' = sum(v * h)", REST))
def test_two_guesses_are_a_question(text: str) -> None:
    with pytest.raises(DiagnosticError) as error:
        model(text)
    (only,) = error.value.diagnostics
    assert only.code == "E311"
    assert "[slot: 2, n: 3]" in only.message
    assert only.fix is not None
    assert "out = [n]" in only.fix


@pytest.mark.parametrize(
    "text",
    _both("cell C(n = 3) {\n  input x[a]\n  state h[n], S[slot: 2, n]\n  v = tanh(linear(x))\n",
          "h' = h + v", "S' = S + v", "  output h'\n}\n"),
)  # fmt: skip
def test_what_stands_beside_several_has_axes_of_all(text: str) -> None:
    assert parameters(model(text)) == {"v.x": "[a, 3]", "v.bias": "[3]"}


@pytest.mark.parametrize(
    "text",
    _both("cell C(n = 3) {\n  input x[a]\n  state h[n], S[slot: 2, n]\n  v = linear(x)\n",
          "h' = h + tanh(2 * tanh(v))", "S' = S + v", "  output h'\n}\n"),
)  # fmt: skip
def test_how_far_a_neighbour_is_does_not_count(text: str) -> None:
    assert parameters(model(text)) == {"v.x": "[a, 3]", "v.bias": "[3]"}


MEMORY = "cell C(n = 4) {\n  input x[a], m[slot: 3], t[]\n  state S[slot: 3, n]\n  v = linear(x)\n"


@pytest.mark.parametrize("value", ["where(m > 0, v, 0)", "m * v", "max(m, v)"])
def test_a_neighbour_with_fewer_axes_is_a_question(value: str) -> None:
    text = f"{MEMORY}  S' = {value}\n  output S'\n}}\n"
    with pytest.raises(DiagnosticError) as error:
        model(text)
    assert [d.code for d in error.value.diagnostics] == ["E311"]


@pytest.mark.parametrize("value", ["where(m > 0, v, S)", "where(S > 0, v, 0)", "where(t > 0, v, 0)"])
def test_a_test_that_leaves_one_reading(value: str) -> None:
    text = f"{MEMORY}  S' = {value}\n  output S'\n}}\n"
    assert parameters(model(text))["v.x"] == "[a, 3, 4]"


@pytest.mark.parametrize(
    "text",
    [
        *_both("fn dconv(v[node, f], units) {\n  return linear(u: v * 2, each = node, out = units)\n}\n"
               "cell C(N = 3, units = 2) {\n  input x[N, feat]\n  state h[N, units]\n",
               "h' = tanh(dconv(concat(x, r, axis = feat), units))", "r = h * 0.5", "  output h'\n}\n"),
        *_both("fn doubled(v[a], n) {\n  return v + sum(expand(relabel(v, b: n), a: n), b)\n}\n"
               "cell C(c = 3) {\n  input x[server: c]\n  state w[server: c]\n",
               "w' = doubled(left, c)", "left = relu(w - x)", "  output w'\n}\n"),
        *_both("fn gram(X[r, c], n) {\n  return contract(X, relabel(X, r2: n, c: 3), over = c)\n}\n"
               "cell C() {\n  input G[n: 2, m: 3]\n  state s[]\n",
               "s' = sum(gram(N, 2))", "N = 2 * G", "  output s'\n}\n"),
        *_both("cell C(n = 2) {\n  input x[n]\n  fixed I[n, n] = identity\n  state c[n]\n",
               "c' = inverse(I / k) @ x", "k = step + 1", "  output c'\n}\n"),
    ],
)  # fmt: skip
def test_a_call_knows_what_stands_below_it(text: str) -> None:
    assert not check(Source("<text>", text))
    model(text)


def test_weights_are_named_in_the_order_of_the_text() -> None:
    text = """
cell C(n = 2) {
  input x[n]
  state h[n]
  a  = layer_norm(linear(b, x) + c)
  b  = layer_norm(linear(c, out = n))
  d  = linear(x, out = n)
  c  = linear(d, out = n)
  h' = a
  output h'
}
"""
    names = [name.partition(".")[0] for name in parameters(model(text))]
    assert list(dict.fromkeys(names)) == ["a", "b", "d", "c"]


def test_a_long_chain_of_calls_in_the_order_of_nothing() -> None:
    """Each reads the next one: only some are read ahead, and the others take their axes as they come."""
    calls = "".join(f"  z{k} = rms_norm(z{k + 1})\n" for k in range(60))
    of = model(f"cell C(n = 2) {{\n  input x[n]\n  state h[n]\n{calls}  z60 = h + x\n  h' = z0\n  output h'\n}}\n")
    assert set(parameters(of).values()) == {"[2]"}


def test_a_list_that_stands_below_a_layer() -> None:
    text = """
cell Pair(units) {
  input x[input]
  state h[units]
  h' = tanh(linear(x, h))
  output h', i: 2 * h
}
network Net() {
  input x[4]
  z = dense(y.h, 3)
  w = dense(u, 3)
  u = y.i
  y = Pair(5)(x)
  output z + w
}
"""
    assert parameters(model(text, "Net"))["z.weight"] == "[5, 3]"
    with pytest.raises(DiagnosticError) as error:
        model(text.replace("dense(u, 3)", "dense(y, 3)").replace("  u = y.i\n", ""), "Net")
    assert [d.code for d in error.value.diagnostics] == ["E213"]


STATES = "cell C(n = 4, m = 5) {\n  input x[a]\n  state h[n], g[m]\n  v = linear(x)\n"


@pytest.mark.parametrize(
    ("one", "other", "code"),
    [
        ("h' = h + sum(v * g)", "g' = g + sum(v * h)", "E311"),
        ("h' = h * v", "g' = g * v", "E301"),
        ("h' = v", "g' = tanh(v)", "E301"),
    ],
)
def test_axes_of_which_none_suit_all_are_one_error(one: str, other: str, code: str) -> None:
    messages: set[str] = set()
    for text in _both(STATES, one, other, "  output h', g'\n}\n"):
        with pytest.raises(DiagnosticError) as error:
            model(text)
        (only,) = error.value.diagnostics
        assert only.code == code
        messages.add(only.message)
    (message,) = messages
    assert "`v`" in message
    assert "[n: 4]" in message
    assert "[m: 5]" in message


@pytest.mark.parametrize(
    "text",
    _both("cell C(n = 3) {\n  input x[a]\n  state h[p: 2, n], g[n, p: 2]\n  v = linear(x)\n",
          "h' = h + v", "g' = g + v", "  output h'\n}\n"),
)  # fmt: skip
def test_axes_in_two_orders(text: str) -> None:
    assert parameters(model(text)) == {"v.x": "[a, 3, 2]", "v.bias": "[3, 2]"}
