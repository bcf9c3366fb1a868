"""The same numbers, arranged otherwise: shapes, orders and parts of feature axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.evaluation import Array, Env, aligned, leads, result
from rnnc.ir.operations.shapes import broadcast_axes, same_kind, shown, union, want_axis, with_axis
from rnnc.ir.operations.table import Builder, Row, TypeMismatch, register
from rnnc.ir.operations.terms import Term, fit, is_float, of_one_output
from rnnc.ir.program import AttrValue, Op, Type, Value
from rnnc.ir.size import Size, product


def _infer_reshape(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    (x,) = types
    axes = Attrs(attrs).axes("axes")
    if product(x.shape) != product(tuple(a.size for a in axes)):
        raise TypeMismatch(f"reshape: {shown(x.axes)} and {shown(axes)} do not hold the same number of elements")
    return (x.with_(axes=axes),)


def _evaluate_reshape(op: Op, args: Sequence[Array], env: Env) -> Array:
    return result(args[0].reshape(env.shape(op.out.type)), op.out, env)


@of_one_output
def _derive_reshape(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    return [builder.op("reshape", d, axes=op.args[0].type.axes)]


def _infer_transpose(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    (x,) = types
    perm = Attrs(attrs).integers("perm")
    if sorted(perm) != list(range(x.rank)):
        raise TypeMismatch(f"transpose: {perm} is no order of the axes {shown(x.axes)}")
    return (x.with_(axes=tuple(x.axes[p] for p in perm)),)


def _evaluate_transpose(op: Op, args: Sequence[Array], env: Env) -> Array:
    start = leads(op.out.type)
    order = (*range(start), *(start + p for p in Attrs(op).integers("perm")))
    return result(args[0].transpose(order), op.out, env)


@of_one_output
def _derive_transpose(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    perm = Attrs(op).integers("perm")
    return [builder.op("transpose", d, perm=tuple(perm.index(i) for i in range(len(perm))))]


def _infer_concat(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    axis = Attrs(attrs).integer("axis")
    first, *rest = types
    want_axis("concat", first, axis)
    for other in rest:
        if other.rank != first.rank or any(
            o.size != f.size for i, (o, f) in enumerate(zip(other.axes, first.axes, strict=True)) if i != axis
        ):
            raise TypeMismatch(
                f"concat: {shown(first.axes)} and {shown(other.axes)} should differ in axis {axis} at most"
            )
    total = reduce(lambda a, b: a + b, (t.shape[axis] for t in types))
    whole = with_axis(first, axis, total)
    return (union(types, whole.axes, same_kind("concat", types)),)


def _evaluate_concat(op: Op, args: Sequence[Array], env: Env) -> Array:
    import numpy as np

    axis = Attrs(op).integer("axis")
    parts: list[Array] = []
    for array, value in zip(args, op.args, strict=True):
        part = op.out.type.with_(axes=value.type.axes)
        parts.append(np.broadcast_to(aligned(array, value.type, part), env.shape(part)))
    return result(np.concatenate(parts, axis=leads(op.out.type) + axis), op.out, env)


@of_one_output
def _derive_concat(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    axis = Attrs(op).integer("axis")
    parts = builder.ops("split", d, axis=axis, sizes=tuple(a.type.shape[axis] for a in op.args))
    return [
        fit(Term(builder, part), arg.type) if is_float(arg) else None for part, arg in zip(parts, op.args, strict=True)
    ]


def _infer_split(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    (x,) = types
    axis, sizes = Attrs(attrs).integer("axis"), Attrs(attrs).sizes("sizes")
    total = reduce(lambda a, b: a + b, sizes, Size.of(0))
    if want_axis("split", x, axis).size != total:
        raise TypeMismatch(f"split: {', '.join(map(str, sizes))} do not make up axis {axis} of {shown(x.axes)}")
    return tuple(with_axis(x, axis, size) for size in sizes)


def _evaluate_split(op: Op, args: Sequence[Array], env: Env) -> tuple[Array, ...]:
    import numpy as np

    attrs = Attrs(op)
    sizes = [env.size(s) for s in attrs.sizes("sizes")]
    ends = np.cumsum(sizes)[:-1]
    parts = np.split(args[0], ends, axis=leads(op.args[0].type) + attrs.integer("axis"))
    return tuple(result(part, out, env) for part, out in zip(parts, op.outs, strict=True))


def _derive_split(builder: Builder, op: Op, d_outs: Sequence[Value | None]) -> Sequence[Value | None]:
    if not is_float(op.args[0]) or all(d is None for d in d_outs):
        return [None]
    parts = [builder.op("zeros_like", o) if d is None else d for d, o in zip(d_outs, op.outs, strict=True)]
    return [builder.op("concat", *parts, axis=Attrs(op).integer("axis"))]


def _infer_slice(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    (x,) = types
    wanted = Attrs(attrs)
    axis, start, stop = wanted.integer("axis"), wanted.size("start"), wanted.size("stop")
    size = want_axis("slice", x, axis).size
    if any((n.constant or 0) < 0 for n in (start, stop - start, size - stop)):
        raise TypeMismatch(f"slice: {start}:{stop} is not within axis {axis} of {shown(x.axes)}")
    return (with_axis(x, axis, stop - start),)


def _evaluate_slice(op: Op, args: Sequence[Array], env: Env) -> Array:
    attrs = Attrs(op)
    before = (slice(None),) * (leads(op.out.type) + attrs.integer("axis"))
    return result(args[0][(*before, slice(env.size(attrs.size("start")), env.size(attrs.size("stop"))))], op.out, env)


@of_one_output
def _derive_slice(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    attrs = Attrs(op)
    axis, start, stop = attrs.integer("axis"), attrs.size("start"), attrs.size("stop")
    return [builder.op("pad", d, axis=axis, before=start, after=op.args[0].type.shape[axis] - stop)]


def _infer_pad(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    (x,) = types
    wanted = Attrs(attrs)
    axis, before, after = wanted.integer("axis"), wanted.size("before"), wanted.size("after")
    size = want_axis("pad", x, axis).size
    if any((n.constant or 0) < 0 for n in (before, after)):
        raise TypeMismatch(f"pad: {before} before and {after} after axis {axis} of {shown(x.axes)} are less than none")
    return (with_axis(x, axis, before + size + after),)


def _evaluate_pad(op: Op, args: Sequence[Array], env: Env) -> Array:
    import numpy as np

    attrs = Attrs(op)
    widths = [(0, 0)] * args[0].ndim
    widths[leads(op.out.type) + attrs.integer("axis")] = (env.size(attrs.size("before")), env.size(attrs.size("after")))
    return result(np.pad(args[0], widths), op.out, env)


@of_one_output
def _derive_pad(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    attrs = Attrs(op)
    axis, start = attrs.integer("axis"), attrs.size("before")
    return [builder.op("slice", d, axis=axis, start=start, stop=start + op.args[0].type.shape[axis])]


def _infer_flip(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    (x,) = types
    want_axis("flip", x, Attrs(attrs).integer("axis"))
    return (x,)


def _evaluate_flip(op: Op, args: Sequence[Array], env: Env) -> Array:
    import numpy as np

    return result(np.flip(args[0], axis=leads(op.out.type) + Attrs(op).integer("axis")), op.out, env)


@of_one_output
def _derive_flip(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    return [builder.op("flip", d, axis=Attrs(op).integer("axis"))]


def _infer_broadcast(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    (x,) = types
    target = x.with_(axes=Attrs(attrs).axes("axes"))
    if tuple(a.size for a in broadcast_axes("broadcast", (x, target))) != target.shape:
        raise TypeMismatch(f"broadcast: {shown(x.axes)} does not stretch to {shown(target.axes)}")
    return (target,)


def _evaluate_broadcast(op: Op, args: Sequence[Array], env: Env) -> Array:
    return result(aligned(args[0], op.args[0].type, op.out.type), op.out, env)


@of_one_output
def _derive_broadcast(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    return [fit(Term(builder, d), op.args[0].type)]


register(Row("reshape", "view", _infer_reshape, _evaluate_reshape, _derive_reshape, (0,)))
register(Row("transpose", "view", _infer_transpose, _evaluate_transpose, _derive_transpose, (0,)))
register(Row("split", "view", _infer_split, _evaluate_split, _derive_split, (0,)))
register(Row("slice", "view", _infer_slice, _evaluate_slice, _derive_slice, (0,)))
register(Row("pad", "view", _infer_pad, _evaluate_pad, _derive_pad, (0,)))
register(Row("flip", "view", _infer_flip, _evaluate_flip, _derive_flip, (0,)))
register(Row("broadcast", "view", _infer_broadcast, _evaluate_broadcast, _derive_broadcast, (0,)))
register(Row("concat", "view", _infer_concat, _evaluate_concat, _derive_concat, (0,)))
