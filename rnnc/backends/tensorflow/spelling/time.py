"""Operations that couple steps, and those that pick, place or clear steps by each row's own length."""

from __future__ import annotations

from rnnc.backends.escape import number
from rnnc.backends.tensorflow.block import DTYPES, Block
from rnnc.backends.tensorflow.spelling.entry import spells
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import DType, Op, Type, Value

KINDS: dict[DType, type[float | int | bool]] = {DType.FLOAT: float, DType.INT: int, DType.BOOL: bool}


def _lengths(b: Block, value: Value) -> str:
    """The variable that holds lengths, or None."""
    return b.variable(value)


def _one_step(type: Type) -> Type:
    return type.with_(time=False)


@spells("shift")
def _shift(b: Block, op: Op) -> str:
    seq, init = op.args
    whole, first = b.full(seq, op.out.type), b.full(init, _one_step(op.out.type))
    return f"{b.helper('_delayed')}({whole}, {first}, {b.time}, {Attrs(op).flag('reverse')})"


@spells("scan_affine", "scan_maxplus")
def _scan(b: Block, op: Op) -> str:
    a, term, init = op.args
    function = b.helper("_" + op.name)
    step = _one_step(op.out.type)
    operands = [b.full(a, op.out.type), b.full(term, op.out.type), b.full(init, step), b.shape(step)]
    return f"{function}(loop, {b.time}, {', '.join(operands)}, {Attrs(op).flag('reverse')})"


@spells("fill_past")
def _fill_past(b: Block, op: Op) -> str:
    seq, lengths = op.args
    dtype = op.out.type.dtype
    value = f"tf.constant({number(KINDS[dtype](Attrs(op).scalar('value')))}, {DTYPES[dtype]})"
    given = _lengths(b, lengths)
    whole = b.full(seq, op.out.type)
    text = f"tf.where_v2({b.helper('_within')}({given}, {b.time}, {op.out.type.rank}), {whole}, {value})"
    return f"{whole} if {given} is None else {text}"


@spells("final")
def _final(b: Block, op: Op) -> str:
    seq, init, lengths = op.args
    whole = b.full(seq, op.out.type.with_(time=True))
    first = b.full(init, op.out.type)
    return f"{b.helper('_final')}({whole}, {first}, {_lengths(b, lengths)}, {b.time}, {Attrs(op).flag('reverse')})"


@spells("last")
def _last(b: Block, op: Op) -> str:
    seq, lengths = op.args
    whole = b.full(seq, op.out.type.with_(time=True))
    zeros = f"tf.zeros({b.shape(op.out.type)}, {DTYPES[op.out.type.dtype]})"
    return f"{b.helper('_final')}({whole}, {zeros}, {_lengths(b, lengths)}, {b.time}, False)"


@spells("at")
def _at(b: Block, op: Op) -> str:
    return f"{b.read(op.args[0])}[{Attrs(op).integer('index')}]"


@spells("edge")
def _edge(b: Block, op: Op) -> str:
    return f"tf.reduce_sum({b.read(op.args[0])}[{'-1:' if Attrs(op).flag('reverse') else ':1'}], 0)"


@spells("place")
def _place(b: Block, op: Op) -> str:
    d, lengths, _ = op.args
    whole = b.full(d, _one_step(op.out.type))
    first = Attrs(op).text("where") == "first"
    return f"{b.helper('_place')}({whole}, {_lengths(b, lengths)}, {b.time}, {first})"


@spells("place_at")
def _place_at(b: Block, op: Op) -> str:
    return f"{b.helper('_place_at')}({b.read(op.args[0])}, {Attrs(op).integer('index')}, {b.time})"


@spells("where_empty")
def _where_empty(b: Block, op: Op) -> str:
    d, lengths = op.args
    given = _lengths(b, lengths)
    whole = b.full(d, op.out.type)
    rows = f"tf.reshape({given}, [-1{', 1' * op.out.type.rank}])"
    return f"tf.where_v2(tf.equal({b.time} if {given} is None else {rows}, 0), {whole}, tf.zeros_like({whole}))"


@spells("reverse_time")
def _reverse_time(b: Block, op: Op) -> str:
    seq, lengths = op.args
    given = _lengths(b, lengths)
    whole = b.full(seq, op.out.type)
    ragged = f"tf.reverse_sequence({whole}, {given}, seq_axis=0, batch_axis=1)"
    return f"tf.reverse({whole}, [0]) if {given} is None else {ragged}"
