"""Products of data with weights, their patterns in one normal form, and the packing of several into one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from rnnc.ir.program import Axis, Op, Value
from rnnc.ir.size import ONE, Size
from rnnc.passes.analysis.blockgraph import BlockGraph
from rnnc.passes.analysis.freedom import is_weight

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, eq=False)
class Product:
    """`contract` of data and a weight. Letters are renamed: the data's in order, then those that the output adds."""

    op: Op
    data: Value
    weight: Value
    data_letters: str
    weight_letters: str
    out_letters: str

    @cached_property
    def normal_letters(self) -> str:
        """The letters of the weight in normal order: those of the data first, the new ones in order of the output."""
        return "".join(sorted(self.weight_letters))

    @property
    def pack_letter(self) -> str | None:
        """The last axis of the output that the weight alone brings: the one along which weights are joined."""
        new = [letter for letter in self.out_letters if letter not in self.data_letters]
        return new[-1] if new else None

    def weight_axis(self, letter: str) -> Axis:
        """The weight's axis for a letter."""
        return self.weight.type.axes[self.weight_letters.index(letter)]


def as_product(op: Op, constant: Callable[[Value], bool]) -> Product | None:
    """The operation as a product of data with a weight; None where neither or each operand is a weight."""
    if op.name != "contract" or op.attr("reduce") != "":
        return None
    first, second = op.args
    weights = [is_weight(arg.type) and constant(arg) for arg in op.args]
    if weights[0] == weights[1]:
        return None
    letters = (str(op.attr("a")), str(op.attr("b")))
    data_letters, weight_letters = letters if weights[1] else letters[::-1]
    data, weight = (first, second) if weights[1] else (second, first)
    names: dict[str, str] = {}
    for letter in data_letters + str(op.attr("out")) + weight_letters:
        names.setdefault(letter, LETTERS[len(names)])

    def renamed(text: str) -> str:
        return "".join(names[letter] for letter in text)

    return Product(op, data, weight, renamed(data_letters), renamed(weight_letters), renamed(str(op.attr("out"))))


def pack(graph: BlockGraph, products: Sequence[Product], packed: dict[object, Value]) -> None:
    """Make one product of several that share the data, the pattern and all sizes but that of the packed axis.

    The packed weight is the members' weights side by side; `packed` remembers it, so that products that share weights
    share the packed one too. The members' values are then pieces of the packed product.
    """
    first = products[0]
    place = graph.place(first.op)
    spans = frozenset(span for product in products for span in product.op.spans)
    letter = first.pack_letter
    letters = first.weight_letters if _same_order(products) else first.normal_letters
    out_letters = first.out_letters
    if letter is None:
        letter = LETTERS[len(set(first.data_letters + first.weight_letters))]
        letters, out_letters = letters + letter, out_letters + letter
    axis = letters.index(letter)

    weights = tuple(product.weight for product in products)
    key = (weights, letters)
    weight = packed.get(key)
    if weight is None:
        arranged = [_arranged(graph, place, product, letters) for product in products]
        name = joined_name(weights)
        weight = packed[key] = graph.op_at(place, "concat", *arranged, axis=axis, spans=spans, hint=name)
    sizes = tuple(p.weight_axis(letter).size if letter in p.weight_letters else ONE for p in products)
    whole = graph.op_at(
        place, "contract", first.data, weight,
        a=first.data_letters, b=letters, out=out_letters, reduce="",
        spans=spans, hint=joined_name([p.op.out for p in products]),
    )  # fmt: skip
    for product in products:
        graph.remove(product.op)
    outs = tuple(product.op.out for product in products)
    if out_letters == first.out_letters:
        graph.ops_at(place, "split", whole, defines=outs, axis=out_letters.index(letter), sizes=sizes, spans=spans)
    else:
        pieces = graph.ops_at(place, "split", whole, axis=len(out_letters) - 1, sizes=sizes, spans=spans)
        for piece, out in zip(pieces, outs, strict=True):
            graph.op_at(place, "reshape", piece, defines=out, axes=out.type.axes, spans=spans)


def packed_sizes(products: Sequence[Product]) -> str:
    """The shape of the packed weight, for people: `[input, 4 * units]`."""
    first = products[0]
    letter = first.pack_letter
    shown: list[str] = []
    for member in first.normal_letters:
        size = first.weight_axis(member).size
        if letter is not None and member == letter:
            size = sum((product.weight_axis(letter).size for product in products), Size.of(0))
        shown.append(str(size))
    if letter is None:
        shown.append(str(len(products)))
    return f"[{', '.join(shown)}]"


def _same_order(products: Sequence[Product]) -> bool:
    return all(product.weight_letters == products[0].weight_letters for product in products)


def _arranged(graph: BlockGraph, place: float, product: Product, letters: str) -> Value:
    """A weight with its axes in the order of the letters, and an axis of size 1 for one that it lacks."""
    weight = product.weight
    own = [letter for letter in letters if letter in product.weight_letters]
    if "".join(own) != product.weight_letters:
        perm = tuple(product.weight_letters.index(letter) for letter in own)
        weight = graph.op_at(place, "transpose", weight, perm=perm, spans=product.op.spans, hint=weight.name)
    if len(own) != len(letters):
        axes = (*weight.type.axes, Axis("one", ONE))
        weight = graph.op_at(place, "reshape", weight, axes=axes, spans=product.op.spans, hint=weight.name)
    return weight


def joined_name(values: Sequence[Value]) -> str:
    """A name for what is made of several values."""
    names = list(dict.fromkeys(value.name for value in values if value.name))
    return "_".join(names) if len(names) <= 4 else f"{names[0]}_to_{names[-1]}"
