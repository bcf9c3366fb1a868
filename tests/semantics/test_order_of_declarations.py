"""What may stand before what: inputs that read an instance, and words that also name something else."""

from __future__ import annotations

import numpy as np

from rnnc.compiler import model_of
from rnnc.diagnostics import Source
from tests.semantics.support import run

TEXT = """
cell Inner(units, mask: step | sequence = sequence) {
  input x[input]
  state h[units]
  h' = dropout(tanh(linear(x, h)), 0.5, mask = mask)
  output h'
}

cell Outer(units) {
  input x[f.output.size]
  use f = Inner(units, mask = step)
  y = f(x)
  output x + y
}
"""


def test_an_input_may_have_the_size_of_an_instance() -> None:
    model = model_of(Source("<text>", TEXT), "Outer")
    assert [str(axis.size) for axis in model.inputs[0].type.axes] == ["units"]


KEYS = """
cell Keys(units) {{
  input x[units]
  state h[units]
  {above}
  for k in 1..3 {{
    m[k] = x * k
  }}
  {below}
  h' = k + m[1] + m[2] + sum(h * k for k in [4, 5]) + sum(k[0] * h for k in [[6], [7]])
  output h'
}}
"""


def test_the_variable_of_a_loop_stands_before_an_equation_of_its_name_wherever_that_is() -> None:
    texts = [KEYS.format(above=a, below=b) for a, b in [("k = tanh(x)", ""), ("", "k = tanh(x)")]]
    other = texts[0].replace("k = tanh(x)", "key = tanh(x)").replace("h' = k", "h' = key")
    above, below, called_otherwise = [run(model_of(Source("<text>", t), "Keys")).output() for t in (*texts, other)]
    np.testing.assert_array_equal(above, called_otherwise)
    np.testing.assert_array_equal(below, called_otherwise)


def test_given_values_may_be_made_with_the_name_of_an_equation() -> None:
    text = """cell Keys(units) {
      input x[units]
      state h[units]
      fixed age[slot: 3] = [2 - k for k in 0..3]
      k = tanh(x)
      h' = sum(age) * k + h
      output h'
    }"""
    assert [p.init.numbers for p in model_of(Source("<text>", text), "Keys").parameters] == [(2.0, 1.0, 0.0)]


def test_the_word_step_is_a_choice_where_a_choice_is_wanted() -> None:
    model = model_of(Source("<text>", TEXT), "Outer")
    assert [(mask.name, mask.per) for mask in model.masks] == [("f.h", "step")]
