"""Operations of which an operand may be absent, and rows of tables."""

from __future__ import annotations

from rnnc.backends.cuda.kernels.elements import Elements
from rnnc.backends.cuda.spelling.entry import MAPS, enters
from rnnc.backends.cuda.spelling.view import chosen
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import DType, Op, Value


@enters(MAPS, "dropout")
def _dropout(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    x, mask = op.args
    keep, text = e.literal(Attrs(op).number("keep"), DType.FLOAT), e.operand(x, out.type, index)
    flag = e.there(mask)
    if flag is None:
        return f"{text} * {e.operand(mask, out.type, index, DType.FLOAT)} / {keep}"
    name = e.kernel.variable("real", out.name or "dropped", text)
    with e.kernel.braces(f"if ({flag})"):
        e.kernel.line(f"{name} *= {e.operand(mask, out.type, index, DType.FLOAT)} / {keep};")
    return name


@enters(MAPS, "zoneout")
def _zoneout(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    new, old, mask = op.args
    share, flag = e.literal(Attrs(op).number("keep"), DType.FLOAT), e.there(mask)
    if flag is None:
        share = e.operand(mask, out.type, index, DType.FLOAT)
    else:
        share = e.kernel.variable("real", "share", share)
        with e.kernel.braces(f"if ({flag})"):
            e.kernel.line(f"{share} = {e.operand(mask, out.type, index, DType.FLOAT)};")
    fresh, stale = (e.operand(value, out.type, index, DType.FLOAT) for value in (new, old))
    return f"{share} * {fresh} + ((real)1 - {share}) * {stale}"


@enters(MAPS, "masked")
def _masked(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    x, valid = op.args
    flag = e.there(valid)
    if flag is not None:  # the condition is read only where it is there
        name = e.kernel.variable("bool", "counts", "true")
        with e.kernel.braces(f"if ({flag})"):
            e.kernel.line(f"{name} = {e.operand(valid, out.type, index)};")
    else:
        name = e.operand(valid, out.type, index)
    e.anticipate(x, out.type, index)
    return chosen(e, out, [(name, x, out.type, index)])


@enters(MAPS, "default")
def _default(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    given, fallback = op.args
    flag = e.there(given)
    if flag is None:
        return e.operand(given, out.type, index)
    return chosen(e, out, [(flag, given, out.type, index), ("", fallback, out.type, index)])


@enters(MAPS, "default_grad")
def _default_grad(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    given, d = op.args
    flag = e.there(given)
    if flag is None:
        return e.literal(0, out.type.dtype)
    return chosen(e, out, [(f"!{flag}", d, out.type, index)])


@enters(MAPS, "lookup")
def _lookup(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    table, rows = op.args
    leads, features = e.parts(out.type, index)
    where = [leads[lead] for lead, has in (("t", rows.type.time), ("b", rows.type.batch)) if has]
    inner = features[: rows.type.rank]
    row = e.get(rows, (*where, *inner))
    name = e.kernel.variable("real", out.name or "row", "(real)nan_()")  # what an index outside of the table gives
    with e.kernel.braces(f"if ({row} >= 0 && {row} < {e.kernel.size(table.type.shape[0])})"):
        e.kernel.line(f"{name} = {e.get(table, (row, *features[rows.type.rank :]))};")
    return name
