"""Operations without arguments: constants and the numbers that sizes are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.evaluation import Array, Env, result
from rnnc.ir.operations.table import Row, register
from rnnc.ir.program import AttrValue, DType, Op, Type


def _dtype(value: float | int | bool) -> DType:
    if isinstance(value, bool):
        return DType.BOOL
    return DType.INT if isinstance(value, int) else DType.FLOAT


def _infer_const(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    return (Type((), _dtype(Attrs(attrs).scalar("value"))),)


def _infer_full(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    return (Type(Attrs(attrs).axes("axes"), _dtype(Attrs(attrs).scalar("value"))),)


def _infer_extent(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    return (Type((), DType(Attrs(attrs).text("dtype"))),)


def _evaluate_value(op: Op, args: Sequence[Array], env: Env) -> Array:
    return result(Attrs(op).scalar("value"), op.out, env)


def _evaluate_extent(op: Op, args: Sequence[Array], env: Env) -> Array:
    return result(env.size(Attrs(op).size("size")), op.out, env)


register(Row("const", "source", _infer_const, _evaluate_value, None))
register(Row("full", "source", _infer_full, _evaluate_value, None))
register(Row("extent", "source", _infer_extent, _evaluate_extent, None))
