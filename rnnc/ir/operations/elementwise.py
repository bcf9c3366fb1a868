"""Elementwise operations: tables of name, meaning and derivative.

Derivatives are formulas over terms: `d` the cotangent of the output, `y` the output, then the arguments. They prefer
the output to the arguments, so that a tape has less to hold. At ties and kinks they are TensorFlow's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.evaluation import Array, Env, aligned, operands, result
from rnnc.ir.operations.shapes import elementwise, numeric, same_kind, want
from rnnc.ir.operations.table import Builder, Derive, Evaluate, Infer, Row, TypeMismatch, register
from rnnc.ir.operations.terms import Term, fit, is_float, of_one_output
from rnnc.ir.program import AttrValue, DType, Op, Type, Value

# Between floats, a rounding of what these are given can change their results by more than a rounding.
JUMPS = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "floor", "ceil", "round", "sign"})

Domain = Literal[
    "float",  # any number goes in, a float comes out
    "number",  # ints stay ints, a float among them makes floats
    "compare",  # numbers go in, a truth value comes out
    "equal",  # numbers, or truth values on all sides, go in, a truth value comes out
    "logic",  # truth values throughout
]
Meaning = Callable[..., Array]  # meaning(numpy, *args), on aligned arrays of one dtype
Slope = Callable[..., Term]  # slope(d, y, *args): the cotangent of one argument, before broadcasting is undone
UnarySlope = Callable[[Term, Term, Term], Term]
BinarySlope = Callable[[Term, Term, Term, Term], Term]


@dataclass(frozen=True)
class Elementwise:
    """One function of `len(slopes)` arguments; a slope is None where nothing depends smoothly on that argument."""

    name: str
    domain: Domain
    meaning: Meaning
    slopes: tuple[Slope | None, ...]
    linear: tuple[int, ...] = ()


def _unary(
    name: str,
    domain: Domain,
    meaning: Callable[[Any, Array], Array],
    slope: UnarySlope | None = None,
    linear: tuple[int, ...] = (),
) -> Elementwise:
    return Elementwise(name, domain, meaning, (slope,), linear)


def _binary(
    name: str,
    domain: Domain,
    meaning: Callable[[Any, Array, Array], Array],
    left: BinarySlope | None = None,
    right: BinarySlope | None = None,
    linear: tuple[int, ...] = (),
) -> Elementwise:
    return Elementwise(name, domain, meaning, (left, right), linear)


def _sigmoid(np: Any, x: Array) -> Array:
    small = np.exp(-np.abs(x))  # never overflows
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def _softplus(np: Any, x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _erf(np: Any, x: Array) -> Array:
    return np.vectorize(math.erf, otypes=["float64"])(x)


def _floordiv(np: Any, a: Array, b: Array) -> Array:
    return np.floor_divide(a, b) if a.dtype.kind == "i" else np.floor(a / b)  # for floats as TensorFlow rounds


def _base_slope(d: Term, y: Term, a: Term, b: Term) -> Term:
    """d·b·a^(b-1), and 0 where b is 0, also at a = 0."""
    flat = b.equals(0)
    return d * flat.where(0, b * a.op("pow", flat.where(1, b - 1)))


def _exponent_slope(d: Term, y: Term, a: Term, b: Term) -> Term:
    """d·y·log a, and 0 where a is not positive, as TensorFlow has it."""
    positive = a > 0
    return d * y * positive.where(a, 1).op("log")


UNARY = (
    _unary("neg", "number", lambda np, x: -x, lambda d, y, x: -d, linear=(0,)),
    _unary("abs", "number", lambda np, x: np.abs(x), lambda d, y, x: d * x.op("sign")),
    _unary("sign", "number", lambda np, x: np.sign(x)),
    _unary("exp", "float", lambda np, x: np.exp(x), lambda d, y, x: d * y),
    _unary("expm1", "float", lambda np, x: np.expm1(x), lambda d, y, x: d * (y + 1)),
    _unary("log", "float", lambda np, x: np.log(x), lambda d, y, x: d / x),
    _unary("log1p", "float", lambda np, x: np.log1p(x), lambda d, y, x: d / (x + 1)),
    _unary("sqrt", "float", lambda np, x: np.sqrt(x), lambda d, y, x: d * 0.5 / y),
    _unary("rsqrt", "float", lambda np, x: 1 / np.sqrt(x), lambda d, y, x: d * -0.5 * (y * y * y)),
    _unary("square", "number", lambda np, x: x * x, lambda d, y, x: d * 2 * x),
    _unary("reciprocal", "float", lambda np, x: 1 / x, lambda d, y, x: -(d * y * y)),
    _unary("tanh", "float", lambda np, x: np.tanh(x), lambda d, y, x: d * (1 - y * y)),
    _unary("sigmoid", "float", _sigmoid, lambda d, y, x: d * (y - y * y)),
    _unary("relu", "number", lambda np, x: np.maximum(x, 0), lambda d, y, x: (y > 0).where(d, 0)),
    _unary("softplus", "float", _softplus, lambda d, y, x: -(d * (-y).op("expm1"))),  # sigmoid(x) = 1 - exp(-y)
    _unary("log_sigmoid", "float", lambda np, x: -_softplus(np, -x), lambda d, y, x: -(d * y.op("expm1"))),
    _unary("sin", "float", lambda np, x: np.sin(x), lambda d, y, x: d * x.op("cos")),
    _unary("cos", "float", lambda np, x: np.cos(x), lambda d, y, x: -(d * x.op("sin"))),
    _unary("tan", "float", lambda np, x: np.tan(x), lambda d, y, x: d * (y * y + 1)),
    _unary("atan", "float", lambda np, x: np.arctan(x), lambda d, y, x: d / (x * x + 1)),
    _unary("sinh", "float", lambda np, x: np.sinh(x), lambda d, y, x: d * x.op("cosh")),
    _unary("cosh", "float", lambda np, x: np.cosh(x), lambda d, y, x: d * x.op("sinh")),
    _unary("asin", "float", lambda np, x: np.arcsin(x), lambda d, y, x: d * ((1 - x) * (x + 1)).op("rsqrt")),
    _unary("acos", "float", lambda np, x: np.arccos(x), lambda d, y, x: -(d * ((1 - x) * (x + 1)).op("rsqrt"))),
    _unary("asinh", "float", lambda np, x: np.arcsinh(x), lambda d, y, x: d * (x * x + 1).op("rsqrt")),
    _unary("acosh", "float", lambda np, x: np.arccosh(x), lambda d, y, x: d * ((x - 1) * (x + 1)).op("rsqrt")),
    _unary("atanh", "float", lambda np, x: np.arctanh(x), lambda d, y, x: d / ((1 - x) * (x + 1))),
    _unary("erf", "float", _erf, lambda d, y, x: d * (2 / math.sqrt(math.pi)) * (-(x * x)).op("exp")),
    _unary("floor", "number", lambda np, x: np.floor(x)),
    _unary("ceil", "number", lambda np, x: np.ceil(x)),
    _unary("round", "number", lambda np, x: np.round(x)),  # halves to even
    _unary("logical_not", "logic", lambda np, x: np.logical_not(x)),
)

BINARY = (
    _binary("add", "number", lambda np, a, b: a + b, lambda d, y, a, b: d, lambda d, y, a, b: d, (0, 1)),
    _binary("sub", "number", lambda np, a, b: a - b, lambda d, y, a, b: d, lambda d, y, a, b: -d, (0, 1)),
    _binary("mul", "number", lambda np, a, b: a * b, lambda d, y, a, b: d * b, lambda d, y, a, b: d * a, (0, 1)),
    _binary("div", "float", lambda np, a, b: a / b, lambda d, y, a, b: d / b, lambda d, y, a, b: -(d / b * y), (0,)),
    _binary("pow", "number", lambda np, a, b: np.power(a, b), _base_slope, _exponent_slope),
    _binary(
        "max",
        "number",
        lambda np, a, b: np.maximum(a, b),
        lambda d, y, a, b: (a >= b).where(d, 0),
        lambda d, y, a, b: (a >= b).where(0, d),
    ),
    _binary(
        "min",
        "number",
        lambda np, a, b: np.minimum(a, b),
        lambda d, y, a, b: (a <= b).where(d, 0),
        lambda d, y, a, b: (a <= b).where(0, d),
    ),
    _binary(
        "mod",
        "number",
        lambda np, a, b: np.mod(a, b),
        lambda d, y, a, b: d,
        lambda d, y, a, b: -(d * (a / b).op("floor")),
    ),
    _binary("floordiv", "number", _floordiv),
    _binary("lt", "compare", lambda np, a, b: a < b),
    _binary("le", "compare", lambda np, a, b: a <= b),
    _binary("gt", "compare", lambda np, a, b: a > b),
    _binary("ge", "compare", lambda np, a, b: a >= b),
    _binary("eq", "equal", lambda np, a, b: a == b),
    _binary("ne", "equal", lambda np, a, b: a != b),
    _binary("logical_and", "logic", lambda np, a, b: np.logical_and(a, b)),
    _binary("logical_or", "logic", lambda np, a, b: np.logical_or(a, b)),
)


def _inside(function: Elementwise, types: Sequence[Type]) -> DType:
    """The dtype in which the function is computed."""
    if function.domain == "logic":
        for type in types:
            want(function.name, "every operand", type, DType.BOOL)
        return DType.BOOL
    if function.domain == "equal":
        return same_kind(function.name, types)
    dtype = numeric(function.name, types)
    return DType.FLOAT if function.domain == "float" else dtype


def _infer(function: Elementwise) -> Infer:
    def infer(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
        if len(types) != len(function.slopes):
            raise TypeMismatch(f"{function.name} takes {len(function.slopes)} operands, and not {len(types)}")
        inside = _inside(function, types)
        dtype = DType.BOOL if function.domain in ("compare", "equal", "logic") else inside
        return (elementwise(function.name, types, dtype),)

    return infer


def _evaluate(function: Elementwise) -> Evaluate:
    def evaluate(op: Op, args: Sequence[Array], env: Env) -> Array:
        import numpy as np

        inside = _inside(function, [a.type for a in op.args])
        return result(function.meaning(np, *operands(op, args, inside, env)), op.out, env)

    return evaluate


def _derive(function: Elementwise) -> Derive | None:
    if all(slope is None for slope in function.slopes):
        return None

    @of_one_output
    def derive(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
        terms = [Term(builder, v) for v in (d, op.out, *op.args)]
        return [
            None if slope is None or not is_float(arg) else fit(slope(*terms), arg.type)
            for slope, arg in zip(function.slopes, op.args, strict=True)
        ]

    return derive


for _function in (*UNARY, *BINARY):
    register(
        Row(
            _function.name,
            "elementwise",
            _infer(_function),
            _evaluate(_function),
            _derive(_function),
            _function.linear,
        )
    )


# --- where, clip, cast, zeros_like, stop_gradient -------------------------------------------------------------


def _infer_where(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    condition, *branches = types
    want("where", "the condition", condition, DType.BOOL)
    return (elementwise("where", types, same_kind("where", branches)),)


def _evaluate_where(op: Op, args: Sequence[Array], env: Env) -> Array:
    import numpy as np

    return result(np.where(*(aligned(a, v.type, op.out.type) for a, v in zip(args, op.args, strict=True))), op.out, env)


@of_one_output
def _derive_where(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    condition, yes, no = op.args
    test, d_out = Term(builder, condition), Term(builder, d)
    return [
        None,
        fit(test.where(d_out, 0), yes.type) if is_float(yes) else None,
        fit(test.where(0, d_out), no.type) if is_float(no) else None,
    ]


def _infer_clip(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    numeric("clip", types)
    return (types[0].with_(dtype=DType.FLOAT),)


def _evaluate_clip(op: Op, args: Sequence[Array], env: Env) -> Array:
    import numpy as np

    attrs = Attrs(op)
    (x,) = operands(op, args, DType.FLOAT, env)
    return result(np.minimum(np.maximum(x, attrs.number("lo")), attrs.number("hi")), op.out, env)


@of_one_output
def _derive_clip(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    (arg,) = op.args
    attrs = Attrs(op)
    if attrs.flag("through"):
        return [d]
    x = Term(builder, arg)
    within = (x >= attrs.number("lo")).op("logical_and", x <= attrs.number("hi"))
    return [within.where(Term(builder, d), 0).value]


def _infer_cast(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    return (types[0].with_(dtype=DType(Attrs(attrs).text("dtype"))),)


def _infer_same(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    return (types[0],)


def _evaluate_same(op: Op, args: Sequence[Array], env: Env) -> Array:
    return result(args[0], op.out, env)


def _derive_cast(builder: Builder, op: Op, d_outs: Sequence[Value | None]) -> Sequence[Value | None]:
    return [d_outs[0] if is_float(op.args[0]) and is_float(op.out) else None]


def _evaluate_zeros_like(op: Op, args: Sequence[Array], env: Env) -> Array:
    import numpy as np

    return np.zeros_like(args[0])


register(Row("where", "elementwise", _infer_where, _evaluate_where, _derive_where, (1, 2)))
register(Row("clip", "elementwise", _infer_clip, _evaluate_clip, _derive_clip))
register(Row("cast", "elementwise", _infer_cast, _evaluate_same, _derive_cast))
register(Row("zeros_like", "elementwise", _infer_same, _evaluate_zeros_like, None))
register(Row("stop_gradient", "elementwise", _infer_same, _evaluate_same, None))
