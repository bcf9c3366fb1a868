"""From settled nodes to operations of the intermediate representation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from rnnc.diagnostics import Span
from rnnc.ir.operations import Builder, TypeMismatch
from rnnc.ir.program import AttrValue, Axis, Value
from rnnc.ir.size import Quotient, Size
from rnnc.semantics.shapes.nodes import RULES, Graph, Node, Rule, ShapeError, known
from rnnc.semantics.shapes.shaped import Shape, Shaped, show


@dataclass(eq=False)
class Site:
    """A random site: where a mask is drawn, or given, under a name."""

    name: str
    keep: float
    per: str  # "step" or "sequence"
    span: Span
    shape: Shape | None = None  # known once the body has been lowered

    def value(self, lowering: Lowering, shape: Shape, *, timed: bool) -> Value:
        """The mask at this place of the program, for a value with time or without."""
        self.shape = lowering.graph.resolve_all(shape)
        return lowering.mask(self, timed)


class LowersLayers(Protocol):
    """What builds a program knows what layers are in it: loops over time, or one step in place."""

    def apply(self, lowering: Lowering, node: Node) -> Value:
        """A cell on its inputs: the first of its outputs."""
        ...

    def picked(self, node: Node) -> Value:
        """One output of a layer."""
        ...

    def final(self, node: Node) -> Value:
        """A state of a layer after its last step."""
        ...

    def temporal(self, lowering: Lowering, node: Node) -> Value:
        """What is made of a whole sequence: one step of it, the turned sequence, a sum over time."""
        ...


class Lowering:
    """Lowers what `roots` need, each node once. `leaves` are given values (inputs, states, parameters, masks)."""

    def __init__(
        self,
        graph: Graph,
        builder: Builder,
        leaves: dict[Node, Value],
        mask: Callable[[Site, bool], Value],
        level: LowersLayers,
    ) -> None:
        self.graph = graph
        self.builder = builder
        self.values: dict[Node, Value] = dict(leaves)
        self.mask = mask  # of a random site, for a value with time or without
        self.hint = ""  # what values made now are called
        self.level = level  # what whole-sequence operations and layers become

    def run(self, roots: Sequence[Node]) -> None:
        """Depth first without recursion: chains of equations may be long. (Circles have been reported before.)"""
        for root in roots:
            stack: list[tuple[Node, int]] = [(root, 0)]
            while stack:
                node, position = stack.pop()
                if node in self.values or node.poisoned:
                    continue
                if position < len(node.args):
                    stack.append((node, position + 1))
                    stack.append((node.args[position], 0))
                else:
                    self._lower(node)

    def _lower(self, node: Node) -> None:
        if any(a.poisoned for a in node.args):
            node.poisoned = True
            return
        self.hint = node.called
        with self.builder.at(frozenset((node.span,))):
            try:
                self.values[node] = LOWERED[node.op](self, node)
            except TypeMismatch as error:
                self.graph.report(node, ShapeError("E310", _in_words(str(error), node.op), error.fix))
            except ShapeError as error:
                self.graph.report(node, error)

    # --- used by the rules ---

    def __getitem__(self, node: Node) -> Value:
        return self.values[node]

    def shape(self, node: Node) -> Shape:
        return self.graph.resolve_all(known(node))

    def axes(self, shape: Shape) -> tuple[Axis, ...]:
        return tuple(Axis(a.label, self.size(a)) for a in self.graph.resolve_all(shape))

    def size(self, axis: Shaped) -> Size:
        return self.graph.resolve(axis).size

    def constant(self, size: Size, span_text: str) -> int:
        """A size that must be a number by now."""
        value = self.graph.resolve_size(size).constant
        if value is None:
            raise ShapeError("E207", f"{span_text} must be a number here, not the open size `{size}`")
        return value

    def op(self, name: str, *args: Value, **attrs: AttrValue) -> Value:
        return self.builder.op(name, *args, hint=self.hint, **attrs)

    def aligned(self, node: Node, shape: Shape) -> Value:
        """The node's value with its axes in the places that they have in `shape` (sizes 1 elsewhere)."""
        own = self.shape(node)
        return align(self.graph, self.builder, self[node], own, self.graph.resolve_all(shape))


Lower = Callable[[Lowering, Node], Value]
LOWERED: dict[str, Lower] = {}


