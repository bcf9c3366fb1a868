"""`gradient(number, v)`: the axes of `v`, and the operations of the derivative."""

from __future__ import annotations

from rnnc.autodiff.within import slope
from rnnc.ir.program import Value
from rnnc.semantics.shapes.lower import Lowering, operation
from rnnc.semantics.shapes.nodes import Graph, Node, Rule, ShapeError, known
from rnnc.semantics.shapes.shaped import Shape, show


def _shape(graph: Graph, node: Node) -> Shape | None:
    number, at = (graph.resolve_all(known(a)) for a in node.args)
    if number:
        raise ShapeError("E310", f"`gradient` is of one number, and this is {show(number)}", "`sum(…)` makes one of it")
    return at


def _name(node: Node) -> str | None:
    """The word for the second argument, where it is one."""
    return next(reversed(node.attrs["spots"]), None)


def _lower(lowering: Lowering, node: Node) -> Value:
    number, at = (lowering[a] for a in node.args)
    if number.type.time or at.type.time:
        raise ShapeError("E310", "`gradient` is of one step, and this is a sequence", "it stands in a cell")
    try:
        found = slope(lowering.builder, number, at)
    except ValueError:
        raise ShapeError("E310", "`gradient` does not go through layers", "it stands in a cell") from None
    if found is None:
        fix = "the second argument is a name that the first one is made of: a state, an input or an equation"
        raise ShapeError("E310", "the number does not depend on what `gradient` goes by", fix, about=_name(node))
    if not at.type.batch:
        fix = "a state that begins with it is each row's own: `state W[…] = W0`"
        raise ShapeError(
            "E310", "this value is the same for all rows, so its gradient would mix them", fix, about=_name(node)
        )
    return found


operation("gradient", Rule(_shape), _lower)
