"""`rnnc verify FILE`: what can be proved of a generated module without any reference but the description itself.

The interpreter is the judge: it evaluates the program in float64, as it was before any pass, in code that is written
to be obviously right; finite differences of it judge the gradients.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rnnc.ir.model import Model
from rnnc.ir.program import DType
from rnnc.verify.arrays import Array, Arrays
from rnnc.verify.errors import VerifyError
from rnnc.verify.proving.differences import difference_rows
from rnnc.verify.proving.halves import Half
from rnnc.verify.proving.interpreted import InterpretedRunner
from rnnc.verify.proving.invariants import (
    Cut,
    differentiate,
    gradient_pairs,
    invariant_rows,
    results_pairs,
    worst_row,
)
from rnnc.verify.proving.judged import FLOAT32, FLOAT64, Judged, Precision, precision_of, step
from rnnc.verify.proving.sample import STEPS, Draw, Sample, check_amount, choose_sizes
from rnnc.verify.proving.undefined import smaller_inputs, without_slope, without_value
from rnnc.verify.proving.ways import running, titled
from rnnc.verify.report import ROUNDING, Report, Row
from rnnc.verify.running.runner import Call, Gradients, ModuleRunner, Results

BATCH = 4  # of the comparisons: enough for a full row, an empty one, one of one step, and another
FEW_STEPS, FEW_ROWS = 3, 2  # of finite differences, which run the interpreter very often


def prove(
    model: Model,
    module: ModuleRunner,
    plain: ModuleRunner,
    *,
    seed: int = 0,
    halves: Sequence[Half] = (),
    ways: Mapping[str, ModuleRunner] | None = None,
) -> Report:
    """Prove a module (and `plain`, the same compiled without passes) right. E805: no small sizes suit the model; E808:
    it has neither weights nor inputs of floats.

    `halves`: the half types, and TF32, that it computes in, too; `ways`: the same compiled to run in other ways, by
    their names.
    """
    if not model.parameters and not any(port.type.dtype is DType.FLOAT for port in model.inputs):
        message = f"nothing tells {model.name} whether to compute in float32 or float64"
        raise VerifyError("E808", message, fix="give it an input of floats, or a weight: what is proved needs both")
    chosen = choose_sizes(model, {})
    check_amount(model, chosen)
    draw = Draw(model, chosen, seed)
    judge = InterpretedRunner(model, chosen)
    initial = module.init_params(seed, "float64", chosen)
    steps = draw.enough(STEPS)
    sample = draw.sample(judge, initial, steps, BATCH)
    lengths = draw.lengths(steps, BATCH)
    situations = _situations(sample, lengths, draw.masks(steps, BATCH))
    rows: list[Row] = []
    left_out: list[str] = []
    for precision in (FLOAT64, FLOAT32, *map(precision_of, halves)):
        judged = [*_calls(judge, sample, situations, precision), *_single(model, judge, sample, precision)]
        rows += [row for one in judged for row in one.rows(module)]
        left_out += [note for one in judged for note in one.notes]
    for way, other in (ways or {}).items():
        judged = _calls(judge, sample, situations, FLOAT32)
        with running(way) as told:
            rows += titled(way, (row for one in judged for row in one.rows(other)))
        left_out += told
    rows += _gradients(judge, draw, initial)
    rows += _passes(module, plain, sample, situations)
    rows.append(worst_row("batch-major as time-major", _orders(module, sample), ROUNDING))
    rows += invariant_rows(model, module, sample, lengths)
    scaled = smaller_inputs(draw.scale)
    unproved = without_value(judge, sample) or without_slope(judge, sample, situations.values(), rows)
    notes = (*_notes(model), *scaled, *left_out, *unproved)
    return Report(f"{model.name} ({_text(chosen)})", tuple(rows), notes)


def _text(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {number}" for name, number in sizes.items()) or "no open sizes"


def _notes(model: Model) -> tuple[str, ...]:
    return () if model.step is not None else (f"no single steps: {model.no_step}",)


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


def _calls(
    judge: InterpretedRunner, sample: Sample, situations: Mapping[str, Call], precision: Precision
) -> list[Judged]:
    """What the interpreter makes of every situation, in one precision."""
    return [
        Judged(judge, Sample(call, sample.d_outputs, sample.d_state), precision, f"{precision.name}, {name}")
        for name, call in situations.items()
    ]


def _single(model: Model, judge: InterpretedRunner, sample: Sample, precision: Precision) -> list[Judged]:
    """What it makes of a single step, where there are such."""
    if model.step is None:
        return []
    single = Sample(Cut(model).one_step(sample.call, 0), {}, {})
    return [Judged(judge, single, precision, precision.name, step)]


def _gradients(judge: InterpretedRunner, draw: Draw, initial: Arrays) -> Iterator[Row]:
    """The derived program against finite differences of the description, both interpreted."""
    sample = draw.sample(judge, initial, draw.enough(FEW_STEPS), FEW_ROWS)
    sample = sample.balanced(judge.forward(sample.call))
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
