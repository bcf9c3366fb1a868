"""Sums of products: one `tf.matmul` of two matrices, or of two stacks of matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rnnc.backends.functions import BATCH, TIME, lead_letters
from rnnc.backends.sizes import times
from rnnc.backends.tensorflow.block import Block
from rnnc.backends.tensorflow.spelling.entry import spells
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Op, Value


@dataclass(frozen=True)
class Lettered:
    """The expression of a tensor whose axes have letters; `sizes` are those of all letters."""

    text: str
    letters: str
    sizes: dict[str, str]

    def ordered(self, letters: str) -> Lettered:
        """With the axes in another order."""
        if letters == self.letters:
            return self
        order = [self.letters.index(letter) for letter in letters]
        return replace(self, text=f"tf.transpose({self.text}, {order})", letters=letters)

    def merged(self, groups: Sequence[str]) -> str:
        """With the axes of each group as one axis (of size 1 where it is empty)."""
        if all(len(group) == 1 for group in groups):
            return self.text
        return f"tf.reshape({self.text}, {_shape([times(map(self.sizes.__getitem__, g)) for g in groups], groups)})"


@spells("contract")
def _contract(b: Block, op: Op) -> str:
    attrs = Attrs(op)
    (a, letters_a), (c, letters_c) = (
        (value, lead_letters(value.type) + attrs.text(key)) for value, key in zip(op.args, ("a", "b"), strict=True)
    )
    out = lead_letters(op.out.type) + attrs.text("out")
    sizes = {TIME: b.time, BATCH: "B"}
    for value, letters in ((a, attrs.text("a")), (c, attrs.text("b"))):
        sizes |= dict(zip(letters, map(b.size, value.type.shape), strict=True))
    left = _summed(Lettered(b.aligned(a, a.type, op.out.type.dtype), letters_a, sizes), letters_c + out)
    right = _summed(Lettered(b.aligned(c, c.type, op.out.type.dtype), letters_c, sizes), letters_a + out)
    stack = _those(out, lambda x: x in left.letters and x in right.letters)
    inner = _those(left.letters, lambda x: x in right.letters and x not in stack)
    rows = _those(out, lambda x: x in left.letters and x not in stack)
    columns = _those(out, lambda x: x in right.letters and x not in stack)
    if not inner:
        return f"{_inline(left, out)} * {_inline(right, out)}"
    if not rows and not columns:
        products = f"{left.ordered(stack + inner).text} * {right.ordered(stack + inner).text}"
        total = f"tf.reduce_sum({products}, {list(range(len(stack), len(stack + inner)))})"
        return Lettered(total, stack, sizes).ordered(out).text
    if out == stack + columns + rows and rows and columns:
        left, right, rows, columns, c = right, left, columns, rows, a
    first, flag_a = _matrix(left, stack, rows, inner)
    second, flag_b = _matrix(right, stack, inner, columns)
    flags = ", transpose_a=True" if flag_a else ""
    if b.outside(c) and not (c.type.time or c.type.batch):
        ready = _weight(b, op, c, second, len(stack) if flag_b else None)
        if op.out in b.frame.apart:
            product = f"{b.helper('_times_apart')}({first}, {ready}{flags})"
            return product if len(rows) == 1 else f"{b.helper('_unmerged')}({product}, [{_listed(sizes, rows)}])"
        product = f"{b.helper('_times')}({first}, {ready}{flags})"
    elif TIME in inner and not stack and not flag_b:
        product = f"{b.helper('_summed')}({first}, {second}{flags})"
    else:
        product = f"tf.matmul({first}, {second}{flags}{', transpose_b=True' if flag_b else ''})"
    natural = stack + rows + columns
    if len(rows) != 1 or len(columns) != 1:
        product = f"tf.reshape({product}, [{_listed(sizes, natural)}])"
    return Lettered(product, natural, sizes).ordered(out).text


def _weight(b: Block, op: Op, weight: Value, matrix: str, swapped: int | None) -> str:
    """The second operand of a product, prepared once, outside of loops; with the axes from `swapped` on exchanged."""
    if swapped is not None:
        matrix = f"tf.transpose({matrix}, {[*range(swapped), swapped + 1, swapped]})"
    bias = b.frame.biases.get(op.out)
    more = "" if bias is None else f", {b.read(bias)}"
    return b.prepared(weight, f"{b.helper('_ready')}({matrix}{more})", op.spans)


def _listed(sizes: dict[str, str], letters: str) -> str:
    return ", ".join(sizes[letter] for letter in letters)


def _those(letters: str, wanted: Callable[[str], bool]) -> str:
    return "".join(filter(wanted, letters))


def _summed(x: Lettered, kept: str) -> Lettered:
    """The operand without the axes that nothing else has: they are summed first."""
    lonely = [i for i, letter in enumerate(x.letters) if letter not in kept]
    if not lonely:
        return x
    letters = "".join(letter for letter in x.letters if letter in kept)
    return Lettered(f"tf.reduce_sum({x.text}, {lonely})", letters, x.sizes)


def _inline(x: Lettered, out: str) -> str:
    """The operand in line with the result, whose axes it has some of."""
    found = x.ordered("".join(letter for letter in out if letter in x.letters))
    items = [":" if letter in x.letters else "tf.newaxis" for letter in out]
    first = items.index(":") if ":" in items else len(items)
    if "tf.newaxis" not in items[first:]:
        return found.text
    return f"{found.text}[{', '.join(items[first:])}]"


def _matrix(x: Lettered, stack: str, first: str, second: str) -> tuple[str, bool]:
    """The operand as [*stack, first, second], or as its transpose where that costs nothing."""
    swapped = x.letters == stack + second + first and x.letters != stack + first + second
    groups = [second, first] if swapped else [first, second]
    return x.ordered(stack + "".join(groups)).merged([*stack, *groups]), swapped


def _shape(sizes: Sequence[str], groups: Sequence[str]) -> str:
    """A shape; steps and rows that are one axis need not be multiplied: TensorFlow finds their number."""
    texts = list(sizes)
    for i, group in enumerate(groups):
        if TIME in group and len(group) > 1:
            texts[i] = "-1"
            break
    return f"[{', '.join(texts)}]"
