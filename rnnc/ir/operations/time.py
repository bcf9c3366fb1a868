"""Operations that couple steps: delays and recurrences that need no loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.evaluation import Array, Env, full
from rnnc.ir.operations.shapes import elementwise, same_kind, want
from rnnc.ir.operations.table import Builder, Infer, Row, TypeMismatch, register
from rnnc.ir.operations.terms import Term, fit, is_float, of_one_output
from rnnc.ir.program import AttrValue, DType, Op, Type, Value


def _initial(op: Op, array: Array, env: Env) -> Array:
    """The last argument, the value before the first step, in the shape of one step."""
    init = op.args[-1]
    return full(array, init.type, op.out.type.with_(time=False), env)


def _infer_shift(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    seq, init = types
    if not seq.time or init.time:
        raise TypeMismatch(f"shift takes a sequence and one value before it, and not {seq} and {init}")
    return (elementwise("shift", types, same_kind("shift", types)),)


def _evaluate_shift(op: Op, args: Sequence[Array], env: Env) -> Array:
    import numpy as np

    seq = full(args[0], op.args[0].type, op.out.type, env)
    init = _initial(op, args[1], env)[np.newaxis]
    steps = len(seq)
    return np.concatenate([seq, init])[1:] if Attrs(op).flag("reverse") else np.concatenate([init, seq])[:steps]


@of_one_output
def _derive_shift(builder: Builder, op: Op, d_out: Value) -> Sequence[Value | None]:
    seq, init = op.args
    d, reverse = Term(builder, d_out), Attrs(op).flag("reverse")
    return [
        fit(d.op("shift", 0.0, reverse=not reverse), seq.type) if is_float(seq) else None,
        fit(d.op("edge", reverse=reverse), init.type) if is_float(init) else None,
    ]


def _infer_scan(name: str) -> Infer:
    def infer(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
        a, b, init = types
        for type in types:
            want(name, "every operand", type, DType.FLOAT)
        if init.time or not (a.time or b.time):
            raise TypeMismatch(f"{name} takes sequences and one value before them, and not {a}, {b} and {init}")
        return (elementwise(name, types, DType.FLOAT),)

    return infer


def _evaluate_scan_affine(op: Op, args: Sequence[Array], env: Env) -> Array:
    a, b = (full(array, v.type, op.out.type, env) for array, v in zip(args[:2], op.args[:2], strict=True))
    state = _initial(op, args[2], env)
    for step in range(len(b))[:: -1 if Attrs(op).flag("reverse") else 1]:
        state = a[step] * state + b[step]
        b[step] = state
    return b


def _evaluate_scan_maxplus(op: Op, args: Sequence[Array], env: Env) -> Array:
    import numpy as np

    a, b = (full(array, v.type, op.out.type, env) for array, v in zip(args[:2], op.args[:2], strict=True))
    state = _initial(op, args[2], env)
    for step in range(len(b))[:: -1 if Attrs(op).flag("reverse") else 1]:
        state = np.maximum(state + a[step], b[step])
        b[step] = state
    return b


def _back_through(a: Term, d: Term, reverse: bool) -> Term:
    """Cotangents g of all steps of s_t = a_t·s_{t-1} + …, given those from outside, d: g_t = a_{t+1}·g_{t+1} + d_t."""
    # Before the last step g is zero, so a factor that never changes needs no shift.
    following = a.op("shift", 0.0, reverse=not reverse) if a.value.type.time else a
    return following.op("scan_affine", d, 0.0, reverse=not reverse)


@of_one_output
def _derive_scan_affine(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    reverse = Attrs(op).flag("reverse")
    s = Term(builder, op.out)
    a, b, init = (Term(builder, v) for v in op.args)
    g = _back_through(a, Term(builder, d), reverse)
    before = s.op("shift", init, reverse=reverse)
    d_init = (a * g).op("edge", reverse=reverse)  # of the step that meets the initial value
    return [fit(g * before, a.value.type), fit(g, b.value.type), fit(d_init, init.value.type)]


@of_one_output
def _derive_scan_maxplus(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    """Ties go to s + a."""
    reverse = Attrs(op).flag("reverse")
    s = Term(builder, op.out)
    a, b, init = (Term(builder, v) for v in op.args)
    stays = (s.op("shift", init, reverse=reverse) + a >= b).to_float()
    g = _back_through(stays, Term(builder, d), reverse)
    d_a = stays * g
    d_init = d_a.op("edge", reverse=reverse)
    return [fit(d_a, a.value.type), fit(g - d_a, b.value.type), fit(d_init, init.value.type)]


register(Row("shift", "time", _infer_shift, _evaluate_shift, _derive_shift, (0, 1)))
register(Row("scan_affine", "time", _infer_scan("scan_affine"), _evaluate_scan_affine, _derive_scan_affine, (0, 1, 2)))
register(Row("scan_maxplus", "time", _infer_scan("scan_maxplus"), _evaluate_scan_maxplus, _derive_scan_maxplus))
