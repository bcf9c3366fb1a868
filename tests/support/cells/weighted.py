"""Productions of products: with weights, and without."""

from __future__ import annotations

from tests.support.cells.axes import Axis, Expr, Shape, weak
from tests.support.cells.body import Weights, labels, out_text
from tests.support.cells.grow import LARGE, Grower, production
from tests.support.cells.views import fitted, more_axes

INITS = (
    "", "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal",
    "truncated_normal(0, 0.4)", "0.3",
    "uniform(-0.5, 0.5)", "exponential_uniform(-2, -0.5)", "normal(0, 0.4)", "constant(0.2)",
)  # fmt: skip


def _options(g: Grower) -> str:
    init = g.choices.pick(INITS) if g.choices.chance(4) else ""
    bias = g.choices.pick(("", "", ", bias = false", ", bias_init = 0.3", ", bias_init = ones"))
    return (f", init = {init}" if init else "") + bias


def _operand(g: Grower, depth: int) -> tuple[str, str, Expr, Shape] | None:
    """A value with axes as an operand: label, text, expression and axes."""
    var = g.pick_var(lambda v: bool(v.shape))
    if var is None:
        return None
    if depth > 0 and g.choices.chance(2):
        label = g.body.fresh("u")
        inner = g.grow(var.shape, depth - 1)
        return label, f"{label}: {inner.text}", inner, var.shape
    name = g.body.read(var)
    label = name if name.isidentifier() else g.body.fresh("u")
    return label, name if name == label else f"{label}: {name}", Expr(name, var.bound), var.shape


