"""What a body reads of an inner cell: its states before and after the step, by name or all of them, and its values."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rnnc.diagnostics import Span
from rnnc.semantics.bodies.frames import Frame, Indices, InstanceState, StateSlot, flat, key_text, member_text
from rnnc.semantics.near import did_you_mean
from rnnc.semantics.problems import Problem, Told
from rnnc.semantics.scopes.values import Many, Tensor, Value
from rnnc.semantics.shapes.nodes import Graph, Node

STATES = "states"  # `f.states`, `f(x, states = …)`, `carry f.states = …`: all of them, in declared order
_MOST = 6  # states that a message names


def slots_of(state: InstanceState) -> dict[str, StateSlot]:
    """The states of a stepped instance in declared order, those of cells inside of it too: `h`, `ct[0]`, `memory.c`."""
    assert state.frame is not None
    prefix = state.frame.state_prefix
    return {slot.name.removeprefix(prefix): slot for slot in flat(state.slots)}


def probed_states(probe: Frame) -> list[str]:
    """The names under which `slots_of` will know the states, from the cell read on its own."""
    return [slot.name for slot in flat(probe.body.states) if slot is not probe.body.step]


def meant(written: str, states: Sequence[str]) -> str | None:
    """The state that is written so: by its name, `low.h`, or as `states[k]`, the k-th of them all."""
    places = {key_text(STATES, (k,)): name for k, name in enumerate(states)}
    return written if written in states else places.get(written)


def part(state: InstanceState, name: str, indices: Indices, primed: bool, span: Span, graph: Graph) -> Node:
    """The node of `f.name`, `f.name'`, `f.name[k]`: a promise as long as the instance is not stepped."""
    if state.frame is not None:
        found = _found(state, state.frame, name, indices, primed)
        if found is not None:
            return found
        if _is_broken(state.frame, name):
            raise Told(span)
        raise _no_part(state, state.frame, name, indices, primed, span)
    key = (name, indices, primed)
    if key not in state.promised:
        state.promised[key] = graph.add("equation", (), span)
        state.promised[key].name = f"{state.key}.{key_text(*key)}"
    return state.promised[key]


def keep_promises(state: InstanceState, frame: Frame, tell: Callable[[Problem], None]) -> None:
    """Once the instance is stepped, what was read before gets its value."""
    for (name, indices, primed), node in state.promised.items():
        found = _found(state, frame, name, indices, primed)
        if found is None:
            if not _is_broken(frame, name):
                tell(_no_part(state, frame, name, indices, primed, node.span))
            node.poisoned = True
        else:
            node.args = [found]


def _found(state: InstanceState, frame: Frame, name: str, indices: Indices, primed: bool) -> Node | None:
    slot = slots_of(state).get(key_text(name, indices))
    if slot is not None and not primed:
        return slot.node  # what the last step left, whatever this step is given
    member = frame.members.get((name, primed), {}).get(indices)
    if member is not None or slot is None:
        return member
    return state.left.get(slot)


def _is_broken(frame: Frame, name: str) -> bool:
    """Could this not be read, or perhaps a cell inside that has it?"""
    return name in frame.broken or ("." in name and frame.body.damaged)


def _no_part(state: InstanceState, frame: Frame, name: str, indices: Indices, primed: bool, span: Span) -> Problem:
    """An instance is asked for something that its cell does not have."""
    names = {member_text(n, i, p) for (n, p), family in frame.members.items() for i in family if p == primed}
    names |= {n + "'" * primed for n in slots_of(state)}
    shown = member_text(name, indices, primed)
    there = f"its states are {', '.join(f'`{state.key}.{n}`' for n in list(slots_of(state))[:_MOST])}"
    fix = did_you_mean(shown, names) or (there if slots_of(state) else None)
    return Problem("E244", f"`{state.key}` has no `{shown}`", span, fix=fix)


def wrong_count(name: str, states: int, given: int, span: Span) -> Problem:
    """A list has more or fewer values than there are states."""
    message = f"`{name}` has {states} state{'s' * (states != 1)}, and {given} {'is' if given == 1 else 'are'} given"
    return Problem("E223", message, span, fix="the list has one value for each, in declared order")


def results(frame: Frame, span: Span) -> Value:
    """What stepping or running gives: its output, or several by name. Told: what is wrong with the only one."""
    if not frame.outputs:
        raise Told(span)
    if len(frame.outputs) == 1:
        return Tensor(frame.outputs[0][1])
    return Many(tuple((name, Tensor(node)) for name, node in frame.outputs))
