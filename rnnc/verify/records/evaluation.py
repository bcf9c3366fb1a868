"""One recorded evaluation as a call of a model, and results and gradients back in the recorded form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rnnc.ir.layout import WeightLayout
from rnnc.ir.model import Model
from rnnc.ir.program import DType
from rnnc.ir.size import Size
from rnnc.verify.arrays import Array, Arrays
from rnnc.verify.errors import VerifyError
from rnnc.verify.records.fit import fit
from rnnc.verify.records.mask_names import readings
from rnnc.verify.records.masks import site_masks
from rnnc.verify.records.match import Group, group
from rnnc.verify.records.recording import Recording
from rnnc.verify.running.runner import Call, LayoutRunner
from rnnc.verify.sizes import Equation, shape_equations


@dataclass(frozen=True)
class Timing:
    """Where batch and time stand in recorded arrays. `single_step`: there is no time axis."""

    single_step: bool
    time_major: bool

    def leads(self, sequence: bool) -> int:
        """How many leading axes an array has."""
        return 2 if sequence and not self.single_step else 1

    def turn(self, array: Array, sequence: bool) -> Array:
        """Between the recorded order and [time, batch, …]; its own inverse."""
        if not sequence or (self.time_major and not self.single_step):
            return array
        return array[np.newaxis] if self.single_step else np.swapaxes(array, 0, 1)

    def turn_back(self, array: Array, sequence: bool) -> Array:
        """From [time, batch, …] to the recorded order."""
        if sequence and self.single_step:
            return array[0]
        return self.turn(array, sequence)


class Evaluation:
    """One recorded evaluation of a model, in the form of a `Call` and back.

    `time_major` decides the order of axes where nothing in the recording does (`is_ambiguous`); of several
    `ways` of reading masks, `way` is the place of the one that is taken.
    """

    def __init__(
        self,
        model: Model,
        recording: Recording,
        layout: WeightLayout,
        *,
        time_major: bool = False,
        way: int = 0,
    ) -> None:
        inputs = {port.name: port for port in model.inputs}
        states = {port.name: port for port in model.states}
        # Counters of steps are a module's own: no reference records them.
        self.counters = tuple(port for port in model.states if port.type.dtype is not DType.FLOAT)
        order = [name for name in layout.states if states[name].type.dtype is DType.FLOAT]
        self.recorded_inputs = recording.numbered("x")
        self.recorded_states = recording.numbered("state0")
        if len(self.recorded_inputs) != len(layout.inputs):
            found, wanted = len(self.recorded_inputs), ", ".join(layout.inputs)
            raise VerifyError("E804", f"{recording.name} records {found} inputs; {model.name} has {wanted}")
        self.timing, self.is_ambiguous = _timing(model, recording, layout, time_major)
        leads = [self.timing.leads(inputs[name].sequence) for name in layout.inputs]
        extra = [
            *_equations("x", [inputs[n].type.shape for n in layout.inputs], self.recorded_inputs, leads),
            *_equations(
                "state0",
                [states[n].type.shape for n in order],
                self.recorded_states,
                [1] * len(self.recorded_states),
            ),
        ]
        self.fit = fit(model, recording, layout, extra)
        masks = readings(self.fit)
        self.masks, self.ways = masks[way], len(masks)
        self.model, self.recording, self.layout = model, recording, layout
        self._timed_inputs = {port.name: port.sequence for port in model.inputs}
        self._timed_outputs = {port.name: port.sequence for port in model.outputs}
        self.inputs = tuple(
            _one(name, self.fit.shape(inputs[name]), array.shape[lead:])
            for name, array, lead in zip(layout.inputs, self.recorded_inputs, leads, strict=True)
        )
        features = self.fit.features(model.states, order)
        recorded = self.recorded_states or recording.numbered("final_state")
        self.states = group("states", features, [a.shape[1:] for a in recorded]) if recorded else ()
        self.given = self._inputs()
        self.steps, self.batch = self.given[next(p.name for p in model.inputs if p.sequence)].shape[:2]
        for name, array in self.given.items():
            self._check_leads(f"the input {name!r}", array, self._timed_inputs[name])
        _check_states(recording)

    def call(self, runner: LayoutRunner) -> Call:
        """The recorded arguments, with weights as `runner` imports them.

        An initial state that the recording says was not given is absent.
        """
        given = self.recorded_states and not str(self.recording.facts.get("initial_state", "")).startswith("None")
        counters = {p.name: np.zeros((self.batch, *self.fit.shape(p)), np.int32) for p in self.counters}
        return Call(
            params=self.fit.parameters(runner, self.recording.variables),
            inputs=self.given,
            state={**self.take_states("state0"), **counters} if given else None,
            lengths=self._lengths(),
            masks=site_masks(self.fit, self.masks.masks, self.timing.time_major, self.steps, self.batch),
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What was taken for granted of outputs and masks."""
        joined = ["the recorded outputs are taken side by side"] if self.recording.joined else []
        begun = ["states that are not recorded begin with zeros"] if self.recording.begun else []
        return (*joined, *begun, *self.masks.notes)

    def _lengths(self) -> Array | None:
        lengths = self.recording.arrays.get("sequence_length")
        if lengths is None:
            return None
        if lengths.shape != (self.batch,) or not bool(((lengths >= 0) & (lengths <= self.steps)).all()):
            raise VerifyError(
                "E804",
                f"{self.recording.name}: `sequence_length` should be {self.batch} numbers from 0 to {self.steps},"
                f" and is {np.array2string(lengths, separator=', ', threshold=8)}",
            )
        return lengths.astype(np.int32)

    def _check_leads(self, what: str, array: Array, sequence: bool) -> None:
        """Rows (and steps) of an array [time, batch, …] or [batch, …] are those of the first input, dtypes the
        variables'."""
        expected = (self.steps, self.batch) if sequence else (self.batch,)
        if array.shape[: len(expected)] != expected:
            raise VerifyError(
                "E804",
                f"{self.recording.name}: {what} has {_leads(array.shape[: len(expected)])},"
                f" and the first input {_leads(expected)}",
            )
        if array.dtype.kind not in "iu" and array.dtype != self.recording.dtype:
            raise VerifyError(
                "E804", f"{self.recording.name}: {what} is {array.dtype}, the variables are {self.recording.dtype}"
            )

    def outputs(self) -> tuple[Group, ...]:
        """How recorded outputs hold the model's, by their feature axes."""
        recorded = self.recording.numbered("outputs")
        features = self.fit.features(self.model.outputs, self.layout.outputs)
        leads = {self.timing.leads(self._timed_outputs[name]) for name, _ in features}
        if len(leads) > 1 and len(recorded) != len(features):
            raise VerifyError("E804", "outputs with and without time cannot be one recorded array")
        if len(recorded) == len(features):
            return tuple(
                _one(name, shape, a.shape[self.timing.leads(self._timed_outputs[name]) :])
                for (name, shape), a in zip(features, recorded, strict=True)
            )
        lead = leads.pop()
        return group("outputs", features, [a.shape[lead:] for a in recorded])

    def take_outputs(self, key: str) -> Arrays:
        """Arrays like outputs (recorded under `key`) by the model's names, time-major."""
        found: Arrays = {}
        for part, array in self._pairs(key, self.outputs()):
            for name, piece in part.take_apart(array).items():
                found[name] = self.timing.turn(piece, self._timed_outputs[name])
                self._check_leads(f"`{key}`", found[name], self._timed_outputs[name])
        return found

    def cotangents(self) -> tuple[Arrays, Arrays]:
        """Of outputs and of final states, as far as they are recorded."""
        recorded = self.recording.numbered
        d_outputs = self.take_outputs("cot:outputs") if recorded("cot:outputs") else Arrays()
        return d_outputs, self.take_states("cot:final_state") if recorded("cot:final_state") else Arrays()

    def give_outputs(self, outputs: Arrays) -> tuple[Array, ...]:
        """The reverse of `take_outputs`."""
        turned = {name: self.timing.turn_back(a, self._timed_outputs[name]) for name, a in outputs.items()}
        return tuple(part.put_together(turned) for part in self.outputs())

    def take_states(self, key: str) -> Arrays:
        """State arrays (recorded under `key`:<i>) by the model's names."""
        found: Arrays = {}
        for part, array in self._pairs(key, self.states):
            self._check_leads(f"`{key}`", array, False)
            found.update(part.take_apart(array))
        return found

    def _pairs(self, key: str, parts: Sequence[Group]) -> Iterator[tuple[Group, Array]]:
        """Groups with the arrays recorded under a key. E804: their number or shapes differ."""
        arrays = self.recording.numbered(key)
        if len(arrays) != len(parts):
            raise VerifyError("E804", f"{self.recording.name}: {len(arrays)} `{key}` where {len(parts)} belong")
        for part, array in zip(parts, arrays, strict=True):
            if array.shape[array.ndim - len(part.actual) :] != part.actual:
                raise VerifyError("E804", f"{self.recording.name}: `{key}` {array.shape} does not end in {part.actual}")
            yield part, array

    def give_states(self, states: Arrays) -> tuple[Array, ...]:
        """The reverse of `take_states`."""
        return tuple(part.put_together(states) for part in self.states)

    def give_input(self, part: Group, inputs: Arrays) -> Array:
        """An array like an input in its recorded form."""
        (name,) = part.names
        return part.put_together({name: self.timing.turn_back(inputs[name], self._timed_inputs[name])})

    def _inputs(self) -> Arrays:
        found: Arrays = {}
        for part, array in zip(self.inputs, self.recorded_inputs, strict=True):
            (name,) = part.names
            (port,) = (p for p in self.model.inputs if p.name == name)
            whole = port.type.dtype is DType.INT
            if whole != (array.dtype.kind in "iu"):
                raise VerifyError("E804", f"{name!r} is {port.type.dtype.value}, but {array.dtype} is recorded for it")
            piece = part.take_apart(array.astype(np.int32) if whole else array)[name]
            found[name] = np.ascontiguousarray(self.timing.turn(piece, port.sequence))
        return found


