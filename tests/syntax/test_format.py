"""Canonical source: the same tree, every comment, and nothing left to change the second time."""

from __future__ import annotations

import re

import pytest

from rnnc.diagnostics import DiagnosticError, Source
from rnnc.resources import resource_text
from rnnc.syntax.parse import parse
from rnnc.syntax.printing.dump import print_ast, read_ast
from rnnc.syntax.printing.format import format_source
from tests.syntax.samples import SAMPLES


@pytest.mark.parametrize("name", SAMPLES)
def test_formatting_keeps_the_tree_and_the_comments(name: str) -> None:
    text = SAMPLES[name]
    formatted = _formatted(text)
    assert parse(Source("f", formatted)) == parse(Source("t", text))
    assert sorted(re.findall(r"#.*", formatted)) == sorted(re.findall(r"#.*", text))
    assert _formatted(formatted) == formatted
    assert max(len(line) for line in formatted.split("\n") if "#" not in line and '"""' not in line) <= 120


def test_the_prelude_is_in_the_standard_form() -> None:
    """Its first text is the file's own: the first function has one, too."""
    text = resource_text("grammar/prelude.rnn")
    assert _formatted(text) == text
    assert parse(Source("prelude", text)).doc


@pytest.mark.parametrize("name", SAMPLES)
def test_trees_can_be_written_and_read(name: str) -> None:
    file = parse(Source(name, SAMPLES[name]))
    assert read_ast(print_ast(file)) == file


@pytest.mark.parametrize(
    "text", ["", "(Name", '(Nome "x")', "(Name)", "]", '(Name "x") (Name "y")', "(Name maybe)", "$", '(Name "x" y: 1)']
)
def test_text_that_is_no_tree(text: str) -> None:
    with pytest.raises(ValueError):
        read_ast(text)


LONG = [f"weight_{k}[units, units] = glorot_uniform" for k in range(4)]
CASES = {
    "a long declaration": (
        f"cell A(units) {{\n  # all\n  param {', '.join(LONG)}  # end\n}}\n",
        f"cell A(units) {{\n  # all\n  param {LONG[0]}, {LONG[1]}\n  param {LONG[2]}, {LONG[3]}  # end\n}}\n",
    ),
    "alignment": (
        "cell A { \n gate i=1\n j = 2\n c' = 3 # c\n\n  k[0]  = 4\n let n = 1\n}",
        "cell A {\n  gate i = 1\n  j      = 2\n  c'     = 3  # c\n\n  k[0] = 4\n  let n = 1\n}\n",
    ),
    "comments": (
        "# top\n\n\n# A\ncell A { # head\n # first\n x = f(a, # inner\n   b) # end\n # last\n}\n# after\n",
        "# top\n\n# A\ncell A { # head\n  # first\n  # inner\n  x = f(a, b)  # end\n  # last\n}\n# after\n".replace(
            "{ # head", "{  # head"
        ),
    ),
    "comments in brackets": (
        "cell A {\n  x = 1\n\n  k = f(a,  # one\n\n    b)\n  long = g(  # two\n    c)\n}\n",
        "cell A {\n  x = 1\n\n  # one\n  k    = f(a, b)\n  # two\n  long = g(c)\n}\n",
    ),
    "comments in a header": (
        "cell A {\n  x = 1\n\n  layout tf(  # one\n\n    # two\n    a = 1) {\n    b = c\n  }\n}\n".replace(
            "b = c", '"b" = c'
        ),
        "cell A {\n  x = 1\n\n  # one\n  # two\n  layout tf(a = 1) {\n    b = c\n  }\n}\n".replace("b = c", '"b" = c'),
    ),
    "else": (
        "cell A {\n if a { b = 1 }\n else { # no\n c = 2\n }\n if a { b = 1 } else { c = 2 }\n}",
        "cell A {\n  if a {\n    b = 1\n  } else {  # no\n    c = 2\n  }\n  if a { b = 1 } else { c = 2 }\n}\n",
    ),
    "definitions": (
        "cell A = B with { gate i = 1 }   # a\ncell Long=B\ncell C {}\n\n\n\nfn f() { return 1 }",
        "cell A    = B with { gate i = 1 }  # a\ncell Long = B\n\ncell C {}\n\nfn f() { return 1 }\n",
    ),
    "docstrings": ('"""a"""\n"""b"""\ncell C {}', '"""a"""\n\n"""b"""\ncell C {}\n'),
    "numbers": ("cell A { x = 1_000 + 1e-12 + 0.50 }", "cell A { x = 1_000 + 1e-12 + 0.50 }\n"),
    "parentheses": (
        "cell A {\n x = ((a)) * (b + c) - (d - e) + (-f) ** 2\n}",
        "cell A {\n  x = a * (b + c) - (d - e) + (-f) ** 2\n}\n",
    ),
    "derived": (
        "cell A = f(B with {\ngate i = 1\n # why\n})",
        "cell A = f(B with {\n  gate i = 1\n  # why\n})\n",
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_layout(text: str, expected: str) -> None:
    assert _formatted(text) == expected
    assert _formatted(expected) == expected


def test_long_lines_are_wrapped_in_brackets() -> None:
    names = [f"a_rather_long_name_{k}" for k in range(12)]
    for joined in (" + ".join(names), f"f({', '.join(names)})", f"[{', '.join(names)}]"):
        formatted = _formatted(f"cell A {{\n  x = {joined}\n}}")
        assert max(map(len, formatted.split("\n"))) <= 120
        assert len(formatted.split("\n")) > 4
        assert parse(Source("f", formatted)) == parse(Source("t", f"cell A {{\n  x = {joined}\n}}"))
        assert _formatted(formatted) == formatted


def test_lines_break_between_items_rather_than_inside_of_one() -> None:
    items = [" + ".join(f"{name}_{k}" for k in range(6)) for name in ("alpha", "beta", "gamma")]
    formatted = _formatted(f"cell A {{\n  x = f({', '.join(items)}, axis = part)\n}}\n")
    assert formatted.split("\n")[1:3] == [f"  x = f({items[0]}, {items[1]},", f"        {items[2]}, axis = part)"]
    assert _formatted(formatted) == formatted


def test_arguments_of_a_base_behind_a_long_header_start_a_line() -> None:
    long = ", ".join(f"option_{k} = {k}" for k in range(6))
    given = ", ".join(f"option_{k}" for k in range(6))
    text = f"cell A({long}) = Base(\n    {given}) with {{\n  h' = 1\n}}\ncell B = A\n"
    assert _formatted(text) == text
    assert parse(Source("t", text)) == parse(Source("t", text.replace("Base(\n    ", "Base(")))


def test_an_item_wider_than_a_line_is_broken_inside() -> None:
    wide = " + ".join(f"a_rather_long_name_{k}" for k in range(12))
    formatted = _formatted(f"cell A {{\n  x = f(a, {wide}, b)\n}}\n")
    assert max(map(len, formatted.split("\n"))) <= 120
    assert formatted.split("\n")[1].startswith("  x = f(a, a_rather_long_name_0 + ")


def test_formatting_refuses_what_does_not_parse() -> None:
    with pytest.raises(DiagnosticError):
        _formatted("cell A {")


def _formatted(text: str) -> str:
    return format_source(Source("<test>", text))
