"""Productions of elementwise functions, comparisons, limits and random sites."""

from __future__ import annotations

from tests.support.cells.axes import Expr, Shape
from tests.support.cells.grow import LARGE, Grower, production

# name → (argument around {}, bound of the result for a bound b of what stands in {})
_SAME, _ONE = (lambda b: b), (lambda b: 1.0)
UNARY = {
    "tanh": ("{}", _ONE), "sigmoid": ("{}", _ONE), "relu": ("{} + 0.11", lambda b: b + 1),
    "abs": ("{} - 0.07", lambda b: b + 1),
    "softplus": ("{}", lambda b: b + 1), "log_sigmoid": ("{}", lambda b: b + 1), "softsign": ("{} - 0.03", _ONE),
    "hard_sigmoid": ("{} + 0.13", _ONE), "hard_tanh": ("{} + 0.17", _ONE), "relu6": ("{} + 0.19", lambda b: 6.0),
    "leaky_relu": ("{} - 0.21", lambda b: b + 1), "elu": ("{} + 0.23", lambda b: b + 1),
    "selu": ("{} - 0.09", lambda b: 2 * b + 2),
    "silu": ("{}", _SAME), "swish": ("{}", _SAME), "mish": ("{}", _SAME), "gelu": ("{}", _SAME),
    "gelu_tanh": ("{}", _SAME),
    "identity": ("{}", _SAME), "exp": ("min({}, 1.37)", lambda b: 4.0), "expm1": ("min({}, 1.21)", lambda b: 4.0),
    "log": ("abs({} + 0.03) + 0.5", lambda b: b), "log1p": ("square({})", lambda b: b + 1),
    "sqrt": ("square({}) + 0.1", lambda b: b + 1), "rsqrt": ("square({}) + 0.4", lambda b: 2.0),
    "reciprocal": ("square({}) + 0.6", lambda b: 2.0), "square": ("{}", lambda b: b * b), "sin": ("{}", _ONE),
    "cos": ("{}", _ONE), "tan": ("0.9 * tanh({})", lambda b: 2.0), "atan": ("{}", lambda b: 1.6),
    "sinh": ("tanh({})", lambda b: 2.0), "cosh": ("tanh({})", lambda b: 2.0), "erf": ("{}", _ONE),
    "asin": ("0.9 * sin({})", lambda b: 1.6), "acos": ("0.9 * sin({})", lambda b: 3.2), "asinh": ("{}", _SAME),
    "acosh": ("square({}) + 1.1", _SAME), "atanh": ("0.9 * tanh({})", lambda b: 1.6), "erfc": ("{}", lambda b: 2.0),
    "celu": ("{} + 0.27", lambda b: b + 1), "hard_silu": ("{} - 0.31", _SAME), "squareplus": ("{}", lambda b: b + 1),
    "threshold": ("{} + 0.35, 0.05, 0.2", lambda b: b + 1),
    "hard_shrink": ("{} + 0.33", lambda b: b + 1), "soft_shrink": ("{} - 0.39", lambda b: b + 1),
    "tanh_shrink": ("{}", lambda b: b + 1), "sparse_plus": ("{} + 0.47", lambda b: b + 1),
    "sparse_sigmoid": ("{} - 0.51", _ONE),
    "sign": ("{} - 0.29", _ONE), "floor": ("{} + 0.37", lambda b: b + 1), "ceil": ("{} + 0.41", lambda b: b + 2),
    "round": ("{} + 0.43", lambda b: b + 1), "stop_gradient": ("{}", _SAME),
}  # fmt: skip


@production(8)
def unary(g: Grower, shape: Shape, depth: int, known: bool) -> Expr:
    name = g.choices.pick(tuple(UNARY))
    if name == "identity" and not shape:
        name = "tanh"  # of a number that is known it would be the initialiser
    argument, bound = UNARY[name]
    inner = g.grow(shape, depth, known and name in ("tanh", "sigmoid", "relu", "softplus", "sin", "identity"))
    if name in ("square", "gelu_tanh", "softplus", "cosh", "acosh", "squareplus"):
        inner = g.squashed(Expr(inner.text, inner.bound**2 if name == "square" else inner.bound))
        inner = Expr(inner.text, min(inner.bound, LARGE**0.5))
    return Expr(f"{name}({argument.format(inner.text)})", bound(inner.bound))


