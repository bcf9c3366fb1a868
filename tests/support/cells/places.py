"""Productions of places: whole numbers along an axis, ranks, the place of the largest, and rows of tables.

What is compared has other numbers in every place, however it is rounded: `places` times an odd constant is added.
"""

from __future__ import annotations

from tests.support.cells.axes import Axis, Expr, Shape
from tests.support.cells.elementwise import whole
from tests.support.cells.grow import Grower, production


def _apart(g: Grower, axis: Axis) -> str:
    """A value of that axis without ties."""
    var = g.pick_var(lambda v: v.shape == (axis,) and v.dtype == "float")
    value = "0.9" if var is None else f"tanh({g.body.read(var)})"
    return f"{value} + 0.37 * places({axis.text})"


@production(1)
def placed(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    if len(shape) != 1:
        return None
    if g.choices.chance(2):
        return Expr(f"(0.3 * places({shape[0].text}))", 2.0)
    return Expr(f"(0.3 * rank({_apart(g, shape[0])}))", 2.0)


def _index(g: Grower) -> str | None:
    """A whole number that every table has a row for."""
    body = g.body
    found = [v for v in body.ints if not v.shape and v.name.startswith("token")]
    if body.kind == "fn" or not (found or body.kind == "cell"):
        return None
    if found and g.choices.chance(2):
        return body.read(g.choices.pick(found))
    index = whole(g)
    return None if index == "2" else index


@production(1)
def looked_up(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    """Rows of a parameter."""
    body = g.body
    index = _index(g)
    if index is None:
        return None
    if (
        len(shape) == 1
        and g.choices.chance(2)
        and shape[0].text.isidentifier()
        and (named := body.named("embedding")) is not None
    ):
        return Expr(f"(embedding({index}, 5, {shape[0].text}){named})", 0.5)
    table = body.param((body.fresh_axis(4), *shape))
    return Expr(f"lookup({body.read(table)}, {index})", 2.0)


@production(1)
def picked(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    """Rows of a value, along any axis: what stands where another value is the largest or smallest."""
    rows = g.body.fresh_axis(g.choices.between(2, 4))
    if g.body.kind == "fn":
        return None
    at = g.choices.below(len(shape) + 1)
    inner = g.grow((*shape[:at], rows, *shape[at:]), depth)
    index = _index(g)  # a value of parameters alone is a table: it has a row for every index
    index = "1" if index is None else f"{index} % {rows.size}"
    index = g.choices.pick((f"{g.choices.pick(('argmax', 'argmin'))}({_apart(g, rows)})", index))
    along = f", axis = {rows.label}" if at or g.choices.chance(2) else ""
    return Expr(f"lookup({inner.text}, {index}{along})", inner.bound)
