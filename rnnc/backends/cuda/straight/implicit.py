"""Products of windows: the operand is computed where it is read, and never written down.

A convolution is a product of the windows of an image with a kernel; written down they are as many images as the kernel
has places. Its gradients are such products too: of the windows with cotangents, and of what `lowering.py` spreads of
these with the kernel. `templates/cuda/tiles.cuh` multiplies; here stand the lines of its operands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnc.backends.cuda.analysis.products import Product, by_letter
from rnnc.backends.cuda.kernels.elements import Elements, total_of
from rnnc.backends.cuda.kernels.kernel import Argument, Kernel
from rnnc.backends.cuda.straight.block import Block
from rnnc.backends.escape import string
from rnnc.backends.functions import BATCH, TIME
from rnnc.backends.sizes import times
from rnnc.ir.program import Op, Value

SIZES = ("stacks", "rows", "summed", "columns")
# What the statements around elements call something.
LOCAL = frozenset({
    *SIZES, "smem", "stack", "row", "column", "sum", "part", "parts", "partial", "left", "right", "put", "elements",
    "found",
})  # fmt: skip
PLACE = "(stack * rows + row) * columns + column"  # of an element, where axes are in the order of these groups


class Implicit:
    """Writes one product into a block, which allocates what it wants: a kernel, and one that adds up parts of sums."""

    def __init__(self, block: Block, op: Op, product: Product) -> None:
        self.block, self.op, self.product = block, op, product
        self.groups = (product.stack, product.rows, product.inner, product.columns)
        self.goal = block.allocate(op.out, "product")
        self.tiles = block.shared.names.new("tiles")
        block.shared.wide = True

    def write(self) -> None:
        """Append the lines."""
        block, shared = self.block, self.block.shared
        host = by_letter(self.op, block.time, "B", block.size)
        counts = ", ".join(times(host[x] for x in group) for group in self.groups)
        text = f"{self.tiles} = _tiles({counts}, wt)"
        if TIME in "".join(self.groups) and block.most != block.time:  # a stretch: the last one may be shorter
            block.line(text)
        else:
            block.ahead(text)
        kernel = self._multiply()
        name = shared.kernels.name(kernel, shared.program)
        arguments = ", ".join(argument.host for argument in kernel.arguments.values())
        block.line(f"launch.tiles({string(name)}, {self.tiles}, {arguments})")
        block.line(shared.call(self._add_up(), f"{self.tiles}.sums"))

    def _multiply(self) -> Kernel:
        """The kernel that gives every element, or parts of its sum."""
        kernel, elements, sizes = self._kernel()
        kernel.line("extern __shared__ __align__(16) unsigned char smem[];")
        product = self.product
        first, second = reversed(self.op.args) if product.swapped else self.op.args
        self._lines(elements, sizes, "left", first, product.left, (product.rows, "row"))
        self._lines(elements, sizes, "right", second, product.right, (product.columns, "column"))
        head = "const auto put = [=](long long part, long long stack, long long row, long long column, real sum)"
        with kernel.braces(head, ";"):
            with kernel.braces("if (parts > 1)"):
                kernel.line(f"partial[part * stacks * rows * columns + {PLACE}] = sum;")
            with kernel.braces("else"):
                self._store(elements, sizes, "sum")
        kernel.line("multiply_tiles<item>(smem, stacks, rows, summed, columns, (int)parts, left, right, put);")
        self._parts(kernel, written=True)
        return self.block.entered(kernel)

    def _add_up(self) -> Kernel:
        """The kernel that adds up the parts of elements, where there are several."""
        kernel, elements, sizes = self._kernel()
        start, step = "blockIdx.x * (long long)blockDim.x + threadIdx.x", "(long long)gridDim.x * blockDim.x"
        kernel.line("const long long elements = stacks * rows * columns;")
        with kernel.braces(f"for (long long n = {start}; n < elements; n += {step})"):
            kernel.line("real total = partial[n];")
            kernel.line("for (long long part = 1; part < parts; ++part) total += partial[part * elements + n];")
            kernel.line("const long long column = n % columns, row = n / columns % rows, stack = n / columns / rows;")
            self._store(elements, sizes, "total")
        self._parts(kernel, written=False)
        return self.block.entered(kernel)

    def _kernel(self) -> tuple[Kernel, Elements, dict[str, str]]:
        """A kernel, and the sizes of the product's axes by letters; those of its groups are variables."""
        kernel = Kernel(self.block.shared.sizes.variables, LOCAL)
        elements = self.block.elements(kernel)
        letters = "".join(self.groups)
        time, batch = elements.steps() if TIME in letters else "", elements.rows() if BATCH in letters else ""
        sizes = by_letter(self.op, time, batch, kernel.size)
        for name, group in zip(SIZES, self.groups, strict=True):
            kernel.line(f"const long long {name} = {total_of(sizes[x] for x in group)};")
        kernel.spans |= self.op.spans
        return kernel, elements, sizes

    def _lines(
        self,
        elements: Elements,
        sizes: Mapping[str, str],
        name: str,
        value: Value,
        letters: str,
        along: tuple[str, str],
    ) -> None:
        """The function that gives a line of an operand: from any `k` on one element after the other.

        Where k begins is divided by sizes, once; from there on its index is counted.
        """
        kernel, (own, number), inner = elements.kernel, along, self.product.inner
        with kernel.braces(f"const auto {name} = [=](long long stack, long long {number})", ";"):
            at = self._parted(elements, sizes, ((self.product.stack, "stack"), (own, number)))
            with kernel.braces("return [=](long long k)", ";"):
                counters = [kernel.names.new("at") for _ in inner]
                for counter, place in zip(counters, elements.parted([sizes[x] for x in inner], "k"), strict=True):
                    kernel.line(f"long long {counter} = {place};")
                with kernel.braces("return [=]() mutable -> item", ";"):
                    at |= dict(zip(inner, counters, strict=True))
                    element = elements.get(value, [at[x] for x in letters])
                    kernel.line(f"const item found = from_float<item>({element});")
                    kernel.line(_next([sizes[x] for x in inner], counters))
                    kernel.line("return found;")

    def _store(self, elements: Elements, sizes: Mapping[str, str], text: str) -> None:
        """Put an element where it belongs."""
        product = self.product
        place = PLACE
        if product.out != product.stack + product.rows + product.columns:
            groups = ((product.stack, "stack"), (product.rows, "row"), (product.columns, "column"))
            at = self._parted(elements, sizes, groups)
            place = elements.flat(self.op.out.type, [at[x] for x in product.out])
        elements.write(self.op.out, self.goal, place, text)

    def _parted(
        self, elements: Elements, sizes: Mapping[str, str], groups: Sequence[tuple[str, str]]
    ) -> dict[str, str]:
        """The index along each axis, by letters, of numbers that count those of groups."""
        found: dict[str, str] = {}
        for letters, number in groups:
            found |= zip(letters, elements.parted([sizes[x] for x in letters], number), strict=True)
        return found

    def _parts(self, kernel: Kernel, *, written: bool) -> None:
        kernel.arguments["parts"] = Argument("long long", f"{self.tiles}.parts")
        kernel.arguments["partial"] = Argument("real", f"{self.tiles}.partial", array=True, written=written)


def _next(extents: Sequence[str], counters: Sequence[str]) -> str:
    """The statement that takes an index on to the next one."""
    (extent, *extents), (counter, *counters) = extents[::-1], counters[::-1]
    if not counters:
        return f"++{counter};"
    return f"if (++{counter} == {extent}) {{ {counter} = 0; {_next(extents[::-1], counters[::-1])} }}"
