"""Every usual slip: its code, exactly the characters under the carets, and one diagnostic only."""

from __future__ import annotations

import re

import pytest

from rnnc.codes import CODES
from rnnc.diagnostics import Diagnostic, DiagnosticError, Diagnostics, Source
from rnnc.syntax import ast
from rnnc.syntax.depth import MAX_DEPTH
from rnnc.syntax.parse import parse, parse_expression, parse_partial

# In a cell's body; «what is under the carets» follows the code, what the fix must contain follows the source.
STATEMENTS = [
    ("E140", "«gat» i = sigmoid(x)", "`gate`"),
    ("E140", "«stat» k[units]", "`state`"),
    ("E140", "«ouput» c", "`output`"),
    ("E140", "«inputs» z[b]", "`input`"),
    ("E140", "z = a if b «els» c", "`else`"),
    ("E131", "«var» n = 3", "`let`"),
    ("E131", "z = «None»", "`none`"),
    ("E131", "z = f(a, «True»)", "`true`"),
    ("E131", "z = x[«None»]", "`expand(x, axis)`"),
    ("E131", "z = x[clip = «None»]", "`none`"),
    ("E131", "z = [1, «None»]", "`none`"),
    ("E131", "if a { b = 1 } «elif» d { e = 2 }", "`else if`"),
    ("E133", "c' «==» x", "`=`"),
    ("E133", "if a «=» b { d = 1 }", "`==`"),
    ("E133", "output h, d «=» 2 * x", "`output d: …`"),
    ("E134", "c'«:» x", "`=`"),
    ("E134", "z = x[input«:» 2]", "`=`"),
    ("E134", "z = x[input«:» 0:2]", "`=`"),
    ("E142", "gate «in» = x", "`in_`"),
    ("E142", "state «for»[units]", "`for_`"),
    ("E142", "output «as»: x", "`as_`"),
    ("E142", "z = x + «in» * y", "`in_`"),
    ("E142", "z = f(«with», y)", "`with_`"),
    ("E142", "z = x[n = 0:4«:»2]", "`split(x, n, place: m, part: 2)[part = 0]`"),
    ("E142", "z = x[n = :«:»2] + 1", "part: 2"),
    ("E142", "z = x[«:»:2]", "`split(x, n, place: m, part: 2)[part = 0]`"),
    ("E142", "z = x[time = 0:«:»2]", "time is no axis"),
    ("E142", "let r = [1, 2, 3]\n  let s = r[1«:»]", "`[r[i] for i in 1..len(r)]`"),
    ("E142", "z = linear(h) @ x «as» f", "`f(…) as f`"),
    ("E142", "output 2 * h' «as» y", "`output y: 2 * h'`"),
    ("E142", "output f(x, y), h' «as» y", "`output y: h'`"),
    ("E130", "z = x «>>» 1", "`x // 2 ** n`"),
    ("E130", "z = x «<<» 1", "`x * 2 ** n`"),
    ("E142", "z = x[0«:»2]", "`x[axis = 0:2]`"),
    ("E142", "z = q[k][1«:»]", "`q[k][axis = 1:]`"),
    ("E142", "z = a * f(x, b)[0«:»2]", "`f(x, b)[axis = 0:2]`"),
    ("E142", "z = (a + b)[0«:»2]", "`(a + b)[axis = 0:2]`"),
    ("E142", "z = x[n«:»n + 2]", "`x[axis = n:n + 2]`"),
    ("E142", "z = x[n«:»2 * n]", "`x[axis = n:2 * n]`"),
    ("E142", "z = f(x[n + 1«:»])", "`x[axis = n + 1:]`"),
    ("E142", "input x[features]\n  z = x[0«:»2]", "`x[features = 0:2]`"),
    ("E142", "state k[place: 3]\n  z = k'[«..»., 0]", "`k'[place = a:b]`"),
    ("E142", "z = x[«:», 0]", "`x[axis = a:b]`"),
    ("E142", "z = f(«a[k] for k in 0..3», axis = b)", "parentheses"),
    ("E144", '«"""Documented."""»\n  z = 1', "before `cell`"),
    ("E144", 'z = 1\n  «"""Documented."""»\n  y = 1', "before `cell`"),
    ("E130", "if a «&&» b { d = 1 }", "`and`"),
    ("E130", "if a «||» b { d = 1 }", "`or`"),
    ("E130", "z = «!»x", "`not`"),
    ("E130", "z = x «^» 2", "`**`"),
    ("E130", "z «+=» 1", "new"),
    ("E130", "z «:=» 1", "`=`"),
    ("E130", "z = a «?» b : d", "`value if test else other`"),
    ("E143", "for k «of» 0..3 { a = 1 }", "`for k in 0..n`"),
    ("E143", "for k «=» 0..3 { a = 1 }", "`for k in 0..n`"),
    ("E143", "for k «0»..3 { a = 1 }", "`for k in 0..n`"),
    ("E143", "z = [a for k «of» b]", "`for k in 0..n`"),
    ("E124", "a = 1«;» b = 2", "`;`"),
    ("E123", "a = 1 «b» = 2", "new line"),
    ("E123", "if a { b = 1 } «d» = 2", "new line"),
    ("E135", "if a < b «<» d { e = 1 }", "`a < b and b < c`"),
    ("E132", "if a«:» { b = 1 }", "remove"),
    ("E132", "for k in 0..3«:»\n    b = 1", "{ … }"),
    ("E112", "z = «'abc'»", '`"abc"`'),
    ("E110", 'z = «"abc»', '`"`'),
    ("E110", 'z = f(«"abc»)', '`"`'),
    ("E111", 'z = "a«\\q»"', "escapes"),
    ("E113", "z = «3x»", "`3 * x`"),
    ("E113", "z = x * «2j»", "no complex numbers"),
    ("E113", "z = x * «1im»", "no complex numbers"),
    ("E113", "z = «1.»", "`1.0`"),
    ("E113", "z = «.5»", "`0.5`"),
    ("E113", "z = «1__0»", None),
    ("E114", "z = «1234567890123456789»", "float"),
    ("E114", "z = «1e999»", "`inf`"),
    ("E115", "c[k]«'» = 1", "`c'[k]`"),
    ("E115", "z = c'«'»", None),
    ("E115", "state «k'»[units]", "`k`"),
    ("E115", "let n = [a for «k'» in b]", "`k`"),
    ("E104", "z = c«′»", "`'`"),
    ("E104", "z = a «–» 1", "`-`"),
    ("E104", "z = a «×» b", "`*`"),
    ("E104", "z = a\u00a0+ b".replace("\u00a0", "«\u00a0»"), "a space"),
    ("E104", "z = «“abc”»", '`"abc"`'),
    ("E104", "«gаte» i = 3", "`gate`"),
    ("E104", "«σ» = 3", "`sigma`"),
    ("E104", "z = «σ»(x)", "`sigmoid`"),
    ("E104", "z = «Δ» * x", "`Delta`"),
    ("E104", "z = «2π» * x", "`2 * pi`"),
    ("E104", "«ĥ» = tanh(x)", "`h_hat`"),
    ("E104", "«h\u0303» = tanh(x)", "`h_tilde`"),
    ("E104", "«h\u0303₁» = tanh(x)", "`h1_tilde`"),
    ("E130", "z = tanh(f(x, «hₜ₋₁»))", "`h'` the one after"),
    ("E130", "«h'ₜ» = tanh(x)", "`h'` the one after"),
    ("E130", "z = «W₁» @ x", "`W_1`"),
    ("E103", "z = «√»x", "`sqrt(v)`"),
    ("E104", "z = a «＋» b", "`+`"),
    ("E103", "z = a «$» b", None),
    ("E105", "z = a «\u200b»+ b", "remove"),
    ("E105", "z = a  # «\x07»", "remove"),
    ("E105", 'z = "«\u202e»"', "remove"),
    ("E121", "z = a«)»", "remove"),
    ("E121", "z = z * h + 1 - z«)» * n", "write the `(` that it closes"),
    ("E142", "return h' «=» x", "what a cell gives is told by `output`"),
    ("E142", "z = linear([x, bias «=» false])", "`f([…], bias = …)`"),
    ("E131", "z = a if p «elif» b", "`else`"),
    ("E130", "z = a «&» b", "of numbers `*`"),
    ("E113", "f = x * «2f»", "`2`, or `2 * f`"),
    ("E113", "z = «1.0f» * x", "`1.0`"),
    ("E113", "z = x * «4L»", "`4`"),
    ("E122", "z = f(a«]»", "`)`"),
    ("E120", "z = f(a«»", None),
    ("E120", "z = [a, f(b)«»\n  w = 3", None),
    ("E125", "z = a «+»\n    b", "parentheses"),
    ("E125", "z = a\n    «+» b", "parentheses"),
    ("E141", "z =«»", None),
    ("E141", "z = f(a «b»)", None),
    ("E141", "«return»", None),
    ("E142", "«tanh»(x)", "give it a name"),
    ("E142", "gate «r, z» = sigmoid(x)", "`gate r = …` for each"),
    ("E142", "«r, z» = sigmoid(x)", "`z[gate = 0]`"),
    ("E104", "z = «h²» + 1", "`h ** 2`"),
    ("E141", "z = a «where» b", "`where(test, a, b)`"),
    ("E134", "inputs«:» x[n]", "`input x[…]`"),
    ("E115", "z = h'«'»", "`old' = h`"),
    ("E104", "z = f(x)«²»", "`** 2`"),
    ("E142", "h'[units «=» i] = x", "`h' = where(places(units: n) == k, new, old)`"),
    ("E142", "z = «if» a then b else c", "`value if test else other`"),
    ("E131", "if a «then» { b = 1 }", "`if test { … }`"),
    ("E131", "f = «lambda» v: v", "`fn f(v)"),
    ("E131", "«while» a > b {\n    c = 1\n  }", "`where(test, a, b)`"),
    ("E131", "z = GRU(4, return_sequences = «True»)", "`last(y)`"),
    ("E130", "«//» the state", "`# …`"),
    ("E130", "z = a «//» the first state", "`# …`"),
    ("E130", "z = tanh(f(x, «h_{t-1}»))", "`h'` the one after"),
    ("E130", "z = «W_{xh}» @ x", "`W_xh`"),
    ("E130", "z = «h^{(l)}»", "`h_l`"),
    ("E130", "z = «\\tanh»(x)", "`tanh`"),
    ("E130", "z = a «\\odot» b", "`*`"),
    ("E130", "z = a «.*» b", "`*`"),
    ("E130", "z = f(«\\tilde{h}»)", "`h_tilde`"),
    ("E142", "state k[«(»units, 3)]", "`k[units, 3]`"),
    ("E132", "if a«:»\n    b = 1\n  else:\n    b = 2", "{ … }"),
    ("E141", "z = f(W «x» + U h)", "`W @ x`"),
    ("E141", "z = f(x «h»)", "`x, h`"),
    ("E141", "z = (1 - a) «tanh»(b)", "`*`"),
    ("E144", "«self.z» = 3", "`z = …`"),
    ("E144", "state k[u]\n  «self.k» = 3", "`k' = …`"),
    ("E142", "«in» = 3", "`in_`"),
    ("E142", "let n «3»", None),
    ("E142", "«=» 3", None),
    ("E142", "z = f(x, out = «)»", None),
    ("E144", "«f.h» = 3", "`carry f.h = …`"),
    ("E144", "drop «f.h»", "`drop carry f.h`"),
    ("E144", "«order» state = [c]", "layout"),
    ("E144", "layout tf { «a» = 3 }", "entry"),
    ("E144", "«def» foo(x) { return x }", None),
    ("E144", '«"kernel"» = i.x', None),
    ("E142", "layout tf(«3») { }", "scope"),
    ("E145", "state «k»", "`k[]`"),
    ("E145", "state k[«a: 1»][units]", None),
    ("E146", "state k[u]: «integer»", "`int`"),
    ("E146", "layout tf { order «states» = [c] }", "`state`"),
]

