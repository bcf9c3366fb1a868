"""Elementwise operations, and those without arguments."""

from __future__ import annotations

from rnnc.backends.escape import number
from rnnc.backends.tensorflow.block import DTYPES, Block
from rnnc.backends.tensorflow.spelling.entry import spells
from rnnc.backends.tensorflow.spelling.reduction import leads
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import DType, Op, Type, Value

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
    "asin": "tf.asin",
    "acos": "tf.acos",
    "asinh": "tf.asinh",
    "acosh": "tf.acosh",
    "atanh": "tf.atanh",
    "erf": "tf.math.erf",
    "logical_not": "tf.logical_not",
    "stop_gradient": "tf.stop_gradient",
    "zeros_like": "tf.zeros_like",
}
FLOATS = {*FUNCTIONS} - {"abs", "sign", "square", "relu", "logical_not", "stop_gradient", "zeros_like"}
AT_ZERO = {"log", "sqrt", "rsqrt", "reciprocal"}  # what is no number at zero, or has no derivative there
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
WHOLE = {"mod": "_whole_rest", "floordiv": "_whole_quotient"}  # of whole numbers, where the divisor may be 0
GRADIENTS = {"tanh": "tf.raw_ops.TanhGrad", "sigmoid": "tf.raw_ops.SigmoidGrad"}
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
    (x,) = op.args
    text = _cast(b, x, DType.FLOAT if op.name in FLOATS else None)
    if op.name not in AT_ZERO:
        return f"{FUNCTIONS[op.name]}({text})"
    found = f"{FUNCTIONS[op.name]}({b.safe(text, x.type)})"
    if op.name != "sqrt" or (condition := b.within(x.type)) is None:
        return found
    # Sums over rows may rely on zero past the lengths where the operand is zero there.
    return f"{found} if {condition[0]} is None else tf.where_v2({condition[1]}, {found}, tf.zeros_like({text}))"


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
    if op.out in b.frame.slopes.products:
        return _slopes(b, op)
    for arg in op.args:
        if arg in b.frame.biases:
            return b.variable(arg)
    left, right = _pair(b, op, DType.FLOAT if op.name == "div" else None)
    if op.name == "div" and b.number(op.args[1]) is None:
        right = b.safe(right, _in_line(op.args[1], op))
    if op.name in WHOLE and op.out.type.dtype is DType.INT and b.number(op.args[1]) in (None, "0"):
        return f"{b.helper(WHOLE[op.name])}({left}, {right})"
    return f"{left} {OPERATORS[op.name]} {right}"


def _slopes(b: Block, op: Op) -> str:
    """A product that TensorFlow has one operation for, or several of them side by side."""
    found, axis = b.frame.slopes.products[op.out]
    texts = [f"{GRADIENTS[s.function]}(y={b.read(s.y)}, dy={b.read(s.d)})" for s in found]
    return texts[0] if axis is None else f"tf.concat([{', '.join(texts)}], {leads(op.out.type) + axis})"


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
        text = b.aligned(base, op.out.type, common)
        power = literal or b.aligned(exponent, op.out.type, common)
        return f"tf.pow({text if common is DType.INT else b.safe(text, _in_line(base, op))}, {power})"
    first, second = (b.aligned(x, op.out.type, common) for x in op.args)
    return f"{b.helper('_power')}({b.safe(first, _in_line(base, op))}, {second})"


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


def _in_line(value: Value, op: Op) -> Type:
    """The type of an operand that is in line with the result."""
    return value.type if value.type.rank else value.type.with_(axes=op.out.type.axes)


def _common(op: Op) -> DType:
    """The dtype in which both operands meet."""
    kinds = {x.type.dtype for x in op.args}
    return DType.FLOAT if DType.FLOAT in kinds else kinds.pop()


def _pair(b: Block, op: Op, dtype: DType | None) -> tuple[str, str]:
    """Both operands in one dtype; a constant beside a tensor is a plain number."""
    common = dtype or _common(op)
    texts = [b.aligned(x, op.out.type, common) for x in op.args]
    for i, other in ((0, 1), (1, 0)):
        if op.args[other] in b.frame.apart and op.args[i] not in b.frame.apart and op.args[i].type.rank:
            texts[i] = b.prepared(op.args[i], f"{b.helper('_apart')}({texts[i]})", op.spans)
        literal = b.number(op.args[i], common)
        if literal is not None and b.number(op.args[other]) is None:
            texts[i] = literal
    return texts[0], texts[1]


def _cast(b: Block, value: Value, dtype: DType | None) -> str:
    text = b.read(value)
    return text if dtype in (None, value.type.dtype) else f"tf.cast({text}, {DTYPES[dtype]})"
