"""A loop of the host whose steps are all the same launches, so that a captured graph of some can be launched again.

The number of the step is on the device, at `now`: kernels read it, and find their step in sequences; the first kernel
that all steps have writes the next number beside it, at `next`. The two places change places like the arrays of what
the loop carries. A product wants its operands at fixed addresses: the step of a sequence is copied for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from rnnc.backends.cuda.analysis.joined import NOTHING, Part
from rnnc.backends.cuda.analysis.products import product_of, windows
from rnnc.backends.cuda.kernels.kernel import Argument, Kernel
from rnnc.backends.cuda.kernels.shared import Shared
from rnnc.backends.cuda.straight.block import Block
from rnnc.backends.cuda.straight.inner import InnerBlock, InnerElements
from rnnc.ir.program import Loop, Node, Op, Type, Value, reads


def varying(loop: Loop) -> str:
    """Why the steps of a loop are not all the same launches; nothing where they are."""
    if not loop.is_plain:
        return "its steps are loops themselves"
    computed = windows(loop.body, [*(carry.next for carry in loop.carries), *(value for value, _ in loop.ys)])
    for node in loop.body:
        product = product_of(node)
        if product is not None and not product.in_place and computed.isdisjoint(reads(node)):
            return "a product needs copies of its operands"
    return ""


class StepElements(InnerElements):
    def step(self) -> str:
        self.kernel.arguments.setdefault("now", Argument("long long", "t", array=True))
        return "t"


class StepBlock(InnerBlock):
    """Writes a step as lines of a function of the host that gets its arrays, and those of the next step."""

    def __init__(self, shared: Shared, around: Block, *, reverse: bool) -> None:
        super().__init__(shared, around.time, around)
        self._turn = "-" if reverse else "+"
        self._counts = self._counted = False
        self._copies: dict[Value, Value] = {}

    def array(self, value: Value) -> str:
        home = self.home(value)
        if home is None or not home.index:
            return super().array(value)
        if value not in self._copies:
            copy = self._copies[value] = Value(value.type, value.name)
            self.definitions[copy] = Op("cuda.full", (value,), (copy,))
            self.map(copy.type, [(copy, Part(copy, 0, NOTHING))])
        return super().array(self._copies[value])

    def _stages(self, nodes: Sequence[Node]) -> None:
        """What is only stored as it is, the last kernel can store."""
        super()._stages(nodes)
        last = max(self._stage.values(), default=0)
        read = {value for node in nodes for value in reads(node)}
        for node in nodes:
            if isinstance(node, Op) and node.name == "cuda.full" and node.out not in read and self.home(node.args[0]):
                self._stage[node.out] = last

    def elements(self, kernel: Kernel) -> StepElements:
        return StepElements(kernel, self.home, self.definitions, self.numbers, self.time)

    def map(self, type: Type, group: Sequence[tuple[Value, Part]]) -> None:
        self._counts = not self._counted  # other kernels may be launched under a condition
        super().map(type, group)

    def call(self, kernel: Kernel, threads: str) -> None:
        if self._counts:
            self._counts, self._counted = False, True
            kernel.arguments.setdefault("now", Argument("long long", "t", array=True))
            kernel.arguments["next"] = Argument("long long", "t_next", array=True, written=True)
            kernel.line(f"if (blockIdx.x == 0 && threadIdx.x == 0) *next = t {self._turn} 1;")
            threads = threads if threads.isdecimal() else f"{threads} or 1"  # where there are no rows, too
        super().call(kernel, threads)

    def entered(self, kernel: Kernel) -> Kernel:
        if "now" in kernel.arguments:
            kernel.lines.insert(0, "const long long t = *now;")
        return kernel