# Whole files.
FILES = [
    ("E140", "«cel» A { c = 1 }", "`cell`"),
    ("E131", "«class» A { c = 1 }", "`cell`"),
    ("E131", "«def» f(x) { return x }", "`fn`"),
    ("E130", "fn f(x) «->» y { return x }", "body"),
    ("E130", "«/* a */» cell A { b = 1 }", "`# …`"),
    ("E144", "«x» = 3", "cell"),
    ("E130", "«//» comment", "`# …`"),
    ("E142", "fn f(a, b) {\n  return a«,» b\n}\ncell A { c = 1 }", "`return [a, b]`"),
    ("E142", "fn f(a) {\n  «tanh»(a)\n}\ncell A { c = 1 }", "`return …`"),
    ("E146", "cell A(units: «int» = 4) { c = 1 }", "leave it out"),
    ("E131", "cell A(units) «extends» LSTM(units) { gate i = 1 }", "`cell D(units) = LSTM(units) with { … }`"),
    ("E131", "«def» A(units):\n  input x[n]\n  h = x\n  if units:\n    k = 1\n  output h", "`cell A(…) { … }`"),
    ("E131", "«function» A(units) {\n  input x[n]\n  output x\n}", "`cell`"),
    ("E131", "«def» f(x):\n  return x\n\ncell A { c = 1 }", "`fn f(…) { … }`"),
    ("E142", "«import numpy as np»\ncell A { c = 1 }", "`tanh`"),
    ("E142", "«import torch».nn", "`tanh`"),
    ("E131", "«from» torch import nn", "`tanh`"),
    ("E134", "cell A(units«:» 3) { a = 1 }", "`=`"),
    ("E146", "cell A(inner: «sell») { a = 1 }", "`cell`"),
    ("E141", "cell A(inner: cell «keep» = 1.0) { a = 1 }", "`cell, keep`"),
    ("E141", "cell A(n «m» = 3) { a = 1 }", "`n, m`"),
    ("E141", "cell A(act: a | b «m» = 3) { a = 1 }", "`b, m`"),
    ("E142", "fn f(v) {\n  return n «=» v\n}", "on a line of its own"),
    ("E120", "cell A {\n  a = 1«»\n\ncell B {\n  b = 2\n}", None),
    ("E120", 'cell A {\n  a = 1«»\n\n"""B"""\ncell B {\n  b = 2\n}', None),
    ("E120", "cell A {\n  if a {\n    b = 1\n}«»\n", None),
    ("E120", "cell A(units«» {\n  a = 1\n}", None),
    ("E120", "cell A = f(B with { a = 1«» )", None),
    ("E121", "«}»", "remove"),
    ("E121", "cell A(n) {\n  input x[n]\n«}»\n  y = x\n  output y\n}\ncell B { a = 1 }", "remove"),
    ("E121", "cell A(n) {\n  input x[n] «}»\n  for k in 0..2 { y = x }\n}", "remove"),
    ("E122", "cell A(n) {\n  input x[n«}»\n  y = x\n  output y\n}", "`]`"),
    ("E122", "cell A(n) {\n  if n {\n    y = f(x«}»\n  }\n  output y\n}\ncell B { a = 1 }", "`)`"),
    ("E141", "cell A(n)«»\n  input x[n]\n  output x\n}\ncell B { a = 1 }", "`cell A(n) {`"),
    ("E141", "cell A«»\n  input x[n]\n  output x\n\ncell B { a = 1 }", "`cell A {`"),
    ("E141", 'fn f(a,\n     b)«»\n  let c = a\n  return c\n\n"""B"""\ncell B { a = 1 }', "`fn f(a, b) {`"),
    ("E141", "cell A(n)«»\ninput x[n]\noutput x\n}", "`cell A(n) {`"),
    ("E141", "cell A(n) {\n  for k in 0..3«»\n    a[k] = 1\n  }\n  b = 1\n}", "`for k in 0..3 {`"),
    ("E141", "cell A(n) {\n  for k in 0..3«»\n    a[k] = 1\n  b = 1\n}", "`for k in 0..3 {`"),
    (
        "E141",
        "cell A(n) {\n  if n > 3«»\n    if n < 4 {\n      a = 1\n    }\n  else {\n    a = 2\n  }\n}",
        "`if n > 3 {`",
    ),
    ("E141", "cell A(n) {\n  if n {\n    a = 1\n  } else«»\n    a = 2\n  }\n}", "`else {`"),
    ("E141", 'cell A(n) {\n  layout tf {\n    if n«»\n      "a" = b\n  }\n}', "`if n {`"),
    ("E131", "cell A(n) «begin»\n  input x[n]\n  output x\nend\ncell B { a = 1 }", "`cell A(n) {`"),
    ("E144", "«x» = 3\ny = 4\nh' = x\ncell A { c = 1 }", "braces"),
    ("E142", "«Some» prose, of two\nlines with words\ncell A { c = 1 }", None),
    ("E110", '«"""»abc', '`"""`'),
    ("E110", '«""»A cell.\nIts "prose"."""\ncell A { a = 1 }', '`"""`'),
    ("E110", '«"»A cell.\nIts prose."\n\n# One.\ncell A { a = 1 }', '`"""`'),
    ("E110", '"""A cell.\nIts "prose".«""»\ncell A { a = 1 }\n"""Another"""\nfn f(x) { return x }', '`"""`'),
    ("E110", '"""A cell.«"»\ncell A { a = 1 }\n"""Another"""\nfn f(x) { return x }', '`"""`'),
    ("E110", '"""A cell.«"»\ncell A { a = 1 }\n"""\nAnother\n"""\nfn f(x) { return x }', '`"""`'),
    ("E110", '"""A cell."""«"»\ncell A { a = 1 }', "fourth"),
    ("E142", "network «{» a = 1 }", None),
]


