"""`rnnc verify FILE`: what can be proved of a generated module without any reference but the description itself.

The interpreter is the judge: it evaluates the program in float64, as it was before any pass, in code that is written
to be obviously right; finite differences of it judge the gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from rnnc.ir.model import Model
from rnnc.verify.arrays import Array, Arrays, DTypeLike
from rnnc.verify.differences import difference_rows
from rnnc.verify.interpreted import InterpretedRunner
from rnnc.verify.invariants import (
    Differences,
    differentiate,
    gradient_pairs,
    invariant_rows,
    results_pairs,
    worst_row,
)
from rnnc.verify.report import ROUNDING, TOLERANCE, Report, Row
from rnnc.verify.runner import Call, Gradients, ModuleRunner, Results
from rnnc.verify.sample import Draw, Sample, choose_sizes

STEPS, BATCH = 6, 4  # of the comparisons: enough for a full row, an empty one, one of one step, and another
# float32 may lose so many times what one rounding of every argument changes in a description, but never more than MOST.
ROUNDINGS, MOST = 4, 1e-3
FEW_STEPS, FEW_ROWS = 3, 2  # of finite differences, which run the interpreter very often


def prove(model: Model, module: ModuleRunner, plain: ModuleRunner, *, seed: int = 0) -> Report:
    """Prove a module (and `plain`, the same compiled without passes) right. E805: no small sizes suit the model."""
    chosen = choose_sizes(model, {})
    draw = Draw(model, chosen, seed)
    judge = InterpretedRunner(model, chosen)
    initial = module.init_params(seed, "float64", chosen)
    sample = draw.sample(judge, initial, STEPS, BATCH)
    lengths = draw.lengths(STEPS, BATCH)
    situations = _situations(sample, lengths, draw.masks(STEPS, BATCH))
    rows: list[Row] = []
    for dtype in (np.dtype(np.float64), np.dtype(np.float32)):
        rows += _against_judge(module, judge, sample, situations, dtype)
        rows += _step_against_judge(model, module, judge, sample, dtype)
    rows += _gradients(judge, draw, initial)
    rows += _passes(module, plain, sample, situations)
    rows.append(worst_row("batch-major as time-major", _orders(module, sample), ROUNDING))
    rows += invariant_rows(model, module, sample, lengths)
    return Report(
        f"{model.name} ({_text(chosen)})", tuple(rows), (*_notes(model), *_undefined(judge.forward(sample.call)))
    )


def _text(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {number}" for name, number in sizes.items()) or "no open sizes"


def _notes(model: Model) -> tuple[str, ...]:
    return () if model.step is not None else (f"no single steps: {model.no_step}",)


def _undefined(results: Results) -> tuple[str, ...]:
    """What to tell where the description itself gives no numbers, so that nothing can agree with it."""
    names = [name for name, a in {**results.outputs, **results.state}.items() if np.isnan(a).any()]
    if not names:
        return ()
    remedy = "where it takes the root or logarithm of one that is never negative, say so: `max(x, 0)`"
    return (f"the description gives NaN for {', '.join(names)} at normally distributed inputs; {remedy}",)


def _situations(sample: Sample, lengths: Array, masks: Arrays | None) -> dict[str, Call]:
    """The ways in which a model can be called."""
    situations = {
        "with state": sample.call,
        "without state": sample.call.with_(state=None),
        "with lengths": sample.call.with_(lengths=lengths),
    }
    if masks is not None:
        situations["training, with lengths"] = sample.call.with_(masks=masks, lengths=lengths)
    return situations


def _against_judge(
    module: ModuleRunner, judge: InterpretedRunner, sample: Sample, situations: Mapping[str, Call], dtype: DTypeLike
) -> Iterator[Row]:
    """Values and gradients of a module in `dtype` against the interpreter's in float64, at the same rounded numbers."""
    for name, call in situations.items():
        rounded = Sample(call, sample.d_outputs, sample.d_state).cast(dtype)
        exact = rounded.cast(np.dtype(np.float64))
        results, gradients = differentiate(module, rounded, rounded.call)
        given, slopes = differentiate(judge, exact, exact.call)

        def values(near: Sample, given: Results = given) -> Differences:
            return results_pairs(judge.forward(near.call), given)

        def derivatives(near: Sample, slopes: Gradients = slopes) -> Differences:
            return gradient_pairs(differentiate(judge, near, near.call)[1], slopes)

        for entry, pairs, again in (
            ("forward", results_pairs(module.forward(rounded.call), given), values),
            ("forward_train", results_pairs(results, given), values),
            ("backward", gradient_pairs(gradients, slopes), derivatives),
        ):
            yield _judged(f"{dtype}, {name}: {entry}", pairs, exact, again, dtype)


