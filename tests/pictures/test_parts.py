"""Equations with several outputs, or a list, in families too: what their formulas and drawings call the parts."""

from __future__ import annotations

import rnnc

TEXT = """
cell Two(units) {
  input x[input]
  state h[units]
  h' = tanh(linear(x, h))
  output h', c: 2 * h'
}
fn pair(v) {
  return [v, 2 * v]
}
cell Deep(units = 4) {
  input x[input]
  use f[0] = Two(units)
  use f[1] = Two(units)
  a[0] = f[0](x)
  a[1] = f[1](a[0].h + a[0].c)
  q[0] = pair(a[1].h)
  output y: q[0][1]
}
"""


def test_parts_are_of_the_member_that_gives_them() -> None:
    found = rnnc.describe(TEXT, name="Deep")
    latex = found._repr_latex_()
    assert r"a^{(1)} &= f^{(1)}({a^{(0)}}^{\text{h}} + {a^{(0)}}^{\text{c}})" in latex
    assert r"q^{(0)} &= \operatorname{pair}({a^{(1)}}^{\text{h}})" in latex
    assert "<svg" in found._repr_html_()
