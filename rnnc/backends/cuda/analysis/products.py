"""Which contractions are products of matrices, how the library gets them, and which windows only these read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rnnc.backends.functions import BATCH, TIME, lead_letters
from rnnc.backends.sizes import times
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import DType, Loop, Node, Op, Value, reads
from rnnc.ir.size import Size

WINDOWS = frozenset({"patches", "cuda.spread"})


@dataclass(frozen=True)
class Product:
    """`out = left @ right` after both were put into order: letters of axes, in groups.

    `left` and `right` are the letters of the operands as they are (`swapped`: the second operand comes first).
    """

    left: str
    right: str
    out: str
    stack: str
    rows: str
    inner: str
    columns: str
    swapped: bool

    def text(self, left: str, right: str, goal: str, size: Callable[[str], str]) -> str:
        """The line that writes the product of two arrays into a third one. `size` gives that of a letter."""
        first, second = (right, left) if self.swapped else (left, right)
        a = _arranged(first, self.left, [self.stack, self.rows, self.inner], size)
        b = _arranged(second, self.right, [self.stack, self.inner, self.columns], size)
        if _in_place(self.out, (self.rows, self.columns)):
            return f"launch.product({a}, {b}, {_arranged(goal, self.out, [self.stack, self.rows, self.columns], size)})"
        natural = self.stack + self.rows + self.columns
        text = f"launch.multiplied({a}, {b}).reshape({', '.join(size(letter) for letter in natural)})"
        return f"{goal}[...] = {text}.transpose({', '.join(str(natural.index(x)) for x in self.out)})"

    @property
    def in_place(self) -> bool:
        """Whether matrices are in their arrays as they are: no copy is made of them, nor of the result."""
        return (
            _in_place(self.left, (self.stack, self.rows, self.inner))
            and _in_place(self.right, (self.stack, self.inner, self.columns))
            and _in_place(self.out, (self.stack, self.rows, self.columns))
        )


def product_of(op: Node) -> Product | None:
    """The matrices of a contraction; None where one side has no axis of its own, or nothing is summed."""
    if not isinstance(op, Op) or op.name != "contract" or any(arg.type.dtype is not DType.FLOAT for arg in op.args):
        return None
    attrs = Attrs(op)
    left, right = (lead_letters(a.type) + attrs.text(key) for a, key in zip(op.args, ("a", "b"), strict=True))
    out = lead_letters(op.out.type) + attrs.text("out")
    if any(x not in right + out for x in left) or any(x not in left + out for x in right):
        return None  # an axis that is summed alone
    stack = "".join(x for x in out if x in left and x in right)
    inner = "".join(x for x in left if x in right and x not in stack)
    rows = "".join(x for x in out if x in left and x not in stack)
    columns = "".join(x for x in out if x in right and x not in stack)
    if not inner or not rows or not columns:
        return None
    if out == stack + columns + rows:
        return Product(right, left, out, stack, columns, inner, rows, swapped=True)
    return Product(left, right, out, stack, rows, inner, columns, swapped=False)


def by_letter(op: Op, time: str, batch: str, size: Callable[[Size], str]) -> dict[str, str]:
    """The sizes of all axes of a contraction, by letters."""
    found = {TIME: time, BATCH: batch}
    for arg, key in zip(op.args, ("a", "b"), strict=True):
        found |= dict(zip(Attrs(op).text(key), map(size, arg.type.shape), strict=True))
    return found


def windows(nodes: Sequence[Node], results: Iterable[Value]) -> set[Value]:
    """The windows that only products read: those need not be in memory."""
    found = {node.out for node in nodes if isinstance(node, Op) and node.name in WINDOWS}.difference(results)
    for node in nodes:
        if isinstance(node, Loop) or product_of(node) is None:
            found.difference_update(reads(node))
    return found


def _in_place(letters: str, groups: Sequence[str]) -> bool:
    """Whether the axes of each group follow one another in an array, so that they are one axis of it."""
    return all(group in letters for group in groups)


def _arranged(text: str, letters: str, groups: Sequence[str], size: Callable[[str], str]) -> str:
    """An array with its axes in groups, each of rows, columns and summed axes as one axis."""
    wanted = "".join(groups)
    if letters != wanted:
        text += f".transpose({', '.join(str(letters.index(x)) for x in wanted)})"
    stack, *matrix = groups
    if any(len(group) != 1 for group in matrix):
        merged = [times(map(size, group)) for group in matrix]
        text += f".reshape({', '.join([*map(size, stack), *merged])})"
    return text