def _check_states(recording: Recording) -> None:
    """E804: a recorded state changes its shape in the step, which no state of a cell does."""
    before, after = recording.numbered("state0"), recording.numbered("final_state")
    for index, (one, other) in enumerate(zip(before, after, strict=False)):
        if one.ndim == other.ndim and one.shape != other.shape and len(before) == len(after):
            raise VerifyError(
                "E804",
                f"{recording.name}: the state {index} is {list(one.shape)} before and {list(other.shape)} after",
                notes=["what a cell gives as its next state, it takes: its states keep their shapes"],
            )


def _leads(numbers: tuple[int, ...]) -> str:
    return f"{numbers[0]} steps of {numbers[1]} rows" if len(numbers) == 2 else f"{numbers[0]} rows"


def _one(name: str, shape: tuple[int, ...], actual: tuple[int, ...]) -> Group:
    (part,) = group(name, [(name, shape)], [actual])
    return part


def _equations(
    what: str, declared: Sequence[tuple[Size, ...]], arrays: Sequence[Array], leads: Sequence[int]
) -> Iterator[Equation]:
    """What inputs or states say about sizes; nothing where several states are in one array."""
    if len(declared) == len(arrays):
        for index, (sizes, array, lead) in enumerate(zip(declared, arrays, leads, strict=True)):
            yield from shape_equations(f"{what}:{index}", sizes, array.shape[lead:])


