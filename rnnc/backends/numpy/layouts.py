"""Weight layouts as plain nested tuples, which the generated module interprets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnc.backends.escape import literal, mapping, number, string
from rnnc.backends.numpy.solving import Claim, solve
from rnnc.backends.numpy.views import shape_text
from rnnc.ir.layout import Affine, Arrangement, Cat, Leaf, Reshaped, Transposed, Unused, WeightLayout
from rnnc.ir.model import Model
from rnnc.ir.size import Size


def write_layouts(model: Model, variables: Mapping[str, str]) -> list[str]:
    """Functions for the sizes and the arrangements of every layout, and the table `_LAYOUTS`."""
    writer = _Writer(model, variables)
    functions: list[str] = []
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
    def __init__(self, model: Model, variables: Mapping[str, str]) -> None:
        self._model, self._variables = model, variables
        self._as_sizes = {symbol: Size.of(name) for symbol, name in variables.items()}
        self._shapes = {p.name: tuple(axis.size for axis in p.axes) for p in model.parameters}

    def sizes(self, layout: WeightLayout, position: int) -> str:
        claims = [
            Claim(size, f"arrays[{string(foreign.name)}].shape[{axis}]")
            for foreign in layout.arrays
            for axis, size in enumerate(foreign.shape)
        ]
        solution = solve(self._model.sizes, self._variables, claims, "False")
        lines = [*solution.lines, *(f"{self._variables[symbol]} = None" for symbol in solution.unsolved)]
        head = f"def _layout_sizes_{position}(arrays):"
        return "\n".join(
            [head, *(f"    {line}" for line in lines), f"    return {shape_text(tuple(self._variables.values()))}"]
        )

    def arrays(self, layout: WeightLayout, position: int) -> str:
        entries = {
            foreign.name: f"({self._shape(foreign.shape)}, {self._tree(foreign.value)})" for foreign in layout.arrays
        }
        lines = [f"def _layout_arrays_{position}(s):"]
        if self._variables:
            lines.append(f"    {', '.join(self._variables.values())}, = s")
        return "\n".join([*lines, f"    return {mapping(entries, '    ')}"])

    def _shape(self, shape: Sequence[Size]) -> str:
        return shape_text(tuple(str(size.substitute(self._as_sizes)) for size in shape))

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
