"""`gradient(number, v)`: the axes of `v`, and the operations of the derivative."""

from __future__ import annotations

from rnnc.autodiff.within import slope
from rnnc.ir.program import DType, Value
from rnnc.semantics.shapes.lower import Lowering, operation
from rnnc.semantics.shapes.nodes import Graph, Node, Rule, ShapeError, known
from rnnc.semantics.shapes.shaped import Shape, show


def _shape(graph: Graph, node: Node) -> Shape | None:
    number, at = (graph.resolve_all(known(a)) for a in node.args)
    if number:
        raise ShapeError("E310", f"`gradient` is of one number, and this is {show(number)}", "`sum(…)` makes one of it")
    return at


def _lower(lowering: Lowering, node: Node) -> Value:
    number, at = (lowering[a] for a in node.args)
    by: str = node.attrs["by"]
    if number.type.time or at.type.time:
        raise ShapeError("E310", "`gradient` is of one step, and this is a sequence", "it stands in a cell")
    if not _made_of(lowering, node, at):
        raise _unrelated(node)
    for value, text in ((number, node.attrs["of"]), (at, by)):
        if value.type.dtype is not DType.FLOAT:
            kind = "a whole number" if value.type.dtype is DType.INT else "true or false"
            fix = "what is not declared `: int`, nor made of such values alone, has one"
            raise ShapeError("E310", f"`{text}` is {kind}, which has no derivative", fix, about=text)
    try:
        found = slope(lowering.builder, number, at)
    except ValueError:
        raise ShapeError("E310", "`gradient` does not go through layers", "it stands in a cell") from None
    if not at.type.batch:
        fix = "a state that begins with it is each row's own: `state W[…] = W0`"
        raise ShapeError("E310", "this value is the same for all rows, so its gradient would mix them", fix, about=by)
    return lowering.op("zeros_like", at) if found is None else found


def _made_of(lowering: Lowering, node: Node, at: Value) -> bool:
    """Is the number made of this value? It may be without a slope: as the derivative of a piecewise linear function is,
    which is made of no more than signs, or of nothing."""
    number, by = node.args
    stack, seen = [number], {number}
    while stack:
        part = stack.pop()
        if part is by or lowering.values.get(part) is at:
            return True
        new = [a for a in part.args if a not in seen]
        seen.update(new)
        stack.extend(new)
    return False


def _unrelated(node: Node) -> ShapeError:
    by: str = node.attrs["by"]
    message = "the number does not depend on what `gradient` goes by"
    fix = "the second argument is a name that the first one is made of: a state, an input or an equation"
    match node.attrs["kind"]:
        case "slice":
            whole: str = node.attrs["whole"]
            message = f"`gradient` goes by whole values, and `{by}` is a part that the number is not made of"
            fix = f"`gradient(number, {whole}){by.removeprefix(whole)}` is the gradient by this part"
        case "made":
            message = f"`gradient` goes by values that the number is made of, and `{by}` is made here"
            fix = f"give it a name, `u = {by}`, make the number of `u`, and write `gradient(number, u)`"
        case _:
            pass
    return ShapeError("E310", message, fix, about=by)


operation("gradient", Rule(_shape), _lower)
