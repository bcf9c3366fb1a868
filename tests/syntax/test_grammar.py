"""What the grammar reads, construct by construct, as trees in text form."""

from __future__ import annotations

import pytest

from rnnc.diagnostics import Source
from rnnc.syntax import ast
from rnnc.syntax.parse import parse, parse_expression
from rnnc.syntax.printing.dump import print_ast, read_ast
from rnnc.syntax.printing.spell import expression_text
from tests.syntax.samples import SAMPLES

EXPRESSIONS = {
    # precedence, loosest to tightest; every line with the parentheses that it stands for
    "a if t else b if u else c": "a if t else (b if u else c)",
    "a or b if t": "(a or b) if t",
    "a or b and c": "a or (b and c)",
    "not a and b": "(not a) and b",
    "not a == b": "not (a == b)",
    "a..b == c": "(a..b) == c",
    "a + 1..b * 2": "(a + 1)..(b * 2)",
    "a - b - c": "(a - b) - c",
    "a + b * c": "a + (b * c)",
    "a // b % c @ d / e": "(((a // b) % c) @ d) / e",
    "-a * b": "(-a) * b",
    "-a ** b": "-(a ** b)",
    "a ** -b ** c": "a ** (-(b ** c))",
    "a.b'[k](x)": "((a.b')[k])(x)",
    "a + f(x) as n": "a + (f(x) as n)",
}


@pytest.mark.parametrize(("plain", "explicit"), EXPRESSIONS.items())
def test_precedence(plain: str, explicit: str) -> None:
    assert _expression(plain) == _expression(explicit)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("c'[k]", '(Subscript (Name "c" primed: true) [(Name "k")])'),
        ("f.states'", '(Attribute (Name "f") "states" primed: true)'),
        ("q[-1]", '(Subscript (Name "q") [(Unary "-" (Number 1 "1"))])'),
        ("x[input = a:b]", '(Subscript (Name "x") [(Slice "input" (Name "a") (Name "b") true)])'),
        ("x[t = :b]", '(Subscript (Name "x") [(Slice "t" none (Name "b") true)])'),
        ("x[t = a:]", '(Subscript (Name "x") [(Slice "t" (Name "a") none true)])'),
        ("x[t = :]", '(Subscript (Name "x") [(Slice "t" none none true)])'),
        ("x[t = a]", '(Subscript (Name "x") [(Slice "t" (Name "a") none false)])'),
        ("1_000", '(Number 1000 "1_000")'),
        ("1e3", '(Number 1000.0 "1e3")'),
        ("inf", '(Name "inf")'),
        ("none", "(Constant none)"),
        ('"a\\"\\\\\\n\\t"', '(String "a\\"\\\\\\n\\t")'),
        ("f()", '(Call (Name "f") [])'),
        ("f(x,)", '(Call (Name "f") [(Argument (Name "x"))])'),
        ("f(out = 3, u: x)", ('(Call (Name "f") [(Argument (Number 3 "3") name: "out" mark: "=") '
                             '(Argument (Name "x") name: "u" mark: ":")])')),
        ("f(x, shared over k, b, y = 1)", ('(Call (Name "f") [(Argument (Name "x")) (SharedOver ["k" "b"]) '
                                          '(Argument (Number 1 "1") name: "y" mark: "=")])')),
        ("f(shared, over)", '(Call (Name "f") [(Argument (Name "shared")) (Argument (Name "over"))])'),
        ("f(h for k in 0..n if c)", ('(Call (Name "f") [(Argument (Comprehension (Name "h") '
                                    '[(Clause "k" (Range (Number 0 "0") (Name "n")) (Name "c"))]))])')),
        ("[a for a in b for c in d]", ('(List [(Comprehension (Name "a") [(Clause "a" (Name "b") none) '
                                      '(Clause "c" (Name "d") none)])])')),
        ("[]", "(List [])"),
        ("L with { gate f = 1 }", '(With (Name "L") [(Equation "gate" (Target "f") (Number 1 "1"))])'),
    ],
)  # fmt: skip
def test_expression(text: str, tree: str) -> None:
    assert _expression(text) == read_ast(tree)


_SOFT = """input output state cell time step order scope mask carry gate param fixed use drop layout return import from
over shared let fn network int float"""


@pytest.mark.parametrize("word", _SOFT.split())
def test_soft_words_are_names(word: str) -> None:
    """Words that the grammar uses somewhere are names where it does not: values, labels, options, members, targets."""
    text = f"{word} + f(x, {word}, {word} = {word}, {word}: 1)[{word} = {word}:2].{word}' - [{word}]"
    assert expression_text(_expression(text)) == text
    (cell,) = _parse(f"cell C({word}) {{\n  {word}' = {word}\n  let {word} = {word} + 1\n  state {word}[{word}]\n}}")
    assert isinstance(cell, ast.Cell)
    assert [type(statement) for statement in cell.body] == [ast.Equation, ast.Equation, ast.Declaration]


