"""Names in layouts that are no parameters: what `rnnc check` warns of, and what may yet be one."""

from __future__ import annotations

import pytest

import rnnc

CELL = """
cell Cell(units, {options}) {{
  input x[input]
  state h[units]
  gate i = sigmoid(linear(x, h, bias = bias)){reads}
  h'     = i * h + (1 - i) * tanh(linear(x, bias = false))
  output h'
  layout mine {{
    {entry}
  }}
}}
"""


def found(entry: str, options: str = "bias = true") -> list[tuple[str, str, str | None]]:
    reads = "".join(f" * (2 if {each.split()[0]} != none)" for each in options.split(", ")[1:])
    diagnostics = rnnc.check(CELL.format(entry=entry, options=options, reads=reads))
    return [(d.code, d.span.text if d.span else "", d.fix) for d in diagnostics]


@pytest.mark.parametrize(
    ("entry", "text", "fix"),
    [
        ('"a" = [i.x, i.bais]', "i.bais", "did you mean `i.bias`?"),
        ('"a" = [T(k.x)]', "k.x", "they are called after equation and operand: `i.x`, `i.bias`"),
        ('"a" = [[i.x.T]]', "i.x.T", "write `T(i.x)`"),
        ('"a" = 2 * i', "i", "they are called after equation and operand: `i.x`, `i.bias`"),
        ('if bias { "a" = h.bias }', "h.bias", "did you mean `i.bias`?"),
    ],
)
def test_what_no_option_brings_is_told(entry: str, text: str, fix: str) -> None:
    assert found(entry) == [("E423", text, fix)]


@pytest.mark.parametrize(
    ("entry", "options"),
    [
        ('"a" = [i.x, h.x]', "bias = true"),
        ('"a" = i.bias', "bias = true"),
        ('"a" = i.bias', "bias = false"),  # the other way it is there
        ('"a" = h.m', "bias = true, proj = none"),  # another size could bring it
        ('"a" = h.m', "bias = true, " + ", ".join(f"f{k} = true" for k in range(6))),  # too many to try
    ],
)
def test_what_an_option_may_bring_is_not_told(entry: str, options: str) -> None:
    assert found(entry, options) == []


def test_variants_may_lack_what_their_base_has() -> None:
    text = CELL.format(entry='"a" = i.bias', options="bias = true", reads="")
    assert rnnc.check(text + "cell Other = Cell with {\n  gate i = 0.5\n}\n") == []