def operation(name: str, rule: Rule, lower: Lower) -> None:
    """Registers an operation of the language: how it finds its axes, and what it becomes."""
    RULES[name], LOWERED[name] = rule, lower


# What the language calls an operation.
_CALLED = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%", "floordiv": "//", "pow": "**", "neg": "-",
    "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=",
    "patches": "conv", "logical_and": "and", "logical_or": "or", "logical_not": "not",
    "where": "where", **{f"reduce_{name}": name for name in ("sum", "max", "min", "prod", "mean")},
}  # fmt: skip


_PRODUCTS = {"outer": "outer", "contract": "contract", "matmul": "@", "product": "linear", "convolve": "conv"}


def _in_words(message: str, op: str) -> str:
    """What an operation says of its types, under the name that the language has for it. `op`: what the node is."""
    name = message.partition(":")[0].partition(" ")[0]
    called = _PRODUCTS.get(op) if name == "contract" else _CALLED.get(name)
    return message.replace(name, f"`{called}`", 1) if called is not None else message


def align(graph: Graph, builder: Builder, value: Value, own: Shape, shape: Shape) -> Value:
    """`value` [own] arranged so that it broadcasts against `shape`."""
    if not own or graph.equal(own, shape):
        return value
    places = subset(graph, own, shape)
    if places is None:
        raise ShapeError("E301", f"{show(own)} does not fit into {show(shape)}")
    order = sorted(range(len(own)), key=lambda i: places[i])
    if order != list(range(len(own))):
        value = builder.op("transpose", value, perm=tuple(order))
    if len(own) == len(shape):
        return value
    sizes: list[Axis] = [Axis(a.label, Size.of(1)) for a in shape]
    for i in order:
        sizes[places[i]] = Axis(own[i].label, graph.resolve(own[i]).size)
    return builder.op("reshape", value, axes=tuple(sizes))


def check_per_row(input: Node, value: Value) -> None:
    """Refuse a sequence for an input that a cell or network takes once per row."""
    what: str | None = input.attrs.get("per_row")
    if what is not None and value.type.time:
        fix = "`last(y)` is one value; an input that changes from step to step is declared without `per row`"
        raise ShapeError("E313", f"{what} is one value per row, and what it is given is a sequence", fix)


def subset(graph: Graph, small: Shape, big: Shape) -> list[int] | None:
    """Where the labels of `small` stand in `big`; None where one is missing, doubtful or of another size."""
    labels = [a.label for a in big]
    places: list[int] = []
    for axis in small:
        if labels.count(axis.label) != 1:
            return None
        place = labels.index(axis.label)
        if place in places or not graph.compatible(axis, big[place]):
            return None
        places.append(place)
    return places


def join(graph: Graph, shapes: Sequence[Shape], names: Sequence[str]) -> Shape:
    """The shape of an elementwise operation on these shapes. Raises ShapeError E301 that names two in conflict."""
    given = [graph.resolve_all(s) for s in shapes]
    order = sorted((i for i, s in enumerate(given) if s), key=lambda i: -len(given[i]))  # the axes of all are in one
    if not order:
        return ()
    first, result = order[0], given[order[0]]
    for i in order[1:]:
        shape = given[i]
        if graph.equal(result, shape):
            result = graph.unify_all(result, shape)
        elif (places := subset(graph, shape, result)) is not None:
            for axis, place in zip(shape, places, strict=True):
                graph.unify(axis, result[place])
        else:
            (left, a), (right, b) = sorted(((first, result), (i, shape)), key=lambda side: side[0])
            raise ShapeError(
                "E301",
                f"{names[left]} is {show(a)} but {names[right]} is {show(b)}: elementwise operations want equal axes",
                _conflict_fix(a, b, names[left], names[right]),
                alike=frozenset((show(a), show(b))),
            )
    return result


def _two_sizes(a: Shaped, b: Shaped) -> str:
    """The remedy for one label of two sizes: an open one may be given."""
    there = f"`{a.label}` is {a.size} here and {b.size} there"
    for size, other in ((a.size, b.size), (b.size, a.size)):
        if other.constant is not None and str(size).isidentifier():
            return f"{there}: declare the axis as `{a.label}: {other}`, or give `{size} = {other}`"
    return f"{there}: give it one size, or the axes two labels"


