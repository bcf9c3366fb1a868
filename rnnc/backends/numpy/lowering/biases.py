"""A bias is the weight of an input that is always one.

    z = x @ W + b        =>      z = [x, 1] @ [W; b]

for the product of a whole sequence: adding the bias afterwards would walk through the largest array of the program once
more, which takes several per cent of the product's time. The input is copied, as it mostly is anyway to bring time to
the front.
"""

from __future__ import annotations

from dataclasses import replace

from rnnc.backends.numpy.lowering.walk import Lowering
from rnnc.backends.weighted import biases
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Axis, DType, Loop, Node, Op, Program, Value
from rnnc.ir.size import Size


class Biases(Lowering):
    """`add(contract(sequence, weight), bias)` at the top level becomes one product."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.biases = biases(program, self.constant)

    def op(self, op: Op, loop: Loop | None) -> list[Node]:
        for product in op.args if loop is None else ():  # a loop over stretches has products of sequences, too
            if product in self.biases and op.name == "add":
                made = self.definitions[product]
                assert isinstance(made, Op)
                if self._fits(made):
                    return [self._joined(op, made, self.biases[product])]
        return [op]

    def _fits(self, product: Op) -> bool:
        """Whether it is the product of a whole sequence of floats, with the weight's first axis."""
        attrs = Attrs(product)
        floats = all(arg.type.dtype is DType.FLOAT for arg in product.args)
        return floats and product.args[0].type.time and attrs.text("b").startswith(attrs.text("a"))

    def _joined(self, add: Op, product: Op, bias: Value) -> Op:
        sequence, weight = product.args
        b = self.early
        with b.at(add.spans):
            row = b.op("reshape", bias, axes=(Axis("", Size.of(1)), *bias.type.axes))
            whole = b.op("concat", weight, row, axis=0, hint=weight.name)
            ones = b.op("full", value=1.0, axes=(Axis("", Size.of(1)),))
            inputs = b.op("concat", sequence, ones, axis=0, hint="ones")
        return replace(product, args=(inputs, whole), outs=add.outs, spans=product.spans | add.spans)
