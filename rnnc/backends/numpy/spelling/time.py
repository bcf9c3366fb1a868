"""Operations that couple steps. They stand at the level of sequences, where a result is allocated once."""

from __future__ import annotations

from rnnc.backends.numpy.emitter import Emitter, alignment, zero
from rnnc.backends.numpy.spelling.elementwise import operand
from rnnc.backends.numpy.spelling.entry import SPELLINGS, View, Write, spells
from rnnc.backends.numpy.views import Broadcast, Index, Step
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import DType, Op, Type, Value

_BACKWARDS = Index(("::-1",))
_KINDS: dict[DType, type[float] | type[int] | type[bool]] = {DType.FLOAT: float, DType.INT: int, DType.BOOL: bool}


def _stretched(e: Emitter, value: Value, like: Type, *steps: Step) -> str:
    """A whole sequence (or value) in the shape of `like`: the helpers walk along or pick from it."""
    if e.scalar(value) is not None or value.type.with_(dtype=like.dtype) != like:
        return e.read(value, *alignment(value.type, like), Broadcast(e.shape(like)), *steps)
    return e.read(value, *steps)


@spells("shift")
def _shift(e: Emitter, op: Op) -> None:
    seq, init = op.args
    like = op.out.type
    reverse = Attrs(op).flag("reverse")
    kept, moved, edge = ("1:", ":-1", "-1:") if reverse else (":-1", "1:", ":1")
    e.line(f"{e.write(op.out, Index((moved,)))}[...] = {e.read(seq, *alignment(seq.type, like), Index((kept,)))}")
    e.line(f"{e.write(op.out, Index((edge,)))}[...] = {operand(e, init, like.with_(time=False))}")


def _scan(helper: str) -> Write:
    def write(e: Emitter, op: Op) -> None:
        a, b, init = op.args
        steps = (_BACKWARDS,) if Attrs(op).flag("reverse") else ()
        like = op.out.type
        out = e.write(op.out, *steps)
        args = (_stretched(e, a, like, *steps), _stretched(e, b, like, *steps))
        e.line(f"{e.helper(helper)}({', '.join(args)}, {operand(e, init, like.with_(time=False))}, {out})")

    return write


for _name in ("scan_affine", "scan_maxplus"):
    spells(_name)(_scan(f"_{_name}"))


@spells("fill_past", over=(0,))
def _fill_past(e: Emitter, op: Op) -> None:
    seq, lengths = op.args
    source, out, given = e.aligned(seq, op.out.type), e.write(op.out), e.read(lengths)
    if source != out:
        e.line(f"{out}[...] = {source}")
    past = f"{e.helper('_past')}({given}, {e.time}, {op.out.type.rank})"
    e.line(f"if {given} is not None:")
    value = Attrs(op).scalar("value")  # of the sequence's dtype: whole numbers and truth values are filled, too
    value = _KINDS[op.out.type.dtype](value)
    e.line(f"    np.copyto({out}, {e.literal(value)}, where={past})")


@spells("final")
def _final(e: Emitter, op: Op) -> None:
    seq, init, lengths = op.args
    like = op.out.type
    out = e.write(op.out)
    e.line(f"{out}[...] = {operand(e, init, like)}")
    name = "_pick_first" if Attrs(op).flag("reverse") else "_pick_last"
    source = _stretched(e, seq, like.with_(time=True))
    e.line(f"{e.helper(name)}({source}, {e.read(lengths)}, {out})")


@spells("last")
def _last(e: Emitter, op: Op) -> None:
    seq, lengths = op.args
    out = e.write(op.out)
    e.line(f"{out}.fill(0)")
    e.line(f"{e.helper('_pick_last')}({_stretched(e, seq, op.out.type.with_(time=True))}, {e.read(lengths)}, {out})")


def _at_write(e: Emitter, op: Op) -> None:
    e.line(f"{e.write(op.out)}[...] = {e.read(op.args[0], Index((str(Attrs(op).integer('index')),)))}")


def _at(e: Emitter, op: Op) -> bool:
    e.alias(op.out, op.args[0], Index((str(Attrs(op).integer("index")),)))
    return True


SPELLINGS["at"] = View(_at, _at_write)


@spells("edge")
def _edge(e: Emitter, op: Op) -> None:
    step = "-1:" if Attrs(op).flag("reverse") else ":1"
    e.line(f"np.sum({e.read(op.args[0], Index((step,)))}, axis=0, out={e.write(op.out)})")


@spells("place")
def _place(e: Emitter, op: Op) -> None:
    d, lengths, _ = op.args
    out = e.write(op.out)
    name = "_place_first" if Attrs(op).text("where") == "first" else "_place_last"
    e.line(f"{out}.fill(0)")
    e.line(f"{e.helper(name)}({_stretched(e, d, op.out.type.with_(time=False))}, {e.read(lengths)}, {out})")


@spells("place_at")
def _place_at(e: Emitter, op: Op) -> None:
    d, _ = op.args
    out = e.write(op.out)
    e.line(f"{out}.fill(0)")
    target = e.write(op.out, Index((str(Attrs(op).integer("index")),)))
    e.line(f"{target}[...] = {operand(e, d, op.out.type.with_(time=False))}")


@spells("where_empty", over=(0,))
def _where_empty(e: Emitter, op: Op) -> None:
    d, lengths = op.args
    source, out, given = operand(e, d, op.out.type), e.write(op.out), e.read(lengths)
    if source != out:
        e.line(f"{out}[...] = {source}")
    filled = f"({given} > 0).reshape({', '.join(['-1', *['1'] * op.out.type.rank])})"
    e.line(f"np.copyto({out}, {zero(op.out.type)}, where={e.time} > 0 if {given} is None else {filled})")


@spells("reverse_time")
def _reverse_time(e: Emitter, op: Op) -> None:
    seq, lengths = op.args
    source = _stretched(e, seq, op.out.type)
    e.line(f"{e.helper('_reverse_time')}({source}, {e.read(lengths)}, {e.write(op.out)})")
