"""Elementwise operations, and those without arguments."""

from __future__ import annotations

from rnnc.backends.cuda.kernels.elements import Elements
from rnnc.backends.cuda.spelling.entry import MAPS, enters
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import DType, Op, Value

# Functions of the prelude, overloaded for float and double.
FUNCTIONS = {
    "exp": "exp_", "expm1": "expm1_", "log": "log_", "log1p": "log1p_", "sqrt": "sqrt_", "rsqrt": "rsqrt_",
    "reciprocal": "reciprocal_", "tanh": "tanh_", "sigmoid": "sigmoid_", "softplus": "softplus_",
    "log_sigmoid": "log_sigmoid_", "sin": "sin_", "cos": "cos_", "tan": "tan_", "atan": "atan_", "sinh": "sinh_",
    "cosh": "cosh_", "asin": "asin_", "acos": "acos_", "asinh": "asinh_", "acosh": "acosh_", "atanh": "atanh_",
    "erf": "erf_",
}  # fmt: skip
SAME_KIND = {"abs": "abs_", "sign": "sign_", "square": "square_", "relu": "relu_"}
ROUNDING = {"floor": "floor_", "ceil": "ceil_", "round": "round_"}
ARITHMETIC = {"add": "+", "sub": "-", "mul": "*"}
COMPARISONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
LOGIC = {"logical_and": "&&", "logical_or": "||"}
BINARY = {"max": "max_", "min": "min_", "mod": "mod_", "floordiv": "floordiv_", "pow": "pow_"}


@enters(MAPS, *FUNCTIONS)
def _function(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    return f"{FUNCTIONS[op.name]}({e.operand(op.args[0], out.type, index, DType.FLOAT)})"


@enters(MAPS, *SAME_KIND)
def _same_kind(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    return f"{SAME_KIND[op.name]}({e.operand(op.args[0], out.type, index)})"


@enters(MAPS, *ROUNDING)
def _rounding(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    text = e.operand(op.args[0], out.type, index)
    return text if op.args[0].type.dtype is DType.INT else f"{ROUNDING[op.name]}({text})"


@enters(MAPS, "neg")
def _neg(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    return f"-({e.operand(op.args[0], out.type, index)})"


@enters(MAPS, "logical_not")
def _not(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    return f"!{e.operand(op.args[0], out.type, index)}"


def _pair(e: Elements, op: Op, out: Value, index: tuple[str, ...], dtype: DType | None = None) -> list[str]:
    """Both operands in the dtype in which they meet."""
    kinds = {arg.type.dtype for arg in op.args}
    common = dtype or (DType.FLOAT if DType.FLOAT in kinds else kinds.pop())
    return [e.operand(arg, out.type, index, common) for arg in op.args]


@enters(MAPS, *ARITHMETIC, *COMPARISONS, *LOGIC)
def _operator(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    sign = {**ARITHMETIC, **COMPARISONS, **LOGIC}[op.name]
    return f" {sign} ".join(_pair(e, op, out, index))


@enters(MAPS, "div")
def _div(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    return " / ".join(_pair(e, op, out, index, DType.FLOAT))


@enters(MAPS, *BINARY)
def _binary(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    return f"{BINARY[op.name]}({', '.join(_pair(e, op, out, index))})"


@enters(MAPS, "where")
def _where(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    condition, *branches = op.args
    yes, no = (e.operand(branch, out.type, index, out.type.dtype) for branch in branches)
    return f"{e.operand(condition, out.type, index)} ? {yes} : {no}"


@enters(MAPS, "clip")
def _clip(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    attrs = Attrs(op)
    low, high = (e.literal(attrs.number(key), DType.FLOAT) for key in ("lo", "hi"))
    return f"clip_({e.operand(op.args[0], out.type, index, DType.FLOAT)}, {low}, {high})"


@enters(MAPS, "cast")
def _cast(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    return e.operand(op.args[0], out.type, index, out.type.dtype)


@enters(MAPS, "zeros_like")
def _zeros_like(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    return e.literal(0, out.type.dtype)


@enters(MAPS, "full")
def _full(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    return e.literal(Attrs(op).scalar("value"), out.type.dtype)


@enters(MAPS, "stop_gradient", "broadcast", "cuda.full")
def _same(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    """The operand, stretched where the result is larger."""
    return e.operand(op.args[0], out.type, index, out.type.dtype)