@pytest.mark.parametrize(("code", "marked", "fix"), STATEMENTS)
def test_slip_in_a_statement(code: str, marked: str, fix: str | None) -> None:
    """The slip is reported once, and the statements around it are read."""
    _check(code, "cell A(units) {\n  first = 1\n  " + marked + "\n  last = 2\n}\ncell B { a = 1 }\n", fix)
    text, _ = _unmark("cell A(units) {\n  first = 1\n  " + marked + "\n  last = 2\n}\ncell B { a = 1 }\n")
    file = parse_partial(Source("t", text), Diagnostics())
    assert [d.name for d in file.definitions if isinstance(d, ast.Cell)] == ["A", "B"]
    body = file.definitions[0].body  # pyright: ignore[reportAttributeAccessIssue]
    names = [statement.target.name for statement in body if isinstance(statement, ast.Equation)]
    assert (names[0], "last" in names) == ("first", True)


@pytest.mark.parametrize(("code", "marked", "fix"), FILES)
def test_slip_in_a_file(code: str, marked: str, fix: str | None) -> None:
    _check(code, marked, fix)


def _check(code: str, marked: str, fix: str | None) -> None:
    text, (start, end) = _unmark(marked)
    (found,) = _diagnose(text)
    assert found.code == code
    assert code in CODES
    assert found.span is not None
    assert (found.span.start, found.span.end) == (start, end), found.span.text
    assert fix is None or fix in (found.fix or "")


