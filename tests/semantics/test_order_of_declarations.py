"""What may stand before what: inputs that read an instance, and words that also name something else."""

from __future__ import annotations

from rnnc.compiler import model_of
from rnnc.diagnostics import Source

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


def test_the_word_step_is_a_choice_where_a_choice_is_wanted() -> None:
    model = model_of(Source("<text>", TEXT), "Outer")
    assert [(mask.name, mask.per) for mask in model.masks] == [("f.h", "step")]