def _by_size(part: Shape, whole: Shape, name: str) -> str | None:
    """The remedy for an axis that differs from one of the other side in its name only."""
    labels = {x.label for x in whole}
    lost = [x for x in part if x.label not in labels]
    if len(lost) != 1 or len(part) >= len(whole):
        return None
    same = [x for x in whole if x.size == lost[0].size and x.label not in {y.label for y in part}]
    text = name.strip("`") if name.startswith("`") and len(name) <= _LONGEST + 2 else "…"
    if len(same) != 1 or not same[0].label.isidentifier():
        return None
    axes = ", ".join(f"{same[0].label if x is lost[0] else x.label}: {x.size}" for x in part)
    return f"`relabel({text}, {axes})` calls its axis `{same[0].label}`, as that of the other is called"


def _by_stretch(whole: Shape, part: Shape) -> str | None:
    """The remedy for an axis of one place that has as many places on the other side."""
    long = {x.label: x for x in whole if x.size.constant != 1}
    short = next((x for x in part if x.size.constant == 1 and x.label in long), None)
    if short is None:
        return None
    places = f"{short.label}: {long[short.label].size}"
    return f"an axis of one place does not broadcast: give it all places where it is made, `expand(…, {places})`"


_LONGEST = 24  # of an expression that is repeated in a remedy


def _conflict_fix(a: Shape, b: Shape, name: str, other: str) -> str:
    if len(a) == len(b) and any(_is_rounded(x.size - y.size) for x, y in zip(a, b, strict=True)):
        return "`//` rounds, so these agree for some sizes only: give the sizes, or state the factors as parameters"
    if len(a) == len(b) == 1:
        if 1 in (a[0].size.constant, b[0].size.constant):
            return "`sum(…)` of an axis with one place is a number, which goes with everything"
        if a[0].label == b[0].label and a[0].strong and b[0].strong:
            return _two_sizes(a[0], b[0])
        if a[0].strong and b[0].strong:
            return f"give both one label (`relabel`), or for every pair: {_pairs(name, b[0])}"
        pairs = _pairs(name, b[0]) if b[0].label.isidentifier() else "`outer(a, b)`"
        return f"a weight matrix between them (`linear`), the same size for both, or for every pair: {pairs}"
    if len(a) == len(b) and all(x.size == y.size for x, y in zip(a, b, strict=True)):
        kept, text = (a, other) if len({x.label for x in a}) == len(a) else (b, name)
        text = text.strip("`") if text.startswith("`") and len(text) <= _LONGEST + 2 else "…"
        axes = ", ".join(f"{x.label}: {x.size}" if x.label.isidentifier() else str(x.size) for x in kept)
        fix = f"`relabel({text}, {axes})` calls the axes of the one as those of the other"
        more = [x for x in b if x.label not in {y.label for y in a}]
        if len(more) == 1 < len(a) and more[0].strong:
            return f"{fix}; for every pair of them: {_pairs(name, more[0])}"
        return fix
    for shape, text in ((a, name), (b, other)):
        twice = next((x for x in shape if sum(x.label == y.label for y in shape) > 1), None)
        if twice is not None and any(x.label == twice.label for x in (b if shape is a else a)):
            text = text if text.startswith("`") else "it"
            which = f"{text} has two axes `{twice.label}`, and only the names say which of them is meant"
            return f"{which}: give one a name of its own, `[other: {twice.label}, {twice.label}]`"
    fix = _by_stretch(a, b) or _by_stretch(b, a) or _by_size(a, b, name) or _by_size(b, a, other)
    if fix is not None:
        return fix
    more = [x for x in b if x.label not in {y.label for y in a}]
    if len(more) < len(b):
        if len(more) == 1 and more[0].label.isidentifier():
            return f"both have an axis that the other one lacks; for every pair of them: {_pairs(name, more[0])}"
        return (
            "an axis that only one of them has broadcasts if all axes of the other stand in it, under the same labels"
        )
    return "name the axes alike (`label: size`) where they are the same, or use `outer`, `expand` or `linear`"


def _pairs(name: str, axis: Shaped) -> str:
    """What is of every pair of an axis of `name` and another axis."""
    text = name.strip("`")
    text = text if len(text) <= _LONGEST and not text.startswith("argument ") else "a"
    return f"`outer(a, b)` in products, `expand({text}, {axis.label}: {axis.size})` elsewhere"


def _is_rounded(size: Size) -> bool:
    """Is there a quotient that cannot be carried out before the sizes are known?"""
    return any(isinstance(atom, Quotient) for monomial, _ in size.terms for atom in monomial)
