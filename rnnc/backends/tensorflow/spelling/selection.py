"""Operations that something may be absent for, when a graph is built; and rows of tables."""

from __future__ import annotations

from rnnc.backends.escape import identifier, number, string
from rnnc.backends.tensorflow.block import Block
from rnnc.backends.tensorflow.spelling.entry import spells
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Op, Value


def _unless_absent(b: Block, given: Value, text: str, otherwise: str) -> str:
    """`text` where the value is there."""
    return f"{otherwise} if {b.variable(given)} is None else {text}" if b.absent(given) else text


@spells("dropout")
def _dropout(b: Block, op: Op) -> str:
    x, mask = op.args
    text = f"{b.aligned(x, op.out.type)} * {b.aligned(mask, op.out.type)} / {number(Attrs(op).number('keep'))}"
    return _unless_absent(b, mask, text, b.full(x, op.out.type))


@spells("zoneout")
def _zoneout(b: Block, op: Op) -> str:
    new, old, mask = op.args
    left, right = b.aligned(new, op.out.type), b.aligned(old, op.out.type)
    keep = Attrs(op).number("keep")
    share = b.aligned(mask, op.out.type)
    always = f"{number(keep)} * {left} + {number(1 - keep)} * {right}"
    # The mask may bring time and rows that neither value has: without it the result has them all the same.
    if (new.type.time or old.type.time) < op.out.type.time or (new.type.batch or old.type.batch) < op.out.type.batch:
        always = f"tf.broadcast_to({always}, {b.shape(op.out.type)})"
    return _unless_absent(b, mask, f"{share} * {left} + (1.0 - {share}) * {right}", always)


@spells("masked")
def _masked(b: Block, op: Op) -> str:
    x, valid = op.args
    operand = b.aligned(x, op.out.type)
    text = f"tf.where_v2({b.aligned(valid, op.out.type)}, {operand}, tf.zeros_like({operand}))"
    return _unless_absent(b, valid, text, b.full(x, op.out.type))


@spells("default")
def _default(b: Block, op: Op) -> str:
    given, fallback = op.args
    return _unless_absent(b, given, b.read(given), b.full(fallback, op.out.type))


@spells("default_grad")
def _default_grad(b: Block, op: Op) -> str:
    given, d = op.args
    return _unless_absent(b, given, f"tf.zeros_like({b.read(d)})", b.read(d))


@spells("lookup")
def _lookup(b: Block, op: Op) -> str:
    table, index = op.args
    name = string(identifier(table.name or op.out.name or "lookup"))  # what an error of TensorFlow's calls it
    return f"tf.gather({b.read(table)}, {b.read(index)}, name={name})"


@spells("lookup_grad")
def _lookup_grad(b: Block, op: Op) -> str:
    index, d = op.args
    time, batch = d.type.time or index.type.time, d.type.batch or index.type.batch
    places = b.full(index, index.type.with_(time=time, batch=batch))
    rows = b.full(d, d.type.with_(time=time, batch=batch))
    row = b.shape(op.out.type.with_(axes=op.out.type.axes[1:]))
    flat = f"tf.reshape({rows}, [-1] + {row})" if row != "[]" else f"tf.reshape({rows}, [-1])"
    count = b.size(Attrs(op).size("rows"))
    return f"tf.math.unsorted_segment_sum({flat}, tf.reshape({places}, [-1]), {count})"
