"""Sums of products: every contraction is one `np.dot` of two matrices, or one `np.matmul` of stacks of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rnnc.backends.functions import BATCH, TIME, lead_letters
from rnnc.backends.numpy.emitter import DTYPES, Emitter, Place
from rnnc.backends.numpy.spelling.entry import spells
from rnnc.backends.numpy.views import Index, Reshape, Step, Transpose
from rnnc.backends.sizes import times
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import DType, Op


@dataclass(frozen=True)
class Lettered:
    """A place whose axes have letters."""

    place: Place
    letters: str
    sizes: dict[str, str]
    dtype: DType

    def through(self, *steps: Step, letters: str, contiguous: bool) -> Lettered:
        place = Place(self.place.root, (*self.place.steps, *steps), self.place.contiguous and contiguous)
        return replace(self, place=place, letters=letters)


@spells("contract")
def _contract(e: Emitter, op: Op) -> None:
    attrs = Attrs(op)
    a, b = op.args
    letters_a, letters_b = lead_letters(a.type) + attrs.text("a"), lead_letters(b.type) + attrs.text("b")
    letters_out = lead_letters(op.out.type) + attrs.text("out")
    sizes = {
        letter: text
        for value, letters in ((a, letters_a), (b, letters_b))
        for letter, text in zip(letters, e.shape(value.type), strict=True)
    }
    left = _summed(e, Lettered(e.place(a), letters_a, sizes, a.type.dtype), set(letters_b) | set(letters_out), op)
    right = _summed(e, Lettered(e.place(b), letters_b, sizes, b.type.dtype), set(letters_a) | set(letters_out), op)
    shared = [x for x in left.letters if x in right.letters]
    stack = [x for x in letters_out if x in shared]
    inner = [x for x in left.letters if x in shared and x not in stack]
    rows = [x for x in letters_out if x in left.letters and x not in stack]
    columns = [x for x in letters_out if x in right.letters and x not in stack]
    left, right = _alike(e, left, op), _alike(e, right, op)
    if not inner:
        _outer(e, op, left, right, letters_out)
        return
    if stack:
        if not (rows and columns):
            spread = _spread(left, stack, inner, rows) | _spread(right, stack, inner, columns)
            stack = [x for x in letters_out if x in spread or x in stack]
            rows, columns = ([x for x in group if x not in spread] for group in (rows, columns))
        _stacked(e, op, left, right, stack, rows, inner, columns, letters_out)
    elif columns and rows and letters_out == "".join(columns + rows):
        _matrices(e, op, right, left, columns, inner, rows, letters_out)
    else:
        _matrices(e, op, left, right, rows, inner, columns, letters_out)


def _summed(e: Emitter, x: Lettered, kept: set[str], op: Op) -> Lettered:
    """The operand without the axes that nothing else has: they are summed first."""
    lonely = [i for i, letter in enumerate(x.letters) if letter not in kept]
    if not lonely:
        return x
    letters = "".join(letter for letter in x.letters if letter in kept)
    total = e.temporary([x.sizes[i] for i in letters], DTYPES[op.out.type.dtype], "total")
    source = e.view_of(x.place)
    e.line(f"np.add.reduce({source}, axis=({', '.join(map(str, lonely))},), out={e.view_of(total)})")
    return Lettered(total, letters, x.sizes, op.out.type.dtype)


def _alike(e: Emitter, x: Lettered, op: Op) -> Lettered:
    """The operand in the result's type: a product of whole numbers and floats of 32 bits would be one of 64."""
    return x if x.dtype is op.out.type.dtype else _copied(e, x, x.letters, op)


def _outer(e: Emitter, op: Op, left: Lettered, right: Lettered, out: str) -> None:
    """No axis is summed: a product of two arrays in line."""
    e.call("np.multiply", [_inline(e, left, out), _inline(e, right, out)], op.out)


def _inline(e: Emitter, x: Lettered, out: str) -> str:
    wanted = "".join(letter for letter in out if letter in x.letters)
    steps: list[Step] = []
    if wanted != x.letters:
        steps.append(Transpose(tuple(x.letters.index(letter) for letter in wanted)))
    items = tuple(":" if letter in x.letters else "None" for letter in out)
    if "None" in items[_first_present(items) :]:
        steps.append(Index(items))
    return e.view_of(x.place, *steps)


def _first_present(items: Sequence[str]) -> int:
    return items.index(":") if ":" in items else len(items)


def _matrices(
    e: Emitter, op: Op, left: Lettered, right: Lettered, rows: list[str], inner: list[str], columns: list[str], out: str
) -> None:
    """`out[rows, columns] = left[rows, inner] @ right[inner, columns]`, each group of axes merged into one."""
    natural = "".join(rows + columns)
    plain = len(rows) == len(inner) == len(columns) == 1 and _lies_in_rows(left)
    if plain and natural == out and e.destination(op.out).contiguous:
        second = _reordered(right, "".join(inner + columns))
        e.product(_matrix(e, left, rows, inner, op), right.place, second, op.out)
        return
    first = _matrix(e, left, rows, inner, op)
    second = _matrix(e, right, inner, columns, op)
    merged = tuple(times(left.sizes[letter] for letter in group) for group in (rows, columns) if group)
    whole = tuple(left.sizes[letter] for letter in natural)
    contiguous = e.destination(op.out).contiguous
    if natural == out and (contiguous or (merged == whole and len(merged) == 2)):
        function = "np.dot" if contiguous else "np.matmul"  # np.dot fills contiguous arrays only
        e.call(function, [first, second], op.out, None if merged == whole else merged)
        return
    product = e.temporary(merged, DTYPES[op.out.type.dtype], "product")
    e.store("np.dot", [first, second], e.view_of(product))
    order = Transpose(tuple(natural.index(letter) for letter in out))
    e.line(f"{e.write(op.out)}[...] = {e.view_of(product, Reshape(whole), order)}")


