"""A cell or network on both sides of a conversion: which of its layouts a file's arrays have, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from types import ModuleType

import numpy as np

from rnnc.compiler import PASSES, compile_source, model_of
from rnnc.diagnostics import Source
from rnnc.ir.layout import ForeignArray, Leaf, WeightLayout
from rnnc.ir.model import Model
from rnnc.runtime import load_module
from rnnc.verify.arrays import Array
from rnnc.verify.errors import VerifyError, near_misses
from rnnc.verify.records.fit import layout_equations
from rnnc.verify.sizes import solve
from rnnc.weights.functions import are_the_same
from rnnc.weights.naming import Found, find
from rnnc.weights.table import OTHER_MEANING, Table, float_type

OWN = "rnnc"  # the kind of arrays that are parameters, under their names


@dataclass(frozen=True)
class Cell:
    """One definition with its options bound."""

    source: Source
    name: str | None
    options: Mapping[str, object]

    @cached_property
    def model(self) -> Model:
        """Raises DiagnosticError where the description is wrong."""
        return model_of(self.source, self.name, self.options)

    @property
    def spelled(self) -> str:
        """`GRU(reset = before, activation = tanh)`: the options that say what weights mean."""
        options = [(n, v) for n, v in self.model.options if v != n]
        return f"{self.model.name}({', '.join(f'{name} = {value}' for name, value in options)})"

    def layouts(self, kind: str) -> tuple[WeightLayout, ...]:
        """The whole layouts of a kind: the one of that name first, then others of the library (`tf_block`).

        Raises VerifyError (E802) where there is none.
        """
        known = self.model.layouts
        found = [one for one in known if one.name == kind] + [one for one in known if one.name.startswith(f"{kind}_")]
        whole = tuple(one for one in found if not one.missing)
        return whole or (self.layout(kind),)

    def layout(self, kind: str) -> WeightLayout:
        """The layout of that name. Raises VerifyError (E802) where there is none, or where it is not whole."""
        if kind == OWN:
            return _parameters(self.model)
        found = next((one for one in self.model.layouts if one.name == kind), None)
        if found is not None and not found.missing:
            return found
        names = [one.name for one in self.model.layouts]
        message = f"the weights of {self.spelled} have no form in {kind!r}"
        message += near_misses(kind, names) if found is None else ""
        if found is not None:
            own = {parameter.name for parameter in self.model.parameters}
            homeless = [name for name in found.missing if name in own]
            lost = [name for name in found.missing if name not in own]
            message += f": no array there holds {', '.join(homeless)}" if homeless else ""
            message += f": the cell has no {', '.join(lost)}, which an array there holds" if lost else ""
        whole = [one.name for one in self.model.layouts if not one.missing]
        raise VerifyError("E802", message, notes=[f"what it has forms in: {', '.join((*whole, OWN))}"])

    def to_parameters(self, layout: WeightLayout, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Parameters from the arrays of a layout."""
        return dict(arrays) if layout.name == OWN else dict(self._module.from_layout(layout.name, dict(arrays)))

    def to_arrays(self, layout: WeightLayout, params: Mapping[str, Array]) -> dict[str, Array]:
        """The arrays of a layout from parameters."""
        if layout.name == OWN:
            return {array.name: params[array.name] for array in layout.arrays}
        return dict(self._module.to_layout(layout.name, dict(params)))

    @cached_property
    def _module(self) -> ModuleType:
        # its loops never run: what counts are the layouts
        compiled = compile_source(self.source, self.name, self.options, no_passes=frozenset(PASSES))
        return load_module(compiled.text, compiled.unit.model.name)


@dataclass(frozen=True)
class Seen:
    """A file's arrays through a layout of a cell; `zeros` are those of the layout that the file does without."""

    cell: Cell
    layout: WeightLayout
    found: Found
    zeros: Mapping[str, tuple[int, ...]]

    @property
    def certain(self) -> bool:
        """Nothing was taken for granted."""
        return not self.found.notes

    def arrays(self, table: Table) -> dict[str, Array]:
        """The layout's arrays. Raises VerifyError (E812) where they are not all of one type of floats."""
        given = self.found.matching.join(table.arrays)
        dtype = float_type(given)
        return {**given, **{name: np.zeros(shape, dtype) for name, shape in self.zeros.items()}}