@production(9)
def linear(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    body = g.body
    if body.owner is None or not shape or body.kind == "fn" or not (known or body.outable(shape)):
        return None
    operands: dict[str, tuple[str, Expr, Shape]] = {}
    for _ in range(g.choices.between(1, 2)):
        made = _operand(g, depth)
        if made is not None:
            operands[made[0]] = made[1:]
    named = body.named("weights")
    if not operands or named is None:
        return None
    out = "" if known and g.choices.chance(2) else f", out = {out_text(shape)}" if body.outable(shape) else ""
    share = ", shared over k" if body.suffix and g.choices.chance(4) and all(p.isidentifier() for p in operands) else ""
    transform = ""
    matrices = len(shape) == 1 and all(len(s) == 1 for _, _, s in operands.values())
    if body.transforms and matrices and g.choices.chance(4):
        transform = f", weight = {g.choices.pick(body.transforms)}"
    options = _options(g)
    if not named and not body.suffix and not transform and "bias = false" not in options:
        axes = tuple((label, s) for label, (_, _, s) in operands.items())
        body.owner.operands = Weights(body.owner.name, axes, shape)
    text = f"linear({', '.join(t for t, _, _ in operands.values())}{share}{out}{options}{transform})"
    bound = min(3 * sum(e.bound for _, e, _ in operands.values()) + 1, LARGE)
    return Expr(f"({text}{named})", bound)


@production(6)
def reused_weights(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    """`weights = q`: the weights of another equation, on other values of the same axes."""
    body = g.body
    found = [w for w in body.weights if w.out == shape]
    if body.owner is None or not found or not body.outable(shape):
        return None
    weights: Weights = g.choices.pick(found)
    operands = [(label, g.grow(s, depth)) for label, s in weights.operands]
    texts = ", ".join(f"{label}: {e.text}" for label, e in operands)
    bound = min(3 * sum(e.bound for _, e in operands) + 1, LARGE)
    return Expr(f"linear({texts}, weights = {weights.name}, out = {out_text(shape)})", bound)


@production(2)
def per_axis(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    """A block of its own for each place of an axis that stays."""
    body = g.body
    if len(shape) < 2 or not body.outable(shape) or body.kind == "fn":
        return None
    per = g.choices.pick(shape)
    whole, inner_axis = more_axes(g, (per,))
    if inner_axis.label in {a.label for a in shape} or (named := body.named("weights")) is None:
        return None
    inner = g.grow(whole, depth)
    label = body.fresh("u")
    text = f"linear({label}: {inner.text}, per = {per.ref}, out = {out_text(shape)}{_options(g)})"
    return Expr(f"({text}{named})", min(3 * inner.bound, LARGE))


@production(2)
def each_place(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    """One weight for all places of an axis that stays, of operands that have it or not."""
    body = g.body
    if len(shape) < 2 or not body.outable(shape) or body.kind == "fn":
        return None
    each = g.choices.pick(shape)
    whole, inner_axis = more_axes(g, (each,))
    if inner_axis.label in {a.label for a in shape} or (named := body.named("weights")) is None:
        return None
    inner = g.grow(whole, depth)
    operands, bound = f"{body.fresh('u')}: {inner.text}", 3 * inner.bound
    if g.choices.chance(2):
        context = g.grow((weak(g.choices.between(1, 3)),), depth)
        operands, bound = f"{operands}, {body.fresh('u')}: {context.text}", bound + 3 * context.bound
    others = shape[1:] if each is shape[0] and g.choices.chance(2) else shape  # those that stay need no name
    text = f"linear({operands}, each = {each.ref}, out = {out_text(others)}{_options(g)})"
    return Expr(f"({text}{named})", min(bound, LARGE))


@production(2)
def dense(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    body = g.body
    if len(shape) != 1 or not body.outable(shape) or shape[0].strong or body.kind == "fn":
        return None
    whole, _ = more_axes(g, ())
    if (named := body.named("weights")) is None:
        return None
    inner = g.grow(whole, depth)
    size = g.choices.pick((f", {shape[0].label}", f", out = {shape[0].label}"))
    activation = g.choices.pick(("", ", activation = tanh", ", activation = silu", ", bias = false"))
    return Expr(f"(dense({inner.text}{size}{activation}){named})", min(3 * inner.bound, LARGE))


@production(2)
def peephole(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    if not shape or g.body.kind == "fn" or (named := g.body.named("peephole")) is None:
        return None
    inner = g.grow(shape, depth)
    some = shape[g.choices.below(len(shape)) :]
    axes = f", axes = {labels(some)}" if g.choices.chance(2) else ""
    init = g.choices.pick(("", ", init = uniform(-0.9, 0.9)"))
    return Expr(f"(peephole({inner.text}{axes}{init}){named})", 2 * inner.bound)


@production(4)
def convolution(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    """Over one or two axes in front; what is left are channels, of which the operand has others."""
    body = g.body
    if len(shape) < 2 or body.kind == "fn":
        return None
    n = g.choices.between(1, len(shape) - 1)
    over, channels = shape[:n], shape[n:]
    if n > 2 or not body.outable(channels):
        return None
    if (named := body.named("weights")) is None:
        return None
    kernel = [g.choices.between(1, 3) for _ in over]
    stride, dilation, padding = [1] * n, [g.choices.pick((1, 1, 2)) for _ in over], "same"
    actual = over
    operand_over = over
    if all(a.size.constant is not None for a in over) and g.choices.chance(2):
        padding = g.choices.pick(("valid", "same"))
        stride = [g.choices.between(1, 2) for _ in over]
        long: list[Axis] = []
        for axis, k, s, d in zip(over, kernel, stride, dilation, strict=True):
            size = (
                (int(axis.size.constant or 1) - 1) * s
                + 1
                + g.choices.below(s)
                + (d * (k - 1) if padding == "valid" else 0)
            )
            long.append(body.fresh_axis(size))
        operand_over = tuple(long)
        actual = tuple(Axis(a.label, b.size, strong=True) for a, b in zip(long, over, strict=True))
    incoming = body.fresh_axis(g.choices.between(1, 2))
    own = (g.choices.pick(channels),) if g.choices.chance(4) else ()  # has kernels of its own
    whole = (*operand_over, incoming, *own) if not g.choices.chance(4) else (*own, incoming, *operand_over)
    labelled = [body.fresh("u")] if not g.choices.chance(4) else [body.fresh("u"), body.fresh("u")]
    operands = [(label, g.grow(whole, depth)) for label in labelled]
    window = f"over = {labels(operand_over) if n > 1 else f'[{operand_over[0].ref}]'}, kernel = {kernel}"
    if any(s != 1 for s in stride) or g.choices.chance(4):
        window += f", stride = {stride[0] if len(set(stride)) == 1 else stride}"
    if any(d != 1 for d in dilation):
        window += f", dilation = {dilation}"
    if padding != "same" or g.choices.chance(4):
        window += f", padding = {padding}"
    if own:
        window += f", per = {own[0].ref}"
    texts = ", ".join(f"{label}: {e.text}" for label, e in operands)
    text = f"(conv({texts}, {window}, out = {out_text(channels)}{_options(g)}){named})"
    bound = min(3 * sum(e.bound for _, e in operands) + 1, LARGE)
    return Expr(fitted(text, (*actual, *channels), shape), bound)


@production(4)
def product(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    """`@`: the last axis of one side with the first of the other."""
    at = g.choices.below(len(shape) + 1)
    _, inner = more_axes(g, shape)
    left, right = (*shape[:at], inner), (inner, *shape[at:])
    a, b = g.small(g.grow(left, depth)), g.grow(right, depth)
    return Expr(f"({a.text} @ {b.text})", 4 * a.bound * b.bound if b.bound < LARGE else 8 * LARGE)


@production(3)
def contraction(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    """`contract` over one or two axes, with others that both sides have."""
    at = g.choices.below(len(shape) + 1)
    first, second = shape[:at], shape[at:]
    paired = tuple(a for a in first if a.strong and g.choices.chance(2))
    gone = tuple(g.body.fresh_axis(g.choices.between(1, 3)) for _ in range(g.choices.between(1, 2)))
    left, right = (*first, *gone), (*gone[::-1], *paired, *second)
    a, b = g.small(g.grow(left, depth)), g.small(g.grow(right, depth))
    return Expr(f"contract({a.text}, {b.text}, over = {labels(gone)})", 9 * a.bound * b.bound)


@production(3)
def outer(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    if len(shape) < 2:
        return None
    at = g.choices.between(1, len(shape) - 1)
    paired = tuple(a for a in shape[:at] if a.strong and g.choices.chance(4))
    a, b = g.small(g.grow(shape[:at], depth)), g.small(g.grow((*paired, *shape[at:]), depth))
    return Expr(f"outer({a.text}, {b.text})", a.bound * b.bound)