def _timing(model: Model, recording: Recording, layout: WeightLayout, fallback: bool) -> tuple[Timing, bool]:
    """From the ranks of inputs, and from the manifest or the batch size; and whether that left it to `fallback`."""
    ports = {port.name: port for port in model.inputs}
    votes = [
        _leads_of(array, ports[name].type.rank)
        for name, array in zip(layout.inputs, recording.numbered("x"), strict=True)
        if ports[name].sequence
    ]
    agreed = {count for count in (1, 2, 3) if all(count in vote for vote in votes)}
    if 1 in agreed and 2 not in agreed:
        return Timing(single_step=True, time_major=False), False
    if not agreed & {2, 3}:
        shapes = [a.shape for a in recording.numbered("x")]
        raise VerifyError("E804", f"{recording.name}: inputs {shapes} are neither steps nor sequences of {model.name}")
    if "time_major" in recording.facts:
        return Timing(single_step=False, time_major=bool(recording.facts["time_major"])), False
    seen = _time_major(recording)
    return Timing(single_step=False, time_major=fallback if seen is None else seen), seen is None


def _leads_of(array: Array, rank: int) -> set[int]:
    """How many axes may stand before an input's own: one number per row may have been recorded as [..., 1]."""
    leads = array.ndim - rank
    return {leads, leads - 1} if rank == 0 and array.shape[-1:] == (1,) else {leads}


def _time_major(recording: Recording) -> bool | None:
    """By the batch size of states or lengths; None where that does not tell."""
    known = (*recording.numbered("state0"), *recording.numbered("final_state"), *recording.numbered("sequence_length"))
    rows = [a.shape[0] for a in known if a.ndim]
    first, second = recording.numbered("x")[0].shape[:2]
    if rows and first != rows[0] and second != rows[0]:
        raise VerifyError("E804", f"{recording.name}: no axis of x {(first, second)} is the batch size {rows[0]}")
    return None if not rows or first == second else first != rows[0]
