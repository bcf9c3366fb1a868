"""Equations: what is decided at compile time is gone, every construct has its notation, brackets are balanced."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from rnnc.pictures.equations.latex import aligned, escaped
from tests.pictures.drawn import described, example, names

GOLDEN = Path(__file__).parent / "golden"
NAMES = list(names())

FRAME = """
cell C(units, {parameters}) {{
  input x[units]
  state h[units], n[]: int
  n' = n + 1
  {equations}
  h' = y
  output h'
}}
"""


def latex_of(equation: str, parameters: str = "unused = 1", **options: object) -> str:
    """The right-hand side of `y = …` in a cell with an input x and a state h of one size."""
    text = described(FRAME.format(parameters=parameters, equations=f"y = {equation}"), **options).latex()
    (line,) = [line for line in text.split("\n") if line.startswith("y")]
    return line.partition("&= ")[2].removesuffix(r" \\")


@pytest.mark.parametrize(
    ("equation", "expected"),
    [
        ("linear(x, h)", r"W_{yx}\,x_{t} + W_{yh}\,h_{t-1} + b_{y}"),
        ("linear(u: x * h, bias = false) as rec", r"W_{yu}^{\mathrm{rec}}\,(x_{t} \odot h_{t-1})"),
        ("peephole(h) + x", r"w_{y} \odot h_{t-1} + x_{t}"),
        ("x - (h - x)", r"x_{t} - (h_{t-1} - x_{t})"),
        ("x - h - x", r"x_{t} - h_{t-1} - x_{t}"),
        ("-x * h", r"-x_{t} \odot h_{t-1}"),
        ("(1 - x) * h", r"(1 - x_{t}) \odot h_{t-1}"),
        ("2 * x", r"2\,x_{t}"),
        ("x * 2", r"x_{t} \cdot 2"),
        ("(x + h) / sqrt(x * x + 1e-5)", r"\frac{x_{t} + h_{t-1}}{\sqrt{x_{t} \odot x_{t} + 10^{-5}}}"),
        ("x ** 2", r"x_{t}^{2}"),
        ("(x + h) ** 2", r"(x_{t} + h_{t-1})^{2}"),
        ("square(-x)", r"(-x_{t})^{2}"),
        ("abs(x) + floor(h)", r"\lvert x_{t}\rvert + \lfloor h_{t-1}\rfloor"),
        ("sigmoid(x) * relu(h)", r"\sigma(x_{t}) \odot \operatorname{ReLU}(h_{t-1})"),
        ("max(x, h, 0.5)", r"\max(x_{t}, h_{t-1}, 0.5)"),
        ("x * sum(h)", r"x_{t} \odot (\sum h_{t-1})"),
        ("x * mean(h, units)", r"x_{t} \odot \operatorname{mean}_{\mathrm{units}}(h_{t-1})"),
        ("softmax(x, units)", r"\operatorname{softmax}_{\mathrm{units}}(x_{t})"),
        ("clip(x, 3)", r"\operatorname{clip}_{[-3, 3]}(x_{t})"),
        ("clip(x, none, 1, gradient = pass)", r"\operatorname{clip}_{[-\infty, 1]}^{\text{pass}}(x_{t})"),
        ("clip(x, none)", r"x_{t}"),
        ("dropout(x, 0.2)", r"\operatorname{dropout}_{\text{keep }0.8}(x_{t})"),
        ("dropout(x, keep = 1.0)", r"x_{t}"),
        ("zoneout(x, h, 0.1)", r"\operatorname{zoneout}_{\text{keep }0.9}(x_{t}, h_{t-1})"),
        ("stop_gradient(x)", r"\operatorname{sg}(x_{t})"),
        ("where(x > 0, x, h)", r"\begin{cases} x_{t} & \text{if }x_{t} > 0 \\ h_{t-1} & \text{otherwise} \end{cases}"),
        (
            "where(x > 0 and not h > x, 1.0, where(x == h, 2.0, h))",
            (
                r"\begin{cases} 1 & \text{if }x_{t} > 0 \wedge \neg(h_{t-1} > x_{t}) \\ "
                r"2 & \text{if }x_{t} = h_{t-1} \\ h_{t-1} & \text{otherwise} \end{cases}"
            ),
        ),
        ("x + step % 3", r"x_{t} + (t \bmod 3)"),
        ("x + n'", r"x_{t} + n_{t}"),
        ("x + pi", r"x_{t} + \pi"),
        ("x + units", r"x_{t} + \mathrm{units}"),
        ("softsign(identity(x))", r"\operatorname{softsign}(x_{t})"),
        ("x + (h if extra)", r"x_{t}"),
        ("x - (h if extra)", r"x_{t}"),
        ("(x if extra) - h", r"-h_{t-1}"),
        ("x if extra else h", r"h_{t-1}"),
        ("sum(k * x for k in 1..4)", r"x_{t} + 2\,x_{t} + 3\,x_{t}"),
        ("max(list[0] * x, list[1] * h)", r"\max(0.5\,x_{t}, 0.25\,h_{t-1})"),
    ],
)
def test_notation(equation: str, expected: str) -> None:
    assert latex_of(equation, "extra = false, list = [0.5, 0.25]") == expected


MATRICES = """cell C(n = 3) {
  input x[n], context[n] per row
  state P[n, n]
  param F[n, n]
  shift = tanh(linear(context))
  Q     = F @ P @ transpose(F)
  P'    = F @ (P @ inverse(Q + P)) + Q
  output P' @ (x + shift)
}
"""


def test_chains_of_matrices_have_no_brackets_from_left_to_right() -> None:
    text = described(MATRICES).latex()
    assert r"Q_{t} &= F\,P_{t-1}\,F^{\top} \\" in text
    assert r"P_{t} &= F\,(P_{t-1}\,(Q_{t} + P_{t-1})^{-1}) + Q_{t} \\" in text


def test_what_comes_once_for_all_steps_is_of_no_step() -> None:
    text = described(MATRICES).latex()
    assert (
        r"\mathrm{shift} &= \tanh(W_{\mathrm{shift}, \mathrm{context}}\,\mathrm{context} + b_{\mathrm{shift}}) \\"
        in text
    )
    assert r"P_{t}\,(x_{t} + \mathrm{shift})" in text


def test_states_of_inner_cells_are_those_of_their_instance() -> None:
    """Of an instance with the weights of another one, of cells inside, and of a list that is carried."""
    text = """
