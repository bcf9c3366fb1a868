"""Outer products: a factor of one is multiplied into the operand that has its axes, which is smaller than the product.

    mul(s, contract(v, k; "a", "b" -> "ab"))   =>   contract(v, mul(s, k); "a", "b" -> "ab")

`g * outer(v, k)` is how a gate lets something into a matrix. Written so, it goes over the matrix twice, and the
derivative by the gate asks for the outer product, of all steps. The other way the factor costs as much as the operand,
which often leaves the loop with it. An outer product that something else reads as well is needed anyway, and stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.contraction import sums_nothing
from rnnc.ir.operations.shapes import with_ones
from rnnc.ir.program import Axis, DType, Op, Program, Value
from rnnc.passes.analysis.blockgraph import BlockGraph
from rnnc.passes.analysis.extent import features, outgrows
from rnnc.passes.analysis.freedom import Freedom
from rnnc.passes.manager import PassContext, compiler_pass
from rnnc.passes.rewrites.blocks import rewrite_blocks
from rnnc.passes.rewrites.stretched import bare, leads_fit, own_letters, reshaped


@compiler_pass
def outer(program: Program, context: PassContext) -> Program:
    """A factor of an outer product is multiplied into one of its operands."""
    return rewrite_blocks(program, lambda block: _take_in_factors(block.graph, block.levels, context))


@dataclass(frozen=True)
class _Place:
    """An operand that can take the factor in, with the letters of its axes; `own` are those of the factor."""

    number: int
    operand: Value
    letters: str
    own: str

    @property
    def order(self) -> str:
        return "".join(letter for letter in self.letters if letter in self.own)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Those of the factor beside the operand."""
        lacking = [i for i, letter in enumerate(self.letters) if letter not in self.own]
        return with_ones(self.operand.type, lacking) if self.own else ()


def _take_in_factors(graph: BlockGraph, level: dict[Value, Freedom], context: PassContext) -> None:
    for root in graph.ops("mul"):
        for arg, factor in (root.args, root.args[::-1]):
            product = graph.producing_op(arg, "contract")
            if product is None or arg.type != root.out.type or graph.only_reader(arg) is not root:
                continue
            places = list(_places(product, factor)) if sums_nothing(product) else []
            if places:
                place = min(places, key=lambda place: _price(graph, place, places, factor, level))
                _take_in(graph, root, product, factor, place, level)
                spans = root.spans.union(product.spans)
                before, after = features(arg.type), features(place.operand.type)
                message = f"a factor of an outer product of {before} numbers goes into an operand, which has {after}"
                context.remark("outer-factor", message, spans)
                break


def _places(product: Op, factor: Value) -> Iterator[_Place]:
    """The operands that have all axes of the factor, and fewer numbers than the product."""
    attrs, own = Attrs(product), own_letters(factor, Attrs(product).text("out"))
    for number, (key, operand) in enumerate(zip("ab", product.args, strict=True)):
        floats = factor.type.dtype is operand.type.dtype is DType.FLOAT
        fits = floats and set(own) <= set(attrs.text(key)) and leads_fit(factor, operand)
        if fits and outgrows(features(product.out.type), features(operand.type)):
            yield _Place(number, operand, attrs.text(key), own)


def _price(
    graph: BlockGraph, place: _Place, places: list[_Place], factor: Value, level: dict[Value, Freedom]
) -> tuple[Freedom, bool, bool]:
    """Best is where the product with the factor can leave the loop; then where the block has it; then what is small."""
    size = features(place.operand.type)
    larger = any(outgrows(size, features(other.operand.type)) for other in places)
    free = max(level.get(value, Freedom.CONSTANT) for value in (place.operand, factor))
    return free, _multiplied(graph, place, factor) is None, larger


def _multiplied(graph: BlockGraph, place: _Place, factor: Value) -> Value | None:
    """The operand times the factor, where the block has that."""
    for reader in graph.readers(place.operand) if place.order == place.own else ():
        if isinstance(reader, Op) and reader.name == "mul" and place.operand in reader.args:
            other = reader.args[1 if reader.args[0] is place.operand else 0]
            if other.type.axes == place.axes and bare(graph, other) is bare(graph, factor):
                return reader.out
    return None


def _take_in(
    graph: BlockGraph, root: Op, product: Op, factor: Value, place: _Place, level: dict[Value, Freedom]
) -> None:
    at, spans = graph.place(root), root.spans.union(product.spans)
    scaled = _multiplied(graph, place, factor)
    if scaled is None:
        if place.order != place.own:
            axes = dict(zip(place.letters, place.operand.type.axes, strict=True))
            factor = reshaped(graph, at, factor, tuple(axes[letter] for letter in place.own), spans)
            perm = tuple(place.own.index(letter) for letter in place.order)
            factor = graph.op_at(at, "transpose", factor, perm=perm, spans=root.spans, hint=factor.name)
        shaped = reshaped(graph, at, factor, place.axes, root.spans)
        scaled = graph.op_at(at, "mul", shaped, place.operand, spans=root.spans, hint=place.operand.name)
        level[scaled] = max(level.get(value, Freedom.CONSTANT) for value in (place.operand, factor))
    for op in (root, product):
        graph.remove(op)
    args = tuple(scaled if n == place.number else arg for n, arg in enumerate(product.args))
    attrs = Attrs(product)
    a, b, out = (attrs.text(key) for key in ("a", "b", "out"))
    graph.op_at(at, "contract", *args, defines=root.out, spans=spans, a=a, b=b, out=out, reduce="")
