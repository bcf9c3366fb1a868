"""Models whose layers are called on each other: on several values, on states that others leave, and that meet again
(`layers.add([x, y])`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rnnc.diagnostics import Span
from rnnc.importing.equations import Built
from rnnc.importing.libraries.joints import joint_of, put_together
from rnnc.importing.libraries.models import among_others, behind, shape_of, told
from rnnc.importing.libraries.recurrences import Ran, Runner, State, placed
from rnnc.importing.pieces import padding, widths
from rnnc.importing.pieces.axes import WORDS, axes_of, check_plain, other_axes, with_axes
from rnnc.importing.pieces.lowering import Lowering, constructor_of
from rnnc.importing.pieces.network import Flow, Meaning, Network
from rnnc.importing.pieces.pieces import Piece, Recurrence, output_of
from rnnc.importing.python.values import (
    Applied,
    Computed,
    Final,
    Finals,
    Incoming,
    Made,
    Outputs,
    Tensor,
    Value,
    as_tensor,
    describe,
    is_input,
    problem,
)
from rnnc.importing.texts.arrays import is_nothing

INCOMING = "what comes in has one number of steps: import the two parts alone where they have different ones, and give\
 the second one the final states of the first as `state`"


class Graph:
    """Tensors, up to the one that a model gives."""

    def __init__(self, last: Tensor, lowering: Lowering) -> None:
        self._last, self._lowering = last, lowering
        self._order: list[Tensor] = []  # each behind what it is made of
        self._sources: list[Tensor] = []
        self._wanted: dict[int, set[State]] = {}
        self._states: dict[int, dict[State, Tensor]] = {}
        self._meanings: dict[int, Meaning | Recurrence] = {}
        self._data: dict[str, Incoming] = {}  # what layers are called on that no layer gives, as the text has it
        self._shared: dict[int, Recurrence] = {}  # what layers run that are called several times, by instances
        lowering.is_chain = True
        seen: set[int] = set()
        self._collect(last, seen)
        self._sources.sort(key=_place_of)
        for each in self._order:
            if isinstance(each, Applied) and not is_input(each.layer) and joint_of(each) is None:
                self._meanings[id(each)] = self._meaning(each)
        self.flow = Flow(self._build)

    def _collect(self, tensor: Tensor, seen: set[int]) -> None:
        if id(tensor) in seen:
            return
        seen.add(id(tensor))
        match tensor:
            case Applied():
                states = self._begin(tensor)
                self._states[id(tensor)] = states
                for each in (*self._inputs(tensor), *states.values()):
                    self._collect(each, seen)
            case Computed(inputs=inputs) | Outputs(parts=inputs):
                for each in inputs:
                    self._collect(each, seen)
            case Final(of=of, state=state, place=place):
                self._wanted.setdefault(id(of), set()).add((state, place))
                self._collect(of, seen)
            case _:
                pass
        if self._is_source(tensor) and self._key(tensor) not in [self._key(each) for each in self._sources]:
            self._sources.append(tensor)
        self._order.append(tensor)

    def _inputs(self, applied: Applied) -> tuple[Tensor, ...]:
        """What a layer is called on."""
        if applied.inputs or is_input(applied.layer):
            return applied.inputs
        text = applied.data
        name = text if text.isidentifier() else "x"
        return (self._data.setdefault(text, Incoming(name, applied.layer.span.start)),)

    @staticmethod
    def _is_source(tensor: Tensor) -> bool:
        return isinstance(tensor, Incoming) or (isinstance(tensor, Applied) and is_input(tensor.layer))

    @staticmethod
    def _key(tensor: Tensor) -> int:
        return id(tensor.layer.value) if isinstance(tensor, Applied) else id(tensor)

    def _begin(self, applied: Applied) -> dict[State, Tensor]:
        """The states that a layer begins with, where others give them."""
        given, made = applied.state, applied.layer.value
        if given is None or not isinstance(made, Made) or made.constructor.states is None:
            return {}
        names = made.constructor.states(made)
        items = [item.value for item in given.value] if isinstance(given.value, list) else [given.value]
        found: dict[State, Tensor] = {}
        if made.constructor.library == "torch":
            if len(items) != len(names):
                items = []
            for name, item in zip(names, items, strict=True):
                parts = [item.at(k) for k in range(item.count)] if isinstance(item, Finals) else [item]
                found |= {(name, k): _tensor(part, given.span) for k, part in enumerate(parts) if not is_nothing(part)}
        else:
            ways = 2 if made.constructor.name == "Bidirectional" else 1
            keys = [(name, k) for k in range(ways) for name in names]
            if len(keys) == len(items):
                pairs = zip(keys, items, strict=True)
                found = {key: _tensor(item, given.span) for key, item in pairs if not is_nothing(item)}
        if not found:
            raise problem("E606", f"{describe(made)} has other states, or another number of them", given.span)
        return found

    def _meaning(self, applied: Applied) -> Meaning | Recurrence:
        made = applied.layer.value
        hands_on = id(applied) in self._wanted or bool(self._states[id(applied)])
        if isinstance(made, Made) and constructor_of(made).runs is not None:
            if hands_on or made.constructor.library == "torch" or len(self._calls(made)) > 1:
                before = next(
                    (self._meanings[id(each)] for each in self._calls(made) if id(each) in self._meanings), None
                )
                return before if before is not None else self._lowering.recurrence(applied.layer)
        elif hands_on:
            what = f"the states of {describe(made)} are handed on, which is not said by this"
            raise problem("E606", what, applied.layer.span)
        return among_others(applied.layer, self._lowering)

    def _calls(self, made: Made) -> list[Applied]:
        """The calls of one object."""
        return [each for each in self._order if isinstance(each, Applied) and each.layer.value is made]

    def _instances(self, network: Network, made: Made, meaning: Recurrence) -> Recurrence:
        """What a layer runs that is called several times: cells that the network has once."""
        if id(made) in self._shared:
            return self._shared[id(made)]
        layers: list[tuple[str, int, str]] = []
        several: list[tuple[Piece, ...]] = []
        for k, cells in enumerate(meaning.layers):
            row: list[Piece] = []
            for cell, _, side in placed(cells, k):
                network.pieces.append(cell)
                name = network.instance(cell)
                layers.append((name, k, side))
                row.append(replace(cell, instance=name))
            several.append(tuple(row))
        network.told(made, layers)
        return self._shared.setdefault(id(made), replace(meaning, layers=tuple(several)))

    def _widen(self, network: Network, made: Made, found: Mapping[int, Built], span: Span) -> None:
        """What comes in is as wide as all else that a layer reads."""
        read = [found[id(each)] for call in self._calls(made) for each in self._inputs(call) if id(each) in found]
        if any(each.text not in network.inputs for each in read):
            widths.fit(network, [each.width for each in read], span, self._lowering.remarks)

    # --- the network ---

    def _build(self, network: Network, x: str) -> str:
        network.alone = False
        found = self._declare(network)
        ran: dict[int, Ran] = {}
        for tensor in self._order:
            if id(tensor) in found:
                continue
            match tensor:
                case Final(of=of, state=state, place=place):
                    text = ran[id(of)].finals[state, place]
                    found[id(tensor)] = Built(text, is_sequence=False, width=self._width_of_state(of, state))
                case Computed(inputs=inputs, build=build):
                    found[id(tensor)] = build(network, [found[id(each)] for each in inputs])
                case Outputs(parts=parts):
                    several = [found[id(each)] for each in parts]
                    for each in several:
                        self._tell(each)
                    found[id(tensor)] = Built(_listed(several), any(each.is_sequence for each in several))
                case Applied():
                    given = [found[id(each)] for each in self._inputs(tensor)] or [Built(x)]
                    found[id(tensor)] = self._step(network, tensor, given, found, ran)
                case _:
                    pass
        network.is_row = False
        result = found[id(self._last)]
        network.is_sequence = result.is_sequence
        if not isinstance(self._last, Outputs):
            self._tell(result)
        return result.text

    def _width_of_state(self, of: Tensor, state: str) -> str | None:
        """How many numbers a final state has, where that is known: those of one direction of one layer."""
        meaning = self._meanings.get(id(of))
        cells = [cell for layer in meaning.layers for cell in layer] if isinstance(meaning, Recurrence) else []
        sizes = {output_of(cell) for cell in cells if state == "h" or "proj" not in cell.arguments}
        return sizes.pop() if len(sizes) == 1 else None

    def _tell(self, result: Built) -> None:
        """What a module gives otherwise than the text does."""
        if result.padding == padding.PACKED:
            raise problem("E606", "what is packed is not given to anybody", None, fix=padding.UNPACKED)
        if result.padding == padding.NUMBERS:
            self._lowering.remarks.add(padding.REMARK)
        if result.axes and result.axes not in ("bt", "tb", "b"):
            shown = ", ".join(WORDS[each] for each in result.axes)
            self._lowering.remarks.add(
                f"the text gives an array whose axes are {shown}; a module gives it as it always does"
            )

    def _declare(self, network: Network) -> dict[int, Built]:
        """The inputs of the network, under the names that they have in the text where there are several."""
        if len(self._sources) < 2:
            named = {self._key(each): "x" for each in self._sources}
        else:
            named: dict[int, str] = {}
            for each in self._sources:
                hint = _name_of(each)
                free = (hint, *(f"{hint}{k}" for k in range(2, 1000)))
                named[self._key(each)] = next(name for name in free if name not in named.values())
            network.inputs.clear()
        found: dict[int, Built] = {}
        for each in (*self._sources, *self._order):
            if self._is_source(each) and id(each) not in found:
                name = named[self._key(each)]
                shape = shape_of(each.layer) if isinstance(each, Applied) else None
                is_row = shape is not None and len(shape) == 1 and not self._is_looked_up(each)
                first = named[self._as_wide_as(each)]
                size = "input" if first == "x" else f"{first}_size"
                network.inputs[name] = f"{name}[{size}] per row" if is_row else f"{name}[{size}]"
                network.steps = shape[0] if shape and not is_row else network.steps
                steps_first = False if isinstance(each, Applied) else None
                wide = None if self._is_looked_up(each) else told(each, self._order)
                if wide is not None:
                    network.sizes.setdefault(size, wide)
                found[id(each)] = Built(name, not is_row, steps_first, wide or size)
        if sum(each.is_sequence for each in {each.text: each for each in found.values()}.values()) > 1:
            self._lowering.remarks.add(INCOMING)
        return found

    def _as_wide_as(self, source: Tensor) -> int:
        """The first source that has as many features, since one set of weights reads both."""
        for each in self._order:
            if isinstance(each, Applied) and isinstance(each.layer.value, Made) and source in self._inputs(each):
                calls = self._calls(each.layer.value)
                read = [one for call in calls for one in self._inputs(call) if self._is_source(one)]
                if len(calls) > 1 and joint_of(each) is None:
                    return self._key(read[0])
        return self._key(source)

    def _is_looked_up(self, source: Tensor) -> bool:
        """Whether an embedding reads what comes in."""
        readers = [each for each in self._order if isinstance(each, Applied) and source in self._inputs(each)]
        made = [each.layer.value for each in readers]
        return any(isinstance(each, Made) and each.constructor.name == "Embedding" for each in made)

    def _step(
        self,
        network: Network,
        applied: Applied,
        given: list[Built],
        found: Mapping[int, Built],
        ran: dict[int, Ran],
    ) -> Built:
        """A layer behind what it is given."""
        made = applied.layer.value
        assert isinstance(made, Made)
        if joint_of(applied) is not None:
            return put_together(network, applied, given, self._lowering.remarks)
        meaning = self._meanings[id(applied)]
        if len(given) > 1:
            what = f"a call of {made.constructor.name} on several values is not read"
            raise problem(
                "E606", what, applied.layer.span, fix="layers.concatenate, add and multiply put several together"
            )
        if not isinstance(meaning, Recurrence):
            return behind(meaning, made, network, given[0])
        span = applied.layer.span
        one = self._sequence(network, made, given[0], span)
        first = None if one.padding else meaning.steps_first
        if None not in (one.steps_first, first) and one.steps_first != first:
            what = "the steps come first" if one.steps_first else "the rows of the batch come first"
            fix = f"batch_first={not one.steps_first}, or a transpose before it"
            raise problem("E606", f"{what} in what {made.constructor.name} is given, and not in what it takes", span,
                          fix=fix)  # fmt: skip
        states = self._given_states(network, applied, found)
        wanted = frozenset(self._wanted.get(id(applied), ()))
        runner = Runner(network, self._lowering, span, states, wanted)
        is_shared = len(self._calls(made)) > 1
        result = runner.run(self._instances(network, made, meaning) if is_shared else meaning, one.text)
        ran[id(applied)] = result
        if is_shared:
            self._widen(network, made, found, span)
        else:
            network.told(made, result.layers)
        width = meaning.width
        order = first if first is not None else one.steps_first
        return Built(result.text, meaning.sequences, order, width, padding=one.padding if meaning.sequences else "")

    def _sequence(self, network: Network, made: Made, one: Built, span: Span) -> Built:
        """What a recurrent layer is given, which is a sequence of vectors. E606: it is none."""
        if not one.is_sequence:
            raise problem("E606", f"{made.constructor.name} takes a sequence, and gets one step", span)
        if axes_of(one) == "btf1" and one.text in network.inputs:  # four axes are none of a sequence: the input has two
            one = with_axes(one, "btf")
            self._lowering.remarks.add(f"`{one.text}` has one feature, whose axis the text puts behind it: give it so")
        check_plain(one, made.constructor.name, span)
        if one.padding not in ("", padding.PACKED):
            what = f"{made.constructor.name} goes over the steps behind the lengths of rows, too"
            raise problem("E606", what, span, fix="pack what it is given: pack_padded_sequence(y, lengths, …)")
        return one

    def _given_states(self, network: Network, applied: Applied, found: Mapping[int, Built]) -> dict[State, str]:
        """The states that a recurrent layer begins with. E606: they are none of one layer."""
        span = applied.layer.span
        states: dict[State, str] = {}
        for key, tensor in self._states[id(applied)].items():
            state = found[id(tensor)]
            if state.is_sequence:
                raise problem("E606", f"the state `{key[0]}` is one value per row, and gets a sequence", span)
            if axes_of(state) not in ("bf", "1bf"):
                raise other_axes(state, f"the state `{key[0]}`", span)
            states[key] = state.text
            size = self._width_of_state(applied, key[0])
            widths.fit(network, [state.width, size], span, self._lowering.remarks)
        return states


def _listed(several: Sequence[Built]) -> str:
    """Outputs; what is no equation of its own gets a name."""
    texts = [each.text for each in several]
    named = [text if text.isidentifier() else f"out{k}: {text}" for k, text in enumerate(texts, 1)]
    return ", ".join(dict.fromkeys(named))


def _tensor(value: Value, span: Span) -> Tensor:
    found = as_tensor(value)
    if found is None:
        raise problem("E602", f"a state that a layer leaves is wanted here, not {describe(value)}", span)
    return found


def _place_of(source: Tensor) -> int:
    """Where it stands among the others."""
    return (
        source.layer.span.start if isinstance(source, Applied) else source.place if isinstance(source, Incoming) else 0
    )


def _name_of(source: Tensor) -> str:
    """What a source is called."""
    if isinstance(source, Applied) and isinstance(source.layer.value, Made):
        given = source.layer.value.arguments.get("name")
        name = given.value if given is not None else "x"
    else:
        name = source.name if isinstance(source, Incoming) else "x"
    return name if isinstance(name, str) and name.isidentifier() and name.isascii() else "x"
