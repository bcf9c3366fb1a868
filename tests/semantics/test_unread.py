"""Warnings of equations that nothing reads."""

from __future__ import annotations

import pytest

from rnnc.compiler import check
from rnnc.diagnostics import Source

HEAD = "cell Base(units) {\n  input x[units]\n  state h[units]\n"
TAIL = "  h' = tanh(linear(x, h))\n  output h'\n}\n"
OTHER = "cell Other(units) {\n  input x[units]\n  state h[units]\n  h' = x\n  output h'\n}\n"


def unread(text: str) -> list[str]:
    found = list(check(Source("<text>", text)))
    assert all((d.code, d.severity) == ("E420", "warning") for d in found), [d.message for d in found]
    return [d.span.text for d in found if d.span is not None]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("  gate o = sigmoid(x)\n", ["o"]),
        ("  let n = 3\n", ["n"]),
        ("  if units > 3 {\n    z = x\n  } else {\n    z = 2 * x\n  }\n", ["z"]),
        ("  for k in 0..2 { z[k] = k * x }\n", ["z[k]"]),
        ("  a = linear(x)\n  b = linear(x, weights = a)\n", ["b"]),
        ("  use f = Other(units)\n  y = f(x)\n", []),  # its states are what is wanted, perhaps
        ("  u = 2 * x\n  v = u\n", ["v"]),
    ],
)
def test_what_nothing_reads(body: str, expected: list[str]) -> None:
    body = body.replace("linear(x)", "linear(x, out = units)").replace("linear(x, w", "linear(x, out = units, w")
    assert unread(HEAD + body + TAIL + OTHER) == expected


def test_a_variant_may_read_it() -> None:
    text = HEAD + "  z = 2 * x\n" + TAIL
    assert unread(text) == ["z"]
    assert unread(text + "cell Twice = Base with { h' = z }\n") == []


def test_nothing_is_warned_of_beside_errors() -> None:
    found = list(check(Source("<text>", HEAD + "  z = 2 * x\n  y = zz\n" + TAIL)))
    assert [d.code for d in found] == ["E201"]


def told(text: str) -> list[str]:
    return [d.message for d in check(Source("<text>", text))]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("  state c[units]\n  c' = c + x\n", ["c"]),
        ("  state c[units]\n  gate i = sigmoid(x)\n  c' = c + i\n", ["c"]),  # i goes with it
        ("  state a[units], b[units]\n  a' = b\n  b' = a\n", ["a"]),  # a circle
        ("  state c[units]\n  c' = c + h\n  y = c'\n", ["y"]),
        ("  param w[units], v[units]\n  fixed k[2] = [1, 2]\n  z = v\n", ["w", "k", "z"]),
    ],
)
def test_what_is_made_for_nothing(body: str, names: list[str]) -> None:
    found = told(HEAD + body + TAIL)
    assert [message.split("`")[1] for message in found] == names


def test_layouts_read_parameters_and_no_equations() -> None:
    layout = '  layout tf {\n    if tied { "k" = h.x }\n    "r" = r.x\n  }\n}\n'
    text = (
        HEAD.replace("units)", "units, tied = false)")
        + "  r = linear(x, out = units)\n"
        + TAIL.removesuffix("}\n")
        + layout
    )
    assert told(text) == ["nothing reads `r`"]


@pytest.mark.parametrize(
    "change", ["gate f = 2 * x\n h' = f", "input u[units]\n h' = u + x", "h' = x + y", "", "z = 3 * x"]
)
def test_what_a_variant_adds_and_reads(change: str) -> None:
    text = HEAD + "  z = 2 * x\n  y = z\n" + TAIL.replace("(x, h)", "(x, y)")
    assert told(f"{text}cell V = Base with {{\n {change}\n}}\n") == []


def test_a_layer_that_never_runs() -> None:
    text = OTHER + "network N {\n  input x[4]\n  use f = Other(4)\n  use g = Other(4)\n  output residual(g)(x)\n}\n"
    assert unread(text) == ["f"]


BASE = """
cell Base(units{head}) {{
  input x[units]
  state h[units]
  gate u = sigmoid(linear(x, h))
  h' = u * x{body}
  output h'{end}
}}
"""
LAYOUTS = [
    "",  # nothing: there is a warning
    ' layout tf { "k{nn}" = u.x }',
    ' layout tf { "k{2 * nn + 1}" = u.x }',
    ' layout tf(scope = "s{nn}") { "k" = u.x }',
    ' layout tf { if nn == 2 { "k" = u.x } else { "l" = u.x } }',
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("E425", BASE.format(head=", nn = 2", body="", end="\n %s")),
        ("E420", BASE.format(head="", body="\n  let nn = 2", end="\n %s")),
        ("E425", BASE.format(head="", body="", end="") + "cell V(units, nn = 2) = Base(units) with {%s }\n"),
        ("E420", BASE.format(head="", body="", end="") + "cell V = Base with {\n let nn = 2\n%s\n}\n"),
    ],
)
def test_what_only_layouts_read(code: str, text: str, layout: str) -> None:
    """In the names of arrays, in conditions: of a cell and of a variant."""
    assert [d.code for d in check(Source("<text>", text % layout))] == ([] if layout else [code])


AXES = """
fn own(v, axis) {{ return softmax(v, axis) }}
cell C(units) {{
  input x[r: units]
  state h[units]
  gate r = sigmoid(linear(x, h, out = units))
  h' = x + sum({call})
  output h'
}}
"""


@pytest.mark.parametrize(
    "call",
    [f"{f}(x, r)" for f in ("softmax", "flip", "cumsum", "cumax", "l2_normalize", "log_softmax", "own", "transpose")]
    + ["layer_norm(x, 1e-5, r)", "rms_norm(x, axis = r)", "rank(x, r)", "tile(x, r, 1)", "pad(x, r, 0, 0)"],
)
def test_an_equation_called_as_an_axis_is_not_read_there(call: str) -> None:
    found = check(Source("<text>", AXES.format(call=call)))
    assert [(d.code, d.span.text if d.span else "") for d in found] == [("E420", "r")]


def test_comments_and_other_strings_read_nothing() -> None:
    text = BASE.format(
        head=', nn = 2, act = "{nn}"', body='  # by {nn}\n  gate v = x if act == "{nn}" else 2 * x', end=""
    )
    assert "E425" in [d.code for d in check(Source("<text>", text))]
