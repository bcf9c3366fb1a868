"""Rows of a table selected by an integer, and the transpose: rows of cotangents summed into a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.evaluation import Array, Env, aligned, result
from rnnc.ir.operations.shapes import lead_letters, shown, want
from rnnc.ir.operations.table import Builder, Row, TypeMismatch, register
from rnnc.ir.operations.terms import Term, fit, of_one_output
from rnnc.ir.program import AttrValue, Axis, DType, Op, Type, Value


def _infer_lookup(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    table, index = types
    if index.dtype is DType.FLOAT:
        raise TypeMismatch(
            "lookup: the index should be int, and is float", "an input of whole numbers is `input token[]: int`"
        )
    want("lookup", "the index", index, DType.INT)
    if table.time or table.batch:
        raise TypeMismatch("lookup: the table should be the same for every step and every row")
    if not table.rank:
        raise TypeMismatch("lookup: a single number is no table")
    return (index.with_(axes=(*index.axes, *table.axes[1:]), dtype=table.dtype),)


def _evaluate_lookup(op: Op, args: Sequence[Array], env: Env) -> Array:
    table, index = args
    _check_index(index, table.shape[0])
    return result(table[index], op.out, env)


class OutsideTable(IndexError):
    """A row that a table does not have."""

    def __init__(self, row: int, rows: int) -> None:
        super().__init__(f"lookup: there is no row {row} in a table of {rows}")
        self.row, self.rows = row, rows


def _check_index(index: Array, rows: int) -> None:
    outside = index[(index < 0) | (index >= rows)]
    if outside.size:
        raise OutsideTable(int(outside.flat[0]), rows)


@of_one_output
def _derive_lookup(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    table, index = op.args
    return [builder.op("lookup_grad", index, d, rows=table.type.shape[0], reduce=lead_letters(d.type)), None]


def _infer_lookup_grad(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    index, d = types
    want("lookup_grad", "the index", index, DType.INT)
    want("lookup_grad", "the cotangent", d, DType.FLOAT)
    if d.axes[: index.rank] != index.axes:
        raise TypeMismatch(f"lookup_grad: {shown(d.axes)} do not start with the axes of the index, {shown(index.axes)}")
    if Attrs(attrs).text("reduce") != lead_letters(d.with_(time=d.time or index.time, batch=d.batch or index.batch)):
        raise TypeMismatch(f"lookup_grad sums over all steps and rows of {index} and {d}")
    return (Type((Axis("", Attrs(attrs).size("rows")), *d.axes[index.rank :])),)


def _evaluate_lookup_grad(op: Op, args: Sequence[Array], env: Env) -> Array:
    import numpy as np

    index, d = (v.type for v in op.args)
    whole = d.with_(time=d.time or index.time, batch=d.batch or index.batch)
    cotangents = np.broadcast_to(aligned(args[1], d, whole), env.shape(whole))
    chosen = whole.with_(axes=index.axes)
    places = np.broadcast_to(aligned(args[0], index, chosen), env.shape(chosen))
    table = np.zeros(env.shape(op.out.type), env.float_dtype)
    _check_index(places, table.shape[0])
    np.add.at(table, places, cotangents)  # adds again where an index comes again
    return result(table, op.out, env)


@of_one_output
def _derive_lookup_grad(builder: Builder, op: Op, d_table: Value) -> Sequence[Value | None]:
    index, d = op.args
    picked = Term(builder, builder.op("lookup", d_table, index))
    if (index.type.time, index.type.batch) == (d.type.time, d.type.batch):
        return [None, picked.value]
    return [None, fit(Term(builder, d).op("zeros_like") + picked, d.type)]


register(Row("lookup", "contraction", _infer_lookup, _evaluate_lookup, _derive_lookup, (0,)))
register(Row("lookup_grad", "contraction", _infer_lookup_grad, _evaluate_lookup_grad, _derive_lookup_grad, (1,)))
