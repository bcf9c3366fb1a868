"""Products of values of the batch with weights, which a team multiplies where their elements are read."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field

from rnnc.backends.cuda.analysis.products import product_of
from rnnc.backends.cuda.kernels.elements import Elements
from rnnc.backends.cuda.kernels.kernel import Kernel
from rnnc.backends.cuda.straight.stages import Straight
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Op, Value
from rnnc.ir.size import Size, product

PLACES = ("weights_at", "sums_at", "splits")  # the kernel's parameters for where the buffers of a product are
# What the statements of a product define, with a number behind.
NAMES = (*PLACES, "places", "weight", "kept", "left", "sum", "own_places", "own_weight")


@dataclass(frozen=True)
class Tiled:
    """`out[row, columns] = sum over inner of left[row, inner] right[inner and columns, in some order]`, for each head.

    The right operand may have weights for each head, the left one numbers for each (`stacked`).
    """

    left: Value
    right: Value
    heads: str  # letters, as the result has them
    inner: str  # as the left operand has them
    out: str  # of the columns
    order: str  # of the right operand
    sizes: Mapping[str, Size]
    stacked: bool

    @property
    def columns(self) -> Size:
        """How many there are."""
        return product(tuple(self.sizes[x] for x in self.out))

    @property
    def summed(self) -> Size:
        """How many products are added up for an element."""
        return product(tuple(self.sizes[x] for x in self.inner))


@dataclass
class Multiplied:
    """The columns of a product that one item reads: for each feature of the item one in each slot. It is the kernel's
    product of that `number`; `behind` is the number behind its names."""

    number: int
    behind: int
    value: Value
    tiled: Tiled
    features: Size
    share: str
    slots: list[str] = field(default_factory=list[str])  # the column, as an expression of the feature `f`

    @property
    def left(self) -> Value:
        """The operand that all blocks of a team read."""
        return self.tiled.left

    def slot(self, column: str) -> int:
        """The slot of a column."""
        if column not in self.slots:
            self.slots.append(column)
        return self.slots.index(column)

    def names(self) -> tuple[str, ...]:
        """The kernel's parameters for where its buffers are."""
        return tuple(f"{what}_{self.behind}" for what in PLACES)

    def weights(self, e: Elements) -> list[str]:
        """Statements before the loop: the function of a weight, and the weights that stay in registers."""
        kernel, number, share = e.kernel, self.behind, self.share
        start = len(kernel.lines)
        where = ", ".join([*self.names(), "left_at", "stage_at", "chunk"])
        kernel.line(f"const Places places_{number} = {{{where}}};")
        head = "long long head, " if self.tiled.heads else ""
        with kernel.braces(f"const auto weight_{number} = [&]({head}int k, int column) -> item", ";"):
            kernel.line(f"const long long f = {share}.first + column % {share}.share;")
            kernel.line(f"if (f >= {kernel.size(self.features)}) return item{{}};")
            *others, last = self.slots
            choice = "".join(f"column < {many(place, share)} ? {text} : " for place, text in enumerate(others, start=1))
            kernel.line(f"const long long c = {choice}{last};")
            kernel.line(f"if (c < 0 || c >= {kernel.size(self.tiled.columns)}) return item{{}};")
            at: dict[str, str] = {}
            for letters, number_along in ((self.tiled.heads, "head"), (self.tiled.inner, "k"), (self.tiled.out, "c")):
                sizes = [kernel.size(self.tiled.sizes[x]) for x in letters]
                at |= zip(letters, e.parted(sizes, number_along), strict=True)
            home = e.homes(self.tiled.right)
            assert home is not None
            place = e.flat(self.tiled.right.type, [at[x] for x in self.tiled.order])
            kernel.line(f"return {e.pointer(home, self.tiled.right)}[{place}];")
        kernel.line(f"Kept<item, InRegisters<{self.number}>> kept_{number};")
        self._for_heads(kernel, "kept_{number}.fill(smem, {places}, {summed}, {columns}, {weight}, {head});")
        lines = kernel.lines[start:]
        del kernel.lines[start:]
        return lines

    def rest(self, kernel: Kernel) -> list[str]:
        """Statements behind those of all products: the weights that stay in shared memory, where others were on their
        way to registers."""
        start = len(kernel.lines)
        self._for_heads(kernel, "keep_weights<item>(smem, {places}, {summed}, {columns}, kept_{number}, {weight});")
        lines = kernel.lines[start:]
        del kernel.lines[start:]
        return lines

    def multiply(self, e: Elements, left: Callable[[Value, str, str, str], str]) -> list[str]:
        """Statements of an item: the sums of its columns. `left` gives the operand from a place in a row on."""
        kernel, number = e.kernel, self.behind
        start, columns = len(kernel.lines), self._columns
        summed = stride = kernel.size(self.tiled.summed)
        home = e.homes(self.left)
        assert home is not None
        row = "team.first + pass"
        if home.index:
            row = f"{e.step()} * {e.rows()} + {row}"
        first = f"({row}) * {summed}"
        if self.tiled.stacked:
            heads = kernel.size(product(tuple(self.tiled.sizes[x] for x in self.tiled.heads)))
            first, stride = f"(({row}) * {heads} + head) * {summed}", f"{heads} * {summed}"
        found = left(self.left, "team.first + pass", first, stride)
        kernel.line(f"const Left<item> left_{number} = {found};")
        whole = _int(summed)
        places, weight = self._of_head(kernel, whole, columns)
        kernel.line(f"const Sums<real> sum_{number} = multiply<item, real>(")
        kernel.line(
            f"    smem, {places}, count, {whole}, {columns}, left_{number}, kept_{number}, {self._head}, {weight});"
        )
        lines = kernel.lines[start:]
        del kernel.lines[start:]
        return lines

    @property
    def _columns(self) -> str:
        return many(len(self.slots), self.share)

    @property
    def _head(self) -> str:
        """Which of the team's heads a statement is for."""
        return "own_head" if self.tiled.heads else "0"

    def _for_heads(self, kernel: Kernel, statement: str) -> None:
        """A statement for each of the team's heads, where there are heads."""
        summed, columns = _int(kernel.size(self.tiled.summed)), self._columns
        heads = self.tiled.heads
        with kernel.braces("for (int own_head = 0; own_head < team.heads; ++own_head)") if heads else kernel.apart(0):
            if heads:
                kernel.line("const long long head = team.first_head + own_head;")
            places, weight = self._of_head(kernel, summed, columns)
            found = {"number": self.behind, "places": places, "weight": weight, "head": self._head}
            kernel.line(statement.format(summed=summed, columns=columns, **found))

    def _of_head(self, kernel: Kernel, summed: str, columns: str) -> tuple[str, str]:
        """Where buffers are, and the function of a weight: at the variable `head`, where there are heads."""
        number, places, weight = self.behind, f"places_{self.behind}", f"weight_{self.behind}"
        if not self.tiled.heads:
            return places, weight
        own = f"places_of_head<item>({places}, own_head, {summed}, {columns}, kept_{number})"
        kernel.line(f"const Places own_places_{number} = {own};")
        own = f"[&](int k, int column) {{ return {weight}(head, k, column); }}"
        kernel.line(f"const auto own_weight_{number} = {own};")
        return f"own_{places}", f"own_{weight}"


