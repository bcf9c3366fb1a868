"""Elementwise operations: equal axes, or the axes of one among those of the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import isinf

from rnnc.ir.program import DType, Value
from rnnc.semantics.shapes.lower import Lowering, Site, join, operation, subset
from rnnc.semantics.shapes.nodes import RULES, Graph, Node, Rule, ShapeError, known
from rnnc.semantics.shapes.shaped import Shape, show

UNARY = (
    "neg", "abs", "sign", "exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "square", "reciprocal", "tanh", "sigmoid",
    "relu", "softplus", "log_sigmoid", "sin", "cos", "tan", "atan", "sinh", "cosh", "asin", "acos", "asinh", "acosh",
    "atanh", "erf", "floor", "ceil", "round", "logical_not", "stop_gradient",
)  # fmt: skip


@dataclass(frozen=True)
class Ambiguous:
    """What to say of `max(v, n)` where `n` is a value, and an axis of `v` too: nothing says which is meant."""

    about: str  # the name as it is written
    labels: tuple[str, ...]  # the axes that the names may mean
    message: str
    fix: str

    def refuse(self, shape: Shape) -> None:
        if set(self.labels) <= {axis.label for axis in shape}:
            raise ShapeError("E250", self.message, self.fix, about=self.about)


def naming(node: Node) -> list[str]:
    """What messages call the arguments."""
    return [_called(a, i) for i, a in enumerate(node.args)]


def _called(node: Node, i: int) -> str:
    if node.op in ("input", "state", "param", "pick"):  # their spans are those of declarations, or of a whole layer
        return f"`{node.name}`"
    text = node.span.text
    return f"`{text}`" if len(text) < 40 and "\n" not in text else f"argument {i + 1}"


def _shape(graph: Graph, node: Node) -> Shape | None:
    unclear = node.attrs.get("unclear")
    if isinstance(unclear, Ambiguous):
        unclear.refuse(graph.resolve_all(node.args[0].shape or ()))
    try:
        shape = join(graph, [a.shape or () for a in node.args], naming(node))
    except ShapeError as error:
        error.fix = _product(graph, node, error.fix)
        raise
    for arg, name in zip(node.args, naming(node), strict=True):
        if arg.shape is not None and is_turned(arg):
            for other in node.args:
                if is_turned_back(graph, arg.shape, other.shape or ()):
                    refuse_turning(name, arg.shape, graph.resolve_all(other.shape or ()))
    return shape


def _product(graph: Graph, node: Node, fix: str | None) -> str | None:
    """What `U * h` may have meant: a product with a matrix, or of every pair."""
    if node.attrs.get("ir") != "mul" or len(node.args) != 2:
        return fix.replace("`outer(a, b)` in products, ", "").replace(" elsewhere", "") if fix is not None else None
    names = [name.strip("`") for name in naming(node)]
    a, b = (name if name.isidentifier() else letter for name, letter in zip(names, "ab", strict=True))
    left, right = (graph.resolve_all(arg.shape or ()) for arg in node.args)
    if len(left) == 2 and len(right) == 1 and left[1].size == right[0].size:
        return f"a matrix times a vector is `{a} @ {b}`; otherwise {fix}"
    if len(left) == 1 and len(right) == 2 and left[0].size == right[0].size:
        return f"a vector times a matrix is `{a} @ {b}`; otherwise {fix}"
    return fix.replace("outer(a, b)", f"outer({a}, {b})") if fix is not None else None


def refuse_turning(name: str, own: Shape, shape: Shape) -> None:
    fix = f"rename them by their places: `relabel(…, {', '.join(f'{a.label}: {a.size}' for a in shape)})`"
    if len({a.size for a in shape}) == 1:
        size = shape[0].size
        fix += f"; a square matrix `[{size}, {size}]` needs no names"
    message = f"{name} is {show(own)}: axes meet by their labels, so beside {show(shape)} the transposition is undone"
    raise ShapeError("E301", message, fix)


def is_turned(node: Node) -> bool:
    """Is it a `transpose`, arithmetic of one with numbers, or the name of such a value?"""
    while node.op in ("elementwise", "equation"):
        with_axes = [a for a in node.args if a.shape]
        if len(with_axes) != 1:
            return False
        (node,) = with_axes
    return node.op == "transpose"


def is_turned_back(graph: Graph, own: Shape, shape: Shape) -> bool:
    """Would all axes of `shape` be found in `own`, in another order?"""
    if len(own) != len(shape) or graph.equal(own, shape):
        return False
    places = subset(graph, graph.resolve_all(own), graph.resolve_all(shape))
    return places is not None and places != sorted(places)


def _lower(lowering: Lowering, node: Node) -> Value:
    shape = lowering.shape(node)
    args = [lowering.aligned(a, shape) for a in node.args]
    options = node.attrs.get("options", {})
    if node.attrs["ir"] == "clip" and _are_whole(args[0], options):
        return _clipped(lowering, args[0], options)
    if node.attrs["ir"] == "pow" and not _is_whole(node.args[1], args[1]):
        args = [_as_float(lowering, a) for a in args]
    if node.attrs["ir"] in ("max", "min"):
        return reduce(lambda left, right: lowering.op(node.attrs["ir"], left, right), args)
    return lowering.op(node.attrs["ir"], *args, **options)


def _as_float(lowering: Lowering, value: Value) -> Value:
    return lowering.op("cast", value, dtype="float") if value.type.dtype is DType.INT else value


def _are_whole(value: Value, limits: Mapping[str, float]) -> bool:
    """A whole number between limits is one where these are, too."""
    return value.type.dtype is DType.INT and all(limit.is_integer() or isinf(limit) for limit in _limits(limits))


def _limits(options: Mapping[str, float]) -> tuple[float, float]:
    return options["lo"], options["hi"]


def _clipped(lowering: Lowering, value: Value, limits: Mapping[str, float]) -> Value:
    for extreme, limit in zip(("max", "min"), _limits(limits), strict=True):
        if not isinf(limit):
            value = lowering.op(extreme, value, lowering.builder.const(int(limit)))
    return value


def _is_whole(exponent: Node, value: Value) -> bool:
    """A power of a whole number is one where the exponent is known not to be negative."""
    number = exponent.attrs.get("value")
    return value.type.dtype is not DType.INT or (exponent.op == "const" and isinstance(number, int) and number >= 0)


def _give(graph: Graph, node: Node, shape: Shape) -> bool:
    moved = False
    for arg in node.args:
        if arg.shape is None and graph.receptive(arg):
            moved = graph.settle(arg, shape) or moved
    return moved


def given(graph: Graph, node: Node) -> bool:
    """Unknown arguments take the shape of the result, unless their neighbours have fewer axes: then they may, too."""
    return node.shape is not None and _fewer(graph, node, node.shape) is None and _give(graph, node, node.shape)


def _guess(graph: Graph, node: Node) -> bool:
    """Unknown arguments take the shape of the largest known neighbour that has axes."""
    largest = _largest(node)
    return largest is not None and _give(graph, node, known(largest))


def _largest(node: Node) -> Node | None:
    """The known argument with most axes, if any has one. A bias of channels has not those that its convolution slides
    over, and what decides between two values may have fewer than they."""
    return max((a for a in _beside(node) if a.shape), key=lambda a: len(known(a)), default=None)


def _beside(node: Node) -> list[Node]:
    args = node.args[1:] if node.attrs.get("ir") == "where" else node.args
    return [a for a in args if a.op != "channel_bias"]


def _with_test(node: Node) -> list[Node]:
    return [a for a in node.args if a.op != "channel_bias"]


def _holds_all(graph: Graph, node: Node, rank: int) -> bool:
    """Is an unknown value made, elementwise, of one with so many axes?"""
    return bool(graph.behind("ranks", node, _rank, _parts) >> rank & 1)


def _rank(node: Node) -> int:
    return 0 if node.shape is None else 1 << len(node.shape)


def _parts(node: Node) -> Sequence[Node]:
    return _beside(node) if node.shape is None and RULES[node.op].takes == "arguments" else ()


def _fewer(graph: Graph, node: Node, shape: Shape) -> Node | None:
    """The largest neighbour of the unknown arguments, where no argument has all axes of the result."""
    if any(_holds_all(graph, a, len(shape)) for a in _with_test(node)):
        return None
    return max((a for a in _with_test(node) if a.shape), key=lambda a: len(known(a)), default=None)


def _doubt(graph: Graph, node: Node) -> tuple[Node, ShapeError] | None:
    """E311: an unknown argument may have fewer axes than the result, as what stands beside it has."""
    neighbour = _fewer(graph, node, known(node)) if node.shape is not None else None
    arg = _open(graph, node)
    if neighbour is None or arg is None:
        return None
    while arg.op == "elementwise" and (made_of := _open(graph, arg)) is not None and RULES[made_of.op].takes != "own":
        arg = made_of  # of `i * tanh(linear(x))` what leaves it open is `i`
    names = dict(zip(node.args, naming(node), strict=True))
    one, other = (show(graph.resolve_all(known(n))) for n in (neighbour, node))
    what = name if (name := _called(arg, 0)).startswith("`") else "this"
    message = f"{what} may have all axes of {other}, or fewer, as {names[neighbour]} beside it: {one}"
    labels = ", ".join(axis.label for axis in known(neighbour))
    return arg, ShapeError("E311", message, f"state them where it is made: `out = [{labels}]`, for example")


def _open(graph: Graph, node: Node) -> Node | None:
    """The first unknown argument that may be given its axes from behind."""
    return next((a for a in node.args if a.shape is None and graph.receptive(a)), None)


def _random(lowering: Lowering, node: Node) -> Value:
    """dropout(x) or zoneout(new, old): the mask has the shape of the result and comes from the site."""
    shape = lowering.shape(node)
    args = [_as_float(lowering, lowering.aligned(a, shape)) for a in node.args]
    site: Site = node.attrs["site"]
    mask = site.value(lowering, shape, timed=any(arg.type.time for arg in args))
    return lowering.op(node.attrs["ir"], *args, mask, keep=site.keep)


operation("elementwise", Rule(_shape, given, _guess, takes="arguments", doubt=_doubt), _lower)
operation("random", Rule(_shape, given, _guess, takes="arguments"), _random)