def _unmark(marked: str) -> tuple[str, tuple[int, int]]:
    start = marked.index("«")
    end = marked.index("»") - 1
    return marked.replace("«", "", 1).replace("»", "", 1), (start, end)


def test_several_errors_of_one_file() -> None:
    text = "cell A {\n  a = = 1\n  b = 2\n  if c {\n    d e f\n    g = 'x'\n  }\n}\nfoo\nfn f(x { return x }\n"
    assert [(d.code, d.span.line) for d in _diagnose(text) if d.span] == [
        ("E142", 2), ("E140", 5), ("E112", 6), ("E142", 9), ("E120", 10),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("slip", "is_certain"),
    [("1.0f", True), ("0f", True), ("2d", False), ("1.5d", False), (".5", True), ("0x10", False)],
)
def test_what_numbers_without_doubt_are(slip: str, is_certain: bool) -> None:
    """Whether the rest is checked as if the number were right: not where what stands behind it may be a factor."""
    (found,) = _diagnose(f"cell A {{\n  d = 3\n  z = {slip} * x\n}}\n")
    assert (found.code, found.mended) == ("E113", is_certain)


@pytest.mark.parametrize("end", ['"', '""'])
def test_two_docstrings_that_end_early(end: str) -> None:
    """Neither closes the other."""
    text = f'"""A cell.{end}\ncell A {{ a = 1 }}\n"""Two.{end}\ncell B {{ a = 1 }}\n'
    assert [(d.code, d.span.line) for d in _diagnose(text) if d.span] == [("E110", 1), ("E110", 3)]


