"""Weight layouts as plain nested tuples, which the generated module interprets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import gcd

from rnnc.backends.escape import Names, literal, mapping, number, string, tuple_text
from rnnc.backends.solving import Claim, Solution, solve
from rnnc.ir.layout import Affine, Arrangement, Cat, Leaf, Reshaped, Transposed, Unused, WeightLayout
from rnnc.ir.model import Model
from rnnc.ir.size import Monomial, Size


def write_layouts(model: Model, variables: Mapping[str, str], kept_names: Sequence[str]) -> list[str]:
    """Functions for the sizes and the arrangements of every layout, and the table `_LAYOUTS`.

    `variables` hold the open sizes; no other variable is called like one of `kept_names`.
    """
    writer = _Writer(model, variables, kept_names)
    functions = [writer.sizes_of_parameters()]
    table: dict[str, str] = {}
    for position, layout in enumerate(model.layouts):
        entry = {
            "missing": literal(layout.missing),
            "shards": literal({foreign.name: foreign.shards for foreign in layout.arrays}),
        }
        if not layout.missing:
            functions += [writer.sizes(layout, position), writer.arrays(layout, position)]
            entry |= {"sizes": f"_layout_sizes_{position}", "arrays": f"_layout_arrays_{position}"}
            entry["untold"] = literal(writer.untold(layout))
        table[layout.name] = mapping(entry, "    ")
    return [*functions, f"_LAYOUTS = {mapping(table)}"]


class _Writer:
    """Weights do not tell every size: of an input in groups they may hold a quotient only (`input // groups`), of two
    that are joined the sum. Such a quotient, and such a sum, is a variable of its own here.
    """

    def __init__(self, model: Model, variables: Mapping[str, str], kept_names: Sequence[str]) -> None:
        shapes = {p.name: tuple(axis.size for axis in p.axes) for p in model.parameters}
        self._unknown = frozenset(solve(model.sizes, variables, list(_claims("params", shapes)), "False").unsolved)
        self._names = Names((*kept_names, *variables.values()))
        self._variables = dict(variables)
        self._shapes = {name: self._known_shape(shape) for name, shape in shapes.items()}
        for layout in model.layouts:
            for foreign in () if layout.missing else layout.arrays:
                self._shape_of(foreign.value)  # for the variables in it
        self._as_sizes = {symbol: Size.of(name) for symbol, name in self._variables.items()}

    def sizes_of_parameters(self) -> str:
        return self._sizes("_layout_sizes(params)", self._solved("params", self._shapes))

    def sizes(self, layout: WeightLayout, position: int) -> str:
        return self._sizes(f"_layout_sizes_{position}(arrays)", self._solved_of(layout))

    def untold(self, layout: WeightLayout) -> tuple[str, ...]:
        """The sizes that the layout's arrangements want and its arrays do not tell."""
        unsolved = self._solved_of(layout).unsolved
        wanted = {symbol for foreign in layout.arrays for symbol in self._wanted(foreign.value)}
        return tuple(symbol for symbol in unsolved if symbol in wanted)

    def _solved_of(self, layout: WeightLayout) -> Solution:
        return self._solved("arrays", {foreign.name: self._shape_of(foreign.value) for foreign in layout.arrays})

    def _solved(self, table: str, shapes: Mapping[str, Sequence[Size]]) -> Solution:
        return solve(tuple(self._variables), self._variables, list(_claims(table, shapes)), "False")

    def _sizes(self, head: str, solution: Solution) -> str:
        lines = [*solution.lines, *(f"{self._variables[symbol]} = None" for symbol in solution.unsolved)]
        lines.append(f"return {tuple_text(tuple(self._variables.values()))}")
        return "\n".join([f"def {head}:", *(f"    {line}" for line in lines)])

    def _known_shape(self, shape: Sequence[Size]) -> tuple[Size, ...]:
        return tuple(self._in_variables(size) for size in shape)

    def _in_variables(self, size: Size) -> Size:
        """The size with what weights tell only as a whole as symbols: `(a + b) * units` is one of them times units."""
        wholes: dict[Monomial, Size] = {}  # by what it is multiplied with
        for monomial, coefficient in size.terms:
            unknown = tuple(atom for atom in monomial if not self._unknown.isdisjoint(Size((((atom,), 1),)).symbols))
            known = tuple(atom for atom in monomial if atom not in unknown)
            wholes[known] = wholes.get(known, Size.of(0)) + Size(((unknown, coefficient),))
        return sum((Size(((known, 1),)) * self._variable(whole) for known, whole in wholes.items()), Size.of(0))

    def _variable(self, whole: Size) -> Size:
        """What stands for a size that is unknown in every term."""
        if whole.constant is not None or whole.symbol is not None:
            return whole
        factor = gcd(*(coefficient for _, coefficient in whole.terms))
        text = str(whole // factor)
        if text not in self._variables:
            self._variables[text] = self._names.new(text)
        return Size.of(text) * factor

    def _shape_of(self, node: Arrangement) -> tuple[Size, ...]:
        """The shape of an arrangement, in the variables of its leaves."""
        match node:
            case Leaf(name):
                return self._shapes[name]
            case Unused(shape, _) | Reshaped(_, shape, _):
                return self._known_shape(shape)
            case Cat(axis, items):
                shapes = [self._shape_of(item) for item in items]
                joined = list(shapes[0])
                joined[axis] = sum((shape[axis] for shape in shapes), Size.of(0))
                return tuple(joined)
            case Transposed(item, order):
                inner = self._shape_of(item)
                return tuple(inner[axis] for axis in order)
            case Affine(item, _, _):
                return self._shape_of(item)

    def _wanted(self, node: Arrangement) -> Iterator[str]:
        """The symbols in the shapes that an arrangement is written with."""
        for size in self._shape_of(node):
            yield from size.symbols
        for item in node.items if isinstance(node, Cat) else ():
            yield from self._wanted(item)
        if isinstance(node, Transposed | Reshaped | Affine):
            yield from self._wanted(node.item)

    def arrays(self, layout: WeightLayout, position: int) -> str:
        entries = {
            foreign.name: f"({self._text(self._shape_of(foreign.value))}, {self._tree(foreign.value)})"
            for foreign in layout.arrays
        }
        lines = [f"def _layout_arrays_{position}(s):"]
        if self._variables:
            lines.append(f"    {', '.join(self._variables.values())}, = s")
        return "\n".join([*lines, f"    return {mapping(entries, '    ')}"])

    def _text(self, shape: Sequence[Size]) -> str:
        return tuple_text(tuple(str(size.substitute(self._as_sizes)) for size in shape))

    def _tree(self, node: Arrangement) -> str:
        match node:
            case Leaf(name):
                return f'("leaf", {string(name)}, {self._text(self._shapes[name])})'
            case Unused(_, value):
                return f'("unused", {self._text(self._shape_of(node))}, {number(value)})'
            case Cat(axis, items):
                return f'("cat", {axis}, ({"".join(f"{self._tree(item)}, " for item in items)}))'
            case Transposed(item, order):
                return f'("transposed", {self._tree(item)}, {literal(order)})'
            case Reshaped(item, _, _):
                shape, inner = self._shape_of(node), self._shape_of(item)
                return f'("reshaped", {self._tree(item)}, {self._text(shape)}, {self._text(inner)})'
            case Affine(item, scale, offset):
                return f'("affine", {self._tree(item)}, {number(scale)}, {number(offset)})'


def _claims(table: str, shapes: Mapping[str, Sequence[Size]]) -> Iterator[Claim]:
    """What the shapes of a table's arrays say."""
    for name, shape in shapes.items():
        for axis, size in enumerate(shape):
            yield Claim(size, f"{table}[{string(name)}].shape[{axis}]")
