"""Elementwise operations, and those without arguments."""

from __future__ import annotations

from rnnc.backends.escape import number
from rnnc.backends.tensorflow.block import DTYPES, Block
from rnnc.backends.tensorflow.spelling.entry import spells
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import DType, Op, Value

# One function of one tensor. Those that give floats whatever they get are listed in FLOATS too.
FUNCTIONS = {
    "abs": "tf.abs",
    "sign": "tf.sign",
    "exp": "tf.exp",
    "expm1": "tf.math.expm1",
    "log": "tf.math.log",
    "log1p": "tf.math.log1p",
    "sqrt": "tf.sqrt",
    "rsqrt": "tf.math.rsqrt",
    "square": "tf.square",
    "reciprocal": "tf.math.reciprocal",
    "tanh": "tf.tanh",
    "sigmoid": "tf.sigmoid",
    "relu": "tf.nn.relu",
    "softplus": "tf.nn.softplus",
    "log_sigmoid": "tf.math.log_sigmoid",
    "sin": "tf.sin",
    "cos": "tf.cos",
    "tan": "tf.tan",
    "atan": "tf.atan",
    "sinh": "tf.sinh",
    "cosh": "tf.cosh",
    "erf": "tf.math.erf",
    "logical_not": "tf.logical_not",
    "stop_gradient": "tf.stop_gradient",
    "zeros_like": "tf.zeros_like",
}
FLOATS = {*FUNCTIONS} - {"abs", "sign", "square", "relu", "logical_not", "stop_gradient", "zeros_like"}
ROUNDING = {"floor": "tf.floor", "ceil": "tf.math.ceil", "round": "tf.round"}  # integers stay as they are

OPERATORS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "mod": "%",
    "floordiv": "//",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
}
BINARY = {  # at ties the gradients of maximum and minimum go to the first operand
    "max": "tf.maximum",
    "min": "tf.minimum",
    "eq": "tf.equal",
    "ne": "tf.not_equal",
    "logical_and": "tf.logical_and",
    "logical_or": "tf.logical_or",
}


@spells(*FUNCTIONS)
def _function(b: Block, op: Op) -> str:
    return f"{FUNCTIONS[op.name]}({_cast(b, op.args[0], DType.FLOAT if op.name in FLOATS else None)})"


@spells("neg")
def _neg(b: Block, op: Op) -> str:
    return f"-{b.read(op.args[0])}"


@spells(*ROUNDING)
def _rounding(b: Block, op: Op) -> str:
    x = b.read(op.args[0])
    return x if op.args[0].type.dtype is DType.INT else f"{ROUNDING[op.name]}({x})"


@spells("cast")
def _to(b: Block, op: Op) -> str:
    return _cast(b, op.args[0], op.out.type.dtype)


@spells(*OPERATORS)
def _operator(b: Block, op: Op) -> str:
    left, right = _pair(b, op, DType.FLOAT if op.name == "div" else None)
    return f"{left} {OPERATORS[op.name]} {right}"


@spells(*BINARY)
def _binary(b: Block, op: Op) -> str:
    common = _common(op)
    return f"{BINARY[op.name]}({', '.join(b.aligned(x, op.out.type, common) for x in op.args)})"


@spells("pow")
def _pow(b: Block, op: Op) -> str:
    base, exponent = op.args
    common = _common(op)
    literal = b.number(exponent, common)
    if common is DType.INT or (literal is not None and literal != "0.0"):
        return f"tf.pow({b.aligned(base, op.out.type, common)}, {literal or b.aligned(exponent, op.out.type, common)})"
    function = b.helper("_power")
    return f"{function}({', '.join(b.aligned(x, op.out.type, common) for x in op.args)})"


@spells("where")
def _where(b: Block, op: Op) -> str:
    condition, yes, no = op.args
    branches = (b.aligned(x, op.out.type, op.out.type.dtype) for x in (yes, no))
    return f"tf.where_v2({b.aligned(condition, op.out.type)}, {', '.join(branches)})"


@spells("clip")
def _clip(b: Block, op: Op) -> str:
    attrs = Attrs(op)
    x = _cast(b, op.args[0], DType.FLOAT)
    limits = f"{number(attrs.number('lo'))}, {number(attrs.number('hi'))}"
    return f"{b.helper('_clip_through' if attrs.flag('through') else '_clip')}({x}, {limits})"


@spells("full")
def _full(b: Block, op: Op) -> str:
    value = Attrs(op).scalar("value")
    return f"tf.fill({b.shape(op.out.type)}, tf.constant({number(value)}, {DTYPES[op.out.type.dtype]}))"


@spells("const", "extent")
def _number(b: Block, op: Op) -> str:
    return b.read(op.out)


def _common(op: Op) -> DType:
    """The dtype in which both operands meet."""
    kinds = {x.type.dtype for x in op.args}
    return DType.FLOAT if DType.FLOAT in kinds else kinds.pop()


def _pair(b: Block, op: Op, dtype: DType | None) -> tuple[str, str]:
    """Both operands in one dtype; a constant beside a tensor is a plain number."""
    common = dtype or _common(op)
    texts = [b.aligned(x, op.out.type, common) for x in op.args]
    for i, other in ((0, 1), (1, 0)):
        literal = b.number(op.args[i], common)
        if literal is not None and b.number(op.args[other]) is None:
            texts[i] = literal
    return texts[0], texts[1]


def _cast(b: Block, value: Value, dtype: DType | None) -> str:
    text = b.read(value)
    return text if dtype in (None, value.type.dtype) else f"tf.cast({text}, {DTYPES[dtype]})"
