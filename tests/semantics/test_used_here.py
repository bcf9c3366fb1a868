"""Errors in files that a person did not write: a note shows the place in their own file that led there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rnnc.compiler import check, model_of
from rnnc.diagnostics import Diagnostic, DiagnosticError
from rnnc.render import to_json
from rnnc.syntax.source import read_source

LIBRARY = """cell Sum(units) {
  input x[input]
  state h[units]
  h' = h + x
  output h'
}
cell Typo(units) {
  input x[input]
  state h[units]
  h' = tanh(linear(x, g))
  output h'
}
cell Circle(units) {
  input x[input]
  state h[units]
  a = b + x
  b = 2 * a
  h' = tanh(linear(a, h))
  output h'
}
cell Begins(units) {
  input x[input]
  state h[units] = sum(x)
  h' = tanh(linear(x, h))
  output h'
}
cell Values(units) {
  input x[input]
  state h[units]
  fixed v[units] = [1, 2, 3]
  h' = v * tanh(linear(x, h))
  output h'
}
cell Around(units) {
  input x[input]
  use f = Sum(units)
  y = f(x)
  output y
}
cell Scope(units) {
  input x[input]
  state h[units]
  h' = tanh(linear(x, h))
  output h'
  layout keras { scope g = "cell" }
}
fn apart(v[n]) {
  w = linear(v, out = 3)
  return w + v
}
network Layer(units) {
  input x[input]
  y = Sum(units)(x)
  output y
}
"""

# What a person's file says, and under what of it the note's carets stand.
USES = {
    "a layer": ("network N() {\n  input x[2]\n  y = Sum(4)(x)\n  output y\n}", "Sum(4)(x)"),
    "a name in a layer": ("network N() {\n  input x[2]\n  y = Typo(4)(x)\n  output y\n}", "Typo(4)(x)"),
    "a circle": ("network N() {\n  input x[4]\n  y = Circle(4)(x)\n  output y\n}", "Circle(4)(x)"),
    "an initial value": ("network N() {\n  input x[4]\n  y = Begins(4)(x)\n  output y\n}", "Begins(4)(x)"),
    "given values": ("network N() {\n  input x[4]\n  y = Values(4)(x)\n  output y\n}", "Values(4)(x)"),
    "a layout": ("network N() {\n  input x[4]\n  y = Scope(4)(x)\n  output y\n}", "Scope(4)(x)"),
    "a stack": ("network N() {\n  input x[2]\n  y = stack(Sum(4), 2)(x)\n  output y\n}", "stack(Sum(4), 2)(x)"),
    "an inner cell": ("cell C() {\n  input x[2]\n  use f = Sum(4)\n  y = f(x)\n  output y\n}", "f(x)"),
    "an inner cell of one": ("cell C() {\n  input x[2]\n  use f = Around(4)\n  y = f(x)\n  output y\n}", "f(x)"),
    "an inner network": ("network N() {\n  input x[2]\n  y = Layer(4)(x)\n  output y\n}", "Layer(4)(x)"),
    "a function": ("cell C() {\n  input x[2]\n  y = apart(x)\n  output y\n}", "apart(x)"),
    "a function in a function": (
        "fn mine(v[n]) { return apart(v) }\ncell C() {\n  input x[2]\n  y = mine(x)\n  output y\n}",
        "apart(v)",
    ),
    "a variant": ("cell V() = Typo(4) with { }", "Typo(4)"),
    "the innermost of several": (
        (
            "cell Mine(units) {\n  input x[2]\n  use f = Around(units)\n  output f(x)\n}\n"
            "network N() {\n  input x[2]\n  y = Mine(4)(x)\n  output y\n}"
        ),
        "f(x)",
    ),
    "a cell of the language": (
        (
            "cell Two() {\n  input x[2]\n  output a: x, b: x\n}\n"
            "network N() {\n  input x[2]\n  y = residual(Two())(x)\n  output y\n}"
        ),
        "residual(Two())(x)",
    ),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "library.rnn").write_text(LIBRARY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _found(text: str, name: str | None = None) -> list[Diagnostic]:
    Path("own.rnn").write_text(text + "\n")
    source = read_source("own.rnn")
    if name is None:
        return check(source)
    with pytest.raises(DiagnosticError) as error:
        model_of(source, name)
    return list(error.value.diagnostics)


def _own(found: Diagnostic) -> list[str]:
    return [n.span.text for n in found.notes if n.span is not None and n.span.source.name == "own.rnn"]


@pytest.mark.parametrize(("text", "under"), USES.values(), ids=USES)
def test_the_place_that_led_there(folder: Path, text: str, under: str) -> None:
    (found, *more) = _found(f'import "library.rnn"\n{text}')
    assert more == []
    assert found.span is not None
    assert found.span.source.name != "own.rnn"
    assert under in _own(found)
    assert '"file": "own.rnn"' in json.dumps(json.loads(to_json(found)))


def test_compiling_says_it_too(folder: Path) -> None:
    (found,) = _found(f'import "library.rnn"\n{USES["an inner cell"][0]}', "C")
    assert _own(found) == ["f(x)"]


def test_a_file_that_an_imported_one_imports(folder: Path) -> None:
    Path("between.rnn").write_text('import "library.rnn"\ncell Mine() = Typo(4) with { }\n')
    text = 'import "between.rnn"\nnetwork N() {\n  input x[2]\n  y = Mine()(x)\n  output y\n}'
    (found,) = _found(text)
    assert _own(found) == ["Mine()(x)"]


def test_imports_of_what_cannot_be_read(folder: Path) -> None:
    Path("between.rnn").write_text('import "broken.rnn"\n')
    Path("broken.rnn").write_text("cell Half(units) {\n  input x[2]\n  output x +\n}\n")
    found = _found('import "between.rnn"\ncell C() {\n  input x[2]\n  output x\n}')
    assert len(found) == 2
    assert all(_own(d) == ['"between.rnn"'] for d in found)


def test_an_error_in_the_own_file_has_no_such_note(folder: Path) -> None:
    (found,) = _found("cell C(units) {\n  input x[2]\n  output x + y\n}\ncell D() = C(4) with { }")
    assert found.notes == ()


@pytest.mark.parametrize("call", ["GRU(0)", "GRU(units = -1)", "GRU(2.5)", "Around(0)", "Around(1e20)"])
def test_an_argument_that_is_wrong(folder: Path, call: str) -> None:
    (found,) = _found(f'import "library.rnn"\nnetwork N() {{\n  input x[2]\n  y = {call}(x)\n  output y\n}}')
    assert found.code == "E208"
    assert found.span is not None
    assert found.span.text == call.partition("(")[2].removeprefix("units = ").rstrip(")")
    assert found.notes[0].span is not None
    assert found.notes[0].span.source.name != "own.rnn"


def test_an_argument_that_is_handed_on(folder: Path) -> None:
    text = "network Mine(cells) {\n  input x[2]\n  y = GRU(cells)(x)\n  output y\n}\n"
    (found,) = _found(f"{text}network N() {{\n  input x[2]\n  y = Mine(0)(x)\n  output y\n}}")
    assert found.span is not None
    assert found.span.text == "0"


@pytest.mark.parametrize("cell", ["GRU", "Typo"])
def test_members_of_a_comprehension(folder: Path, cell: str) -> None:
    own = "cell Typo(units) {\n  input x[input]\n  state h[units]\n  h' = tanh(linear(x, h))\n  output h'\n}\n"
    (found,) = _found(f"{own}network N() {{\n  input x[4]\n  y = sum({cell}(n)(x) for n in [4, 4])\n  output y\n}}")
    assert found.code == "E402"
    assert found.span is not None
    assert found.span.text == f"{cell}(n)(x)"
    assert "linear" not in (found.fix or "")
