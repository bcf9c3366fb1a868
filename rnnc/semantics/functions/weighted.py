"""Functions that bring weights along: `linear`, `dense`, `conv`, `peephole`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rnnc.diagnostics import Note
from rnnc.ir.model import Initialiser
from rnnc.semantics.bodies.frames import mentions, nameless
from rnnc.semantics.bodies.other_steps import indexed
from rnnc.semantics.expressions.arguments import Arguments, Operand
from rnnc.semantics.expressions.labelled import as_given
from rnnc.semantics.functions.builtins import builtin
from rnnc.semantics.functions.initialisers import GLOROT, ZEROS, initialiser
from rnnc.semantics.functions.lending import dotted, other_owner
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import FnValue, Num, Tensor, Value, describe
from rnnc.semantics.shapes.nodes import Node
from rnnc.semantics.shapes.shaped import Shaped
from rnnc.syntax import ast


@dataclass(frozen=True)
class Naming:
    """Where the weights of one call are called what: `path` ends in a dot."""

    path: str
    shareable: bool
    lent: str | None = None  # the path of the equation whose weights these are


def naming(a: Arguments, default: str = "") -> Naming:
    """`i.`, `zi.rec.` (as), `fi[0].` (shared over k), or the path of another equation (`weights = f`)."""
    frame, owner = a.context.frame, a.context.owner
    if frame.anonymous:
        raise nameless(frame)
    if owner is None:
        raise Problem(
            "E403",
            "a weight is named after its equation, and this has none",
            a.span,
            fix=f"give it one: `y = {a.name}(…)`, then use `y`",
        )
    shareable = bool(a.shared) or frame.shareable
    other = other_owner(a, a.context.name or default.removesuffix(".") or None)
    if other is not None:
        return Naming(other + (f"{a.context.name}." if a.context.name else default), True, other)
    path = dotted(owner.full(frame, a.shared) if owner.name else frame.prefix)
    return Naming(path + (f"{a.context.name}." if a.context.name else default), shareable, frame.lent)


def operand_name(a: Arguments, operand: Operand) -> str:
    """What the weight of an operand is called: its label, or the name that it is, less the indices that are shared
    over."""
    if operand.label is not None:
        return operand.label
    e = operand.expression
    if isinstance(e, ast.Name):
        return e.id
    if (
        isinstance(e, ast.Subscript)
        and isinstance(e.base, ast.Name)
        and not any(isinstance(i, ast.Slice) for i in e.items)
    ):
        in_time = indexed(e, operand.context)
        if in_time is not None:
            raise in_time
        items = tuple(i for i in e.items if not isinstance(i, ast.Slice))
        places = a.evaluate.indices(items, operand.context)
        kept = [place for item, place in zip(items, places, strict=True) if not mentions(item, a.shared)]
        return f"{e.base.id}[{','.join(map(str, kept))}]" if kept else e.base.id
    if not isinstance(e, ast.As):
        _refuse_number(a, a.operands.index(operand))  # evaluated: an error of its own comes first
    raise Problem(
        "E220",
        "the weight of this operand has no name: an operand is a name, or has a label",
        operand.span,
        fix=_named(a, operand),
    )


def _named(a: Arguments, operand: Operand) -> str:
    """How an operand gets a name; members of a comprehension have those of a family."""
    values = [argument.value for argument in a.call.arguments if isinstance(argument, ast.Argument)]
    for e in values:
        if isinstance(e, ast.Comprehension) and e.value is operand.expression:
            places = ", ".join(clause.name for clause in e.clauses)
            return f"define `u[{places}] = {operand.span.text}` in a `for`, and write `(u[{places}] for …)`"
    if isinstance(operand.expression, ast.List) and operand.expression.items:
        return f"operands are no list: `{a.name}({', '.join(item.span.text for item in operand.expression.items)})`"
    if isinstance(operand.expression, ast.As):
        return (
            f"labels stand before operands: `{a.name}({operand.expression.name}: {operand.expression.call.span.text})`"
        )
    return f"`{a.name}(u: {operand.span.text})`"


def _operand_names(a: Arguments) -> list[str]:
    """What the weights of all operands are called. One call has one weight for each, shared or not."""
    names: list[str] = []
    for operand in a.operands:
        name = operand_name(a, operand)
        if name in names:
            other = a.operands[names.index(name)]
            text = operand.expression.span.text
            raise Problem(
                "E402",
                f"two operands of this `{a.name}` would have one weight, `{name}`",
                operand.span,
                notes=[Note("the other one", other.span)],
                fix=f"give one a label: `new: {text}`",
            )
        names.append(name)
    return names


def _init(a: Arguments, option: str, default: Initialiser) -> Initialiser:
    return initialiser(a.evaluate, a.options[option].value, a.context) if a.has(option) else default


def _declare(a: Arguments, name: str, node: Node, init: Initialiser, names: Naming, fan_in: int | None = None) -> Node:
    registry, graph = a.context.frame.body.registry, a.context.frame.graph
    fix = f"name one of the calls: `{a.name}(…) as rec`"
    if a.name == "linear":
        fix = f"one call sums several products, `linear(x, h)`; or {fix}"
    return registry.declare(
        name,
        graph,
        lambda: node,
        init=init,
        span=node.span,
        call=a.span,
        shareable=names.shareable,
        fan_in=fan_in,
        fix=None if a.context.name else fix,
        lent=names.lent,
    )


def _transformed(a: Arguments, weight: Node, path: str) -> Node:
    """`weight = weight_norm`: the weight goes through a function of the language first."""
    value = a.option("weight")
    if value is None:
        return weight
    if not isinstance(value, FnValue):
        spot = a.options["weight"].value.span
        raise Problem("E229", f"`weight` names a function, not {describe(value)}", spot, fix="write `weight = f`")
    return _applied(a, value, weight, path)


def _applied(a: Arguments, function: FnValue, node: Node, path: str) -> Node:
    """A function that is given as an option; one that is written in the language may have weights of its own."""
    lent = None if function.definition is None else other_owner(a, a.context.name)
    apply = a.evaluate.elaborator.functions.apply
    return apply(function, node, path, a.context, a.span, shared=bool(a.shared), lent=lent)


def _sum(a: Arguments, terms: list[Node]) -> Value:
    graph = a.context.frame.graph
    total = terms[0]
    for term in terms[1:]:
        total = graph.add("elementwise", (total, term), a.span, ir="add")
    return Tensor(total)


def _hole(a: Arguments, out: tuple[Shaped, ...] | None) -> Node:
    return a.context.frame.graph.add("hole", (), a.span, out, call=a.name)


def _out_axes(a: Arguments, option: str) -> tuple[Shaped, ...] | None:
    """`out = [head, unit]`: names of axes known in this body, or sizes; one need no bracket."""
    if not a.has(option):
        return None
    e = a.options[option].value
    if isinstance(e, ast.Conditional):
        chosen = e.value if a.evaluate.truth(e.test, a.context) else e.orelse
        e = e if chosen is None else chosen
    e, c = as_given(e, a.context)
    if not isinstance(e, ast.List) and a.option(option) is None:
        return None
    items = [as_given(item, c) for item in (e.items if isinstance(e, ast.List) else (e,))]
    axes = tuple(a.evaluate.named_axis(item, where, lambda: _operands(a)) for item, where in items)
    for axis, (_, where) in zip(axes, items, strict=True):
        if where.frame is not a.context.frame:
            a.context.frame.callers.add(axis.label)
    return axes


_OPTIONS = ("bias", "out", "per", "each", "init", "bias_init", "weight", "weights")


@builtin("linear", labels=0, weights=True)
def _linear(a: Arguments) -> Value:
    """linear(x, h, …): the sum of a product with a weight [in, out] per operand, and a bias [out]."""
    a.leave_out()
    a.count(1, 100_000)
    a.allow(*_OPTIONS)
    names = naming(a)
    per, each = (a.evaluate.labels(a.options[o].value, a.context) if a.has(o) else () for o in ("per", "each"))
    return _sum(a, _linear_terms(a, names, _with_each(a, _out_axes(a, "out"), each), per, each))


def _with_each(a: Arguments, out: tuple[Shaped, ...] | None, each: tuple[str, ...]) -> Node:
    """The axes of the result: those of `each`, which stay, need not be named in `out`."""
    hole, named = _hole(a, out), {axis.label for axis in out or ()}
    left = tuple(label for label in each if label not in named)
    if out is None or not left:
        return hole
    return a.context.frame.graph.add("stays", (hole, *_operands(a)), a.span, None, each=left, spots=a.spots())


def _linear_terms(
    a: Arguments, names: Naming, hole: Node, per: tuple[str, ...] = (), each: tuple[str, ...] = ()
) -> list[Node]:
    axes: dict[str, object] = {"per": per, "each": each, "spots": a.spots()}
    products = _products(a, names, hole, "weight", "product", axes)
    return [*products, *(_bias(a, names, hole, "channel_bias", axes) if each else _bias(a, names, hole, "bias"))]


def _products(
    a: Arguments, names: Naming, hole: Node, weight: str, product: str, attrs: dict[str, object]
) -> list[Node]:
    """For each operand a weight and its product with it, as nodes of the kinds `weight` and `product`."""
    graph, init = a.context.frame.graph, _init(a, "init", GLOROT)
    terms: list[Node] = []
    for i, (operand, label) in enumerate(zip(a.operands, _operand_names(a), strict=True)):
        x, name = _operand(a, i), names.path + label
        fresh = graph.add(weight, (x, hole), operand.span, None, **attrs)
        w = _transformed(a, _declare(a, name, fresh, init, names, fan_in=-1), name)
        terms.append(graph.add(product, (x, w, hole), operand.span, None, **attrs))
    return terms


def _bias(a: Arguments, names: Naming, hole: Node, kind: str, attrs: dict[str, object] | None = None) -> Iterator[Node]:
    """The bias, unless the call says that there is none."""
    if a.flag("bias", True):
        fresh = a.context.frame.graph.add(kind, (hole,), a.span, None, **(attrs or {}))
        yield _declare(a, names.path + "bias", fresh, _init(a, "bias_init", ZEROS), names)


def _operand(a: Arguments, i: int) -> Node:
    """An operand with a weight: a tensor. A number without a label is more likely meant as the size of the result."""
    if a.name != "linear" or a.operands[i].label in (None, *_OPTIONS):
        _refuse_number(a, i)
    return a.node(i)


def _operands(a: Arguments) -> list[Node]:
    return [_operand(a, i) for i in range(len(a.operands))]


def _refuse_number(a: Arguments, i: int) -> None:
    operand = a.operands[i]
    if isinstance(a.value(i), Num):
        text = operand.span.text
        fix = f"`out = {text}` is the size of the result" if i > 0 else _of_first_number(a, text)
        raise Problem("E213", f"`{a.name}` wants tensors, and `{text}` is a number", operand.span, fix=fix)


def _of_first_number(a: Arguments, text: str) -> str:
    """The remedy for `linear(units)`, as libraries make layers, and for `linear(1)`."""
    if text.isidentifier() or len(a.operands) > 1:
        return f"operands come first: `{a.name}(x, out = {text})`"
    return "a vector of one number is `ones(1)`"


@builtin("dense", weights=True)
def _dense(a: Arguments) -> Value:
    """dense(x, n): one product with a weight [in, n] and a bias [n], called `weight` and `bias`."""
    a.count(1, 2)
    a.allow("bias", "out", "init", "bias_init", "activation")
    if len(a.operands) == 2:
        size = a.operands[1]
        number = a.evaluate.number(size.expression, size.context)
        out = (a.evaluate.named_axis(size.expression, size.context, a.nodes),) if number.size else None
        del a.operands[1]
    else:
        out = _out_axes(a, "out")
    first = a.operands[0]
    a.operands[0] = Operand("weight", first.expression, first.context)
    names = naming(a)
    result = _sum(a, _linear_terms(a, names, _hole(a, out)))
    activation = a.option("activation")
    if activation is None:
        return result
    if not isinstance(activation, FnValue):
        spot = a.options["activation"].value.span
        raise Problem(
            "E229", f"`activation` names a function, not {describe(activation)}", spot, fix="for example `tanh`"
        )
    assert isinstance(result, Tensor)
    return Tensor(_applied(a, activation, result.node, names.path))


_INITIAL = ("init", "bias_init")


@builtin("conv", labels=0, weights=True)
def _conv(a: Arguments) -> Value:
    """conv(x, h, over = [row, col], kernel = [3, 3]): a cross-correlation per operand, and a bias per channel."""
    a.leave_out()
    a.count(1, 100_000)
    a.allow("over", "kernel", "stride", "dilation", "padding", "per", "bias", "out", *_INITIAL, "weight", "weights")
    for option in ("over", "kernel"):
        if not a.has(option):
            raise Problem(
                "E225", f"`conv` wants `{option}` stated", a.span, fix="conv(x, over = [row, col], kernel = [3, 3])"
            )
    over = a.evaluate.labels(a.options["over"].value, a.context)
    window: dict[str, object] = {
        "over": over,
        "kernel": a.integers("kernel", len(over), None),
        "stride": a.integers("stride", len(over), 1),
        "dilation": a.integers("dilation", len(over), 1),
        "padding": a.word("padding", ("same", "valid"), "same"),
        "per": a.evaluate.labels(a.options["per"].value, a.context) if a.has("per") else (),
        "spots": a.spots(),
    }
    names, hole = naming(a), _hole(a, _channels(a, over))
    products = _products(a, names, hole, "kernel", "convolve", window)
    return _sum(a, [*products, *_bias(a, names, hole, "channel_bias")])


def _channels(a: Arguments, over: tuple[str, ...]) -> tuple[Shaped, ...] | None:
    """`out` of a convolution: the axes that it slides over stand in the result anyway."""
    out = _out_axes(a, "out")
    slid = [axis for axis in out or () if axis.label in over]
    if out is None or not slid:
        return out
    others = ", ".join(f"{axis.label}: {axis.size}" if axis.strong else axis.label for axis in out if axis not in slid)
    raise Problem(
        "E305",
        f"`out` of a convolution names the channels: `{slid[0].label}`, over which it slides, stays",
        a.options["out"].value.span,
        fix=f"write `out = [{others or 'channel: n'}]`",
    )


@builtin("peephole", weights=True)
def _peephole(a: Arguments) -> Value:
    """peephole(c): c times a weight of its own shape (or of the axes named by `axes`)."""
    a.count(1)
    a.allow("axes", "init", "weights")
    names = naming(a, "" if a.context.name else "peephole.")
    graph = a.context.frame.graph
    c = a.node(0)
    axes = a.evaluate.labels(a.options["axes"].value, a.context) if a.has("axes") else None
    fresh = graph.add("like", (c,), a.span, None, axes=axes)
    weight = _declare(a, names.path.rstrip("."), fresh, _init(a, "init", GLOROT), names)
    return Tensor(graph.add("elementwise", (c, weight), a.span, ir="mul"))