def test_what_is_not_closed_is_shown() -> None:
    (found,) = _diagnose("cell A {\n  z = f(a,\n        [b\n  w = 3\n}")
    assert "`]` `)`" in found.message
    assert [note.span.text for note in found.notes if note.span] == ["[", "("]


def test_two_readings_of_equals_in_a_call() -> None:
    """An option is no comparison, and a comparison in an argument none of its own."""
    assert parse_expression(Source("t", "f(a = b)")) != parse_expression(Source("t", "f(a == b)"))


@pytest.mark.parametrize(
    "text",
    ["(" * 5000, "-" * 5000 + "x", "[" * 5000 + "]" * 5000, "x" + " + x" * 5000, "x" + " ** x" * 5000, "f(" * 5000,
     "x" + "[0]" * 5000, "x" + ".a" * 5000, "not " * 5000 + "x", "a if b else " * 5000 + "c", "{" * 5000],
)  # fmt: skip
def test_depth_is_bounded(text: str) -> None:
    for source in (text, f"cell A {{\n  x = {text}\n}}"):
        for run in (parse, parse_expression):
            with pytest.raises(DiagnosticError):
                run(Source("t", source))


def test_deep_blocks() -> None:
    nested = "if a {\n" * 3000 + "b = 1\n" + "}\n" * 3000
    assert [d.code for d in _diagnose(f"cell A {{\n{nested}}}")] == ["E126"]