def _matrix(e: Emitter, x: Lettered, first: list[str], second: list[str], op: Op) -> str:
    """The operand as a matrix (a vector where one group is empty), a view wherever that is possible."""
    groups = [group for group in (first, second) if group]
    shape = tuple(times(x.sizes[letter] for letter in group) for group in groups)
    wanted = "".join(first + second)
    if all(len(group) == 1 for group in groups):  # no axes to merge: strides do not matter
        return e.operand(x.place, *_reordered(x, wanted))
    swapped = "".join(second + first)
    if x.letters == swapped and x.place.contiguous and wanted != swapped:
        return e.operand(x.place, Reshape(shape[::-1]), Transpose((1, 0)))
    if x.letters != wanted or not x.place.contiguous:
        x = _copied(e, x, wanted, op)
    return e.view_of(x.place, Reshape(shape))


def _lies_in_rows(x: Lettered) -> bool:
    """Whether neighbours on the last axis are neighbours in memory."""
    return all(isinstance(step, Index) and "::-1" not in step.items for step in x.place.steps)


def _reordered(x: Lettered, wanted: str) -> tuple[Step, ...]:
    return () if x.letters == wanted else (Transpose(tuple(x.letters.index(letter) for letter in wanted)),)


def _copied(e: Emitter, x: Lettered, wanted: str, op: Op) -> Lettered:
    """A contiguous copy with the axes in another order."""
    fresh = e.temporary([x.sizes[letter] for letter in wanted], DTYPES[op.out.type.dtype], "ordered")
    e.line(f"{e.view_of(fresh)}[...] = {e.view_of(x.place, *_reordered(x, wanted))}")
    return Lettered(fresh, wanted, x.sizes, op.out.type.dtype)


def _stacked(
    e: Emitter,
    op: Op,
    left: Lettered,
    right: Lettered,
    stack: list[str],
    rows: list[str],
    inner: list[str],
    columns: list[str],
    out: str,
) -> None:
    """One product of matrices for every element of the axes that both operands keep."""
    sizes = left.sizes
    first = _stack(e, left, stack, rows, inner, op)
    second = _stack(e, right, stack, inner, columns, op)
    natural = "".join(stack + rows + columns)
    stacked = tuple(sizes[letter] for letter in stack)
    matrix = (*stacked, *(times(map(sizes.__getitem__, letters)) for letters in (rows, columns)))
    whole = tuple(sizes[letter] for letter in natural)
    if matrix == whole or (natural == out and e.destination(op.out).contiguous):
        steps: list[Step] = []
        if natural != out:
            steps.append(Transpose(tuple(out.index(letter) for letter in natural)))
        if matrix != whole:
            steps.append(Reshape(matrix))
        e.store("np.matmul", [first, second], e.write(op.out, *steps))
        return
    product = e.temporary(matrix, DTYPES[op.out.type.dtype], "product")
    e.store("np.matmul", [first, second], e.view_of(product))
    order = Transpose(tuple(natural.index(letter) for letter in out))
    e.line(f"{e.write(op.out)}[...] = {e.view_of(product, Reshape(whole), order)}")


def _spread(x: Lettered, stack: list[str], inner: list[str], own: list[str]) -> set[str]:
    """Of the axes that `x` alone has, all but the innermost, where the other operand has vectors only and these axes do
    not lie one beside the other: a product for each of them takes no longer than to copy `x` together."""
    lies = x.place.contiguous and x.letters in ("".join(stack + own + inner), "".join(stack + inner + own))
    if len(own) < 2 or len(inner) != 1 or not {TIME, BATCH}.isdisjoint(own) or lies:
        return set()
    return {*own} - {max(own, key=x.letters.index)}


def _stack(e: Emitter, x: Lettered, stack: list[str], first: list[str], second: list[str], op: Op) -> str:
    """The operand as [*stack, rows, columns], with size 1 where it has no such axis."""
    wanted = "".join(letter for letter in stack + first + second if letter in x.letters)
    if len(first) <= 1 and len(second) <= 1:
        steps = _reordered(x, wanted)
        items = (
            *(":" if letter in x.letters else "None" for letter in stack),
            *(":" if group else "None" for group in (first, second)),
        )
        return e.view_of(x.place, *steps, Index(items)) if "None" in items else e.operand(x.place, *steps)
    if x.letters != wanted or not x.place.contiguous:
        x = _copied(e, x, wanted, op)
    shape = (*map(x.sizes.__getitem__, stack), *(times(map(x.sizes.__getitem__, g)) for g in (first, second)))
    return e.view_of(x.place, Reshape(shape))