@pytest.mark.parametrize("word", ["input", "state", "gate", "let", "use", "order", "output", "drop", "layout", "carry"])
def test_statement_words_can_be_defined(word: str) -> None:
    (cell,) = _parse(f"cell C {{\n  {word} = 1\n}}")
    assert cell == _parse(f"cell C {{ {word} = 1 }}")[0]


def test_newlines_count_in_braces_only() -> None:
    spread = "cell C(\n  a,\n  b\n)\n{\n\n\n  x = f(\n    a\n    + b,\n    [1,\n\n     2])  # c\n"
    spread += "  if a { y = 1 }\n  else {\n z = 2 }\n}\n\n"
    assert _parse(spread) == _parse("cell C(a, b) {\n x = f(a + b, [1, 2])\n if a { y = 1 } else { z = 2 }\n}")


def test_braces_in_parentheses_bring_newlines_back() -> None:
    (net,) = _parse("network N {\n  y = f(L with {\n    a = 1\n    b = 2\n  }, 3)\n}")
    assert print_ast(net).count('(Equation "plain"') == 3


@pytest.mark.parametrize("before", ["", '"""A file."""\n', '# An open """\n'])
@pytest.mark.parametrize("after", ["", '"""Another. "So."\nfn f(x)"""\ncell C { a = 1 }\n', '# One more """\n'])
@pytest.mark.parametrize("doc", ['A size of 5"\ncell B(n) = A(3)\n', 'Of "a""\n\ncell B {\n', '"a"\n# So.\nfn f(x)'])
def test_docstrings_may_quote_before_definitions(before: str, after: str, doc: str) -> None:
    """What looks like a docstring with a quote too few is right where all of the file reads so."""
    file = parse(Source("t", f'{before}"""{doc}"""\ncell A {{ a = 1 }}\n{after}'))
    assert next(d.doc for d in file.definitions if isinstance(d, ast.Cell)) is not None


def test_docstrings() -> None:
    """A docstring is the file's where another one or an import follows, and the definition's otherwise."""
    assert parse(Source("t", '"""a"""')).doc == "a"
    assert parse(Source("t", '"""a"""\nimport "x"')).doc == "a"
    two = parse(Source("t", '"""a"""\n\n"""b\nb"""\ncell C { x = 1 }'))
    assert (two.doc, two.definitions[0].doc) == ("a", "b\nb")  # pyright: ignore[reportAttributeAccessIssue]
    one = parse(Source("t", '"""a"""\ncell C { x = 1 }'))
    assert (one.doc, one.definitions[0].doc) == (None, "a")  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("head", ["cell B(n) = A(3)", "network N {", "fn f(x) { return x }"])
@pytest.mark.parametrize("after", ["\n", " ", "  # plain\n", '\n"""another"""\n'])
def test_docstrings_hold_quotes_before_what_looks_like_a_head(head: str, after: str) -> None:
    doc = f'A size of "5"\n{head}\n'
    file = parse(Source("t", f'"""{doc}"""{after}cell C {{ x = 1 }}\n\n"""d"""\ncell D {{ x = 1 }}'))
    assert doc in (file.doc, getattr(file.definitions[0], "doc", None))


def test_a_quote_at_the_margin_may_be_an_entry_of_a_layout() -> None:
    text = 'cell C {\nlayout tf {\n"k" = h.x\n}\n}\nimport A from "a.rnn"\ncell D { x = 1 }'
    assert len(parse(Source("t", text)).definitions) == 3


def test_declarations() -> None:
    (cell,) = _parse("cell C {\n state ct[b, k][units, s: 3] = 1, n[]: int\n}")
    assert cell == read_ast(
        '(Cell "C" [] [(Declaration "state" [(Declared "ct" [(Name "b") (Name "k")] [(Axis none (Name "units")) '
        '(Axis "s" (Number 3 "3"))] init: (Number 1 "1")) (Declared "n" [] [] dtype: "int")])])'
    )


@pytest.mark.parametrize("name", SAMPLES)
def test_spans_are_texts(name: str) -> None:
    """The span of every expression is a text that parses to that expression, and of every node lies in its parent's."""
    file = parse(Source(name, SAMPLES[name]))
    checked = 0
    pending: list[ast.Node] = [file]
    while pending:
        node = pending.pop()
        for child in _children(node):
            assert node.span.start <= child.span.start <= child.span.end <= node.span.end
            pending.append(child)
        if isinstance(node, ast.Binary | ast.Call | ast.Subscript | ast.Name | ast.Conditional | ast.With | ast.As):
            assert _expression(f"({node.span.text})") == node
            checked += 1
    assert checked > 100


def test_empty_file() -> None:
    assert parse(Source("t", "")).definitions == ()
    assert parse(Source("t", "\n # nothing\n")).definitions == ()


def _children(node: ast.Node) -> list[ast.Node]:
    found: list[ast.Node] = []
    for value in vars(node).values():
        found += [part for part in (value if isinstance(value, tuple) else (value,)) if isinstance(part, ast.Node)]
    return found


def _expression(text: str) -> ast.Expr:
    return parse_expression(Source("<expression>", text))


def _parse(text: str) -> tuple[ast.Definition, ...]:
    return parse(Source("<test>", text)).definitions
