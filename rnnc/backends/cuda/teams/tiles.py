"""Products of values of the batch with weights, which a team multiplies where their elements are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rnnc.backends.cuda.products import product_of
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Op, Value
from rnnc.ir.size import Size, product

if TYPE_CHECKING:
    from rnnc.backends.cuda.elements import Elements
    from rnnc.backends.cuda.teams.block import TeamBlock


@dataclass(frozen=True)
class Tiled:
    """`out[row, columns] = sum over inner of left[row, inner] right[inner and columns, in some order]`."""

    left: Value
    right: Value
    inner: str  # letters, as the left operand has them
    out: str
    order: str  # letters of the right operand
    sizes: Mapping[str, Size]

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
    """The columns of a product that one item reads: for each feature of the item one in each slot."""

    number: int
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
        return tuple(f"{what}_{self.number}" for what in ("weights_at", "sums_at", "splits"))

    def weights(self, e: Elements) -> list[str]:
        """Statements before the loop: the function of a weight, and the weights brought into shared memory."""
        kernel, number, share = e.kernel, self.number, self.share
        start, columns = len(kernel.lines), f"{len(self.slots)} * {share}.share"
        where = ", ".join([*self.names(), "left_at", "stage_at", "chunk"])
        kernel.line(f"const Places places_{number} = {{{where}}};")
        with kernel.braces(f"const auto weight_{number} = [&](int k, int column) -> item", ";"):
            kernel.line(f"const long long f = {share}.first + column % {share}.share;")
            kernel.line(f"if (f >= {kernel.size(self.features)}) return item{{}};")
            *others, last = self.slots
            choice = "".join(
                f"column < {place} * {share}.share ? {text} : " for place, text in enumerate(others, start=1)
            )
            kernel.line(f"const long long c = {choice}{last};")
            kernel.line(f"if (c < 0 || c >= {kernel.size(self.tiled.columns)}) return item{{}};")
            where = dict(zip(self.tiled.inner, self._parted(e, self.tiled.inner, "k"), strict=True))
            where |= zip(self.tiled.out, self._parted(e, self.tiled.out, "c"), strict=True)
            home = e.homes(self.tiled.right)
            assert home is not None
            place = e.flat(self.tiled.right.type, [where[x] for x in self.tiled.order])
            kernel.line(f"return {e.pointer(home, self.tiled.right)}[{place}];")
        summed = kernel.size(self.tiled.summed)
        kernel.line(f"keep_weights<item>(smem, places_{number}, (int){summed}, {columns}, weight_{number});")
        lines = kernel.lines[start:]
        del kernel.lines[start:]
        return lines

    def multiply(self, e: Elements) -> list[str]:
        """Statements of an item: the sums of its columns."""
        kernel, number = e.kernel, self.number
        start, columns = len(kernel.lines), f"{len(self.slots)} * {self.share}.share"
        summed = kernel.size(self.tiled.summed)
        home = e.homes(self.left)
        assert home is not None
        first = f"team.first + pass) * {summed}"
        if home.index:
            first = f"t * {e.rows()} + {first}"
        kernel.line(f"const item* const left_{number} = {e.pointer(home, self.left)} + ({first};")
        kernel.line(
            f"const Sums<real> sum_{number} = multiply<item, real>(smem, places_{number}, count, (int){summed},"
            f" {columns}, left_{number}, weight_{number});"
        )
        lines = kernel.lines[start:]
        del kernel.lines[start:]
        return lines

    def _parted(self, e: Elements, letters: str, place: str) -> Sequence[str]:
        return e.parted([e.kernel.size(self.tiled.sizes[x]) for x in letters], place)


def tiled(op: Op, block: TeamBlock) -> Tiled | str:
    """The product that an operation is; where blocks cannot have their own columns of it, the reason."""
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
    if home is None or home.array in block.owners:
        return "its weights are computed in the loop"
    if any(found and found.wide for found in map(block.home, op.args)):
        return "an operand is held as it is computed, not as arrays hold it"
    if any(x in out or x not in letters[right] for x in letters[left]):
        return "the two operands share an axis of the result"
    sizes = {x: size for arg, word in letters.items() for x, size in zip(word, arg.type.shape, strict=True)}
    return Tiled(left, right, letters[left], out, letters[right], sizes)
