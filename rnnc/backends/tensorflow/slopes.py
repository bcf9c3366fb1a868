"""Derivatives of tanh and sigmoid as the one operation that TensorFlow has for each.

    mul(d, sub(1, mul(y, y)))        =>  TanhGrad(y, d)
    mul(d, sub(y, mul(y, y)))        =>  SigmoidGrad(y, d)
    mul(concat(d, e), concat(s, t))  =>  concat of the two, where s and t are such differences

Each operation that is saved is a pass over a tensor, often of a whole sequence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import DType, Loop, Node, Op, Program, Value, walk
from rnnc.ir.rewrite import use_counts


@dataclass(frozen=True)
class Slope:
    """`d` times the derivative of an activation, which is a function of its result `y`."""

    function: str
    y: Value
    d: Value


@dataclass(frozen=True)
class Slopes:
    """Products that are slopes (several: side by side along an axis; one has none), and what they make needless."""

    products: dict[Value, tuple[tuple[Slope, ...], int | None]] = field(
        default_factory=dict[Value, tuple[tuple[Slope, ...], int | None]]
    )
    needless: set[Value] = field(default_factory=set[Value])

    def reads(self, nodes: tuple[Node, ...]) -> set[Value]:
        """What the text of nodes reads, of theirs and of what is around: of a slope no difference, but `y` and `d`."""
        found: set[Value] = set()
        for node in walk(nodes):
            if isinstance(node, Loop):
                found.update(node.args, (c.next for c in node.carries), (value for value, _ in node.ys))
            elif node.outs[0] in self.products:
                found.update(value for side in self.products[node.outs[0]][0] for value in (side.y, side.d))
            elif node.outs[0] not in self.needless:
                found.update(node.args)
        return found


def slopes(program: Program) -> Slopes:
    """All slopes of a program."""
    found = Slopes()
    _search(program.nodes, use_counts(program), found)
    return found


def _search(nodes: Sequence[Node], uses: Counter[Value], found: Slopes) -> None:
    makers = {node.out: node for node in nodes if isinstance(node, Op) and len(node.outs) == 1}
    block = _Block(makers, uses)
    for node in nodes:
        if isinstance(node, Loop):
            _search(node.body, uses, found)
        elif node.name == "mul":
            block.product(node, found)


@dataclass(frozen=True)
class _Block:
    """What makes each value of one block, and how often each is read."""

    makers: Mapping[Value, Op]
    uses: Counter[Value]

    def product(self, op: Op, found: Slopes) -> None:
        for d, s in (op.args, op.args[::-1]):
            if d.type != op.out.type or s.type != op.out.type:
                continue
            whole = self._slope(d, s)
            if whole is not None:
                found.products[op.out] = (whole[0],), None
                found.needless.update(whole[1])
                return
            ds, parts = self._only(d, "concat"), self._only(s, "concat")
            if ds is None or parts is None or [a.type for a in ds.args] != [a.type for a in parts.args]:
                continue
            pairs = [self._slope(a, b) for a, b in zip(ds.args, parts.args, strict=True)]
            sides = [pair for pair in pairs if pair is not None]
            if ds.attrs == parts.attrs and len(sides) == len(pairs):
                found.products[op.out] = tuple(slope for slope, _ in sides), Attrs(ds).integer("axis")
                found.needless.update((d, s), *(needless for _, needless in sides))
                return

    def _slope(self, d: Value, s: Value) -> tuple[Slope, tuple[Value, Value]] | None:
        """The slope that d * s is, with the values that it makes needless."""
        difference = self._only(s, "sub")
        if difference is None or s.type.dtype is not DType.FLOAT:
            return None
        minuend, squared = difference.args
        square = self._only(squared, "mul")
        if square is None or square.args[0] is not square.args[1]:
            return None
        y = square.args[0]
        if d.type != s.type or y.type != s.type:
            return None
        if minuend is y:
            return Slope("sigmoid", y, d), (s, squared)
        one = self.makers.get(minuend)
        if one is not None and one.name == "const" and Attrs(one).scalar("value") == 1:
            return Slope("tanh", y, d), (s, squared)
        return None

    def _only(self, value: Value, name: str) -> Op | None:
        """The operation of that name that makes a value which is read once."""
        maker = self.makers.get(value)
        return maker if maker is not None and maker.name == name and self.uses[value] == 1 else None
