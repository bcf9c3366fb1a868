"""Fits a recording to a model: sizes, parameters, inputs, states and masks, all from shapes and names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnnc.ir.layout import WeightLayout
from rnnc.ir.model import Model, PortInfo
from rnnc.verify.arrange import find_layout, foreign_gradients, import_arrays, layout_equations
from rnnc.verify.arrays import Arrays
from rnnc.verify.errors import VerifyError
from rnnc.verify.match import Matching, match_variables
from rnnc.verify.recording import Recording
from rnnc.verify.sizes import Equation, solve

Features = tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Fit:
    """One recording seen through one layout of a model; `sizes` are the numbers of all open symbols."""

    model: Model
    layout: WeightLayout
    recording: Recording
    matching: Matching
    sizes: dict[str, int]

    @property
    def single(self) -> bool:
        """The reference holds constants in float32."""
        return dict(self.layout.options).get("constants") == "float32"

    @property
    def notes(self) -> tuple[str, ...]:
        """What was taken for granted in matching names."""
        if self.matching.renamed is None:
            return ()
        scope, other = self.matching.renamed
        return (f"variables stand under {other!r}; the layout {self.layout.name!r} calls this {scope!r}",)

    def parameters(self, variables: Arrays) -> Arrays:
        """The model's parameters from variables under recorded names."""
        return import_arrays(self.model, self.layout, self.matching.join(variables), self.sizes)

    def variable_gradients(self, params: Arrays) -> Arrays:
        """Gradients of recorded variables from those of parameters."""
        gradients = foreign_gradients(self.model, self.layout, params, self.sizes)
        return self.matching.split(gradients, self.recording.variables)

    def shape(self, port: PortInfo) -> tuple[int, ...]:
        return tuple(size.evaluate(self.sizes) for size in port.type.shape)

    def features(self, ports: Sequence[PortInfo], order: Sequence[str]) -> Features:
        """Names and feature shapes in the layout's order."""
        known = {port.name: port for port in ports}
        return tuple((name, self.shape(known[name])) for name in order)


def choose_layout(model: Model, name: str | None, recording: Recording) -> WeightLayout:
    """The layout of that name; without a name the first one that the recorded variables match, under its own
    names if there is such a one.

    E802, E803: there is none; the error is about the only layout, else about `tf`.
    """
    if name is not None or len(model.layouts) < 2:
        return find_layout(model, name or (model.layouts[0].name if model.layouts else "tf"))
    found: WeightLayout | None = None
    for layout in model.layouts:
        try:
            matching = match_variables(layout, list(recording.variables))
        except VerifyError:
            continue
        if matching.renamed is None:
            return find_layout(model, layout.name)
        found = found or layout
    if found is not None:
        return find_layout(model, found.name)
    names = [layout.name for layout in model.layouts]
    return find_layout(model, "tf" if "tf" in names else names[0])


def fit(model: Model, recording: Recording, layout: WeightLayout, extra: Sequence[Equation] = ()) -> Fit:
    """Match variables and solve sizes from every shape, and from `extra` equations."""
    matching = match_variables(layout, list(recording.variables))
    arrays = matching.join(recording.variables)
    equations = [*layout_equations(layout, arrays), *extra]
    return Fit(model, layout, recording, matching, solve(equations, model.sizes))
