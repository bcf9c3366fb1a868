"""What is better shown as mathematics in a box than as a graph."""

from __future__ import annotations

from rnnc.pictures.drawing.boxes import box
from rnnc.pictures.equations import formula as f
from rnnc.pictures.equations.typeset import typeset
from rnnc.pictures.equations.walking import everything

_STRANGE = {"floor", "ceil", "round", "stop_gradient", "sign"}
_COMPARISONS = {"<", "<=", ">", ">=", "==", "!=", "and", "or", "%", "//"}
_MANY = 7  # operations that a reader still follows as a graph
_WIDE = 330.0  # of a box with mathematics


def is_strange(formula: f.Formula) -> bool:
    """Is this short enough for a box, and no clearer as a graph? (Products and cells are always drawn.)"""
    inside = list(everything(formula))
    if any(isinstance(p, f.Product | f.Run) for p in inside):
        return False
    strange = any(_is_strange(p) for p in inside)
    operations = sum(not isinstance(p, f.Ref | f.Number | f.Open | f.Word) for p in inside)
    return (strange or operations > _MANY) and box(typeset(formula), 12).width < _WIDE


def _is_strange(formula: f.Formula) -> bool:
    match formula:
        case f.Cases() | f.Not():
            return True
        case f.Operator(op):
            return op in _COMPARISONS
        case f.Apply(function):
            return function in _STRANGE
        case _:
            return False
