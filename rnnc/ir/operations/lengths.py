"""Operations that pick, place or clear steps of a sequence, by each row's own length where lengths are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.evaluation import Array, Env, OptionalArray, full, result
from rnnc.ir.operations.shapes import elementwise, want
from rnnc.ir.operations.table import Builder, Row, TypeMismatch, register
from rnnc.ir.operations.terms import Term, fit, of_one_output
from rnnc.ir.program import AttrValue, DType, Op, Type, Value


def _want_sequence(name: str, type: Type) -> None:
    if not type.time:
        raise TypeMismatch(f"{name} takes a sequence, and {type} is one value")


def _want_lengths(name: str, type: Type) -> None:
    if type != Type((), DType.INT, batch=True):
        raise TypeMismatch(f"{name}: lengths are one int per row of the batch, and not {type}")


def _rows(lengths: OptionalArray, steps: int, env: Env) -> list[tuple[int, int]]:
    """(row, its length) for the whole batch."""
    if lengths is None:
        return [(row, steps) for row in range(env.batch or 0)]
    return [(row, int(length)) for row, length in enumerate(lengths)]


# --- fill_past ------------------------------------------------------------------------------------------------


def _infer_fill_past(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    seq, lengths = types
    _want_sequence("fill_past", seq)
    _want_lengths("fill_past", lengths)
    return (seq.with_(batch=True),)


def _evaluate_fill_past(op: Op, args: Sequence[OptionalArray], env: Env) -> Array:
    seq, lengths = args
    out = full(seq, op.args[0].type, op.out.type, env)
    for row, length in _rows(lengths, len(out), env):
        out[length:, row] = Attrs(op).scalar("value")
    return out


@of_one_output
def _derive_fill_past(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    seq, lengths = op.args
    return [fit(Term(builder, builder.op("fill_past", d, lengths, value=0.0)), seq.type), None]


# --- final, last, at: one step of a sequence ------------------------------------------------------------------


def _infer_final(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    seq, init, lengths = types
    _want_sequence("final", seq)
    _want_lengths("final", lengths)
    want("final", "the initial value", init, seq.dtype)
    if init.time:
        raise TypeMismatch(f"final: the initial value is one value, and {init} is a sequence")
    return (elementwise("final", (seq, init), seq.dtype).with_(time=False, batch=True),)


def _evaluate_final(op: Op, args: Sequence[OptionalArray], env: Env) -> Array:
    array, init, lengths = args
    seq = full(array, op.args[0].type, op.out.type.with_(time=True), env)
    out = full(init, op.args[1].type, op.out.type, env)
    for row, length in _rows(lengths, len(seq), env):
        if length:
            out[row] = seq[0 if Attrs(op).flag("reverse") else length - 1, row]
    return out


@of_one_output
def _derive_final(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    seq, init, lengths = op.args
    where = "first" if Attrs(op).flag("reverse") else "last"
    d_seq = builder.op("place", d, lengths, seq, where=where)
    d_init = builder.op("where_empty", d, lengths)
    return [fit(Term(builder, d_seq), seq.type), fit(Term(builder, d_init), init.type), None]


def _infer_last(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    seq, lengths = types
    _want_sequence("last", seq)
    _want_lengths("last", lengths)
    return (seq.with_(time=False, batch=True),)


def _evaluate_last(op: Op, args: Sequence[OptionalArray], env: Env) -> Array:
    import numpy as np

    array, lengths = args
    seq = full(array, op.args[0].type, op.out.type.with_(time=True), env)
    out = np.zeros(env.shape(op.out.type), seq.dtype)
    for row, length in _rows(lengths, len(seq), env):
        if length:
            out[row] = seq[length - 1, row]
    return out


@of_one_output
def _derive_last(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    seq, lengths = op.args
    return [fit(Term(builder, builder.op("place", d, lengths, seq, where="last")), seq.type), None]


def _infer_at(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    (seq,) = types
    _want_sequence("at", seq)
    return (seq.with_(time=False),)


def _evaluate_at(op: Op, args: Sequence[Array], env: Env) -> Array:
    return result(args[0][Attrs(op).integer("index")], op.out, env)


@of_one_output
def _derive_at(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    return [builder.op("place_at", d, op.args[0], index=Attrs(op).integer("index"))]


def _infer_edge(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    (seq,) = types
    want("edge", "the sequence", seq, DType.FLOAT)
    return _infer_at(types, attrs)


def _evaluate_edge(op: Op, args: Sequence[Array], env: Env) -> Array:
    seq = args[0][-1:] if Attrs(op).flag("reverse") else args[0][:1]
    return result(seq.sum(axis=0), op.out, env)


@of_one_output
def _derive_edge(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    return [builder.op("place_at", d, op.args[0], index=-1 if Attrs(op).flag("reverse") else 0)]


# --- place, place_at, where_empty: the transposes -------------------------------------------------------------


def _infer_place(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    d, lengths, like = types
    _want_lengths("place", lengths)
    _want_sequence("place", like)
    if Attrs(attrs).text("where") not in ("first", "last"):
        raise TypeMismatch("place puts a value first or last")
    return (d.with_(time=True, batch=True),)


def _evaluate_place(op: Op, args: Sequence[OptionalArray], env: Env) -> Array:
    import numpy as np

    d, lengths, _ = args
    value = full(d, op.args[0].type, op.out.type.with_(time=False), env)
    out = np.zeros(env.shape(op.out.type), value.dtype)
    for row, length in _rows(lengths, len(out), env):
        if length:
            out[0 if Attrs(op).text("where") == "first" else length - 1, row] = value[row]
    return out


@of_one_output
def _derive_place(builder: Builder, op: Op, d_out: Value) -> Sequence[Value | None]:
    value, lengths, _ = op.args
    if Attrs(op).text("where") == "last":
        d = Term(builder, builder.op("last", d_out, lengths))
    else:
        first = Term(builder, d_out).op("edge", reverse=False)
        d = first - first.op("where_empty", Term(builder, lengths))
    return [fit(d, value.type), None, None]


def _infer_place_at(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    d, like = types
    _want_sequence("place_at", like)
    return (d.with_(time=True),)


def _evaluate_place_at(op: Op, args: Sequence[Array], env: Env) -> Array:
    import numpy as np

    out = np.zeros(env.shape(op.out.type), args[0].dtype)
    out[Attrs(op).integer("index")] = args[0]
    return out


@of_one_output
def _derive_place_at(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    return [builder.op("at", d, index=Attrs(op).integer("index")), None]


def _infer_where_empty(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    d, lengths = types
    _want_lengths("where_empty", lengths)
    return (d.with_(batch=True),)


def _evaluate_where_empty(op: Op, args: Sequence[OptionalArray], env: Env) -> Array:
    import numpy as np

    d, lengths = args
    value = full(d, op.args[0].type, op.out.type, env)
    out = np.zeros_like(value)
    row_axis = int(op.out.type.time)
    for row, length in _rows(lengths, 1 if env.time is None else env.time, env):
        if not length:
            where = (slice(None),) * row_axis + (row,)
            out[where] = value[where]
    return out


@of_one_output
def _derive_where_empty(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    value, lengths = op.args
    return [fit(Term(builder, builder.op("where_empty", d, lengths)), value.type), None]


# --- reverse_time ---------------------------------------------------------------------------------------------


def _evaluate_reverse_time(op: Op, args: Sequence[OptionalArray], env: Env) -> Array:
    array, lengths = args
    seq = full(array, op.args[0].type, op.out.type, env)
    out = seq.copy()
    for row, length in _rows(lengths, len(seq), env):
        out[:length, row] = seq[:length, row][::-1]
    return out


def _infer_reverse_time(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    seq, lengths = types
    _want_sequence("reverse_time", seq)
    _want_lengths("reverse_time", lengths)
    return (seq.with_(batch=True),)


@of_one_output
def _derive_reverse_time(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    seq, lengths = op.args
    return [fit(Term(builder, builder.op("reverse_time", d, lengths)), seq.type), None]


register(Row("fill_past", "time", _infer_fill_past, _evaluate_fill_past, _derive_fill_past, (), (1,)))
register(Row("final", "time", _infer_final, _evaluate_final, _derive_final, (0, 1), (2,)))
register(Row("last", "time", _infer_last, _evaluate_last, _derive_last, (0,), (1,)))
register(Row("at", "time", _infer_at, _evaluate_at, _derive_at, (0,)))
register(Row("edge", "time", _infer_edge, _evaluate_edge, _derive_edge, (0,)))
register(Row("place", "time", _infer_place, _evaluate_place, _derive_place, (0,), (1,)))
register(Row("place_at", "time", _infer_place_at, _evaluate_place_at, _derive_place_at, (0,)))
register(Row("where_empty", "time", _infer_where_empty, _evaluate_where_empty, _derive_where_empty, (0,), (1,)))
register(Row("reverse_time", "time", _infer_reverse_time, _evaluate_reverse_time, _derive_reverse_time, (0,), (1,)))
