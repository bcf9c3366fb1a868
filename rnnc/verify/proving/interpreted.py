"""Runs a model by the interpreter, in float64: the judge of generated modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, cast

from rnnc.autodiff import differentiate
from rnnc.ir.interpreter import FrozenValues, Key, Rounding, Watch, evaluate
from rnnc.ir.model import Model
from rnnc.ir.operations import Builder
from rnnc.ir.program import DType, Loop, Node, Op, Program
from rnnc.verify.arrays import Array, Arrays
from rnnc.verify.proving.differences import Function
from rnnc.verify.proving.sample import Sample
from rnnc.verify.running.runner import Call, Gradients, Results


@dataclass(frozen=True)
class Objective:
    """A sum over all float results, weighted, as a function of everything that has a gradient.

    Names are those of gradient ports: "param:i.x", "input:x", "state:h".
    """

    function: Function
    point: Arrays

    def named(self, gradients: Gradients) -> Arrays:
        """Gradients under these names."""
        return _prefixed(gradients.params, gradients.inputs, gradients.state)


class InterpretedRunner:
    """A runner whose every value is the meaning of the model's programs as they were before any pass."""

    def __init__(self, model: Model, sizes: Mapping[str, int]) -> None:
        self._model, self._sizes = model, sizes
        self._derived = differentiate(model.forward)
        self._trained = {p.name for p in model.parameters if p.trained}
        self._float_inputs = {p.name for p in model.inputs if p.type.dtype is DType.FLOAT}
        self._rounding: Rounding | None = None
        self._watch: Watch | None = None

    def with_rounding(self, rounding: Rounding) -> InterpretedRunner:
        """The same runner, in which the results of all operations are rounded."""
        found = copy(self)
        found._rounding = rounding
        return found

    def watched_by(self, watch: Watch) -> InterpretedRunner:
        """The same runner, which tells of every operation."""
        found = copy(self)
        found._watch = watch
        return found

    def forward(self, call: Call) -> Results:
        return _results(self._run(self._model.forward, self._arrays(self._model.forward, call)))

    def step(self, call: Call) -> Results:
        if self._model.step is None:
            raise ValueError(f"{self._model.name} has no single step: {self._model.no_step}")
        return _results(self._run(self._model.step, self._arrays(self._model.step, call)))

    def forward_train(self, call: Call) -> tuple[Results, Any]:
        found = self._run(self._derived.train, self._arrays(self._derived.train, call))
        return _results(found), {key: array for key, array in found.items() if key[0] == "tape"}

    def backward(self, call: Call, tape: Any, d_outputs: Arrays, d_state: Arrays) -> Gradients:
        backward = self._derived.backward
        given: dict[Key, Array | None] = {**self._arrays(backward, call), **cast("dict[Key, Array]", tape)}
        for role, arrays in (("output", d_outputs), ("state", d_state)):
            given.update({("cotangent", f"{role}:{name}"): array for name, array in arrays.items()})
        ports = {(p.role, p.name) for p in backward.inputs}
        found = self._run(backward, {key: array for key, array in given.items() if key in ports})
        named = {name: array for (_, name), array in found.items()}
        return Gradients(_without("input:", named), _without("state:", named), _without("param:", named))

    def objective(self, sample: Sample) -> Objective:
        """The function whose gradient `backward` gives for the sample's cotangents.

        What `stop_gradient` gave at the sample's own point stays constant, and so does what a clip with a passing
        gradient took away there.
        """
        program = _passing_clips_as_constants(self._model.forward)
        frozen = FrozenValues()
        call = sample.call
        weights: dict[Key, Array] = {
            **{("output", name): array for name, array in sample.d_outputs.items()},
            **{("state", name): array for name, array in sample.d_state.items()},
        }

        def function(point: Arrays) -> float:
            moved = call.with_(
                params={**call.params, **_without("param:", point)},
                inputs={**call.inputs, **_without("input:", point)},
                state={**(call.state or {}), **_without("state:", point)},
            )
            found = evaluate(program, self._arrays(program, moved), sizes=self._sizes, frozen=frozen)
            terms = (found[key][weight != 0] * weight[weight != 0] for key, weight in weights.items())
            return float(sum(each.sum() for each in terms))

        point = _prefixed(
            {name: a for name, a in call.params.items() if name in self._trained},
            {name: a for name, a in call.inputs.items() if name in self._float_inputs},
            {name: a for name, a in (call.state or {}).items() if a.dtype.kind == "f"},
        )
        function(point)  # fills `frozen` at the point itself
        return Objective(function, point)

    def _run(self, program: Program, arrays: Mapping[Key, Array | None]) -> dict[Key, Array]:
        return evaluate(program, arrays, sizes=self._sizes, rounding=self._rounding, watch=self._watch)

    def _arrays(self, program: Program, call: Call) -> dict[Key, Array | None]:
        """A call's arrays for those ports that a program has."""
        by_role: dict[str, Mapping[str, Array]] = {
            "param": call.params,
            "fixed": call.params,
            "input": call.inputs,
            "state": call.state or {},
            "mask": call.masks or {},
        }
        found: dict[Key, Array | None] = {}
        for port in program.inputs:
            if port.role == "lengths":
                found[port.role, port.name] = call.lengths
            elif port.role in by_role:
                found[port.role, port.name] = by_role[port.role].get(port.name)
        return found


def _results(found: Mapping[Key, Array]) -> Results:
    return Results(
        {name: array for (role, name), array in found.items() if role == "output"},
        {name: array for (role, name), array in found.items() if role == "state"},
    )


def _prefixed(params: Arrays, inputs: Arrays, state: Arrays) -> Arrays:
    return {
        **{f"param:{name}": array for name, array in params.items()},
        **{f"input:{name}": array for name, array in inputs.items()},
        **{f"state:{name}": array for name, array in state.items()},
    }


def _without(prefix: str, arrays: Arrays) -> Arrays:
    """The arrays under a prefix, by what follows it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _passing_clips_as_constants(program: Program) -> Program:
    """The program with `clip(x, …, through)` as x + stop_gradient(clip(x) - x), which is what its gradient says."""
    return replace(program, nodes=_rewritten(program.nodes))


def _rewritten(nodes: Sequence[Node]) -> tuple[Node, ...]:
    builder = Builder()
    for node in nodes:
        if isinstance(node, Loop):
            builder.emit(replace(node, body=_rewritten(node.body)))
        elif node.name == "clip" and node.attr("through"):
            (x,) = node.args
            with builder.at(node.spans):
                clipped = builder.op("clip", x, lo=node.attr("lo"), hi=node.attr("hi"), through=False)
                taken = builder.op("stop_gradient", builder.op("sub", clipped, x))
                builder.emit(Op("add", (x, taken), node.outs, (), node.spans))
        else:
            builder.emit(node)
    return tuple(builder.nodes)
