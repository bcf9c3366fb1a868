"""Reductions: one thread adds up all elements of a result's element, or the threads of a warp do it together.

Which, the host decides from how many there are (`templates/cuda/sharing.py`), so a result's bits do not depend on the
device. A warp's threads take every thirty-second element each, and their totals are combined in one order.
"""

from __future__ import annotations

from rnnc.backends.cuda.kernels.elements import Elements
from rnnc.backends.cuda.spelling import REDUCTIONS
from rnnc.backends.cuda.spelling.entry import Lanes
from rnnc.backends.cuda.spelling.summed import side_by_side, summed_type
from rnnc.backends.cuda.straight.block import Block
from rnnc.ir.program import Op, Type

SHORT = 64  # combined elements, below which the host need not be asked


def write_reduction(block: Block, op: Op) -> None:
    """Write a reduction into a block, with the launch of its kernel."""
    block.allocate(op.out)
    summed, write = summed_type(op), REDUCTIONS[op.name]
    if short(summed):
        block.launch(lambda e, n: write(e, op, n), op.out.type)
        return
    lanes = block.shared.names.new("lanes")
    results, combined = (block.count(type, block.most) for type in (op.out.type, summed))
    block.ahead(f"{lanes} = _lanes({results}, {combined}, {side_by_side(op)})")

    def body(e: Elements, n: str) -> None:
        count = e.kernel.whole("lanes", lanes)
        place = e.kernel.bind("long long", "place", f"{count} == 1 ? {n} : {n} / 32")
        lane = e.kernel.bind("int", "lane", f"{count} == 1 ? 0 : (int)({n} % 32)")
        write(e, op, place, Lanes(count, lane, several=f"if ({count} > 1)"))

    block.launch(body, op.out.type, lanes)


def short(summed: Type) -> bool:
    """Whether so few elements are combined that one thread does it."""
    count = 1
    for size in summed.shape:
        if size.constant is None:
            return False
        count *= size.constant
    return count < SHORT and not (summed.time or summed.batch)
