"""A bias is the weight of an input that is always one.

    z = x @ W + b        =>      z = [x, 1] @ [W; b]

for the product of a whole sequence: adding the bias afterwards would walk through the largest array of the program once
more, which takes several per cent of the product's time. The input is copied, as it mostly is anyway to bring time to
the front.
"""

from __future__ import annotations

from dataclasses import replace

from rnnc.backends.numpy.lowering.walk import Lowering
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Axis, DType, Loop, Node, Op, Value
from rnnc.ir.size import Size


class Biases(Lowering):
    """`add(contract(sequence, weight), bias)` at the top level becomes one product."""

    def op(self, op: Op, loop: Loop | None) -> list[Node]:
        if loop is not None or op.name != "add":
            return [op]
        for product, bias in (op.args, op.args[::-1]):
            made = self.definitions.get(product)
            if bias in self.constant and isinstance(made, Op) and self._fits(made, bias):
                return [self._joined(op, made, bias)]
        return [op]

    def _fits(self, product: Op, bias: Value) -> bool:
        """Whether one axis of the sequence is summed with the weight's first, and the others are the bias's."""
        if product.name != "contract" or self.uses[product.out] != 1:
            return False
        attrs = Attrs(product)
        sequence, weight = product.args
        return (
            sequence.type.time
            and weight in self.constant
            and attrs.text("b") == attrs.text("a") + attrs.text("out")
            and len(attrs.text("a")) == 1
            and bias.type.shape == product.out.type.shape
            and {sequence.type.dtype, weight.type.dtype, bias.type.dtype} == {DType.FLOAT}
        )

    def _joined(self, add: Op, product: Op, bias: Value) -> Op:
        sequence, weight = product.args
        b = self.early
        with b.at(add.spans):
            row = b.op("reshape", bias, axes=(Axis("", Size.of(1)), *bias.type.axes))
            whole = b.op("concat", weight, row, axis=0, hint=weight.name)
            ones = b.op("full", value=1.0, axes=(Axis("", Size.of(1)),))
            inputs = b.op("concat", sequence, ones, axis=0, hint="ones")
        return replace(product, args=(inputs, whole), outs=add.outs, spans=product.spans | add.spans)
