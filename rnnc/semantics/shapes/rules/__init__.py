"""One rule per operation of the language: its shape, and what it becomes. Importing this package registers all."""

from rnnc.semantics.shapes.rules import (
    axes,
    contractions,
    derivatives,
    elementwise,
    joining,
    leaves,
    places,
    products,
    weights,
)

__all__ = ["axes", "contractions", "derivatives", "elementwise", "joining", "leaves", "places", "products", "weights"]
