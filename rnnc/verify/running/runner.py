"""One way to run a compiled model for every comparison, whatever runs it: a generated module or the interpreter.

Everything is in dictionaries by name and time-major: sequences are [time, batch, *axes], states [batch, *axes].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Protocol, cast

import numpy as np

from rnnc.ir.model import Model
from rnnc.verify.arrays import Array, Arrays


@dataclass(frozen=True)
class Call:
    """Arguments of one call. `state`, `lengths` and `masks` may be absent (masks: not training)."""

    params: Arrays
    inputs: Arrays
    state: Arrays | None = None
    lengths: Array | None = None
    masks: Arrays | None = None

    def with_(self, **changes: Any) -> Call:
        return replace(self, **changes)


@dataclass(frozen=True)
class Results:
    outputs: Arrays
    state: Arrays

    def no_cotangents(self) -> tuple[Arrays, Arrays]:
        """Zeros like every float output and state."""
        return _zeros(self.outputs), _zeros(self.state)


@dataclass(frozen=True)
class Gradients:
    """`params` of trained parameters; `inputs` of float inputs."""

    inputs: Arrays
    state: Arrays
    params: Arrays


class Runner(Protocol):
    """What runs a model. The tape of `forward_train` is opaque and used once."""

    def forward(self, call: Call) -> Results: ...

    def step(self, call: Call) -> Results: ...

    def forward_train(self, call: Call) -> tuple[Results, Any]: ...

    def backward(self, call: Call, tape: Any, d_outputs: Arrays, d_state: Arrays) -> Gradients: ...


class LayoutRunner(Runner, Protocol):
    """A runner that also knows the names under which other libraries hold the model's weights."""

    def from_layout(self, name: str, arrays: Arrays) -> Arrays:
        """Parameters from the arrays of a layout."""
        ...

    def grads_to_layout(self, name: str, params: Arrays, gradients: Arrays) -> Arrays:
        """Gradients of a layout's arrays from those of trained parameters."""
        ...


class ModuleRunner:
    """A generated module, through the contract that all targets share.

    With `time_major` false the module is called with sequences [batch, time, …], turned here on the way in and out.
    """

    def __init__(self, model: Model, module: ModuleType, *, time_major: bool = True) -> None:
        self.model, self.module, self.time_major = model, module, time_major
        self.input_names = tuple(p.name for p in model.inputs)
        self.state_names = tuple(p.name for p in model.states)
        self.output_names = tuple(p.name for p in model.outputs)
        ports = {"inputs": model.inputs, "outputs": model.outputs}
        self.sequences = {role: {p.name for p in of if p.sequence} for role, of in ports.items()}

    def batch_major(self) -> ModuleRunner:
        """The same module, called in the other order. (Calls with masks are not: those have one order only.)"""
        return ModuleRunner(self.model, self.module, time_major=False)

    def init_params(self, seed: int, dtype: str, sizes: Mapping[str, int]) -> Arrays:
        """The module's own initial parameters."""
        return dict(self.module.init_params(seed=seed, dtype=dtype, **sizes))

    def forward(self, call: Call) -> Results:
        call = self.ordered(call)
        outputs, state = self.module.forward(*self.arguments(call), call.lengths, **self.options(call))
        return self._results(outputs, state)

    def step(self, call: Call) -> Results:
        state = None if call.state is None else _bare(self.state_names, call.state)
        found = self.module.step(call.params, _bare(self.input_names, call.inputs), state, **_training(call))
        return Results(_named(self.output_names, found[0]), _named(self.state_names, found[1]))

    def forward_train(self, call: Call) -> tuple[Results, Any]:
        call = self.ordered(call)
        outputs, state, tape = self.module.forward_train(*self.arguments(call), call.lengths, **self.options(call))
        return self._results(outputs, state), tape

    def backward(self, call: Call, tape: Any, d_outputs: Arrays, d_state: Arrays) -> Gradients:
        d_results = _bare(self.output_names, self.turned("outputs", d_outputs))
        found = self.module.backward(call.params, tape, d_results, _bare(self.state_names, d_state))
        return Gradients(
            self.turned("inputs", _named(self.input_names, found["x"])),
            _named(self.state_names, found["state"]),
            {name: on_host(array) for name, array in found["params"].items()},
        )

    def from_layout(self, name: str, arrays: Arrays) -> Arrays:
        return dict(self.module.from_layout(name, arrays))

    def grads_to_layout(self, name: str, params: Arrays, gradients: Arrays) -> Arrays:
        return dict(self.module.grads_to_layout(name, params, gradients))

    def arguments(self, call: Call) -> tuple[Any, Any, Any]:
        """Parameters, inputs (in the module's order) and state as the contract has them."""
        state = None if call.state is None else _bare(self.state_names, call.state)
        return call.params, _bare(self.input_names, call.inputs), state

    def options(self, call: Call) -> dict[str, Any]:
        """What else every entry point takes."""
        return {"time_major": self.time_major, **_training(call)}

    def _results(self, outputs: Any, state: Any) -> Results:
        return Results(self.turned("outputs", _named(self.output_names, outputs)), _named(self.state_names, state))

    def ordered(self, call: Call) -> Call:
        """The call with inputs in the module's order."""
        return call.with_(inputs=self.turned("inputs", call.inputs))

    def turned(self, role: str, arrays: Arrays) -> Arrays:
        """Sequences among inputs or outputs in the module's order, or from it."""
        if self.time_major:
            return arrays
        return {n: np.swapaxes(a, 0, 1) if n in self.sequences[role] else a for n, a in arrays.items()}


def _training(call: Call) -> dict[str, Any]:
    return {} if call.masks is None else {"training": True, "masks": call.masks}


def _bare(names: tuple[str, ...], arrays: Mapping[str, Array]) -> Any:
    """The contract's form: a bare array where there is only one name."""
    return arrays.get(names[0]) if len(names) == 1 else {name: arrays[name] for name in names if name in arrays}


def _named(names: tuple[str, ...], found: Any) -> Arrays:
    """A dictionary of arrays from the contract's form."""
    return {name: on_host(array) for name, array in by_name(names, found).items()}


def on_host(array: Any) -> Array:
    """An array of the module as one of NumPy, from a device too."""
    return array.get() if hasattr(array, "__cuda_array_interface__") else np.asarray(array)


def by_name(names: tuple[str, ...], found: Any) -> dict[str, Any]:
    """A dictionary from the contract's form; None (an integer input's gradient, no states) is nothing."""
    if found is None:
        return {}
    items = cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {names[0]: found}
    return {name: items[name] for name in names if items.get(name) is not None}


def _zeros(arrays: Arrays) -> Arrays:
    return {name: np.zeros_like(array) for name, array in arrays.items() if array.dtype.kind == "f"}