def _int(size: str) -> str:
    """A size that fits into an int."""
    return size if size.isdecimal() else f"(int){size}"


def many(count: int, share: str) -> str:
    """So many times the columns of a block."""
    return f"{count} * {share}.share" if count > 1 else f"{share}.share"


def tiled(op: Op, block: Straight, many: int, computed: Container[str]) -> Tiled | str:
    """The product that an operation is, with so `many` axes of heads; where blocks of a team cannot have their own
    columns of it, the reason. `computed` are the arrays that the loop writes."""
    if product_of(op) is None:
        return "it is none"
    if not op.out.type.batch or op.out.type.time or not op.out.type.rank:
        return "its result has no rows with features"
    attrs = Attrs(op)
    letters = {arg: attrs.text(key) for arg, key in zip(op.args, ("a", "b"), strict=True)}
    batched = [arg for arg in op.args if arg.type.batch]
    if len(letters) != 2 or len(batched) != 1:
        return "both operands have rows of their own"
    if any(arg in block.numbers or arg.type.time for arg in op.args):
        return "an operand is a number or a sequence"
    left = batched[0]
    right = next(arg for arg in op.args if arg is not left)
    home, out = block.home(right), attrs.text("out")
    if home is None or home.array in computed:
        return "its weights are computed in the loop"
    if any(found and found.wide for found in map(block.home, op.args)):
        return "an operand is held as it is computed, not as arrays hold it"
    heads, columns = out[:many], out[many:]
    stacked = bool(heads) and letters[left].startswith(heads)
    inner = letters[left][len(heads) :] if stacked else letters[left]
    if not columns or any(x in out or x not in letters[right] for x in inner):
        return "the two operands share an axis of the result"
    sizes = {x: size for arg, word in letters.items() for x, size in zip(word, arg.type.shape, strict=True)}
    return Tiled(left, right, heads, inner, columns, letters[right], sizes, stacked)
