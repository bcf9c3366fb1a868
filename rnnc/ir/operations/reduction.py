"""Reductions over feature axes, running sums, softmax, and the transpose of broadcasting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.evaluation import Array, Env, leads, result
from rnnc.ir.operations.shapes import elementwise, numeric, shown, summed_axes, want, want_axis, with_ones
from rnnc.ir.operations.table import Builder, Derive, Evaluate, Infer, Row, TypeMismatch, register
from rnnc.ir.operations.terms import Term, of_one_output
from rnnc.ir.program import AttrValue, DType, Op, Type, Value
from rnnc.ir.size import product

EXTREMA = frozenset({"reduce_max", "reduce_min"})  # one of the numbers that are folded, with all of its digits
Slope = Callable[[Term, Term, Term, Op], Term]  # (d, y, x, op) with d and y stretched or stretching to x


def _infer_reduce(name: str, dtype: DType | None) -> Infer:
    def infer(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
        (x,) = types
        positions = Attrs(attrs).integers("axes")
        for position in positions:
            want_axis(name, x, position)
        if len(set(positions)) != len(positions):
            raise TypeMismatch(f"{name}: an axis of {shown(x.axes)} is named twice")
        kept, number = with_ones(x, positions), numeric(name, types)
        axes = kept if Attrs(attrs).flag("keep") else tuple(a for i, a in enumerate(kept) if i not in positions)
        return (x.with_(axes=axes, dtype=dtype or number),)

    return infer


def _evaluate_reduce(fold: str) -> Evaluate:
    def evaluate(op: Op, args: Sequence[Array], env: Env) -> Array:
        import numpy as np

        attrs, (x,) = Attrs(op), args
        axes = tuple(leads(op.args[0].type) + i for i in attrs.integers("axes"))
        folded: Any = getattr(np, fold)(x.astype(env.dtype(op.out.type.dtype)), axis=axes, keepdims=attrs.flag("keep"))
        return result(folded, op.out, env)

    return evaluate


def _derive_reduce(slope: Slope) -> Derive:
    @of_one_output
    def derive(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
        (x,) = op.args
        kept = with_ones(x.type, Attrs(op).integers("axes"))
        d_kept, y_kept = (Term(builder, v) for v in (d, op.out))
        if not Attrs(op).flag("keep"):
            d_kept, y_kept = d_kept.op("reshape", axes=kept), y_kept.op("reshape", axes=kept)
        return [slope(d_kept, y_kept, Term(builder, x), op).value]

    return derive


def _spread(d: Term, op: Op) -> Term:
    return d.op("broadcast", axes=op.args[0].type.axes)


def _sum_slope(d: Term, y: Term, x: Term, op: Op) -> Term:
    return _spread(d, op)


def _mean_slope(d: Term, y: Term, x: Term, op: Op) -> Term:
    count = product(tuple(x.value.type.shape[i] for i in Attrs(op).integers("axes")))
    return _spread(d / Term(d.builder, d.builder.op("extent", size=count, dtype="float")), op)


def _extremum_slope(d: Term, y: Term, x: Term, op: Op) -> Term:
    """Ties share equally."""
    winners = x.equals(y)
    count = winners.to_float().op("reduce_sum", axes=Attrs(op).integers("axes"), keep=True)
    return winners.where(d / count, 0)


def _product_slope(d: Term, y: Term, x: Term, op: Op) -> Term:
    """The product of the others: with one zero among them only the zero has any, with two nobody has."""
    axes = Attrs(op).integers("axes")
    zero = x.equals(0)
    filled = zero.where(1, x)
    others = filled.op("reduce_prod", axes=axes, keep=True)
    zeros = zero.to_float().op("reduce_sum", axes=axes, keep=True)
    return d * zero.where(zeros.equals(1).where(others, 0), zeros.equals(0).where(others / filled, 0))


for _name, _fold, _dtype, _slope, _linear in (
    ("reduce_sum", "sum", None, _sum_slope, (0,)),
    ("reduce_mean", "mean", DType.FLOAT, _mean_slope, (0,)),
    ("reduce_max", "max", None, _extremum_slope, ()),
    ("reduce_min", "min", None, _extremum_slope, ()),
    ("reduce_prod", "prod", None, _product_slope, ()),
):
    register(
        Row(
            _name,
            "reduction",
            _infer_reduce(_name, _dtype),
            _evaluate_reduce(_fold),
            _derive_reduce(_slope),
            _linear,
        )
    )


# --- the place of the largest ---


def _infer_argmax(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    numeric("argmax", types)
    (x,), positions = types, Attrs(attrs).integers("axes")
    if len(positions) != 1:
        raise TypeMismatch("argmax: a place is one of one axis")
    want_axis("argmax", x, positions[0])
    return (x.with_(axes=tuple(a for i, a in enumerate(x.axes) if i not in positions), dtype=DType.INT),)


def _evaluate_argmax(op: Op, args: Sequence[Array], env: Env) -> Array:
    import numpy as np

    (axis,) = Attrs(op).integers("axes")
    return result(np.argmax(args[0], axis=leads(op.args[0].type) + axis), op.out, env)


register(Row("argmax", "reduction", _infer_argmax, _evaluate_argmax, None))


# --- cumsum and softmax ---------------------------------------------------------------------------------------


def _infer_cumsum(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    numeric("cumsum", types)
    want_axis("cumsum", types[0], Attrs(attrs).integer("axis"))
    return (types[0],)


def _evaluate_cumsum(op: Op, args: Sequence[Array], env: Env) -> Array:
    import numpy as np

    attrs, (x,) = Attrs(op), args
    axis = leads(op.out.type) + attrs.integer("axis")
    moved = np.moveaxis(x, axis, 0)
    if attrs.flag("reverse"):
        moved = moved[::-1]
    sums = np.cumsum(moved, axis=0, dtype=x.dtype)
    if attrs.flag("exclusive"):
        sums = np.concatenate([np.zeros_like(sums[:1]), sums[:-1]])
    if attrs.flag("reverse"):
        sums = sums[::-1]
    return result(np.moveaxis(sums, 0, axis), op.out, env)


@of_one_output
def _derive_cumsum(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    attrs = Attrs(op)
    back = not attrs.flag("reverse")
    return [builder.op("cumsum", d, axis=attrs.integer("axis"), reverse=back, exclusive=attrs.flag("exclusive"))]


def _infer_softmax(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    numeric("softmax", types)
    want_axis("softmax", types[0], Attrs(attrs).integer("axis"))
    return (types[0].with_(dtype=DType.FLOAT),)


def _evaluate_softmax(op: Op, args: Sequence[Array], env: Env) -> Array:
    import numpy as np

    axis = leads(op.out.type) + Attrs(op).integer("axis")
    x = args[0].astype(env.float_dtype)
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return result(powers / powers.sum(axis=axis, keepdims=True), op.out, env)


@of_one_output
def _derive_softmax(builder: Builder, op: Op, d_out: Value) -> Sequence[Value | None]:
    d, y = Term(builder, d_out), Term(builder, op.out)
    return [(y * (d - (d * y).op("reduce_sum", axes=(Attrs(op).integer("axis"),), keep=True))).value]


register(Row("cumsum", "reduction", _infer_cumsum, _evaluate_cumsum, _derive_cumsum, (0,)))
register(Row("softmax", "reduction", _infer_softmax, _evaluate_softmax, _derive_softmax))


# --- reduce_to: the transpose of broadcasting -----------------------------------------------------------------


def _infer_reduce_to(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    (x,) = types
    want("reduce_to", "the operand", x, DType.FLOAT)
    wanted = Attrs(attrs)
    target = x.with_(axes=wanted.axes("axes"), batch=wanted.flag("batch"), time=wanted.flag("time"))
    grown = elementwise("reduce_to", (x, target), DType.FLOAT)
    if grown != x:
        raise TypeMismatch(f"reduce_to: {x} is no broadcast form of {target}")
    return (target,)


def _evaluate_reduce_to(op: Op, args: Sequence[Array], env: Env) -> Array:
    (x,) = args
    target = op.out.type
    return result(x.sum(axis=summed_axes(op.args[0].type, target)).reshape(env.shape(target)), op.out, env)


@of_one_output
def _derive_reduce_to(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    return [(Term(builder, op.args[0]).op("zeros_like") + Term(builder, d)).value]


register(Row("reduce_to", "reduction", _infer_reduce_to, _evaluate_reduce_to, _derive_reduce_to, (0,)))
