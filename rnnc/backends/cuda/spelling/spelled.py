"""Elements as the tables spell the operations that make them."""

from __future__ import annotations

from rnnc.backends.cuda.kernels.elements import Elements
from rnnc.backends.cuda.spelling import MAPS
from rnnc.ir.program import Op, Value


class Spelled(Elements):
    """What writes elements of every operation into a kernel."""

    def spell(self, op: Op, value: Value, index: tuple[str, ...]) -> str:
        return MAPS[op.name](self, op, value, index)
