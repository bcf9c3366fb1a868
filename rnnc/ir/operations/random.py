"""Operations whose mask, validity or given value may be absent at run time.

Each is linear in its float operands together, so its derivatives are the operation itself, applied to the cotangent in
one place and zero in the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.evaluation import Array, Env, OptionalArray, aligned, result
from rnnc.ir.operations.shapes import elementwise, shown, want
from rnnc.ir.operations.table import Builder, Row, TypeMismatch, register
from rnnc.ir.operations.terms import Term, fit, of_one_output
from rnnc.ir.program import AttrValue, DType, Op, Type, Value


def _aligned(op: Op, args: Sequence[OptionalArray]) -> list[OptionalArray]:
    return [None if a is None else aligned(a, v.type, op.out.type) for a, v in zip(args, op.args, strict=True)]


def _infer_dropout(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    for what, type in zip(("the operand", "the mask"), types, strict=True):
        want("dropout", what, type, DType.FLOAT)
    return (elementwise("dropout", types, DType.FLOAT),)


def _evaluate_dropout(op: Op, args: Sequence[OptionalArray], env: Env) -> Array:
    x, mask = _aligned(op, args)
    return result(x if mask is None else x * mask / Attrs(op).number("keep"), op.out, env)


@of_one_output
def _derive_dropout(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    x, mask = op.args
    through = builder.op("dropout", d, mask, keep=Attrs(op).number("keep"))
    return [fit(Term(builder, through), x.type), None]


def _infer_zoneout(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    for what, type in zip(("the new value", "the old value", "the mask"), types, strict=True):
        want("zoneout", what, type, DType.FLOAT)
    return (elementwise("zoneout", types, DType.FLOAT),)


def _evaluate_zoneout(op: Op, args: Sequence[OptionalArray], env: Env) -> Array:
    new, old, mask = _aligned(op, args)
    share = Attrs(op).number("keep") if mask is None else mask
    return result(share * new + (1 - share) * old, op.out, env)


@of_one_output
def _derive_zoneout(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    new, old, mask = op.args
    keep, zero = Attrs(op).number("keep"), builder.const(0.0)
    to_new = builder.op("zoneout", d, zero, mask, keep=keep)
    to_old = builder.op("zoneout", zero, d, mask, keep=keep)
    return [fit(Term(builder, to_new), new.type), fit(Term(builder, to_old), old.type), None]


def _infer_masked(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    x, valid = types
    want("masked", "the validity", valid, DType.BOOL)
    return (elementwise("masked", types, x.dtype),)


def _evaluate_masked(op: Op, args: Sequence[OptionalArray], env: Env) -> Array:
    import numpy as np

    x, valid = _aligned(op, args)
    return result(x if valid is None else np.where(valid, x, np.zeros_like(x)), op.out, env)


@of_one_output
def _derive_masked(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    x, valid = op.args
    return [fit(Term(builder, builder.op("masked", d, valid)), x.type), None]


def _infer_default(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    given, fallback = types
    want("default", "the fallback", fallback, given.dtype)
    out = elementwise("default", types, given.dtype)
    if out != given:
        raise TypeMismatch(f"default: {shown(fallback.axes)} does not stretch to {shown(given.axes)}")
    return (out,)


def _evaluate_default(op: Op, args: Sequence[OptionalArray], env: Env) -> Array:
    given, fallback = _aligned(op, args)
    return result(fallback if given is None else given, op.out, env)


@of_one_output
def _derive_default(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    """Where nothing is given, nobody asks for the cotangent of `given`, which is then that of the value in use."""
    given, fallback = op.args
    return [d, fit(Term(builder, builder.op("default_grad", given, d)), fallback.type)]


def _infer_default_grad(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    _, d = types
    want("default_grad", "the cotangent", d, DType.FLOAT)
    return (d,)


def _evaluate_default_grad(op: Op, args: Sequence[OptionalArray], env: Env) -> Array:
    import numpy as np

    given, d = args
    return result(d if given is None else np.zeros_like(d), op.out, env)


@of_one_output
def _derive_default_grad(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    return [None, builder.op("default_grad", op.args[0], d)]


register(Row("dropout", "random", _infer_dropout, _evaluate_dropout, _derive_dropout, (0,), (1,)))
register(Row("zoneout", "random", _infer_zoneout, _evaluate_zoneout, _derive_zoneout, (0, 1), (2,)))
register(Row("masked", "random", _infer_masked, _evaluate_masked, _derive_masked, (0,), (1,)))
register(Row("default", "random", _infer_default, _evaluate_default, _derive_default, (0, 1), (0,)))
register(Row("default_grad", "random", _infer_default_grad, _evaluate_default_grad, _derive_default_grad, (1,), (0,)))
