"""Operations whose operands are known numbers are numbers themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import DType, Op, Value
from rnnc.ir.size import Size
from rnnc.passes.folding.site import VIEWS, Number, Site, as_number, build, is_exact_zero, is_held, number, uniform


def _sign(x: Number) -> Number:
    return (x > 0) - (x < 0)


def _sigmoid(x: float) -> float:
    small = math.exp(-abs(x))
    return 1 / (1 + small) if x >= 0 else small / (1 + small)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


# In the words of the table of operations. What Python refuses (overflow, a division by zero) is left as it is.
UNARY: Mapping[str, Callable[[float], Number]] = {
    "neg": lambda x: -x,
    "abs": abs,
    "sign": _sign,
    "exp": math.exp,
    "expm1": math.expm1,
    "log": math.log,
    "log1p": math.log1p,
    "sqrt": math.sqrt,
    "rsqrt": lambda x: 1 / math.sqrt(x),
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
    "tanh": math.tanh,
    "sigmoid": _sigmoid,
    "relu": lambda x: max(x, 0),
    "softplus": _softplus,
    "log_sigmoid": lambda x: -_softplus(-x),
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "atan": math.atan,
    "asin": math.asin,
    "acos": math.acos,
    "asinh": math.asinh,
    "acosh": math.acosh,
    "atanh": math.atanh,
    "erf": math.erf,
    "floor": math.floor,
    "ceil": math.ceil,
    "round": round,
    "logical_not": lambda x: not x,
    "cast": lambda x: x,
    "stop_gradient": lambda x: x,
}
BINARY: Mapping[str, Callable[[float, float], Number]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": math.pow,
    "max": max,
    "min": min,
    "mod": lambda a, b: a % b,
    "floordiv": lambda a, b: a // b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "logical_and": lambda a, b: a and b,
    "logical_or": lambda a, b: a or b,
}
FUNCTIONS = frozenset(UNARY) | frozenset(BINARY)
# Of one operand, every element of the result being the number that every element of the operand is.
ARRANGEMENTS = VIEWS
EXTREMES = frozenset({"reduce_mean", "reduce_max", "reduce_min"})
# Zero where the first operand is exactly zero, whatever else there is.
KEEP_ZERO = frozenset({"reduce_sum", "reduce_mean", "cumsum", "masked", "dropout", "pad", "reduce_to"}) | ARRANGEMENTS

# Their operands are there whenever they are (a mask or a given state may be absent, and then has no shape).
SAME_SHAPE = FUNCTIONS | {"clip", "where"}


def compute(site: Site, op: Op) -> Value | None:
    """An elementwise function of known numbers."""
    numbers = _numbers(site, op)
    if numbers is None:
        return None
    function: Callable[..., Number] = UNARY[op.name] if op.name in UNARY else BINARY[op.name]
    try:
        result = as_number(function(*numbers), op.out.type.dtype)
    except (ValueError, ArithmeticError):
        return None
    if op.out.type.dtype is DType.INT and not is_held(result):
        return None
    if result == 0:
        zeros = next((a for a in op.args if is_exact_zero(site, a) and a.type == op.out.type), None)
        if zeros is not None:
            return zeros
    return _like(site, result, op) if op.out.type.batch or op.out.type.time else uniform(site, result, op.out.type)


def _like(site: Site, result: Number, op: Op) -> Value | None:
    """A number other than zero as an array with leads, made of an operand that has the shape."""
    like = next((arg for arg in op.args if arg.type == op.out.type), None)
    written = op.name == "add" and any(site.definition(arg, "zeros_like") is not None for arg in op.args)
    if like is None or written or result == 0 or op.out.type.dtype is DType.BOOL:
        return None
    return build(site, "add", build(site, "zeros_like", like), build(site, "const", value=result))


def as_constant(site: Site, op: Op) -> Value | None:
    """Arithmetic with an array of one number that has leads: with the number, where that does not spread the other."""
    for n, arg in enumerate(op.args):
        if arg.type.rank == 0 and not (arg.type.batch or arg.type.time):
            continue
        known = number(site, arg)  # zeros may stand for nothing, which a number does not
        if known and op.args[1 - n].type == op.out.type and number(site, op.args[1 - n]) is None:
            constant = build(site, "const", value=known)
            return build(site, op.name, *((constant, op.args[1]) if n == 0 else (op.args[0], constant)))
    return None


def clip(site: Site, op: Op) -> Value | None:
    """A known number within bounds."""
    numbers = _numbers(site, op)
    if numbers is None:
        return None
    attrs = Attrs(op)
    return uniform(site, min(max(numbers[0], attrs.number("lo")), attrs.number("hi")), op.out.type)


def rearrange(site: Site, op: Op) -> Value | None:
    """A view of elements that are all one number, or their mean or extremes: the number."""
    numbers = _numbers(site, op)
    return None if numbers is None else uniform(site, numbers[0], op.out.type)


def extent(site: Site, op: Op) -> Value | None:
    """A size that is known."""
    size = Attrs(op).size("size").constant
    return None if size is None else uniform(site, size, op.out.type)


def full(site: Site, op: Op) -> Value | None:
    """An array of one number without axes is that number."""
    return None if op.out.type.axes else uniform(site, Attrs(op).scalar("value"), op.out.type)


def zeros_like(site: Site, op: Op) -> Value | None:
    """Zeros like something without leads need nothing to be like; else what they are like lends its shape only."""
    (like,) = op.args
    zeros = uniform(site, 0, op.out.type)
    if zeros is not None:
        return zeros
    source = site.definition(like)
    if source is None or len(source.outs) != 1:
        return None
    if source.name == "zeros_like":
        return like
    nearer = next((arg for arg in source.args if arg.type == like.type and source.name in SAME_SHAPE), None)
    return None if nearer is None else site.ops("zeros_like", nearer)[0]


def keep_zero(site: Site, op: Op) -> Value | None:
    """Sums, views and masks of exact zeros are zeros."""
    first = op.args[0]
    if not is_exact_zero(site, first):
        return None
    return first if first.type == op.out.type else uniform(site, 0, op.out.type)


def reduce_sum(site: Site, op: Op) -> Value | None:
    """The sum of equal numbers, as many as is known."""
    numbers = _numbers(site, op)
    if numbers is None:
        return None
    count = Size.of(1)
    for axis in Attrs(op).integers("axes"):
        count = count * op.args[0].type.shape[axis]
    return None if count.constant is None else uniform(site, numbers[0] * count.constant, op.out.type)


def _numbers(site: Site, op: Op) -> list[Number] | None:
    """The operands, if all are known numbers."""
    numbers: list[Number] = []
    for arg in op.args:
        known = number(site, arg)
        if known is None:
            return None
        numbers.append(known)
    return numbers
