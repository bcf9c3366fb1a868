"""Fits a recording to a model: its layout, sizes, parameters and their gradients, all from shapes and names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rnnc.ir.layout import WeightLayout
from rnnc.ir.model import Model, PortInfo
from rnnc.verify.arrays import Array, Arrays
from rnnc.verify.errors import VerifyError, near_misses
from rnnc.verify.records.match import Matching, match_variables
from rnnc.verify.records.recording import Recording
from rnnc.verify.running.runner import LayoutRunner
from rnnc.verify.sizes import Equation, shape_equations, solve

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

    def parameters(self, runner: LayoutRunner, variables: Arrays) -> Arrays:
        """The model's parameters from variables under recorded names."""
        return runner.from_layout(self.layout.name, self.matching.join(variables))

    def variable_gradients(self, runner: LayoutRunner, params: Arrays, gradients: Arrays) -> Arrays:
        """Gradients of recorded variables from those of trained parameters."""
        found = runner.grads_to_layout(self.layout.name, params, gradients)
        return self.matching.split(found, self.recording.variables)

    def shape(self, port: PortInfo) -> tuple[int, ...]:
        return tuple(size.evaluate(self.sizes) for size in port.type.shape)

    def features(self, ports: Sequence[PortInfo], order: Sequence[str]) -> Features:
        """Names and feature shapes in the layout's order."""
        known = {port.name: port for port in ports}
        return tuple((name, self.shape(known[name])) for name in order)


def find_layout(model: Model, name: str) -> WeightLayout:
    """The layout of that name, complete. E802 where the model has none, or where a variant has lost entries."""
    for layout in model.layouts:
        if layout.name == name:
            if layout.missing:
                raise VerifyError(
                    "E802",
                    f"the layout {name!r} does not fit {model.name}: {', '.join(layout.missing)}",
                    notes=["an entry names a parameter that is gone, or no entry names the parameter"],
                    fix="give the variant a layout of its own",
                )
            return layout
    names = [layout.name for layout in model.layouts]
    known = f"it has {', '.join(names)}" if names else "it declares none"
    fix = "a layout may belong to other options: -D NAME=VALUE" if names else None
    raise VerifyError("E802", f"{model.name} has no layout {name!r}{near_misses(name, names)}; {known}", fix=fix)


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


def layout_equations(layout: WeightLayout, arrays: Mapping[str, Array]) -> Iterator[Equation]:
    """What the shapes of foreign arrays say about open sizes. E802: an array has another rank."""
    for foreign in layout.arrays:
        actual = arrays[foreign.name].shape
        if len(actual) != len(foreign.shape):
            declared = ", ".join(str(s) for s in foreign.shape)
            raise VerifyError("E802", f"{foreign.name!r} has shape {actual}; the layout says [{declared}]")
        yield from shape_equations(foreign.name, foreign.shape, actual)
