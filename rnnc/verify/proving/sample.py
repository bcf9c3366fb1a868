"""Random arguments for a model: small distinct sizes that it can have, parameters, inputs, lengths, masks.

Everything follows from the seed. Values stay where a cell is at home: parameters around their initial values, states
around states that the model itself reaches, on their side of zero if they must.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod

import numpy as np

from rnnc.ir.model import MaskInfo, Model, PortInfo
from rnnc.ir.operations.lookup import OutsideTable
from rnnc.ir.program import DType, Loop, Node, Op, Program, Value, walk
from rnnc.ir.size import Quotient, Size
from rnnc.verify.arrays import Array, Arrays, DTypeLike, is_float
from rnnc.verify.errors import VerifyError
from rnnc.verify.running.runner import Call, Results, Runner

STEPS = 6  # of the sequences that are compared
LARGEST = 9  # of the sizes that are tried
USUAL = 3  # the first of them: with 2, normalisation and the like have next to nothing left to do
WARM_UP = 3  # steps that lead to an initial state
SPREAD = 0.1  # standard deviation around initial values and reached states
SCALES = (1.0, 0.1, 0.01)  # of inputs: small ones where numbers grow without end (a reaction, a cubic force)
MOST_NUMBERS = 100_000_000  # of weights and states: several copies of them, in float64, are a few GB
HUGE = 1e30  # beyond it float32 ends


@dataclass(frozen=True)
class Sample:
    """A call with everything given, and cotangents for all its float results."""

    call: Call
    d_outputs: Arrays
    d_state: Arrays

    def balanced(self, results: Results) -> Sample:
        """Smaller cotangents where results are large, none where they are infinite: beside a result of -1e9, which
        stands for what a softmax leaves out, the digits of all others would be lost in a sum."""

        def each(cotangents: Arrays, of: Arrays) -> Arrays:
            found: Arrays = {}
            for name, array in cotangents.items():
                size = np.abs(of[name])
                found[name] = np.where(np.isfinite(size), array / np.maximum(1, size), 0.0)
            return found

        return replace(self, d_outputs=each(self.d_outputs, results.outputs), d_state=each(self.d_state, results.state))

    def cast(self, dtype: DTypeLike) -> Sample:
        """The same numbers, rounded to another float dtype: infinite where that ends."""
        with np.errstate(over="ignore"):
            return self._changed(lambda a: a.astype(dtype))

    def nudged(self, by: float, noise: np.random.Generator) -> Sample:
        """Every number a little larger or smaller, by that part of it."""
        return self._changed(lambda a: a * (1 + by * noise.choice([-1.0, 1.0], a.shape)))

    def _changed(self, change: Callable[[Array], Array]) -> Sample:
        def each(arrays: Arrays) -> Arrays:
            return {name: change(a) if is_float(a) else a for name, a in arrays.items()}

        call = self.call
        return Sample(
            replace(
                call,
                params=each(call.params),
                inputs=each(call.inputs),
                state=None if call.state is None else each(call.state),
                masks=None if call.masks is None else each(call.masks),
            ),
            each(self.d_outputs),
            each(self.d_state),
        )


# --- sizes -------------------------------------------------------------------------------------------------


def choose_sizes(model: Model, given: Mapping[str, int], below: Sequence[tuple[Size, Size]] = ()) -> dict[str, int]:
    """Small sizes for open symbols, different ones where possible, such that quotients divide and slices fit, and that
    the first of each pair of `below` is smaller than the second.

    E805: a given name is none of the model's, or no sizes up to LARGEST will do.
    """
    unknown = sorted(set(given) - set(model.sizes))
    if unknown:
        raise VerifyError("E805", f"{model.name} has no open size {', '.join(unknown)}; it has {list(model.sizes)}")
    slices = [op for op in walk(model.forward.nodes) if isinstance(op, Op) and op.name == "slice"]
    conditions = [_Condition(size.symbols, partial(_possible, size)) for size in set(_sizes(model.forward))]
    conditions += [_Condition(_slice_symbols(op), partial(_inside, op)) for op in slices]
    conditions += [_Condition(a.symbols | b.symbols, partial(_is_smaller, a, b)) for a, b in below]
    long = [_Condition(size.symbols, partial(_has_a_row_a_step, size)) for size in _tables(model.forward.nodes)]
    open_ = [name for name in model.sizes if name not in given]
    found = _search(open_, dict(given), [*conditions, *long]) or _search(open_, dict(given), conditions)
    if found is None:
        fix = "give them: " + " ".join(f"-D {name}=…" for name in open_) if open_ else None
        notes = [f"{small} has to be smaller than {large} where it is compared" for small, large in below]
        raise VerifyError("E805", f"no sizes up to {LARGEST} suit {model.name}", notes=notes, fix=fix)
    return found


def check_amount(model: Model, sizes: Mapping[str, int]) -> None:
    """E805: the weights and states have too many numbers to be proved, all ways, in float64."""
    arrays = [(p.name, p.axes) for p in model.parameters] + [(p.name, p.type.axes) for p in model.states]
    counts = {name: prod(axis.size.evaluate(sizes) for axis in axes) for name, axes in arrays}
    total = sum(counts.values())
    if total > MOST_NUMBERS:
        name = max(counts, key=lambda name: counts[name])
        message = f"{model.name} has {total:,} numbers at these sizes, {counts[name]:,} of them in `{name}`"
        raise VerifyError("E805", message, fix=f"prove it with smaller ones (-D): up to {MOST_NUMBERS:,} numbers")


@dataclass(frozen=True)
class _Condition:
    """What sizes have to fulfil, and which ones."""

    symbols: frozenset[str]
    holds: Callable[[Mapping[str, int]], bool]


def _search(open_: Sequence[str], sizes: dict[str, int], conditions: Sequence[_Condition]) -> dict[str, int] | None:
    """The first assignment that fulfils all conditions: numbers from USUAL on, not used yet, come first."""
    if not all(c.holds(sizes) for c in conditions if c.symbols <= sizes.keys()):
        return None
    if not open_:
        return sizes
    undecided = [c for c in conditions if not c.symbols <= sizes.keys()]
    name, *rest = open_
    for number in sorted(range(1, LARGEST + 1), key=lambda n: (n < USUAL, n in sizes.values(), abs(n - USUAL))):
        found = _search(rest, {**sizes, name: number}, undecided)
        if found is not None:
            return found
    return None


def _sizes(program: Program) -> Iterator[Size]:
    """The sizes of all axes."""
    values: list[Value] = [port.value for port in program.inputs]
    for node in walk(program.nodes):
        values += node.outs
        values += node.params if isinstance(node, Loop) else ()
    for value in values:
        yield from value.type.shape


def _has_a_row_a_step(size: Size, sizes: Mapping[str, int]) -> bool:
    """Whether a counter of steps finds a row in a table of this size, in each of the steps that are compared."""
    return size.evaluate(sizes) > STEPS


def _is_smaller(small: Size, large: Size, sizes: Mapping[str, int]) -> bool:
    return small.evaluate(sizes) < large.evaluate(sizes)


def _possible(size: Size, sizes: Mapping[str, int]) -> bool:
    atoms = [atom for monomial, _ in size.terms for atom in monomial if isinstance(atom, Quotient)]
    return size.evaluate(sizes) >= 1 and all(
        atom.op != "//" or atom.left.evaluate(sizes) % atom.right.evaluate(sizes) == 0 for atom in atoms
    )


def _slice_symbols(op: Op) -> frozenset[str]:
    axis, start, stop = _slice(op)
    return axis.symbols | start.symbols | stop.symbols


def _inside(op: Op, sizes: Mapping[str, int]) -> bool:
    """Whether a slice lies in its axis."""
    axis, start, stop = (size.evaluate(sizes) for size in _slice(op))
    return 0 <= start < stop <= axis


def _slice(op: Op) -> tuple[Size, Size, Size]:
    """The sliced axis, and where the slice starts and stops."""
    axis, start, stop = op.attr("axis"), op.attr("start"), op.attr("stop")
    assert isinstance(axis, int)
    assert isinstance(start, Size)
    assert isinstance(stop, Size)
    return op.args[0].type.shape[axis], start, stop


# --- arrays ------------------------------------------------------------------------------------------------


class Draw:
    """Draws arrays for one model and one choice of sizes, in float64."""

    def __init__(self, model: Model, sizes: Mapping[str, int], seed: int) -> None:
        self.model, self.sizes = model, sizes
        self.random = np.random.default_rng(seed)
        self.scale = SCALES[0]  # standard deviation of inputs, and factor of what states are off by
        self._rows = _table_rows(model.forward.nodes, sizes)

    def enough(self, steps: int) -> int:
        """So many steps, or as many as the model wants at least."""
        return max(steps, self.model.fewest_steps())

    def sample(self, runner: Runner, initial: Arrays, steps: int, batch: int) -> Sample:
        """Arguments around `initial` parameters; `runner` finds states that the model reaches.

        Inputs have the largest of SCALES with which all results have a value, or stay as they are where none helps;
        of a further sample they are no larger again.
        """
        tried: list[Sample] = []
        before = self.scale
        for self.scale in SCALES[SCALES.index(before) :]:
            sample, results = self._sample(runner, initial, steps, batch)
            if not undefined(results) and not _huge(results):
                return sample
            tried.append(sample)
        self.scale = before
        return tried[0]

    def _sample(self, runner: Runner, initial: Arrays, steps: int, batch: int) -> tuple[Sample, Results]:
        trained = {p.name for p in self.model.parameters if p.trained}
        params = {name: a + self._noise(a.shape) if name in trained else a for name, a in initial.items()}
        warm_up = Call(params, self.inputs(self.enough(WARM_UP), batch))
        try:
            reached = runner.forward(warm_up).state
            state = self._near(reached)
            call = Call(params, self.inputs(steps, batch), state)
            results = runner.forward(call)
            if undefined(results):  # of a sum of squares a root is taken, perhaps: it is never negative
                milder = call.with_(state=self._scaled(reached))
                others = runner.forward(milder)
                call, results = (call, results) if undefined(others) else (milder, others)
        except OutsideTable:  # a counter of steps, perhaps: from its first value it may get further
            none = np.zeros(batch, np.int32)
            state = self._near(runner.forward(warm_up.with_(lengths=none)).state)
            call = Call(params, self.inputs(steps, batch), state)
            results = self._inside(runner, call, steps)
        return Sample(call, self._like(results.outputs), self._like(results.state)), results

    def _inside(self, runner: Runner, call: Call, steps: int) -> Results:
        try:
            return runner.forward(call)
        except OutsideTable as error:
            looks = f"{self.model.name} looks for row {error.row} in a table of {error.rows}"
            fix = f"keep the index inside: `min(n, {error.rows - 1})`, `n % {error.rows}`; or give the table more rows"
            raise VerifyError("E809", f"within {steps} steps {looks}", fix=fix) from None

    def inputs(self, steps: int, batch: int) -> Arrays:
        """Normal numbers, times the scale, or integers that every table has a row for."""
        return {port.name: self._input(port, steps, batch) for port in self.model.inputs}

    def masks(self, steps: int, batch: int) -> Arrays | None:
        """What random sites draw; None where there are none."""
        if not self.model.masks:
            return None
        return {site.name: self._mask(site, steps, batch) for site in self.model.masks}

    def lengths(self, steps: int, batch: int) -> Array:
        """A full row, an empty one, a row of one step, and shorter ones: as many as there are rows."""
        rest = self.random.integers(1, steps, max(batch - 3, 0))
        return np.asarray([steps, 0, 1, *rest][:batch], np.int32)

    def _input(self, port: PortInfo, steps: int, batch: int) -> Array:
        shape = (*((steps, batch) if port.sequence else (batch,)), *(s.evaluate(self.sizes) for s in port.type.shape))
        if port.type.dtype is DType.FLOAT:
            return self.scale * self.random.normal(size=shape)
        high = 2 if port.type.dtype is DType.BOOL else self._rows
        return self.random.integers(0, high, shape).astype(np.bool_ if port.type.dtype is DType.BOOL else np.int32)

    def _mask(self, site: MaskInfo, steps: int, batch: int) -> Array:
        lead = (steps, batch) if site.per == "step" else (batch,)
        shape = (*lead, *(axis.size.evaluate(self.sizes) for axis in site.axes))
        return (self.random.random(shape) < site.keep).astype(np.float64)

    def _near(self, state: Arrays) -> Arrays:
        return {name: a + self.scale * self._noise(a.shape) if is_float(a) else a for name, a in state.items()}

    def _scaled(self, state: Arrays) -> Arrays:
        """Near a state, with every number on the side of zero where it is."""
        return {name: a * np.exp(self._noise(a.shape)) if is_float(a) else a for name, a in state.items()}

    def _noise(self, shape: tuple[int, ...]) -> Array:
        return SPREAD * self.random.normal(size=shape)

    def _like(self, arrays: Arrays) -> Arrays:
        return {name: self.random.normal(size=a.shape) for name, a in arrays.items() if a.dtype.kind == "f"}


def undefined(results: Results) -> list[str]:
    """The outputs and states that are not all numbers."""
    return [name for name, a in {**results.outputs, **results.state}.items() if np.isnan(a).any()]


def _huge(results: Results) -> bool:
    """Whether numbers grow to where float32 ends. What is infinite is meant so: a logarithm of nothing, say."""
    arrays = [a for a in (*results.outputs.values(), *results.state.values()) if is_float(a)]
    return any((np.isfinite(a) & (np.abs(a) > HUGE)).any() for a in arrays)


def _table_rows(nodes: tuple[Node, ...], sizes: Mapping[str, int]) -> int:
    """The rows of the smallest table that is looked up in."""
    return min((size.evaluate(sizes) for size in _tables(nodes)), default=LARGEST)


def _tables(nodes: tuple[Node, ...]) -> list[Size]:
    """The numbers of rows of all tables that are looked up in."""
    return [op.args[0].type.shape[0] for op in walk(nodes) if isinstance(op, Op) and op.name == "lookup"]