@pytest.mark.parametrize("levels", [300, 3000])
def test_deep_blocks_by_indentation(levels: int) -> None:
    nested = "".join(f"{' ' * (k + 1)}if a:\n" for k in range(levels))
    assert {d.code for d in _diagnose(f"def A(units):\n{nested}")} <= {"E126", "E131", "E132", "E142", "E144"}


def test_depth_that_is_allowed() -> None:
    parse_expression(Source("t", "x" + " + x" * (MAX_DEPTH - 1)))
    parse_expression(Source("t", "(" * 5000 + "x" + ")" * 5000))  # parentheses leave no node
    with pytest.raises(DiagnosticError, match="E126"):
        parse_expression(Source("t", "x" + " + x" * (MAX_DEPTH + 1)))


def test_codes_are_told_once_and_within_their_range() -> None:
    assert all(re.fullmatch(r"[EW]\d{3}", code) and title for code, title in CODES.items())


@pytest.mark.parametrize("text", ["", "1 +", "a b", "[1, 2", "x = 3", "none none", "a\nb"])
def test_expressions_of_the_command_line(text: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        parse_expression(Source("-D inner", text))
    assert all(d.span is not None and d.span.source.name == "-D inner" for d in caught.value.diagnostics)


def _diagnose(text: str) -> list[Diagnostic]:
    diagnostics = Diagnostics()
    parse_partial(Source("t", text), diagnostics)
    return list(diagnostics)
