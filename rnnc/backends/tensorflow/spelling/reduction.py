"""Operations that fold feature axes."""

from __future__ import annotations

from rnnc.backends.tensorflow.block import Block
from rnnc.backends.tensorflow.spelling.entry import spells
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import DType, Op, Type

REDUCTIONS = {
    "reduce_sum": "tf.reduce_sum",
    "reduce_mean": "tf.reduce_mean",
    "reduce_max": "tf.reduce_max",
    "reduce_min": "tf.reduce_min",
}


def leads(type: Type) -> int:
    """How many axes stand before the features."""
    return int(type.time) + int(type.batch)


@spells(*REDUCTIONS)
def _reduce(b: Block, op: Op) -> str:
    x, attrs = op.args[0], Attrs(op)
    axes = [leads(x.type) + axis for axis in attrs.integers("axes")]
    operand = b.aligned(x, x.type, DType.FLOAT if op.name == "reduce_mean" else None)
    keep = ", keepdims=True" if attrs.flag("keep") else ""
    return f"{REDUCTIONS[op.name]}({operand}, {axes}{keep})"


@spells("reduce_prod")
def _reduce_prod(b: Block, op: Op) -> str:
    x, attrs = op.args[0], Attrs(op)
    text = b.read(x)
    for axis in sorted(attrs.integers("axes"), reverse=True):
        text = f"{b.helper('_product')}({text}, {leads(x.type) + axis}, {attrs.flag('keep')})"
    return text


@spells("argmax")
def _argmax(b: Block, op: Op) -> str:
    (x,), (axis,) = op.args, Attrs(op).integers("axes")
    return f"tf.argmax({b.read(x)}, {leads(x.type) + axis}, output_type=tf.int32)"


@spells("cumsum")
def _cumsum(b: Block, op: Op) -> str:
    x, attrs = op.args[0], Attrs(op)
    flags = "".join(f", {key}=True" for key in ("exclusive", "reverse") if attrs.flag(key))
    return f"tf.cumsum({b.read(x)}, {leads(x.type) + attrs.integer('axis')}{flags})"


@spells("softmax")
def _softmax(b: Block, op: Op) -> str:
    x = op.args[0]
    axis = leads(x.type) + Attrs(op).integer("axis")
    return f"tf.nn.softmax({b.aligned(x, x.type, DType.FLOAT)}, {axis})"


@spells("reduce_to")
def _reduce_to(b: Block, op: Op) -> str:
    (x,) = op.args
    source, target = x.type, op.out.type
    stretched = [i for i in range(source.rank) if not target.rank or target.shape[i] != source.shape[i]]
    gone = ([0] if source.time and not target.time else []) + (
        [int(source.time)] if source.batch and not target.batch else []
    )
    summed = [*gone, *(leads(source) + i for i in stretched)]
    if not summed:
        return b.read(x) if source.rank == target.rank else f"tf.reshape({b.read(x)}, {b.shape(target)})"
    if target.rank == 1 and target.dtype is DType.FLOAT and not stretched and not leads(target):
        # As a bias's gradient: TensorFlow adds rows of a matrix up much faster than other axes.
        return f"tf.raw_ops.BiasAddGrad(out_backprop=tf.reshape({b.read(x)}, [-1, {b.size(target.shape[0])}]))"
    total = f"tf.reduce_sum({b.read(x)}, {summed})"
    return f"tf.reshape({total}, {b.shape(target)})" if stretched and target.rank else total