def _step_against_judge(
    model: Model, module: ModuleRunner, judge: InterpretedRunner, sample: Sample, dtype: DTypeLike
) -> Iterator[Row]:
    """A single step in `dtype`."""
    if model.step is None:
        return
    timed = {p.name for p in model.inputs if p.sequence}
    rounded = sample.cast(dtype).call
    call = rounded.with_(inputs={n: a[0] if n in timed else a for n, a in rounded.inputs.items()})
    exact = Sample(call, {}, {}).cast(np.dtype(np.float64))
    given = judge.step(exact.call)
    pairs = results_pairs(module.step(call), given)
    yield _judged(f"{dtype}: step", pairs, exact, lambda near: results_pairs(judge.step(near.call), given), dtype)


def _judged(
    name: str, pairs: Differences, exact: Sample, again: Callable[[Sample], Differences], dtype: DTypeLike
) -> Row:
    """How far a module is from the judge. Where the description turns one rounding of its arguments to float32 into
    more than that (`again`: the judge at arguments nearby, beside itself), float32 may lose a few times as much."""
    row = worst_row(name, pairs, ROUNDING if dtype == np.float64 else TOLERANCE[dtype])
    if row.passed or dtype == np.float64:
        return row
    noise = np.random.default_rng(0)
    moved = max(worst_row("", again(exact.nudged(2.0**-24, noise)), 0.0).error for _ in range(3))
    allowed = min(ROUNDINGS * moved, MOST)
    if not allowed > row.tolerance:
        return row
    detail = f"{row.detail}; one rounding of the arguments moves the description by {moved:.1e}"
    return replace(row, tolerance=allowed, detail=detail)


def _gradients(judge: InterpretedRunner, draw: Draw, initial: Arrays) -> Iterator[Row]:
    """The derived program against finite differences of the description, both interpreted."""
    sample = draw.sample(judge, initial, FEW_STEPS, FEW_ROWS)
    _, gradients = differentiate(judge, sample, sample.call)
    objective = judge.objective(sample)
    yield from difference_rows(objective.function, objective.point, objective.named(gradients), seed=0)


def _passes(module: ModuleRunner, plain: ModuleRunner, sample: Sample, situations: Mapping[str, Call]) -> Iterator[Row]:
    """The module against the same one without optimisation."""
    for name, call in situations.items():
        results, gradients = differentiate(module, sample, call)
        expected, expected_gradients = differentiate(plain, sample, call)
        pairs = [*results_pairs(results, expected), *gradient_pairs(gradients, expected_gradients)]
        yield worst_row(f"passes on and off, {name}", iter(pairs), ROUNDING)


def _orders(module: ModuleRunner, sample: Sample) -> Iterator[tuple[str, Array, Array]]:
    """Both orders of batch and time."""

    def run(runner: ModuleRunner) -> tuple[Results, Gradients]:
        return differentiate(runner, sample, sample.call)

    (results, gradients), (expected, expected_gradients) = run(module.batch_major()), run(module)
    yield from results_pairs(results, expected)
    yield from gradient_pairs(gradients, expected_gradients)
