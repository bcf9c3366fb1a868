"""Weight layouts as plain nested tuples, which the generated module interprets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rnnc.backends.escape import Names, literal, mapping, number, string, tuple_text
from rnnc.backends.solving import Claim, solve
from rnnc.ir.layout import Affine, Arrangement, Cat, Leaf, Reshaped, Transposed, Unused, WeightLayout
from rnnc.ir.model import Model
from rnnc.ir.size import Quotient, Size


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
            "names": literal([foreign.name for foreign in layout.arrays]),
            "shards": literal(str(dict(layout.options)["shards"]) if "shards" in dict(layout.options) else None),
        }
        if not layout.missing:
            functions += [writer.sizes(layout, position), writer.arrays(layout, position)]
            entry |= {"sizes": f"_layout_sizes_{position}", "arrays": f"_layout_arrays_{position}"}
        table[layout.name] = mapping(entry, "    ")
    return [*functions, f"_LAYOUTS = {mapping(table)}"]


class _Writer:
    """Weights do not tell an input's size where they only hold a quotient of it (`input // groups`): such a quotient is
    a variable of its own here.
    """

    def __init__(self, model: Model, variables: Mapping[str, str], kept_names: Sequence[str]) -> None:
        shapes = {p.name: tuple(axis.size for axis in p.axes) for p in model.parameters}
        unknown = solve(model.sizes, variables, list(_claims("params", shapes)), "False").unsolved
        declared = (*shapes.values(), *(foreign.shape for layout in model.layouts for foreign in layout.arrays))
        quotients = [
            atom
            for size in dict.fromkeys(size for shape in declared for size in shape)
            for monomial, _ in size.terms
            for atom in monomial
            if isinstance(atom, Quotient) and not atom.left.symbols.isdisjoint(unknown)
        ]
        self._quotients = {quotient: str(quotient) for quotient in quotients}
        names = Names((*kept_names, *variables.values()))
        self._variables = {**variables, **{text: names.new(text) for text in self._quotients.values()}}
        self._as_sizes = {symbol: Size.of(name) for symbol, name in self._variables.items()}
        self._shapes = shapes

    def sizes_of_parameters(self) -> str:
        return self._sizes("_layout_sizes(params)", _claims("params", self._shapes))

    def sizes(self, layout: WeightLayout, position: int) -> str:
        shapes = {foreign.name: foreign.shape for foreign in layout.arrays}
        return self._sizes(f"_layout_sizes_{position}(arrays)", _claims("arrays", shapes))

    def _sizes(self, head: str, claims: Iterator[Claim]) -> str:
        named = [Claim(self._named(claim.size), claim.number) for claim in claims]
        solution = solve(tuple(self._variables), self._variables, named, "False")
        lines = [*solution.lines, *(f"{self._variables[symbol]} = None" for symbol in solution.unsolved)]
        lines.append(f"return {tuple_text(tuple(self._variables.values()))}")
        return "\n".join([f"def {head}:", *(f"    {line}" for line in lines)])

    def _named(self, size: Size) -> Size:
        """The size with its quotients as symbols."""
        total = Size.of(0)
        for monomial, coefficient in size.terms:
            term = Size.of(coefficient)
            for atom in monomial:
                name = atom if isinstance(atom, str) else self._quotients.get(atom)
                term = term * (Size((((atom,), 1),)) if name is None else Size.of(name))
            total = total + term
        return total

    def arrays(self, layout: WeightLayout, position: int) -> str:
        entries = {
            foreign.name: f"({self._shape(foreign.shape)}, {self._tree(foreign.value)})" for foreign in layout.arrays
        }
        lines = [f"def _layout_arrays_{position}(s):"]
        if self._variables:
            lines.append(f"    {', '.join(self._variables.values())}, = s")
        return "\n".join([*lines, f"    return {mapping(entries, '    ')}"])

    def _shape(self, shape: Sequence[Size]) -> str:
        return tuple_text(tuple(str(self._named(size).substitute(self._as_sizes)) for size in shape))

    def _tree(self, node: Arrangement) -> str:
        match node:
            case Leaf(name):
                return f'("leaf", {string(name)}, {self._shape(self._shapes[name])})'
            case Unused(shape, value):
                return f'("unused", {self._shape(shape)}, {number(value)})'
            case Cat(axis, items):
                return f'("cat", {axis}, ({"".join(f"{self._tree(item)}, " for item in items)}))'
            case Transposed(item, order):
                return f'("transposed", {self._tree(item)}, {literal(order)})'
            case Reshaped(item, shape, inner):
                return f'("reshaped", {self._tree(item)}, {self._shape(shape)}, {self._shape(inner)})'
            case Affine(item, scale, offset):
                return f'("affine", {self._tree(item)}, {number(scale)}, {number(offset)})'


def _claims(table: str, shapes: Mapping[str, Sequence[Size]]) -> Iterator[Claim]:
    """What the shapes of a table's arrays say."""
    for name, shape in shapes.items():
        for axis, size in enumerate(shape):
            yield Claim(size, f"{table}[{string(name)}].shape[{axis}]")