def see(cell: Cell, kind: str, table: Table, zeros: Sequence[str] = ()) -> Seen:
    """A table through the first layout of a kind that fits it, under its own names if there is such a one.

    Arrays of the layout whose names fit one of `zeros` are zero where the table does not have them.
    Raises VerifyError: E801 (sizes), E802 (no such layout), E803 (names), E812 (the file says that it means another).
    """
    readings = [(layout, ()) for layout in cell.layouts(kind)]
    readings += [(layout, zeros) for layout, _ in readings if zeros]
    tried = [_tried(cell, layout, table, absent) for layout, absent in readings]
    seen = [one for one in tried if isinstance(one, Seen)]
    if not seen:
        raise next(one for one in reversed(tried) if isinstance(one, VerifyError))
    return next((one for one in seen if one.certain), seen[0])


def _tried(cell: Cell, layout: WeightLayout, table: Table, absent: Sequence[str]) -> Seen | VerifyError:
    try:
        return _through(cell, layout, table, absent)
    except VerifyError as error:
        return error


def _through(cell: Cell, layout: WeightLayout, table: Table, absent: Sequence[str]) -> Seen:
    """With the arrays that fit a pattern of `absent` as zeros."""
    zeros = [array for array in layout.arrays if any(fnmatchcase(array.name, pattern) for pattern in absent)]
    given = replace(layout, arrays=tuple(array for array in layout.arrays if array not in zeros))
    found = _found(given, table)
    _check_facts(cell, given, table, found)
    wanted = {symbol for array in zeros for size in array.shape for symbol in size.symbols}
    sizes = solve(layout_equations(given, found.matching.join(table.arrays)), wanted)
    return Seen(cell, layout, found, {a.name: tuple(size.evaluate(sizes) for size in a.shape) for a in zeros})


def _found(layout: WeightLayout, table: Table) -> Found:
    """With what the file only implies, or without it."""
    try:
        return find(layout, table)
    except VerifyError:
        implied = [name for name in table.arrays if name in table.implied]
        with suppress(VerifyError):
            found = find(layout, table.keep(name for name in table.arrays if name not in table.implied))
            if implied:
                told = f"the file has no {', '.join(map(repr, implied))}, and no more has the cell"
                return replace(found, notes=(*found.notes, told))
        raise


def _check_facts(cell: Cell, layout: WeightLayout, table: Table, found: Found) -> None:
    for array in layout.arrays:
        for name in found.matching.variables[array.name]:
            said = table.facts.get(name, {})
            for key, value in array.facts:
                if not are_the_same(said.get(key, value), value):
                    raise VerifyError(
                        OTHER_MEANING,
                        f"{name!r} is of a layer with {key} = {said[key]}, which is not what {cell.spelled} computes: "
                        f"its layout {layout.name!r} is for {key} = {value}",
                    )


def _parameters(model: Model) -> WeightLayout:
    """Parameters under their own names, as a layout."""
    arrays = tuple(ForeignArray(p.name, Leaf(p.name), tuple(axis.size for axis in p.axes)) for p in model.parameters)
    names = [tuple(port.name for port in ports) for ports in (model.states, model.inputs, model.outputs)]
    return WeightLayout(OWN, arrays, (), *names, masks=(), options=())


def as_type(arrays: Mapping[str, Array], dtype: np.dtype[np.generic]) -> dict[str, Array]:
    """The arrays in another type. Raises VerifyError (E812) where a number would become infinite."""
    with np.errstate(over="ignore"):
        found = {name: array.astype(dtype) for name, array in arrays.items()}
    for name, array in found.items():
        if not np.array_equal(np.isfinite(array), np.isfinite(arrays[name])):
            raise VerifyError(OTHER_MEANING, f"{name!r} holds numbers that are too large for {dtype}")
    return found
