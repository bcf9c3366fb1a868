"""Names that nothing defines in branches that no default takes: of words that are choices nothing is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rnnc.compiler import check
from rnnc.diagnostics import Diagnostics, Source
from rnnc.semantics import check as checking
from rnnc.semantics.scopes.values import Scope
from rnnc.semantics.unknown_words import report_unknown_words
from rnnc.syntax import ast
from tests.support.damaged_text import corpus

TESTS = Path(__file__).resolve().parents[1]
FAST = "fn f(v, mode: fast | slow) {\n  return v if mode == fast else 2 * v\n}\n"
LEARNED = "fn f(v, bias: learned | plain = learned) {\n  return linear(v, out = 3) if bias == learned else 2 * v\n}\n"
OWN = "fn abs(kind: one | two = one, v = none) {\n  return v if kind == one else 2 * v\n}\n"
CHOICES = [
    (LEARNED, "units", "y = f(x, bias = plain)"),
    (OWN, "units", "y = abs(two, x)"),
    ("", "units, mode = none", "let m = mode or fast\n  y = x if m == fast else 2 * x"),
    ("", "units, mode = none", "let m = mode or none or fast\n  y = x if m != fast else 2 * x"),
    ("", "units, mode: fast | slow = none", "let m = mode or slow\n  y = x if m == slow else 2 * x"),
    (FAST, "units, mode: fast | slow = none", "y = f(x, mode or slow)"),
    (FAST, "units, mode = none", "let m = mode or slow\n  y = f(x, m)"),
]


def texts_of_tests() -> list[str]:
    """What stands in the tests between three quotes and looks like a file, and the corpus."""
    found = [path.read_text(encoding="utf-8") for path in sorted(TESTS.rglob("*.rnn"))]
    for path in sorted(TESTS.rglob("test_*.py")):
        for text in re.findall(r'"""(.*?)"""', path.read_text(encoding="utf-8"), re.DOTALL):
            found += [text] if re.search(r"^(?:cell|network|fn) \w+", text, re.MULTILINE) else []
    return [*corpus(), *found]


@pytest.mark.parametrize(("before", "head", "lines"), CHOICES)
def test_a_word_that_is_a_choice_is_no_name(before: str, head: str, lines: str) -> None:
    text = f"{before}cell A({head}) {{\n  input x[units]\n  {lines}\n  output y\n}}\n"
    assert [d.code for d in check(Source("t", text))] == []


@pytest.mark.parametrize(
    "line", ["y = abs(xx)", "y = linear(x, bias = xx)", "y = linear(xx)", "y = xx or x", "y = -xx"]
)
def test_a_name_that_is_none_is_told_where_no_default_leads(line: str) -> None:
    text = f"cell A(units, n = 0) {{\n  input x[units]\n  if n > 3 {{ {line} }} else {{ y = x }}\n  output y\n}}\n"
    assert [(d.code, d.span and d.span.text) for d in check(Source("t", text))] == [("E201", "xx")]


def test_nothing_is_said_of_text_that_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the texts of examples and tests are right with."""
    told: list[tuple[str, str]] = []

    def listening(file: ast.File, scope: Scope, diagnostics: Diagnostics) -> None:
        alone = Diagnostics()
        report_unknown_words(file, scope, alone)
        if not diagnostics.has_errors:
            told.extend((d.message, d.span.source.text) for d in alone if d.span is not None)

    monkeypatch.setattr(checking, "report_unknown_words", listening)
    for text in texts_of_tests():
        check(Source("t", text))
    assert told == []
