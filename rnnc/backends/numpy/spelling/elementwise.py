"""Elementwise operations, and those without arguments: ufuncs with a destination."""

from __future__ import annotations

from collections.abc import Sequence

from rnnc.backends.numpy.emitter import Emitter
from rnnc.backends.numpy.spelling.entry import SPELLINGS, Write, Written, spells
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import DType, Op, Type, Value

# One ufunc, the same function on every dtype that the operation takes.
UFUNCS = {
    "neg": "np.negative",
    "abs": "np.absolute",
    "sign": "np.sign",
    "exp": "np.exp",
    "expm1": "np.expm1",
    "log": "np.log",
    "log1p": "np.log1p",
    "sqrt": "np.sqrt",
    "square": "np.square",
    "tanh": "np.tanh",
    "sin": "np.sin",
    "cos": "np.cos",
    "tan": "np.tan",
    "atan": "np.arctan",
    "sinh": "np.sinh",
    "cosh": "np.cosh",
    "asin": "np.arcsin",
    "acos": "np.arccos",
    "asinh": "np.arcsinh",
    "acosh": "np.arccosh",
    "atanh": "np.arctanh",
    "logical_not": "np.logical_not",
    "add": "np.add",
    "sub": "np.subtract",
    "mul": "np.multiply",
    "div": "np.divide",
    "pow": "np.power",
    "max": "np.maximum",
    "min": "np.minimum",
    "mod": "np.mod",
    "floordiv": "np.floor_divide",
    "lt": "np.less",
    "le": "np.less_equal",
    "gt": "np.greater",
    "ge": "np.greater_equal",
    "eq": "np.equal",
    "ne": "np.not_equal",
    "logical_and": "np.logical_and",
    "logical_or": "np.logical_or",
}

# Rounding leaves integers as they are.
ROUNDING = {"floor": "np.floor", "ceil": "np.ceil", "round": "np.rint"}

# A first ufunc on the operands, then others on the result alone; "{}" stands where an operand goes.
SEQUENCES: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "rsqrt": (("np.sqrt", ("{}",)), ("np.divide", ("1.0", "{}"))),
    "reciprocal": (("np.divide", ("1.0", "{}")),),
    # exp may overflow to infinity, whose reciprocal is the right limit
    "sigmoid": (
        ("np.negative", ("{}",)),
        ("np.exp", ("{}",)),
        ("np.add", ("{}", "1.0")),
        ("np.divide", ("1.0", "{}")),
    ),
    "relu": (("np.maximum", ("{}", "0")),),
    "softplus": (("np.logaddexp", ("{}", "0.0")),),
    "log_sigmoid": (("np.negative", ("{}",)), ("np.logaddexp", ("{}", "0.0")), ("np.negative", ("{}",))),
}


def _direct(op: Op) -> bool:
    """Whether a ufunc on the operands has the result's own dtype without being told."""
    dtypes = {a.type.dtype for a in op.args}
    return len(dtypes) == 1 and (op.out.type.dtype in dtypes or op.out.type.dtype is DType.BOOL)


def call(e: Emitter, function: str, op: Op, args: Sequence[str]) -> None:
    """One ufunc into the destination of `op`."""
    if _direct(op) and any(e.scalar(a) is None for a in op.args):
        e.call(function, args, op.out)
    elif op.out.type.dtype is DType.INT:
        e.line(f'{function}({", ".join(args)}, out={e.write(op.out)}, casting="unsafe")')
    else:
        e.store(function, args, e.write(op.out))


def operand(e: Emitter, value: Value, like: Type) -> str:
    """A number as such, an array brought into line."""
    text = e.scalar(value)
    if text is None:
        return e.aligned(value, like)
    floating = like.dtype is DType.FLOAT and value.type.dtype is not DType.BOOL  # a condition stays one
    return e.constant(text, DType.FLOAT if floating else value.type.dtype)


def _ufunc(function: str) -> Write:
    def write(e: Emitter, op: Op) -> None:
        inside = DType.FLOAT if any(a.type.dtype is DType.FLOAT for a in op.args) else op.out.type.dtype
        call(e, function, op, [operand(e, a, op.out.type.with_(dtype=inside)) for a in op.args])

    return write


def _rounding(function: str) -> Write:
    def write(e: Emitter, op: Op) -> None:
        if op.out.type.dtype is DType.INT:
            copy(e, op)
        else:
            call(e, function, op, [operand(e, op.args[0], op.out.type)])

    return write


def _sequence(steps: tuple[tuple[str, tuple[str, ...]], ...]) -> Write:
    def write(e: Emitter, op: Op) -> None:
        (function, pattern), *rest = steps
        x = operand(e, op.args[0], op.out.type)
        call(e, function, op, _filled(e, op, pattern, x))
        for function, pattern in rest:
            out = e.write(op.out)
            e.store(function, _filled(e, op, pattern, out), out)

    return write


def _filled(e: Emitter, op: Op, pattern: Sequence[str], x: str) -> list[str]:
    return [x if part == "{}" else e.constant(part, op.out.type.dtype) for part in pattern]


for _name, _function in UFUNCS.items():
    SPELLINGS[_name] = Written(_ufunc(_function), (0, 1))
for _name, _function in ROUNDING.items():
    SPELLINGS[_name] = Written(_rounding(_function), (0,))
for _name, _steps in SEQUENCES.items():
    SPELLINGS[_name] = Written(_sequence(_steps), (0,))


def copy(e: Emitter, op: Op) -> None:
    """The operand, in the result's dtype and whole shape; nothing to do where it lies there already."""
    source, out = operand(e, op.args[0], op.out.type), e.write(op.out)
    if source != out:
        e.line(f"{out}[...] = {source}")


@spells("erf", over=(0,))
def _erf(e: Emitter, op: Op) -> None:
    e.line(f"{e.helper('_erf')}({operand(e, op.args[0], op.out.type)}, {e.write(op.out)})")


@spells("cast")
def _cast(e: Emitter, op: Op) -> None:
    copy(e, op)


@spells("zeros_like")
def _zeros_like(e: Emitter, op: Op) -> None:
    e.line(f"{e.write(op.out)}.fill(0)")


@spells("clip", over=(0,))
def _clip(e: Emitter, op: Op) -> None:
    attrs = Attrs(op)
    x = operand(e, op.args[0], op.out.type)
    lo, hi = (e.constant(e.literal(attrs.number(key)), op.out.type.dtype) for key in ("lo", "hi"))
    call(e, "np.maximum", op, [x, lo])
    out = e.write(op.out)
    e.store("np.minimum", [out, hi], out)


@spells("where", over=(2,))
def _where(e: Emitter, op: Op) -> None:
    condition, yes, no = (operand(e, a, op.out.type) for a in op.args)
    out = e.write(op.out)
    if no != out:
        e.line(f"{out}[...] = {no}")
    e.line(f"np.copyto({out}, {yes}, where={condition})")


@spells("const")
def _const(e: Emitter, op: Op) -> None:
    e.scalars[op.out] = e.literal(Attrs(op).scalar("value"))


@spells("extent")
def _extent(e: Emitter, op: Op) -> None:
    size = e.size(Attrs(op).size("size"))
    e.scalars[op.out] = f"float({size})" if op.out.type.dtype is DType.FLOAT else f"({size})"


@spells("full")
def _full(e: Emitter, op: Op) -> None:
    e.line(f"{e.write(op.out)}.fill({e.literal(Attrs(op).scalar('value'))})")
