"""Compile-time parameters as Python values and as text, free sizes, exposed equations, which definition is meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnc.compiler import check, model_of
from rnnc.diagnostics import DiagnosticError, Source
from tests.semantics.support import holds, model, parameters, run

CELL = (
    "cell C(units, periods = [1, 2], act: fn = tanh, reset: before | after = before, inner: cell = RNN(2),\n"
    "       flag = false, limit = none, tag = \"a\") {\n  input x[input]\n  state h[units]\n"
    "  use f = inner\n  y = f(x)\n  h' = clip(act(linear(x, y, h)), limit) * periods[0]"
    " + (h if reset == after) + (h if flag)\n  output h'\n}\n"
)  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("units", 5, "5"), ("units", "5", "5"), ("units", " 2 + 3 ", "5"),
        ("periods", [3, 4], "[3, 4]"), ("periods", "[3, 4]", "[3, 4]"), ("periods", "2..4", "[2, 3]"),
        ("act", "relu", "relu"), ("act", "softsign", "softsign"),
        ("reset", "after", "after"),
        ("inner", "LSTM(units = 4)", "LSTM(units = 4)"),
        ("inner", "GRU(3, reset = after)", "GRU(units = 3, reset = after)"),
        ("flag", True, "true"), ("flag", "true", "true"),
        ("limit", None, "none"), ("limit", 0.5, "0.5"), ("limit", "1e-3", "0.001"),
        ("tag", '"b\\"\\n"', '"b\\"\\n"'),
    ],
)  # fmt: skip
def test_values(key: str, value: object, shown: str) -> None:
    of = model(CELL, **{key: value})
    assert dict(of.options)[key] == shown
    holds(run(of))


def test_options_are_told_in_the_order_of_the_parameters() -> None:
    of = model(CELL, flag=True, units=3)
    assert [name for name, _ in of.options] == [
        "units", "periods", "act", "reset", "inner", "flag", "limit", "tag",
    ]  # fmt: skip


def test_sizes_stay_open_or_are_given() -> None:
    assert model(CELL).sizes == ("units", "input")
    assert parameters(model(CELL, input=7))["h.x"] == "[7, units]"
    assert model(CELL, input=7, units=2).sizes == ()


@pytest.mark.parametrize("wrong", [{"unit": 3}, {"input": -1}, {"x": 3}, {"input": "wide"}])
def test_what_is_no_parameter(wrong: dict[str, object]) -> None:
    with pytest.raises(DiagnosticError):
        model(CELL, **wrong)


def test_all_wrong_options_are_told_at_once() -> None:
    with pytest.raises(DiagnosticError) as caught:
        model(CELL, flag=1, reset="befor", units='"a"')
    assert [d.code for d in caught.value.diagnostics] == ["E224", "E217", "E206"]


def test_exposed_equations() -> None:
    text = (
        "cell C(units) {\n  input x[input]\n  state c[units]\n  use f = RNN(2)\n  gate i = sigmoid(linear(x, c))\n"
        "  for k in 0..2 { q[k] = k * i }\n  y = f(x)\n  c' = q[1] + sum(y)\n  output c'\n}\n"
    )
    of = model(text, expose=("i", "c", "q[0]", "f.h"))
    assert [e.name for e in of.exposed] == ["i", "c", "q[0]", "f.h"]
    found = holds(run(of))
    assert not found["expose", "q[0]"].any()
    np.testing.assert_array_equal(found["expose", "c"], found["output", "c"])


def test_members_of_states_are_exposed_as_they_are_written() -> None:
    text = "cell C {\n input x[]\n for k in 0..2 {\n state s[k][]\n s'[k] = s[k] + k * x\n }\n output s'[1]\n}\n"
    for name in ("s'[0]", "s[0]", "s[0]'"):
        assert [e.name for e in model(text, expose=(name,)).exposed] == ["s[0]"]
    with pytest.raises(DiagnosticError) as caught:
        model(text, expose=("s", "s'[2]"))
    assert [d.fix for d in caught.value.diagnostics] == ["its members are s'[0], s'[1]", "did you mean `s'[1]`?"]


def test_which_definition(tmp_path: Path) -> None:
    two = "cell A(n) {\n  input x[n]\n  output x\n}\ncell LongName(n) {\n  input x[n]\n  output x\n}\n"
    file = tmp_path / "long_name.rnn"
    file.write_text(two)
    assert model_of(Source(str(file), two)).name == "LongName"
    assert model(two, "A").name == "A"
    with pytest.raises(DiagnosticError, match="E241 which one"):
        model(two)
    built = two + "network N {\n  input x[3]\n  y = A(2)(x)\n  use b = LongName(3)\n  output b(y)\n}\n"
    assert model(built.replace("A(2)", "A(3)")).name == "N"  # the others are what it is made of
    with pytest.raises(DiagnosticError, match="E241 which one"):
        model(built + "cell Other = LongName(4)\n")
    with pytest.raises(DiagnosticError, match="E241"):
        model("fn f(v) { return v }\n")


def test_imports_and_their_names(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.rnn").write_text('import "c.rnn"\ncell B() {\n  input x[n]\n  y = twice(x)\n  output y\n}\n')
    (tmp_path / "sub" / "c.rnn").write_text("fn twice(v) { return 2 * v }\n")
    file = tmp_path / "a.rnn"
    file.write_text(
        'import B as Other, twice from "sub/b.rnn"\nnetwork N {\n  input x[3]\n  output twice(Other()(x))\n}\n'
    )
    source = Source(str(file), file.read_text())
    assert check(source) == []
    case = run(model_of(source, "N"))
    np.testing.assert_allclose(case.output(), 4 * case.arrays["input", "x"])


def test_one_check_tells_what_is_wrong_with_every_choice() -> None:
    text = (
        "cell C(units, flag = false, mode: one | two) {\n  input x[input]\n  state h[units]\n"
        "  h' = foo if flag else (bar if mode == two else linear(x))\n  output h'\n}\n"
    )
    assert [(d.code, d.span.text) for d in check(Source("t", text)) if d.span] == [("E201", "foo"), ("E201", "bar")]


def test_a_check_reads_what_stands_behind_a_size_that_must_be_given() -> None:
    text = (
        "cell C(units, heads = 1) {\n  input x[input]\n  let d = units // heads\n  state h[head: heads, d]\n"
        "  fixed ramp[key: d] = [n / 2 for n in 0..d]\n"
        "  h' = tanh(ramp * linear(x, out = [head: heads, d]) + foo)\n  output h'\n}\n"
    )
    (wrong,) = check(Source("t", text.replace(" + foo", "")))
    assert (wrong.code, wrong.notes[-1].message) == ("E301", "with `units = 12`")
    assert [d.code for d in check(Source("t", text))] == ["E301", "E201"]
    assert check(Source("t", text.replace("key: d", "d").replace(" + foo", ""))) == []


def test_a_check_keeps_quiet_where_only_some_sizes_are_wrong() -> None:
    text = (
        "cell C(feature) {\n  input x[input]\n  let n = input - feature\n"
        "  for k in 0..n {\n    y[k] = x[input = k]\n  }\n"
        "  output sum(y[k] for k in 0..n)\n}\n"
    )
    assert check(Source("t", text)) == []


def test_a_wrong_size_is_told_once_at_the_option() -> None:
    text = (
        "cell C(units) {\n  input x[input]\n  state h[units], c[units]\n  h' = linear(x, c)\n  c' = h\n  output c'\n}\n"
    )
    for option, message in (("units", "a size is a whole number"), ("input", "a whole number from 1 on")):
        with pytest.raises(DiagnosticError) as caught:
            model(text, **({"units": 2} | {option: -1}))
        (found,) = caught.value.diagnostics
        assert (found.code, message in found.message) == ("E208", True)
        assert found.span is not None
        assert found.span.source.name == f"-D {option}"
    with pytest.raises(DiagnosticError, match="no parameter or free size") as caught:
        model(text, units=2, inputs="tanh")
    assert caught.value.diagnostics[0].fix == "did you mean `input`?"
