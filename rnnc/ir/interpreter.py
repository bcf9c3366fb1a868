"""The reference interpreter: runs a program in NumPy, step by step, written to be obviously right.

It is the judge of every pass and every backend, so it knows no shortcuts: a value is computed by the meaning of its row
in the table of operations, and a loop is a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, cast

import numpy as np

from rnnc.ir.binding import bind
from rnnc.ir.operations import TABLE, Env, Row
from rnnc.ir.operations.evaluation import Array, OptionalArray, full
from rnnc.ir.operations.reduction import EXTREMA
from rnnc.ir.program import Loop, Node, Op, Port, Program, Role, Value

Key = tuple[Role, str]
Values = dict[Value, OptionalArray]  # None: a mask, lengths, … that is absent
Place = tuple[int, ...]  # the step of every loop around, outermost first
Rounding = Callable[[Array], Array]
Watch = Callable[[Op, Sequence[OptionalArray], Array], None]  # an operation, its arguments, and each result


@dataclass
class FrozenValues:
    """Holds what `stop_gradient` gave in a first evaluation, and gives it again in the later ones.

    With it finite differences see what gradients see: a function in which those values are constants.
    """

    _values: dict[tuple[Op, Place], Array] = field(default_factory=dict[tuple[Op, Place], Array])

    def hold(self, op: Op, place: Place, value: Array) -> Array:
        """The value that the operation had there the first time."""
        return self._values.setdefault((op, place), value)


def evaluate(
    program: Program,
    arrays: Mapping[Key, OptionalArray],
    *,
    sizes: Mapping[str, int] | None = None,
    dtype: Literal["float64", "float32"] = "float64",
    frozen: FrozenValues | None = None,
    rounding: Rounding | None = None,
    watch: Watch | None = None,
) -> dict[Key, Array]:
    """Run a program on arrays by (role, name); returns its outputs likewise.

    Arrays have the axes [time?, batch?, *features] of their ports. Lengths, masks and states may be missing, and so may
    what a tape would hold of them. Open sizes come from the shapes of the arrays and from `sizes`. `rounding` is what
    happens to the numbers that operations give; those of the description itself, and arguments, stay as they are.
    `watch` is told of every operation.
    Raises ValueError for missing, unknown and misshapen arrays.
    """
    given = _given(program, arrays)
    binding = bind([(port, array) for port, array in given if array is not None], sizes or {})
    env = Env(binding.sizes, dtype, binding.time, binding.batch)
    values: Values = {
        port.value: None if array is None else np.asarray(array, dtype=env.dtype(port.value.type.dtype))
        for port, array in given
    }
    with np.errstate(all="ignore"):  # infinities and NaN are values like others, until `where` drops them
        _Run(frozen, rounding, watch).block(program.nodes, values, env, ())
    results: dict[Key, OptionalArray] = {(p.role, p.name): values[p.value] for p in program.outputs}
    return {key: np.array(array) for key, array in results.items() if array is not None}


def _given(program: Program, arrays: Mapping[Key, OptionalArray]) -> list[tuple[Port, OptionalArray]]:
    """Every input port with its array, or None."""
    ports: dict[Key, Port] = {(p.role, p.name): p for p in program.inputs}
    for role, name in arrays:
        if (role, name) not in ports:
            raise ValueError(f"{program.name} has no {role} {name!r}")
    for (role, name), port in ports.items():
        if arrays.get((role, name)) is None and not (port.optional or role in ("state", "tape")):
            raise ValueError(f"{program.name} needs {role} {name!r}: {port.value.type}")
    return [(port, None if (a := arrays.get(key)) is None else np.asarray(a)) for key, port in ports.items()]


@dataclass(frozen=True)
class _Run:
    """One evaluation. `values` grow as nodes are run; `place` is where the loops around stand."""

    frozen: FrozenValues | None
    rounding: Rounding | None
    watch: Watch | None

    def block(self, nodes: Sequence[Node], values: Values, env: Env, place: Place) -> None:
        for node in nodes:
            if isinstance(node, Op):
                self.op(node, values, env, place)
            else:
                self.loop(node, values, env, place)

    def op(self, op: Op, values: Values, env: Env, place: Place) -> None:
        row = TABLE[op.name]
        args = [values[arg] for arg in op.args]
        for position, (arg, value) in enumerate(zip(op.args, args, strict=True)):
            if value is None and position not in row.optional:
                raise ValueError(f"{op.name} needs {arg.name or 'its argument'} ({arg.type}), which is absent")
        found = row.evaluate(op, args, env)
        arrays = cast("tuple[Array, ...]", found) if isinstance(found, tuple) else (found,)
        for out, array in zip(op.outs, arrays, strict=True):
            if op.name == "stop_gradient" and self.frozen is not None:
                array = self.frozen.hold(op, place, array)
            if self.rounding is not None and _computes(row) and array.dtype.kind == "f":
                array = self.rounding(array)
            if self.watch is not None:
                self.watch(op, args, array)
            values[out] = array

    def loop(self, loop: Loop, values: Values, env: Env, place: Place) -> None:
        steps = _steps(loop, values, env)
        stretch = loop.chunk or 1
        starts = range(0, steps, stretch)
        lengths = None if loop.lengths is None else values[loop.lengths]

        state = {c.param: full(_there(values, c.init), c.init.type, c.param.type, env) for c in loop.carries}
        before: dict[Value, list[Array]] = {c.param: [] for c in loop.carries}
        ys: list[list[Array]] = [[] for _ in loop.ys]

        for visit in reversed(range(len(starts))) if loop.reverse else range(len(starts)):
            start = starts[visit]
            size = min(stretch, steps - start)
            inside = replace(env, time=None if loop.chunk is None else size)
            here: Values = {**values, **state}
            for seq, param in loop.xs:
                here[param] = _element(values[seq], start, size, visit, loop, param)
            # How much of this stretch each row still has: 0 or 1 where a stretch is one step.
            left = None if lengths is None else np.minimum(np.maximum(lengths - start, 0), size)
            if loop.valid is not None:
                here[loop.valid] = left if left is None or loop.chunk is not None else left > 0

            self.block(loop.body, here, inside, (*place, visit))

            for carry in loop.carries:
                before[carry.param].append(state[carry.param])
                after = _there(here, carry.next)
                if left is not None and carry.param.type.batch:
                    after = _chosen(left > 0, after, state[carry.param])
                state[carry.param] = after
            for (value, _), collected in zip(loop.ys, ys, strict=True):
                collected.append(_cleared(_there(here, value), value, left))

        for carry in loop.carries:
            values[carry.final] = state[carry.param]
            if carry.before is not None:
                values[carry.before] = _sequence(before[carry.param], carry.before, loop, env)
        for (value, seq), collected in zip(loop.ys, ys, strict=True):
            values[seq] = _sequence(collected, seq, loop, env, joined=value.type.time)


def _there(values: Values, value: Value) -> Array:
    array = values[value]
    if array is None:
        raise ValueError(f"a loop needs {value.name or 'a value'} ({value.type}), which is absent")
    return array


def _steps(loop: Loop, values: Values, env: Env) -> int:
    """T: the steps of the sequences that have one element per step."""
    per_step = [seq for seq, param in loop.xs if loop.chunk is None or param.type.time]
    if loop.like is not None:
        per_step.append(loop.like)
    counts = {len(array) for seq in per_step if (array := values[seq]) is not None}
    if not counts and env.time is not None:  # every sequence is an absent mask
        counts = {env.time}
    if len(counts) != 1:
        raise ValueError(f"loop {loop.name}: its sequences have {sorted(counts) or 'no'} steps")
    return counts.pop()


def _element(seq: OptionalArray, start: int, size: int, visit: int, loop: Loop, param: Value) -> OptionalArray:
    """What the body sees of a sequence: an element, a stretch, or the one entry that a stretch has."""
    if seq is None:
        return None
    if loop.chunk is not None and param.type.time:
        return seq[start : start + size]
    return seq[visit]


def _chosen(rows: Array, yes: Array, no: Array) -> Array:
    """One or the other by a condition on the leading axes: bool[batch], or bool[time, batch]."""
    where = np.broadcast_to(rows.reshape(rows.shape + (1,) * (yes.ndim - rows.ndim)), yes.shape)
    chosen = no.copy()
    chosen[where] = yes[where]
    return chosen


def _cleared(array: Array, value: Value, left: OptionalArray) -> Array:
    """A y with zeros at the steps past each row's length."""
    if left is None or not value.type.batch:
        return array
    within = np.arange(len(array))[:, np.newaxis] < left if value.type.time else left > 0
    return _chosen(within, array, np.zeros_like(array))


def _sequence(collected: list[Array], seq: Value, loop: Loop, env: Env, *, joined: bool = False) -> Array:
    """What the visits left, in the order of time."""
    ordered = collected[::-1] if loop.reverse else collected
    if not ordered:
        return np.zeros(replace(env, time=0).shape(seq.type), env.dtype(seq.type.dtype))
    return np.concatenate(ordered) if joined else np.stack(ordered)


def _computes(row: Row) -> bool:
    """Not what arranges numbers, nor a largest one: rounded apart from those that it is one of, it would be none."""
    return row.kind not in ("source", "view") and row.name not in EXTREMA
