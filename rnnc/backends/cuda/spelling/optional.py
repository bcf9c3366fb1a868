"""Operations of which an operand may be absent, and rows of tables."""

from __future__ import annotations

from rnnc.backends.cuda.kernels.elements import Elements
from rnnc.backends.cuda.spelling.entry import MAPS, enters
from rnnc.backends.cuda.spelling.view import chosen
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import DType, Op, Value


def _element_if_there(e: Elements, value: Value, out: Value, index: tuple[str, ...], otherwise: str) -> str:
    """An element of an operand that may be absent, as a number: `otherwise` where it is."""
    flag = e.there(value)
    if flag is None:
        return e.operand(value, out.type, index, DType.FLOAT)
    name = e.kernel.names.new("given")
    e.kernel.line(f"real {name} = {otherwise};")
    with e.kernel.braces(f"if ({flag})"):
        e.kernel.line(f"{name} = {e.operand(value, out.type, index, DType.FLOAT)};")
    return name


@enters(MAPS, "dropout")
def _dropout(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    x, mask = op.args
    keep = e.literal(Attrs(op).number("keep"), DType.FLOAT)
    share = _element_if_there(e, mask, out, index, keep)
    return f"{e.operand(x, out.type, index)} * {share} / {keep}"


@enters(MAPS, "zoneout")
def _zoneout(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    new, old, mask = op.args
    share = _element_if_there(e, mask, out, index, e.literal(Attrs(op).number("keep"), DType.FLOAT))
    fresh, stale = (e.operand(value, out.type, index, DType.FLOAT) for value in (new, old))
    return f"{share} * {fresh} + ((real)1 - {share}) * {stale}"


@enters(MAPS, "masked")
def _masked(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    x, valid = op.args
    flag = e.there(valid)
    if flag is not None:  # the condition is read only where it is there
        name = e.kernel.names.new("counts")
        e.kernel.line(f"bool {name} = true;")
        with e.kernel.braces(f"if ({flag})"):
            e.kernel.line(f"{name} = {e.operand(valid, out.type, index)};")
    else:
        name = e.operand(valid, out.type, index)
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
    name = e.kernel.names.new(out.name or "row")
    e.kernel.line(f"real {name} = (real)nan_();")  # what an index outside of the table gives
    with e.kernel.braces(f"if ({row} >= 0 && {row} < {e.kernel.size(table.type.shape[0])})"):
        e.kernel.line(f"{name} = {e.get(table, (row, *features[rows.type.rank :]))};")
    return name
