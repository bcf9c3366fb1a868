"""Warnings of equations that nothing reads."""

from __future__ import annotations

import pytest

from rnnc.compiler import check
from rnnc.diagnostics import Source

HEAD = "cell Base(units, tied = false) {\n  input x[units]\n  state h[units]\n"
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
        ("  if tied {\n    z = x\n  } else {\n    z = 2 * x\n  }\n", ["z"]),
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


def test_a_layer_that_never_runs() -> None:
    text = OTHER + "network N {\n  input x[4]\n  use f = Other(4)\n  use g = Other(4)\n  output residual(g)(x)\n}\n"
    assert unread(text) == ["f"]