@production(9)
def binary(g: Grower, shape: Shape, depth: int, known: bool) -> Expr:
    """Both sides of the same axes, or one of some of them, in any order of axes."""
    left = g.grow(shape, depth, known)
    right = g.grow(_part(g, shape), depth) if g.choices.chance(3) else g.grow(shape, depth, known)
    if g.choices.chance(2):
        left, right = right, left
    match g.choices.below(12):
        case 0 | 1 | 2:
            return Expr(f"({left.text} + {right.text})", left.bound + right.bound)
        case 3:
            return Expr(f"({left.text} - {right.text})", left.bound + right.bound)
        case 4 | 5 | 6:
            if left.bound * right.bound > LARGE:
                left, right = g.small(left), g.squashed(right)
            return Expr(f"({left.text} * {right.text})", left.bound * right.bound)
        case 7:
            return Expr(f"({left.text} / (abs({right.text} + 0.03) + 0.5))", 2 * left.bound)
        case 8:
            return Expr(f"max({left.text}, {right.text} - 0.15)", max(left.bound, right.bound + 1))
        case 9:
            return Expr(f"min({left.text} + 0.05, {right.text})", max(left.bound + 1, right.bound))
        case 10:
            base, exponent = g.squashed(left), g.small(right)
            return Expr(f"((abs({base.text} - 0.02) + 0.5) ** {exponent.text})", (base.bound + 1) ** 2)
        case _:
            base, over = g.squashed(left), g.squashed(right)
            sign = g.choices.pick(("%", "//"))
            return Expr(f"(({base.text} + 0.39) {sign} (abs({over.text} - 0.04) + 0.7))", base.bound + over.bound + 1)


def _part(g: Grower, shape: Shape) -> Shape:
    """Some of the axes."""
    return tuple(axis for axis in shape if g.choices.chance(2))


@production(3)
def with_number(g: Grower, shape: Shape, depth: int, known: bool) -> Expr:
    inner, number = g.grow(shape, depth, known), g.number().text
    match g.choices.below(8):
        case 0:
            return Expr(f"({number} * {inner.text})", 2 * inner.bound)
        case 1:
            return Expr(f"(1 - {inner.text})", inner.bound + 1)
        case 2:
            return Expr(f"({inner.text} + {number})", inner.bound + 2)
        case 3:
            return Expr(f"(-{inner.text})", inner.bound)
        case 4:
            inner = g.small(inner)
            return Expr(f"{inner.text} ** {g.choices.pick(('2', '3'))}".join("()"), inner.bound**3)
        case 5:
            return Expr(f"(({inner.text} + 0.35) % {g.choices.pick(('2', '0.7'))})", 2.0)
        case 6:
            return Expr(f"({inner.text} / 1.3)", inner.bound)
        case _:
            inner = g.squashed(inner)
            return Expr(f"({number} / (square({inner.text}) + 0.5))", 4.0)


@production(3)
def chosen(g: Grower, shape: Shape, depth: int, known: bool) -> Expr:
    a, b = g.grow(shape, depth, known), g.grow(_part(g, shape) if g.choices.chance(3) else shape, depth)
    if g.choices.chance(5):
        b = g.number()
    return Expr(f"where({test(g, _part(g, shape), depth)}, {a.text}, {b.text})", max(a.bound, b.bound))


def test(g: Grower, shape: Shape, depth: int) -> str:
    """A tensor of truth values."""
    if depth > 0 and g.choices.chance(4):
        one, two = test(g, shape, depth - 1), test(g, (), depth - 1)
        return g.choices.pick((f"({one} and {two})", f"({one} or {two})", f"(not {one})"))
    if g.choices.chance(4) and not shape and (number := whole(g)) != "2":
        return f"({number} {g.choices.pick(('==', '!=', '<', '<=', '>', '>='))} {g.choices.below(3)})"
    left = g.grow(shape, min(depth, 1)).text
    if not shape:  # with a value of the step in it: a comparison of numbers would be decided at compile time
        left = f"({left} + {g.scalar_leaf().text})"
    right = g.grow((), 0).text if g.choices.chance(2) else "0.19"
    return f"({left} {g.choices.pick(('<', '<=', '>', '>=', '!=', '=='))} {right} + 0.071)"


