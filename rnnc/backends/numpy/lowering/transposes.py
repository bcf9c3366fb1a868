"""A product with the transpose of a weight, once a step, wants the transpose as an array of its own."""

from __future__ import annotations

from dataclasses import replace

from rnnc.backends.numpy.lowering.walk import Lowering
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Loop, Node, Op, Type, Value


class Transposes(Lowering):
    """`a @ w.T` in a loop: the transpose is prepared."""

    def op(self, op: Op, loop: Loop | None) -> list[Node]:
        if loop is None or op.name != "contract":
            return [op]
        attrs = Attrs(op)
        a, b, out = attrs.text("a"), attrs.text("b"), attrs.text("out")
        (x, weight) = op.args
        if (
            weight not in self.constant
            or len(b) != 2
            or b[0] not in out
            or b[1] not in a
            or a[-1] != b[1]
            or b[1] in out
        ):
            return [op]
        with self.early.at(op.spans):
            turned = self.early.op("transpose", weight, perm=(1, 0))
            ready = Value(Type(turned.type.axes, turned.type.dtype), weight.name + "_T")
            self.early.emit(Op("numpy.contiguous", (turned,), (ready,)))
        changed = {**dict(op.attrs), "b": b[::-1]}
        return [replace(op, args=(x, ready), attrs=tuple(sorted(changed.items())))]