cell Mid(units) {
  input x[units]
  use l = GRU(units)
  y = l(x)
  output y
}
cell C(units) {
  input x[units]
  use f = Mid(units)
  use g = f
  y = f(x)
  z = g(y, states = f.states')
  carry f.states = g.states'
  carry g.l.h = f.l.h' + g.states[0]
  output z
}
"""
    latex = described(text).latex()
    assert r"h_{t}^{f, l} &= h_{t}^{g, l} \\" in latex
    assert r"h_{t}^{g, l} &= h_{t}^{f, l} + h_{t-1}^{g, l}" in latex


def test_options_are_resolved() -> None:
    """A reader sees the cell that was compiled."""
    plain, full = example("basic_lstm:BasicLSTM").latex(), example("lstm:LSTM").latex()
    assert "clip" not in plain
    assert "w_{i}" not in plain
    assert r"\operatorname{clip}_{[-0.3, 0.3]}" in full
    assert "w_{i}" in full


@pytest.mark.parametrize("name", NAMES)
def test_every_example_is_typeset(name: str) -> None:
    """Braces and brackets that grow are balanced; MathML is well-formed."""
    for section in example(name).sections:
        for equations in (section.equations, section.functions):
            text = aligned(equations).replace(r"\{", "").replace(r"\}", "")
            assert text.count("{") == text.count("}")
            assert text.count(r"\left") == text.count(r"\right")
            assert "None" not in text
            assert "?" not in text
    ElementTree.fromstring(example(name).mathml())


@pytest.mark.parametrize("name", ["lstm:LSTM", "xlstm:MLSTM", "phased_lstm:PhasedLSTM", "clockwork:Clockwork"])
def test_golden(name: str, update_golden: bool) -> None:
    """The whole text of some, for people to review: `--update-golden` rewrites it."""
    path = GOLDEN / f"{name.replace(':', '_')}.tex"
    text = "\n".join(aligned(part) for s in example(name).sections for part in (s.equations, s.functions) if part)
    if update_golden:
        path.write_text(text + "\n", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text + "\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b", r"a\_b"),
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("$&#%^~", r"\$\&\#\%\textasciicircum{}\textasciitilde{}"),
    ],
)
def test_text_is_escaped(text: str, expected: str) -> None:
    assert escaped(text) == expected