test.__test__ = False  # type: ignore[attr-defined]  # not a test of pytest


def whole(g: Grower) -> str:
    """A whole number per row: from 0 to 2 where it is an index."""
    found = [v for v in g.body.ints if not v.shape]
    texts = [g.body.read(v) for v in found[-2:]] + (["step"] if g.body.kind == "cell" and not g.body.stateless else [])
    if not texts:
        return "2"
    text = g.choices.pick(texts)
    if text == "step" and g.body.owner is not None:
        g.body.owner.reads_state = True
    return g.choices.pick(
        (f"{text} % 3", f"({text} + 1) % 2", f"{text} // 2 % 3", f"abs({text}) % 2", f"min({text}, 2) % 3")
    )


@production(1)
def counted(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    """A float from a whole number."""
    if not (g.body.ints or (g.body.kind == "cell" and not g.body.stateless)) or shape:
        return None
    return Expr(f"(0.3 * ({whole(g)}))", 1.0)


@production(2)
def clipped(g: Grower, shape: Shape, depth: int, known: bool) -> Expr:
    inner = g.grow(shape, depth, known)
    limits = g.choices.pick(("0.83", "-0.41, 0.77", "none, 1.13", "-0.63, none", "none", "-inf, 0.57"))
    through = g.choices.pick(("", ", gradient = pass", ", gradient = cut"))
    return Expr(f"clip({inner.text}, {limits}{through})", inner.bound)


@production(2)
def user_function(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    if not g.body.functions:
        return None
    inner = g.small(g.grow(shape, depth, known))
    name = g.choices.pick(g.body.functions)
    option = g.choices.pick(("", ", k = 1 + 0.3", ", 0.8")) if name.startswith("fe") else ""
    return Expr(f"{name}({inner.text}{option})", 10.0)


@production(2)
def conditional(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    """Decided at compile time: the weights of both sides may have one name."""
    if not g.body.flags or g.body.owner is None:
        return None
    flag = condition(g)
    one, two = g.grow(shape, depth), g.grow(shape, depth)
    match g.choices.below(3):
        case 0:
            return Expr(f"({one.text} if {flag} else {two.text})", max(one.bound, two.bound))
        case 1:
            return Expr(f"({one.text} + ({two.text} if {flag}))", one.bound + two.bound)
        case _:
            return Expr(f"({one.text} * (tanh({two.text}) if {flag}))", one.bound)


def condition(g: Grower) -> str:
    """Something that is decided at compile time."""
    texts = [*g.body.flags, f"not {g.body.flags[0]}", f"{g.body.flags[0]} and 1 < 2"]
    texts += [f"{name} == {g.choices.pick(words)}" for name, words in g.body.words.items()]
    texts += [f"{name} > 0.5" for name in g.body.numbers if name.isidentifier()]
    return g.choices.pick(texts)


@production(2)
def random_site(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    if g.body.kind == "fn":
        return None
    name = g.body.named("")
    if name is None:
        return None
    inner = g.grow(shape, depth, known)
    rate = g.choices.pick((", 0.3", ", keep = 0.7", ", rate = 0.2"))
    mask = g.choices.pick(("", ", mask = sequence", ", mask = step"))
    if g.choices.chance(3):
        old = g.grow(shape, depth)
        return Expr(f"(zoneout({inner.text}, {old.text}{rate}{mask}){name})", inner.bound + old.bound)
    return Expr(f"(dropout({inner.text}{rate}{mask}){name})", 2 * inner.bound)


@production(2)
def slope(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    """The derivative of a number by a value of each row's own that it is surely made of."""
    seen = g.body.readable(g.body.vars)
    own, rows = [v for v in seen if v.own and v.shape == shape], [v for v in seen if v.seq]
    if not own or not rows:
        return None
    at, row = g.choices.pick(own).name, g.choices.pick(rows)
    apart = (
        f"0 * {f'mean({row.name})' if row.shape else row.name}"  # a state that a caller gives is the same for all rows
    )
    product = f"{at} * ({g.grow(shape, depth, known=True).text} + {apart})"
    return Expr(f"tanh(gradient({f'sum({product})' if shape else product}, {at}))", 1.0)
